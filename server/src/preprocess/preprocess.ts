// C preprocessing as `gcc -E -nostdinc -undef -D__DTS__ -x assembler-with-cpp` does it for device trees, from a root
// file to the unit's tokens. Plain text goes straight from a file's columns to the unit's; only where a macro stands
// does `expand.ts` take over, and what it makes is lexed again, as dtc would lex gcc's output.
import type { Diagnostic } from '../text/diagnostic';
import { type SourceFile, sourceFile, type SourceRange } from '../text/source-file';
import { type Builtin, commandLineMacro, type Macro, predefinedMacros } from './macros';
import { nameText } from './names';
import type { PpToken } from './pp-token';
import type { PreprocessRule } from './problems';
import { isTooLarge, readFile } from './read-file';
import { pushCall, tokenBuilder } from './token-builder';
import type { Expansion, TokenStream } from './token-stream';
import {
  bodyFileNumber,
  coverNames,
  type FileHost,
  type IncludeEdge,
  type PreprocessOptions,
  rangeOfTokens,
  report,
  type UnitState,
} from './unit-state';

export type { FileHost, IncludeEdge, PreprocessOptions } from './unit-state';

/** A translation unit: the root file with all that it includes. */
export interface Unit {
  readonly tokens: TokenStream;
  readonly diagnostics: readonly Diagnostic[];
  readonly includes: readonly IncludeEdge[];
  /** What conditionals left out, in the files met. */
  readonly inactive: readonly SourceRange[];
  /** The root file is too large: nothing is read, a diagnostic says so, and what is missing thereby means nothing. */
  readonly isRefused: boolean;
}

const mostExpanded = 500_000;

let lastTokenCount = 16_384;

/** Preprocesses a unit. Never fails: what cannot be read is a diagnostic, and the rest is there. */
export function preprocess(root: SourceFile, options: PreprocessOptions, host: FileHost): Unit {
  const state = initialState(root, options, host);
  const isRefused = isTooLarge(root);
  const readBeside = (paths: readonly string[] = [], offset: number): void => {
    for (const path of isRefused ? [] : paths) {
      const file = host.read(path);
      if ('error' in file) continue;
      state.includes.push({ from: root, at: { file: root, start: offset, end: offset }, to: file, path });
      readFile(state, file, { spelledPath: path, depth: 1, pathIndex: -1, isRaw: false });
    }
  };
  readBeside(options.prepended, 0);
  readFile(state, root, { spelledPath: root.path, depth: 0, pathIndex: -1, isRaw: false });
  readBeside(options.appended, root.text.length);
  return {
    tokens: tokenStream(state),
    diagnostics: state.diagnostics,
    includes: state.includes,
    inactive: state.inactive,
    isRefused,
  };
}

function initialState(root: SourceFile, options: PreprocessOptions, host: FileHost): UnitState {
  const scratch = sourceFile('', '');
  const macros: (Macro | undefined)[] = [];
  const state: UnitState = {
    options,
    host,
    root,
    out: tokenBuilder(lastTokenCount),
    macros,
    files: [scratch],
    fileNumbers: new Map([[scratch, 0]]),
    scratch: [],
    scratchLength: 0,
    diagnostics: [],
    includes: [],
    inactive: [],
    endless: new Set(),
    onceOnly: new Set(),
    included: 0,
    counter: 0,
    place: () => ({ line: 1, path: root.path, level: 0 }),
    context: {
      macros,
      active: new Map(),
      budget: mostExpanded,
      depth: 0,
      recordCall: (macro, name, close) => {
        const isSameFile = close.file === name.file && close.end >= name.end;
        return pushCall(
          state.out,
          macro,
          name.file,
          name.start,
          name.end,
          isSameFile ? close.end : name.end,
          name.expansion,
        );
      },
      fileNumber: (macro) => bodyFileNumber(state, macro),
      builtin: (builtin) => builtinText(state, builtin),
      problem: (rule, at, message) => {
        reportToken(state, rule as PreprocessRule, at, message);
      },
    },
  };
  for (const macro of predefinedMacros()) define(state, macro);
  for (const [name, value] of Object.entries({ __DTS__: '1', ...options.defines })) {
    const macro = commandLineMacro(name, value);
    if (macro !== undefined) define(state, macro);
  }
  return state;
}

function define(state: UnitState, macro: Macro): void {
  coverNames(state);
  state.macros[macro.name] = macro;
}

function builtinText(state: UnitState, builtin: Builtin): string {
  switch (builtin) {
    case '__LINE__':
      return String(state.place().line);
    case '__COUNTER__':
      return String(state.counter++);
    case '__FILE__':
      return quoted(state.place().path);
    case '__BASE_FILE__':
      return quoted(state.root.path);
    case '__INCLUDE_LEVEL__':
      return String(state.place().level);
    case '__DATE__':
      return '"??? ?? ????"';
    case '__TIME__':
      return '"??:??:??"';
  }
}

function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}

function reportToken(state: UnitState, rule: PreprocessRule, at: PpToken, message: string): void {
  let { file, start, end } = at;
  for (let call = at.expansion; call >= 0; call = state.out.calls.parent[call]!) {
    file = state.out.calls.file[call]!;
    start = state.out.calls.start[call]!;
    end = state.out.calls.end[call]!;
  }
  report(state, rule, { file: state.files[file]!, start, end }, message);
}

function tokenStream(state: UnitState): TokenStream {
  const { out } = state;
  const { count, calls } = out;
  lastTokenCount = Math.max(1024, count + (count >> 3));
  const files = [sourceFile('', state.scratch.join('')), ...state.files.slice(1)];
  const rangeIn = (file: number, start: number, end: number): SourceRange => ({ file: files[file]!, start, end });
  return {
    count,
    shape: Buffer.from(out.shape.buffer, out.shape.byteOffset, count).toString('latin1'),
    files,
    file: out.file,
    start: out.start,
    end: out.end,
    name: out.name,
    expansion: out.expansion,
    expansionAt: (number): Expansion => {
      const macro = calls.macro[number]!;
      const { definition } = macro;
      return {
        macro: nameText(macro.name),
        call: rangeIn(calls.file[number]!, calls.start[number]!, calls.end[number]!),
        whole: rangeIn(calls.file[number]!, calls.start[number]!, calls.wholeEnd[number]!),
        definition: definition && rangeOfTokens(definition.lexed, definition.token, definition.token),
        parent: calls.parent[number]!,
      };
    },
    root: state.root,
  };
}
