// How one file of a unit is laid out: its braces and the beginnings of its statements, each with its indentation.
import type { TokenStream } from '../preprocess/token-stream';
import { Shape } from './shape';

export type LayoutKind =
  /** What stands in a node begins: a property, a node by name, a deletion by name. */
  | 'member'
  /** What stands at top level begins. */
  | 'item'
  | 'open'
  | 'close'
  /** The file ends. */
  | 'end';

/** Columns of events in the order of the file. */
export interface Layout {
  readonly count: number;
  readonly kinds: readonly LayoutKind[];
  /** The token of each; of the end, the token behind the file's last one. */
  readonly tokens: readonly number[];
  /** The column of what is first on its line, tabs to the next eighth; -1 for what is not. */
  readonly indents: readonly number[];
  /** The file begins with members: it is included inside of a node. */
  readonly isFragment: boolean;
}

/** Numbers of the files whose own braces do not match; where all do, of all files with braces. */
export function bracedFiles({ shape, file, expansion }: TokenStream): readonly number[] {
  const depths = new Map<number, number>();
  const unbalanced = new Set<number>();
  for (let at = 0; at < shape.length; at++) {
    const kind = shape.charCodeAt(at);
    if ((kind !== Shape.openBrace && kind !== Shape.closeBrace) || expansion[at]! >= 0) continue;
    const depth = (depths.get(file[at]!) ?? 0) + (kind === Shape.openBrace ? 1 : -1);
    if (depth < 0) unbalanced.add(file[at]!);
    depths.set(file[at]!, depth);
  }
  for (const [each, depth] of depths) if (depth !== 0) unbalanced.add(each);
  return [...(unbalanced.size > 0 ? unbalanced : depths.keys())];
}

export function layoutOf(stream: TokenStream, file: number): Layout {
  const { shape } = stream;
  const kinds: LayoutKind[] = [];
  const tokens: number[] = [];
  const indents: number[] = [];
  let last = -1;
  let isFragment: boolean | undefined;
  for (let at = 0; at < stream.count; at++) {
    if (stream.file[at] !== file || stream.expansion[at]! >= 0) continue;
    last = at;
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openBrace) add('open', at, columnOf(at));
    else if (kind === Shape.closeBrace) add('close', at, columnOf(at));
    else if (kind !== Shape.semicolon && beginsStatement(at)) {
      const isItem = isTopLevel(shape, at);
      isFragment ??= !isItem;
      add(isItem ? 'item' : 'member', at, columnOf(at));
    }
  }
  add('end', last + 1, -1);
  return { count: kinds.length, kinds, tokens, indents, isFragment: isFragment === true };

  function add(kind: LayoutKind, token: number, indent: number): void {
    kinds.push(kind);
    tokens.push(token);
    indents.push(indent);
  }

  function beginsStatement(at: number): boolean {
    if (at === 0 || stream.file[at - 1] !== file) return true;
    const before = shape.charCodeAt(at - 1);
    return before === Shape.semicolon || before === Shape.openBrace || before === Shape.closeBrace;
  }

  function columnOf(token: number): number {
    const { text } = stream.files[file]!;
    let start = stream.start[token]!;
    while (start > 0 && (text[start - 1] === ' ' || text[start - 1] === '\t')) start--;
    if (start > 0 && text[start - 1] !== '\n' && text[start - 1] !== '\r') return -1;
    let column = 0;
    for (let at = start; at < stream.start[token]!; at++) column = text[at] === '\t' ? (column | 7) + 1 : column + 1;
    return column;
  }
}

/** `/ {`, `&label {`, `/delete-node/ &label`, headers and reservations, with labels before them. */
function isTopLevel(shape: string, first: number): boolean {
  let at = first;
  while (shape.charCodeAt(at) === Shape.label) at++;
  const next = shape[at + 1];
  switch (shape[at]) {
    case 'v':
    case 'p':
    case 'm':
      return true;
    case '/':
    case 'r':
    case 'R':
      return next === '{';
    case 'd':
    case 'o':
      return next === 'r' || next === 'R';
    default:
      return false;
  }
}
