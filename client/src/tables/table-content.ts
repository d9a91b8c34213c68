// Told by their content, before the server is asked: binary tables, texts of tables, and what acpidump printed.
import { open } from 'node:fs/promises';
import path from 'node:path';
import { FileType, workspace } from 'vscode';
import type { Uri } from 'vscode';

/** The header that every table has. */
const headerSize = 36;
/** Files of other file systems can only be read whole: those that may be tables by their names, up to this size. */
const mostBytes = 4 << 20;
const tableName = /^(?:iort|apic|madt)\b|\.(?:aml|dat|bin)$/i;

/** Whether a file is an IORT or a MADT as the firmware has it. */
export async function isBinaryTable(file: Uri): Promise<boolean> {
  try {
    return isHeader(file.scheme === 'file' ? await head(file.fsPath) : await wholeFile(file));
  } catch {
    return false;
  }
}

async function head(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const buffer = new Uint8Array(headerSize);
    // A named pipe would keep the reader waiting.
    if (!(await handle.stat()).isFile()) return new Uint8Array();
    const { bytesRead } = await handle.read(buffer, 0, headerSize, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function wholeFile(file: Uri): Promise<Uint8Array> {
  if (!tableName.test(path.posix.basename(file.path))) return new Uint8Array();
  const { size, type } = await workspace.fs.stat(file);
  return (type & FileType.File) === 0 || size > mostBytes ? new Uint8Array() : await workspace.fs.readFile(file);
}

/** The signature, and a length in bytes whose upper half is that of no text. */
function isHeader(bytes: Uint8Array): boolean {
  const signature = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  return ['IORT', 'APIC', 'VIOT'].includes(signature) && bytes.length >= headerSize && bytes[7] === 0;
}

/** What decides stands here. */
const probeLength = 4096;

/** `[0004] Signature : "IORT"`: the line that the text of a table begins with, behind comments. */
const tableHeading = /^[ \t]*(?:\[[^\]\n]*\][ \t]*)*Signature[ \t]*:[ \t]*(?:"[A-Z0-9]{4}"|[A-Z][A-Z0-9]{3}\b)/m;

/** `IORT @ 0x000000007FFE0000`, and a line of bytes under it. */
const dumpHeading = /^[A-Z0-9_!]{4} @ (?:0x)?[0-9A-Fa-f]{1,16}[ \t]*\r?\n[ \t]*0+:[ \t]/m;

export function isTableText(text: string): boolean {
  return tableHeading.test(text.slice(0, probeLength));
}

export function isDump(text: string): boolean {
  return dumpHeading.test(text.slice(0, probeLength));
}
