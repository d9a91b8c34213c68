// A tree as text: DTS that dtc compiles into the same blob, and JSON for programs.
import { positionAt, type SourceRange } from '../text/source-file';
import type { DeviceTree, DtNode, DtProperty, ValuePart } from './model';

/**
 * The tree as one DTS. References stay references where the node has a label, everything else is what the blob holds;
 * `/plugin/` is not printed, because the fixups that it would generate are already nodes of the tree.
 */
export function printDts(tree: DeviceTree): string {
  const lines = ['/dts-v1/;', ''];
  for (const { address, size } of tree.memoryReservations) {
    lines.push(`/memreserve/ 0x${address.toString(16).padStart(16, '0')} 0x${size.toString(16).padStart(16, '0')};`);
  }
  if (tree.memoryReservations.length > 0) lines.push('');
  printNode(lines, tree.root, '');
  return `${lines.join('\n')}\n`;
}

function printNode(lines: string[], node: DtNode, indent: string): void {
  const isRoot = node.parent === undefined;
  const labels = isRoot ? '' : node.labels.map(({ name }) => `${name}: `).join('');
  lines.push(`${indent}${labels}${isRoot ? '/' : node.name} {`);
  const inner = `${indent}\t`;
  for (const property of node.properties.values()) lines.push(`${inner}${printProperty(property)}`);
  let separate = node.properties.size > 0;
  for (const child of node.children.values()) {
    if (separate) lines.push('');
    separate = true;
    printNode(lines, child, inner);
  }
  lines.push(`${indent}};`);
}

function printProperty({ name, data }: DtProperty): string {
  if (data.bytes.length === 0) return `${name};`;
  // A phandle that a node asked for by a reference to itself is a number by now.
  const isWritten = !data.broken && name !== 'phandle' && name !== 'linux,phandle';
  const parts = isWritten && coverAll(data.parts, data.bytes.length) ? data.parts : undefined;
  return `${name} = ${parts ? printParts(data.bytes, parts) : printGuess(data.bytes)};`;
}

function coverAll(parts: readonly ValuePart[], length: number): boolean {
  let at = 0;
  for (const part of parts) {
    if (part.offset !== at) return false;
    at += part.length;
  }
  return at === length;
}

/** Neighbours of the same form share their brackets. */
function printParts(bytes: Uint8Array, parts: readonly ValuePart[]): string {
  const groups: string[] = [];
  let open: { form: Form; items: string[] } | undefined;
  for (const part of parts) {
    if (part.length === 0) continue;
    const form = formOf(part);
    const value = bytes.subarray(part.offset, part.offset + part.length);
    if (open?.form !== form || form === 'string') {
      if (open) groups.push(closed(open.form, open.items));
      open = { form, items: [] };
    }
    open.items.push(printPart(part, form, value));
  }
  if (open) groups.push(closed(open.form, open.items));
  return groups.join(', ');
}

type Form = 'cells' | 'bits-8' | 'bits-16' | 'bits-64' | 'string' | 'bytes';

function formOf({ kind, length }: ValuePart): Form {
  if (kind === 'phandle') return 'cells';
  if (kind === 'string' || kind === 'path') return 'string';
  if (kind === 'integer')
    return length === 4 ? 'cells' : length === 2 ? 'bits-16' : length === 8 ? 'bits-64' : 'bits-8';
  return 'bytes';
}

function printPart({ reference }: ValuePart, form: Form, value: Uint8Array): string {
  if (form === 'string') return quoted(value);
  if (form === 'bytes') return Array.from(value, twoDigits).join(' ');
  const label = reference?.target?.labels[0]?.name;
  return label === undefined ? `0x${integer(value).toString(16)}` : `&${label}`;
}

function closed(form: Form, items: readonly string[]): string {
  const inner = items.join(' ');
  if (form === 'string') return inner;
  if (form === 'bytes') return `[${inner}]`;
  return form === 'cells' ? `<${inner}>` : `/bits/ ${form.slice(5)} <${inner}>`;
}

/** What the bytes probably are, as scripts/dtc/treesource.c guess_value_type: strings, else cells, else bytes. */
function printGuess(bytes: Uint8Array): string {
  if (looksLikeStrings(bytes)) return splitStrings(bytes).map(quoted).join(', ');
  if (bytes.length % 4 !== 0) return `[${Array.from(bytes, twoDigits).join(' ')}]`;
  return `<${cellsOf(bytes).join(' ')}>`;
}

function looksLikeStrings(bytes: Uint8Array): boolean {
  if (bytes[bytes.length - 1] !== 0) return false;
  let terminators = 0;
  for (const byte of bytes) {
    if (byte === 0) terminators++;
    else if (!(byte >= 0x20 && byte < 0x7f) && !(byte >= 7 && byte <= 13)) return false;
  }
  return terminators <= bytes.length - terminators;
}

/** Each with its NUL. */
function splitStrings(bytes: Uint8Array): Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start) + 1;
    result.push(bytes.subarray(start, end));
    start = end;
  }
  return result;
}

function cellsOf(bytes: Uint8Array): string[] {
  const result: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) result.push(`0x${integer(bytes.subarray(at, at + 4)).toString(16)}`);
  return result;
}

const escapes: Readonly<Record<number, string>> = {
  7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\',
}; // prettier-ignore

/** A string as dtc reads it back; its last byte is the NUL that dtc adds. */
function quoted(value: Uint8Array): string {
  let text = '';
  for (const byte of value.subarray(0, -1)) {
    text += escapes[byte] ?? (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${twoDigits(byte)}`);
  }
  return `"${text}"`;
}

function integer(value: Uint8Array): bigint {
  let result = 0n;
  for (const byte of value) result = (result << 8n) | BigInt(byte);
  return result;
}

function twoDigits(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/**
 * The tree as plain JSON data. A property is `true` if empty, else `{strings}`, `{cells}` (hex) or `{bytes}` (hex digits),
 * with the place of the definition in force, where there is one.
 */
export function treeToJson(tree: DeviceTree): unknown {
  return {
    bootCpu: tree.bootCpu,
    plugin: tree.isPlugin,
    memoryReservations: tree.memoryReservations.map(({ address, size }) => ({
      address: `0x${address.toString(16)}`,
      size: `0x${size.toString(16)}`,
    })),
    root: nodeToJson(tree.root),
  };
}

function nodeToJson(node: DtNode): unknown {
  return {
    name: node.name,
    labels: node.labels.map(({ name }) => name),
    phandle: node.phandle ?? null,
    source: placeToJson(node.definitions[0]?.name),
    properties: Object.fromEntries(Array.from(node.properties, ([name, each]) => [name, propertyToJson(each)])),
    children: Array.from(node.children.values(), nodeToJson),
  };
}

function propertyToJson({ data, definitions }: DtProperty): unknown {
  const { bytes } = data;
  return { value: valueToJson(bytes), broken: data.broken, source: placeToJson(definitions.at(-1)?.name) };
}

function valueToJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return true;
  if (looksLikeStrings(bytes)) {
    return { strings: splitStrings(bytes).map((each) => Buffer.from(each.subarray(0, -1)).toString('latin1')) };
  }
  if (bytes.length % 4 === 0) return { cells: cellsOf(bytes) };
  return { bytes: Array.from(bytes, twoDigits).join('') };
}

function placeToJson(range: SourceRange | undefined): unknown {
  if (range === undefined) return null;
  const { line, character } = positionAt(range.file, range.start);
  return { file: range.file.path, line: line + 1, column: character + 1 };
}
