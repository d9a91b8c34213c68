// What preprocessing one unit keeps while it runs: the macros, the files met, the tokens made, the problems found.
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';
import type { Directive } from './directives';
import type { ExpansionContext } from './expand';
import type { LexedFile } from './lexer';
import type { Macro } from './macros';
import { nameCount } from './names';
import { type PreprocessRule, severityOf } from './problems';
import type { TokenBuilder } from './token-builder';

/** Reads files for the preprocessor: synchronous, and expected to remember what it read. */
export interface FileHost {
  read(path: string): SourceFile | { readonly error: string };
}

export interface PreprocessOptions {
  /** Searched in order, behind the including file's own folder for `"…"`. */
  readonly includePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  /** Searched for dtc's `/include/`, behind the including file's and the root's folder. */
  readonly dtcIncludePaths?: readonly string[];
  /** Files read before the root, as gcc's -include does. */
  readonly prepended?: readonly string[];
  /** Files read behind the root as if it included them last: U-Boot's `board-u-boot.dtsi`. */
  readonly appended?: readonly string[];
}

/** One include directive that was followed, or could not be. */
export interface IncludeEdge {
  readonly from: SourceFile;
  readonly at: SourceRange;
  readonly to: SourceFile | undefined;
  /** As written. */
  readonly path: string;
}

export interface UnitState {
  readonly options: PreprocessOptions;
  readonly host: FileHost;
  readonly root: SourceFile;
  readonly out: TokenBuilder;
  /** By name; as long as there are names. */
  readonly macros: (Macro | undefined)[];
  readonly files: SourceFile[];
  readonly fileNumbers: Map<SourceFile, number>;
  /** Text of tokens that no file holds, and its length so far. */
  readonly scratch: string[];
  scratchLength: number;
  readonly diagnostics: Diagnostic[];
  readonly includes: IncludeEdge[];
  readonly inactive: SourceRange[];
  readonly context: ExpansionContext;
  /** Files that were found to include themselves without end. */
  readonly endless: Set<SourceFile>;
  readonly onceOnly: Set<SourceFile>;
  included: number;
  counter: number;
  /** What `__LINE__`, `__FILE__` and `__INCLUDE_LEVEL__` stand for where it is read. */
  place: () => { readonly line: number; readonly path: string; readonly level: number };
}

/** A place in a file that is being read. */
export interface Cursor {
  readonly lexed: LexedFile;
  readonly directives: readonly Directive[];
  readonly fileNumber: number;
  /** The path by which the file was found; its folder is where `"…"` is looked for. */
  readonly spelledPath: string;
  readonly depth: number;
  /** Index of the include path it was found in, -1 for its includer's folder. */
  readonly pathIndex: number;
  /** dtc's `/include/`: no directives, no macros. */
  readonly isRaw: boolean;
  at: number;
  nextDirective: number;
  readonly open: OpenConditional[];
  /** Set by `#line`: what to add to the line number, and the name to go by. */
  lineOffset: number;
  presentedPath: string;
}

export interface OpenConditional {
  readonly directive: Directive;
  hasElse: boolean;
}

export function fileNumber(state: UnitState, file: SourceFile): number {
  let number = state.fileNumbers.get(file);
  if (number === undefined) {
    number = state.files.push(file) - 1;
    state.fileNumbers.set(file, number);
  }
  return number;
}

/** Makes the macro table as long as there are names, so that looking one up never runs off its end. */
export function coverNames(state: UnitState): void {
  const count = nameCount();
  while (state.macros.length < count) state.macros.push(undefined);
}

export function report(
  state: UnitState,
  rule: PreprocessRule,
  range: SourceRange,
  message: string,
  evidence?: Diagnostic['evidence'],
): void {
  if (state.diagnostics.length >= 1000) return;
  state.diagnostics.push({
    rule,
    severity: severityOf(rule),
    range,
    message,
    ...(evidence === undefined ? {} : { evidence }),
  });
}

/** The range of tokens `first` to `last` of a file. */
export function rangeOfTokens(lexed: LexedFile, first: number, last: number): SourceRange {
  return { file: lexed.file, start: lexed.start[first]!, end: lexed.end[last]! };
}

/** Number of the file that a macro's body is spelled in. */
export function bodyFileNumber(state: UnitState, macro: Macro): number {
  const body = macro.body[0];
  return body === undefined ? 0 : fileNumber(state, body.lexed.file);
}

/** Where the text that comes next ends: at a directive or with the file. */
export function textEnd(cursor: Cursor): number {
  return cursor.directives[cursor.nextDirective]?.hash ?? cursor.lexed.count;
}
