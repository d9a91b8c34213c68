// A table's text as the shape that the grammar reads: comments taken out, continued lines joined, as iasl's DtGetNextLine
// does it (ACPICA source/compiler/dtio.c). One character a token:
//   f  lines as iasl writes them: prefix, name, colon, value, note           d  `//doorbell`: the next line is ours
//   _  blanks   w  other characters   [ ] : "  themselves                    a  `//doorbell …` behind a field
//   ;  the end of a line
// Lines that are blank, or hold comments alone, leave nothing. A line that holds "Raw Table Data" ends the input.
import type { DirectiveProblem } from './directives';
import { Growing } from './growing';
import { Char } from './characters';
import { OrdinaryLines, rawTableData, type OrdinaryColumns } from './ordinary-lines';

export type ScanProblem =
  | DirectiveProblem
  | { readonly kind: 'comment-unclosed' | 'string-unclosed'; readonly start: number }
  | { readonly kind: 'lone-return' | 'not-text'; readonly start: number };

export interface Scan {
  readonly shape: string;
  /** Of each token: where it begins in the file; for the tokens of an odd line, where its text begins in `odd`. */
  readonly starts: Int32Array;
  /** Of token `f`, the index of its first line among the ordinary ones; of the others, the index of their odd line. */
  readonly lines: Int32Array;
  readonly ordinary: OrdinaryColumns;
  /** Lines with comments, continuations or anything else that iasl does not write. */
  readonly odd: readonly OddLine[];
  /** Offsets of comments: start, end, start, end, … */
  readonly comments: Int32Array;
  readonly problems: readonly ScanProblem[];
  /** Behind the last character that iasl reads. */
  readonly end: number;
}

/** A line as iasl has it in its buffer, and where each of its characters stands in the file. */
export interface OddLine {
  readonly text: string;
  readonly places: readonly number[];
  readonly start: number;
  readonly end: number;
}

export { rawTableData };

const ownMarker = '//doorbell';

/** A part of a text to be scanned, and how. */
export interface ScanPart {
  /** Asked at the beginning of each line from here on: whether it is to be scanned. */
  readonly askFrom?: number;
  readonly goesOn?: (lineStart: number) => boolean;
  /** Whether lines as iasl writes them are read at once (the default), or like any others: the grammar has to say the same. */
  readonly isQuick?: boolean;
}

