// What a file holds, told by its content.
import { isAcpiDump } from '../acpi/acpidump';
import { lengthOf, textBetween, type SourceFile } from '../text/source-file';
import { isArchive } from './host-files';

/**
 * `source`: devicetree source. `fdt`: a flattened tree. `acpi-text`, `acpi-binary`: an ACPI table as iasl's data-table
 * text and as the firmware has it. `acpi-dump`: all tables of a machine, as acpidump prints them. `archive`: what `doorbell collect` gathered of a machine (or another archive).
 * `binary`: something else: JSON, or no text at all.
 */
export type InputKind = 'source' | 'fdt' | 'archive' | 'acpi-text' | 'acpi-binary' | 'acpi-dump' | 'binary';

/** Bytes that decide: enough for headers, and for telling text from data. */
const probeLength = 4096;

export function inputKind(file: SourceFile): InputKind {
  const start = textBetween(file, 0, probeLength);
  // The magic number is no valid UTF-8, so such a file is read byte by character.
  if (start.startsWith('\xd0\x0d\xfe\xed')) return 'fdt';
  if (isArchive(start)) return 'archive';
  if (isAcpiTable(start)) return 'acpi-binary';
  if (acpiTextHeader.test(behindComments(file))) return 'acpi-text';
  if (isAcpiDump(start)) return 'acpi-dump';
  if (jsonStart.test(start)) return 'binary';
  // A few stray ones are mistakes in a text, and reported at their places.
  return controlCharacters(start) > Math.max(8, start.length / 16) ? 'binary' : 'source';
}

/** No devicetree begins so, however much of it is written. */
const jsonStart = /^\s*(?:\{\s*"|\[\s*["{[])/;

/**
 * `[0004] Signature : "IORT"`, with or without the field's place before it, or the quotes; a misspelled one as well. In a
 * devicetree something other than the line's end stands behind a label and a word.
 */
const acpiTextHeader =
  /^[ \t]*(?:\[[^\]\n]*\][ \t]*)*Signature[ \t]*:[ \t]*(?:"[^"\n]*"|[A-Z][A-Z0-9]{3}\b|[\w!]+[ \t]*(?:\r?$|\[|\/[/*]))/m;

/** ASL, the source of a DSDT or an SSDT: its files have the suffix of a table's text. */
export function isAsl(file: SourceFile): boolean {
  return /^DefinitionBlock\s*\(/.test(behindComments(file));
}

/** The start of a text without the comments in front of it, which may be long. */
function behindComments(file: SourceFile): string {
  // Nearly always they end soon: then the rest of the text is not asked for.
  const start = textBetween(file, 0, 4 * probeLength);
  const found = endOfComments(start);
  const isFound = found + probeLength <= start.length && !start.startsWith('/', found);
  const text = isFound || start.length === lengthOf(file) ? start : file.text;
  const end = text === start ? found : endOfComments(text);
  return text.slice(end, end + probeLength);
}

/** Where what is neither blank nor a comment begins; a comment that is not closed counts as that. */
function endOfComments(text: string): number {
  let at = 0;
  for (;;) {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
    const isBlock = text.startsWith('/*', at);
    const end = isBlock ? text.indexOf('*/', at + 2) : text.startsWith('//', at) ? text.indexOf('\n', at) : -1;
    if (end < 0) return at;
    at = end + (isBlock ? 2 : 1);
  }
}

/** The header of every ACPI table: signature, length in bytes, revision, checksum over all bytes. */
function isAcpiTable(text: string): boolean {
  if (!/^[A-Z][A-Z0-9]{3}/.test(text)) return false;
  const byte = (offset: number) => text.charCodeAt(offset) & 0xff;
  const length = byte(4) + byte(5) * 0x100 + byte(6) * 0x10000 + byte(7) * 0x1000000;
  if (length < 36 || text.length < 36) return false;
  // Tables that are valid UTF-8 by chance have fewer characters than bytes: the high bytes of the length say enough.
  return controlCharacters(text.slice(4, 10)) >= 2;
}

function controlCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 && (code < 0x09 || code > 0x0d)) count++;
  }
  return count;
}
