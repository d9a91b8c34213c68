// One value of a table's text as bytes, as ACPICA's source/compiler/dtfield.c makes them.
import type { SourceFile } from '../../text/source-file';
import type { Field } from '../layout/field';

export type BytesOrReason =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'problem'; readonly reason: string };

/** Characters as bytes: those of the file, as its encoding has them. */
export function characterBytes(text: string, encoding: SourceFile['encoding']): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c > 0x7f) return Buffer.from(text, encoding);
    bytes[at] = c;
  }
  return bytes;
}

/** `AA BB 1F`: two digits a byte, blanks between them. */
export function byteList(value: string): BytesOrReason {
  const plain = plainBytes(value);
  if (plain !== undefined) return { kind: 'bytes', bytes: plain };
  const count = countedElements(value);
  const elements = value.split(/[[\] ,]+/).filter((element) => element !== '');
  if (elements.length !== count) {
    return { kind: 'problem', reason: `found ${elements.length} bytes, but blanks make it ${count}` };
  }
  const wrong = elements.find((element) => !/^[0-9a-fA-F]{2}$/.test(element));
  if (wrong !== undefined) return { kind: 'problem', reason: `“${wrong}” is not a byte of two hexadecimal digits` };
  return { kind: 'bytes', bytes: Uint8Array.from(elements, (element) => Number.parseInt(element, 16)) };
}

/** As iasl writes them: two digits a byte and one blank between two. */
function plainBytes(value: string): Uint8Array | undefined {
  if (value.length % 3 !== 2) return undefined;
  const bytes = new Uint8Array((value.length + 1) / 3);
  for (let at = 0; at < value.length; at += 3) {
    const high = digitAt(value, at);
    const low = digitAt(value, at + 1);
    if (high < 0 || low < 0 || (at + 2 < value.length && value.charCodeAt(at + 2) !== 32)) return undefined;
    bytes[at / 3] = high * 16 + low;
  }
  return bytes;
}

/** What a hexadecimal digit is worth, -1 for anything else. */
function digitAt(text: string, at: number): number {
  const c = text.charCodeAt(at);
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 65 && c <= 70) return c - 55;
  return c >= 97 && c <= 102 ? c - 87 : -1;
}

/** How many elements iasl counts before it reads them: only blanks divide, and each eats the character behind it. */
function countedElements(value: string): number {
  let count = 1;
  for (let at = 0; at < value.length; at++) {
    if (value[at] !== ' ') continue;
    count++;
    while (value[at] === ' ') at++;
  }
  return count;
}

/** The fields that a table's optional padding may be written with, by their labels. */
export const genericFields: ReadonlyMap<string, Field> = new Map(
  [
    ...[8, 16, 24, 32, 40, 48, 56, 64].map((bits) => genericField(`UINT${bits}`, bits / 8, 'integer')),
    genericField('String', 0, 'name'),
    genericField('Unicode', 0, 'name'),
    genericField('Buffer', 0, 'bytes'),
    genericField('GUID', 16, 'bytes'),
    genericField('DevicePath', 0, 'name'),
    genericField('Label', 0, 'heading'),
  ].map((field) => [field.label, field]),
);

function genericField(label: string, size: number, kind: Field['kind']): Field {
  return {
    name: label,
    label,
    size,
    kind,
    meaning: label === 'Label' ? 'A name for this place in the table: `$NAME` elsewhere.' : 'Bytes of the padding.',
    specification: 'ACPICA, generic data types',
  };
}

/** How many bytes a generic field takes. */
export function genericSize(field: Field, value: string): number {
  if (field.label === 'Buffer') return countedElements(value);
  if (field.label === 'Unicode') return 2 * (value.length + 1);
  return field.kind === 'name' ? value.length + 1 : field.kind === 'heading' ? 0 : field.size;
}

/** The order in which a GUID's bytes are written. */
const guidOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** `11223344-5566-7788-99aa-bbccddeeff00` */
export function guidBytes(value: string): BytesOrReason {
  const form = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
  if (!form.test(value)) return { kind: 'problem', reason: 'a GUID is 11223344-5566-7788-99AA-BBCCDDEEFF00' };
  const written = Buffer.from(value.replaceAll('-', ''), 'hex');
  return { kind: 'bytes', bytes: Uint8Array.from(guidOrder, (from) => written[from]!) };
}

/** Two bytes a character, and a NUL of two. */
export function unicodeBytes(text: string, encoding: SourceFile['encoding']): Uint8Array {
  const bytes = characterBytes(text, encoding);
  const wide = new Uint8Array(2 * (bytes.length + 1));
  bytes.forEach((byte, index) => {
    wide[2 * index] = byte;
    wide[2 * index + 1] = byte >= 0x80 ? 0xff : 0; // a C char is signed
  });
  return wide;
}
