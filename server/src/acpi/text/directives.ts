// iasl puts a table's text through its preprocessor (ACPICA source/compiler/prscan.c): lines that begin with `#` are
// directives, branches that are not taken are gone, and a macro's name becomes its value where it is a word of its own, in
// names, strings and comments as well. A value is not looked at again. All this is rare; a text without `#` is left alone.
import type { SourceFile } from '../../text/source-file';
import { evaluate } from './expression';

export interface DirectiveProblem {
  readonly kind: 'directive';
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

type Macros = ReadonlyMap<string, string>;

export interface Preprocessed {
  /** The text with blanks for directives and for branches that are not taken: all else stands where it stood. */
  readonly text: string;
  /** The macros that hold at an offset. */
  readonly macrosAt: (offset: number) => Macros;
  readonly problems: readonly DirectiveProblem[];
}

const directiveLine = /^[ \t]*#/m;
/** What stands between the words in which macros are looked for. */
const separators = /([ ,(){}\t\n\r]+)/;
/** Longer values would make much of a little text, and more changes of macros are no table. */
const longestValue = 1000;
const mostChanges = 1000;

const lineEnds = '\n\r\u2028\u2029';

/** Asked of megabytes, so a `#` is looked for first, and then what stands before it. */
export function hasDirectives(text: string): boolean {
  for (let at = text.indexOf('#'); at >= 0; at = text.indexOf('#', at + 1)) {
    let before = at - 1;
    while (text[before] === ' ' || text[before] === '\t') before--;
    if (before < 0 || lineEnds.includes(text[before]!)) return true;
  }
  return false;
}

/** A piece of a line with the macros in it replaced; `before` and `behind` are the characters around it, '' at an end. */
export function expanded(piece: string, macros: Macros, before = '', behind = ''): string {
  if (macros.size === 0) return piece;
  const [first, last] = [before, behind].map((each) => (separators.test(each) ? '' : each && '\0'));
  const words = `${first}${piece}${last}`.split(separators).map((word) => macros.get(word) ?? word);
  return words.join('').replaceAll('\0', '');
}

/** Those that have no effect on a table included. */
const known = new Set(['define', 'undef', 'include', 'error', 'line', 'pragma', 'warning']);

interface Branch {
  /** Whether lines count here, and whether a branch of this condition was taken yet. */
  isTaken: boolean;
  wasTaken: boolean;
  readonly isInside: boolean;
  readonly start: number;
  readonly end: number;
}

export function preprocess({ text }: SourceFile): Preprocessed {
  const pieces: string[] = [];
  const problems: DirectiveProblem[] = [];
  const branches: Branch[] = [];
  const changes: { readonly offset: number; readonly macros: Macros }[] = [];
  let macros: Macros = new Map();
  let isInComment = false;
  let isFull = false;
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline + 1;
    const line = text.slice(start, next);
    const isActive = branches.at(-1)?.isTaken ?? true;
    if (!isInComment && directiveLine.test(line)) {
      const end = start + line.trimEnd().length;
      directive(withoutComments(line), start + line.search(/\S/), end, isActive);
      pieces.push(blanks(line));
    } else if (isActive) {
      isInComment = endsInComment(line, isInComment);
      pieces.push(line);
    } else {
      pieces.push(blanks(line));
    }
    start = next;
  }
  for (const branch of branches) {
    if (!branch.isTaken) report(branch.start, branch.end, 'No #endif follows: iasl reads no further.');
  }
  return { text: pieces.join(''), macrosAt, problems };

  function report(from: number, end: number, message: string): void {
    problems.push({ kind: 'directive', start: from, end, message });
  }

  function define(changed: Macros, from: number, end: number): void {
    if (changes.length >= mostChanges) {
      if (!isFull) report(from, end, `Only the first ${mostChanges} macros are followed.`);
      isFull = true;
      return;
    }
    macros = changed;
    changes.push({ offset: from, macros });
  }

  function macrosAt(offset: number): Macros {
    return changes.findLast((each) => each.offset <= offset)?.macros ?? new Map();
  }

