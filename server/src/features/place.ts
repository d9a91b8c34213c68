// From an offset in a file to what stands there: the token, the syntax around it, and the node and property of the tree.
import { outermostCall, tokenRange, tokenText, type TokenStream } from '../preprocess/token-stream';
import type { MemberSyntax, NodeSyntax, SyntaxTree, TopLevelItem } from '../syntax/syntax-tree';
import type { SourceFile, SourceRange } from '../text/source-file';
import type { DeviceTree, DtNode } from '../tree/model';
import { nodeByReference } from '../tree/navigate';
import { oncePer } from '../text/once';
import { lastAtOrBefore } from '../text/in-order';

export interface Place {
  readonly token: number;
  /** The token as written; of a macro call, its name and arguments. */
  readonly range: SourceRange;
  /** The item or member that holds the token; undefined between them. */
  readonly syntax: TopLevelItem | MemberSyntax | undefined;
  /** The node blocks around it, from the outermost in. A node's own name belongs to it. */
  readonly blocks: readonly NodeSyntax[];
}

/** What is written at `offset` of a file of the unit; undefined in space, comments, directives and inactive branches. */
export function placeAt(syntax: SyntaxTree, path: string, offset: number): Place | undefined {
  const file = fileIn(syntax.tokens, path);
  if (file === undefined) return undefined;
  const index = indexOf(syntax.tokens, file);
  let at = lastNotAfter(index.starts, offset);
  // Between the arguments of a macro call, the call itself holds the offset.
  for (const least = at - callLimit; at >= 0 && index.ends[at]! < offset; at--) if (at < least) return undefined;
  if (at < 0) return undefined;
  const token = index.tokens[at]!;
  const range = { file, start: index.starts[at]!, end: index.ends[at]! };
  const blocks: NodeSyntax[] = [];
  let found: TopLevelItem | MemberSyntax | undefined = holding(syntax.items, token);
  while (found?.kind === 'node') {
    blocks.push(found);
    const inner: MemberSyntax | undefined = token > found.open ? holding(found.members, token) : undefined;
    if (inner === undefined) break;
    found = inner;
  }
  return { token, range, syntax: found, blocks };
}

/** The node of the tree that the innermost of some blocks contributes to; undefined if it was deleted or never came to be. */
export function nodeOfBlocks(tree: DeviceTree, tokens: TokenStream, blocks: readonly NodeSyntax[]): DtNode | undefined {
  let node: DtNode | undefined;
  for (const { name } of blocks) {
    const text = tokenText(tokens, name);
    if (text === '/') node = tree.root;
    else if (text.startsWith('&')) node = nodeByReference(tree, referenceText(text));
    else node = node?.children.get(text);
    if (node === undefined) return undefined;
  }
  return node;
}

/** The node of the board that a block of an applied overlay went into; undefined for its fragments and what they hold besides. */
export function nodeOfOverlay(
  tree: DeviceTree,
  tokens: TokenStream,
  blocks: readonly NodeSyntax[],
): DtNode | undefined {
  const block = blocks.at(-1);
  if (block === undefined) return undefined;
  const { file, start } = tokenRange(tokens, block.name);
  return definitionsOf(tree).get(file)?.get(start);
}

/** The nodes of a tree by the places of the names that open their blocks. */
const definitionsOf = oncePer((tree: DeviceTree): ReadonlyMap<SourceFile, ReadonlyMap<number, DtNode>> => {
  const found = new Map<SourceFile, Map<number, DtNode>>();
  const visit = (node: DtNode): void => {
    for (const { name } of node.definitions) {
      let ofFile = found.get(name.file);
      if (ofFile === undefined) found.set(name.file, (ofFile = new Map<number, DtNode>()));
      ofFile.set(name.start, node);
    }
    for (const child of node.children.values()) visit(child);
  };
  visit(tree.root);
  return found;
});

/** `label` of `&label`, `/path` of `&{/path}`. */
export function referenceText(reference: string): string {
  return reference.startsWith('&{')
    ? reference.slice(2, reference.endsWith('}') ? -1 : undefined).trim()
    : reference.slice(1);
}

function fileIn(tokens: TokenStream, path: string): SourceFile | undefined {
  return tokens.files.find((file) => file.path === path);
}

/** Entries behind the name of a macro call that are looked through for it. */
const callLimit = 64;

/**
 * What is written in one file, by its place there: tokens, also those in arguments of macros, and macro calls, each call
 * as one entry for all tokens of the macro's body.
 */
interface FileIndex {
  readonly tokens: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

const indexes = new WeakMap<TokenStream, Map<SourceFile, FileIndex>>();

function indexOf(stream: TokenStream, file: SourceFile): FileIndex {
  let ofStream = indexes.get(stream);
  if (ofStream === undefined) indexes.set(stream, (ofStream = new Map<SourceFile, FileIndex>()));
  let index = ofStream.get(file);
  if (index === undefined) ofStream.set(file, (index = buildIndex(stream, file)));
  return index;
}

function buildIndex(stream: TokenStream, file: SourceFile): FileIndex {
  const number = stream.files.indexOf(file);
  const tokens: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let isSorted = true;
  let last = -1;
  let lastCall = -1;
  for (let token = 0; token < stream.count; token++) {
    let start: number;
    let end: number;
    const expansion = stream.expansion[token]!;
    if (expansion >= 0) {
      const written = tokenRange(stream, token);
      if (written.file !== file) continue;
      const { call, whole } = outermostCall(stream, expansion);
      ({ start, end } = written);
      if (start === call.start) {
        if (start === lastCall) continue;
        lastCall = start;
        end = whole.end;
      }
    } else if (stream.file[token] === number) {
      start = stream.start[token]!;
      end = stream.end[token]!;
    } else continue;
    if (start < last) isSorted = false;
    last = start;
    tokens.push(token);
    starts.push(start);
    ends.push(end);
  }
  if (isSorted)
    return { tokens: Int32Array.from(tokens), starts: Int32Array.from(starts), ends: Int32Array.from(ends) };
  // Arguments in another order than they are written in, or a file that is included more than once.
  const order = Int32Array.from(tokens.keys()).sort((one, other) => starts[one]! - starts[other]! || one - other);
  return {
    tokens: order.map((at) => tokens[at]!),
    starts: order.map((at) => starts[at]!),
    ends: order.map((at) => ends[at]!),
  };
}

/** The last entry that begins at or before the offset; -1 if none does. */
function lastNotAfter(starts: Int32Array, offset: number): number {
  return lastAtOrBefore(starts.length, (index) => starts[index]!, offset);
}

function holding<Item extends { readonly first: number; readonly last: number }>(
  items: readonly Item[],
  token: number,
): Item | undefined {
  const item = items[lastAtOrBefore(items.length, (index) => items[index]!.first, token)];
  return item !== undefined && token <= item.last ? item : undefined;
}
