// A property's value from its tokens: the bytes when somebody asks, the elements with their places when somebody asks
// for those.
import { type TokenStream, tokenName, tokenRange, tokensRange, tokenText } from '../preprocess/token-stream';
import { evaluateInteger, smallInteger } from '../syntax/expression';
import type { ProblemSink } from '../syntax/problems';
import { Shape } from '../syntax/shape';
import { stringBytes } from '../syntax/strings';
import type { BytesSyntax, CellsSyntax, IncbinSyntax, PropertySyntax, ReferenceSyntax } from '../syntax/syntax-tree';
import { byteValue, cellWidth, visitBytes, visitCells } from '../syntax/values';
import type { DtNode, PropertyData, ValuePart } from './model';
import { nodePath } from './navigate';

/** What decoding needs to know of the unit. */
export interface ValueContext {
  readonly tokens: TokenStream;
  /** The node that `&text` or `&{text}` means in the final tree. */
  readonly resolve: (text: string) => DtNode | undefined;
  readonly incbin: (syntax: IncbinSyntax) => Uint8Array | { readonly error: string };
}

/** What is written after `&`: a label, a path, or a label and a path. */
export function referenceText(tokens: TokenStream, token: number): string {
  if (tokens.shape.charCodeAt(token) === Shape.labelReference) return tokenName(tokens, token);
  return tokenText(tokens, token).slice(2, -1);
}

/** The value of a property as written, decoded when first asked for. */
export class WrittenValue implements PropertyData {
  private decodedBytes: Uint8Array | undefined;
  private decodedParts: readonly ValuePart[] | undefined;
  private isBroken = false;

  constructor(
    private readonly context: ValueContext,
    private readonly syntax: PropertySyntax,
  ) {}

  get bytes(): Uint8Array {
    if (this.decodedBytes === undefined) this.decode(undefined);
    return this.decodedBytes!;
  }

  get parts(): readonly ValuePart[] {
    if (this.decodedParts === undefined) {
      const parts: ValuePart[] = [];
      this.decode(parts);
      this.decodedParts = parts;
    }
    return this.decodedParts;
  }

  get broken(): boolean {
    if (this.decodedBytes === undefined) this.decode(undefined);
    return this.isBroken;
  }

  get texts(): readonly string[] | undefined {
    const { tokens } = this.context;
    const result: string[] = [];
    if (this.syntax.broken) return undefined;
    for (const value of this.syntax.values) {
      if (value.kind !== 'string') return undefined;
      const file = tokens.files[tokens.file[value.first]!]!;
      const text = file.text.slice(tokens.start[value.first]! + 1, tokens.end[value.first]! - 1);
      if (file.encoding !== 'utf8' || text.includes('\\') || text.includes('\0')) return undefined;
      result.push(text);
    }
    return result;
  }

  private decode(parts: ValuePart[] | undefined): void {
    length = 0;
    this.isBroken = !decodeValues(this.context, this.syntax, parts) || this.syntax.broken;
    this.decodedBytes ??= scratch.slice(0, length);
  }
}

/** Where a value grows while it is decoded; nothing else runs meanwhile that would decode. */
let scratch = new Uint8Array(1 << 12);
let length = 0;

/** False if some of the value has no meaning. */
function decodeValues(context: ValueContext, syntax: PropertySyntax, parts: ValuePart[] | undefined): boolean {
  const { tokens } = context;
  let isWhole = true;
  for (const value of syntax.values) {
    const offset = length;
    switch (value.kind) {
      case 'cells':
        if (!decodeCells(context, value, parts)) isWhole = false;
        break;
      case 'bytes':
        decodeBytes(tokens, value, parts);
        break;
      case 'string':
        append(stringBytes(tokens, value.first, ignore));
        parts?.push({ offset, length: length - offset, kind: 'string', source: tokenRange(tokens, value.first) });
        break;
      case 'reference':
        if (!decodePath(context, value, parts)) isWhole = false;
        break;
      case 'incbin': {
        const bytes = context.incbin(value);
        if ('error' in bytes) {
          isWhole = false;
        } else {
          append(bytes);
          const source = tokensRange(tokens, value.first, value.last);
          parts?.push({ offset, length: length - offset, kind: 'incbin', source });
        }
      }
    }
  }
  return isWhole;
}

function decodeCells(context: ValueContext, cells: CellsSyntax, parts: ValuePart[] | undefined): boolean {
  const { tokens } = context;
  const width = cellWidth(tokens, cells);
  let isWhole = true;
  visitCells(tokens, cells, (kind, first, last) => {
    if (kind === 'label') return;
    const offset = length;
    let reference: ValuePart['reference'];
    if (kind === 'reference') {
      const text = referenceText(tokens, first);
      const target = context.resolve(text);
      reference = { text, target };
      if (target?.phandle === undefined || width !== 32) isWhole = false;
      appendNumber(target?.phandle ?? 0xffff_ffff, width);
    } else {
      const small = kind === 'integer' ? smallInteger(tokens, first, last) : 0;
      if (kind === 'unknown') isWhole = false;
      if (small >= 0) {
        appendNumber(small, width);
      } else {
        const exact = evaluateInteger(tokens, first, last, ignore);
        if (exact === undefined) isWhole = false;
        appendBig(exact ?? 0n, width);
      }
    }
    if (parts === undefined) return;
    const part = { offset, length: width >> 3, source: tokensRange(tokens, first, last) };
    parts.push(reference ? { ...part, kind: 'phandle', reference } : { ...part, kind: 'integer' });
  });
  return isWhole;
}

function decodeBytes(tokens: TokenStream, bytes: BytesSyntax, parts: ValuePart[] | undefined): void {
  visitBytes(tokens, bytes, (kind, token) => {
    if (kind === 'label') return;
    parts?.push({ offset: length, length: 1, kind: 'byte', source: tokenRange(tokens, token) });
    appendNumber(byteValue(tokens, token), 8);
  });
}

/** A reference outside of cells is the path of its node as a string. One that is not found adds nothing. */
function decodePath(context: ValueContext, { first }: ReferenceSyntax, parts: ValuePart[] | undefined): boolean {
  const { tokens } = context;
  const text = referenceText(tokens, first);
  const target = context.resolve(text);
  const offset = length;
  if (target !== undefined) append(Buffer.from(`${nodePath(target)}\0`, 'latin1'));
  const source = tokenRange(tokens, first);
  parts?.push({ offset, length: length - offset, kind: 'path', source, reference: { text, target } });
  return target !== undefined;
}

function append(bytes: Uint8Array): void {
  reserve(bytes.length);
  scratch.set(bytes, length);
  length += bytes.length;
}

function appendNumber(value: number, width: 8 | 16 | 32 | 64): void {
  reserve(8);
  if (width === 64) length += 4;
  if (width === 64) scratch.fill(0, length - 4, length);
  if (width >= 32) {
    scratch[length++] = value >>> 24;
    scratch[length++] = value >>> 16;
  }
  if (width >= 16) scratch[length++] = value >>> 8;
  scratch[length++] = value;
}

function appendBig(value: bigint, width: 8 | 16 | 32 | 64): void {
  if (width === 64) appendNumber(Number(BigInt.asUintN(32, value >> 32n)), 32);
  appendNumber(Number(BigInt.asUintN(32, value)), width === 64 ? 32 : width);
}

function reserve(more: number): void {
  if (length + more <= scratch.length) return;
  const grown = new Uint8Array(Math.max(scratch.length * 2, length + more));
  grown.set(scratch);
  scratch = grown;
}

const ignore: ProblemSink = () => {
  // Reported when the tree was built.
};