/** Scans a text, or as far as `part` says. */
export function scanText(text: string, part: ScanPart = {}): Scan {
  const { askFrom = Infinity, goesOn, isQuick = true } = part;
  const shape: string[] = [];
  const starts = new Growing();
  const lines = new Growing();
  const comments = new Growing();
  const isWhole = goesOn === undefined;
  const room = isWhole ? 64 + Math.floor(text.length / 48) : 64;
  const ordinary = new OrdinaryLines(text, comments, { room, hasShapes: isWhole });
  const odd: OddLine[] = [];
  const problems: ScanProblem[] = [];
  const length = text.length;
  let returnAt = -1;
  let at = 0;
  let isOver = false as boolean;
  while (at < length && !isOver && (at < askFrom || goesOn?.(at) !== false)) {
    const before = ordinary.count;
    const next = isQuick ? ordinary.read(at, at < askFrom ? askFrom : at + 1) : at;
    if (ordinary.count > before && shape.at(-1) !== 'f') token('f', at, before);
    at = next === at ? oddLine(at) : next;
  }
  return {
    shape: shape.join(''),
    starts: starts.done(),
    lines: lines.done(),
    ordinary: ordinary.columns(),
    odd,
    comments: comments.done(),
    problems,
    end: Math.min(at, length),
  };

  function token(kind: string, start: number, line: number): void {
    shape.push(kind);
    starts.push(start);
    lines.push(line);
  }

  /** Reads a line of any other form, character by character; returns where the next one begins. */
  function oddLine(start: number): number {
    const characters: string[] = [];
    const places: number[] = [];
    let isBlank = true;
    let own: readonly [start: number, from: number, end: number] | undefined;
    let end = start;
    let p = start;
    let quoteAt = -1;
    const keep = (offset: number): void => {
      characters.push(text[offset]!);
      places.push(offset);
      end = offset + 1;
    };
    for (;;) {
      if (p >= length) break;
      const c = text.charCodeAt(p);
      if (c === Char.return && text.charCodeAt(p + 1) !== Char.newline && p + 1 < length) {
        problems.push({ kind: 'lone-return', start: p });
        isOver = true;
        break;
      }
      if (c === Char.return) {
        p++;
        continue;
      }
      if (!isText(c)) problems.push({ kind: 'not-text', start: p });
      if (quoteAt >= 0) {
        keep(p++);
        if (c === Char.quote) {
          quoteAt = -1;
        } else if (c === Char.backslash && p < length) {
          if (isNewline(p) && text.charCodeAt(p) === Char.return) p++;
          keep(p++);
        } else if (c === Char.newline) {
          problems.push({ kind: 'string-unclosed', start: quoteAt });
          quoteAt = -1;
        }
        continue;
      }
      if (c === Char.newline) {
        p++;
        break;
      }
      if (c === Char.slash) {
        const next = text.charCodeAt(p + 1);
        if (next === Char.slash) {
          const lineEnd = endOfLine(p);
          comments.push(p);
          comments.push(lineEnd);
          if (text.startsWith(ownMarker, p)) own = [p, p + ownMarker.length, lineEnd];
          p = lineEnd;
        } else if (next === Char.star) {
          const close = text.indexOf('*/', p + 2);
          comments.push(p);
          comments.push(close < 0 ? length : close + 2);
          const loneReturn = close < 0 ? -1 : loneReturnIn(p, close);
          if (loneReturn >= 0) {
            problems.push({ kind: 'lone-return', start: loneReturn });
            isOver = true;
            break;
          }
          if (close < 0) problems.push({ kind: 'comment-unclosed', start: p });
          p = close < 0 ? length : close + 2;
        } else {
          keep(p++);
          if (p < length) keep(p++);
          isBlank = false;
        }
        continue;
      }
      if (c === Char.backslash && isNewline(p + 1)) {
        characters.push(' ');
        places.push(p);
        p += text.charCodeAt(p + 1) === Char.return ? 3 : 2;
        continue;
      }
      if (c === Char.quote) quoteAt = p;
      if (c !== Char.blank) isBlank = false;
      keep(p++);
    }
    if (quoteAt >= 0) problems.push({ kind: 'string-unclosed', start: quoteAt });
    const isLine = characters.length > 0 && !isBlank;
    if (isLine) {
      const read = { text: characters.join(''), places, start, end };
      if (read.text.includes(rawTableData)) {
        isOver = true;
        return start;
      }
      line(read);
    }
    if (own !== undefined) ownComment(own, isLine);
    return p;
  }

  function line(read: OddLine): void {
    const index = odd.length;
    odd.push(read);
    for (const { 0: part, index: start } of read.text.matchAll(/[:"[\]]| +|[^:"[\] ]+/g)) {
      const first = part[0]!;
      token(first === ' ' ? '_' : /[:"[\]]/.test(first) ? first : 'w', start, index);
    }
    token(';', read.text.length, index);
  }

  /** What `//doorbell` says: a line of its own, or something about the field before it. */
  function ownComment([start, from, end]: readonly [number, number, number], isBehindField: boolean): void {
    const content = text.slice(from, end).trimEnd();
    const places = Array.from(content, (_, index) => from + index);
    if (isBehindField) {
      token('a', 0, odd.length);
      odd.push({ text: content, places, start, end });
    } else {
      token('d', 0, odd.length);
      line({ text: content, places, start, end });
    }
  }

  function endOfLine(offset: number): number {
    const found = text.indexOf('\n', offset);
    const end = found < 0 ? length : found;
    return text.charCodeAt(end - 1) === Char.return ? end - 1 : end;
  }

  function isNewline(offset: number): boolean {
    const c = text.charCodeAt(offset);
    return c === Char.newline || (c === Char.return && text.charCodeAt(offset + 1) === Char.newline);
  }

  function loneReturnIn(first: number, last: number): number {
    for (let p = nextReturn(first); p < last; p = nextReturn(p + 1)) {
      if (text.charCodeAt(p + 1) !== Char.newline) return p;
    }
    return -1;
  }

  /** Looked for once: a text without returns would be searched to its end for every comment. */
  function nextReturn(start: number): number {
    if (returnAt < start) {
      const found = text.indexOf('\r', start);
      returnAt = found < 0 ? Infinity : found;
    }
    return returnAt;
  }
}

/** Whether iasl takes a file with this character, outside of comments, for text. */
function isText(c: number): boolean {
  return (c >= Char.blank && c < Char.delete) || (c >= Char.tab && c <= Char.return);
}