  function directive(line: string, from: number, end: number, isActive: boolean): void {
    const [, name = '', rest = ''] = /^[ \t]*#[ \t]*(\S*)[ \t]*(.*?)\s*$/s.exec(line) ?? [];
    const branch = branches.at(-1);
    const open = (isTrue: boolean): void => {
      const isTaken = isActive && isTrue;
      branches.push({ isTaken, wasTaken: isTaken, isInside: isActive, start: from, end });
    };
    switch (name) {
      case 'if':
        open(isActive && holds(rest, from, end));
        return;
      case 'ifdef':
      case 'ifndef':
        open(macros.has(rest) === (name === 'ifdef'));
        return;
      case 'else':
      case 'elif':
      case 'endif':
        if (branch === undefined) report(from, end, `No #if stands before this #${name}.`);
        else if (name === 'endif') branches.pop();
        else {
          const isOpen = branch.isInside && !branch.wasTaken;
          branch.isTaken = isOpen && (name === 'else' || holds(rest, from, end));
          branch.wasTaken ||= branch.isTaken;
        }
        return;
    }
    if (!known.has(name))
      report(from, end, `iasl’s preprocessor takes this line for a directive, and knows none called “#${name}”.`);
    else if (isActive) effect(name, rest, from, end);
  }

  function effect(name: string, rest: string, from: number, end: number): void {
    switch (name) {
      case 'define':
        macro(rest, from, end);
        return;
      case 'undef':
        define(new Map([...macros].filter(([each]) => each !== rest)), from, end);
        return;
      case 'include':
        report(from, end, 'iasl reads this file here; Doorbell does not follow includes of tables.');
        return;
      case 'error':
        report(from, end, `The text says that it cannot be compiled: ${rest}`);
        return;
    }
  }

  function macro(rest: string, from: number, end: number): void {
    const [, name = '', value = ''] = /^([^\s(]*)\s*(.*)$/s.exec(rest) ?? [];
    if (rest.charAt(name.length) === '(')
      report(from, end, 'iasl 20200925 crashes on macros with parameters; a current one leaves them as they are.');
    else if (name === '') report(from, end, 'A macro needs a name.');
    else if (value.endsWith('\\'))
      report(from, end, 'A directive ends with its line: the backslash would be part of the value.');
    else if (macros.has(name)) report(from, end, `“${name}” is defined already.`);
    else if (value.length > longestValue) report(from, end, 'This value is longer than it is followed.');
    else define(new Map([...macros, [name, value]]), from, end);
  }

  /** A condition: decimal numbers, `0x` before hexadecimal ones; what is no macro is 0. */
  function holds(condition: string, from: number, end: number): boolean {
    const hexadecimal = expanded(condition, macros).replace(/0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*/g, (word) => {
      if (/^0[xX]/.test(word)) return word;
      return /^\d/.test(word) ? `0x${BigInt(word.slice(0, 20)).toString(16)}` : '0';
    });
    const evaluation = evaluate(hexadecimal);
    if (evaluation.kind === 'value' && evaluation.rest === '') return evaluation.value !== 0n;
    report(from, end, 'iasl’s preprocessor cannot evaluate this condition.');
    return false;
  }
}

function blanks(line: string): string {
  return line.replace(/[^\r\n]/g, ' ');
}

function withoutComments(line: string): string {
  return line.replace(/\/\*.*?(?:\*\/|$)/gs, ' ').replace(/\/\/.*$/s, '');
}

function endsInComment(line: string, isInComment: boolean): boolean {
  let rest = line;
  let isInside = isInComment;
  for (;;) {
    const at = isInside ? rest.indexOf('*/') : rest.search(/\/[*/]|"/);
    if (at < 0) return isInside;
    if (isInside) {
      isInside = false;
      rest = rest.slice(at + 2);
    } else if (rest.startsWith('//', at)) {
      return false;
    } else if (rest.charAt(at) === '"') {
      const close = rest.indexOf('"', at + 1);
      if (close < 0) return false;
      rest = rest.slice(close + 1);
    } else {
      isInside = true;
      rest = rest.slice(at + 2);
    }
  }
}
