// One board, ours and dtc's.
import path from 'node:path';
import type { Diagnostic } from '../../server/src/text/diagnostic';
import { positionAt } from '../../server/src/text/source-file';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { compile } from '../../server/src/workspace/compile';
import { contextOf } from '../../server/src/workspace/contexts';
import type { FileStore } from '../../server/src/workspace/files';
import { decompiled } from '../oracle/reference';
import type { Reference } from './expected';

export interface Comparison {
  readonly board: string;
  /**
   * `same`: dtc's tree, `different`: another one, `refused`: neither takes the board, `missed`: dtc refuses it and we do
   * not, `crash`: an exception of ours.
   */
  readonly outcome: 'same' | 'different' | 'refused' | 'missed' | 'crash';
  /** The blobs are the same byte for byte. */
  readonly isIdentical: boolean;
  /** The first lines that differ, what dtc says of a board that it refuses, or the exception. */
  readonly details: string;
  /** Our diagnostics of severity error. */
  readonly errors: readonly { readonly rule: string; readonly text: string }[];
}

export interface CompareOptions {
  readonly linux: string;
  readonly dtc: string;
  readonly symbols: boolean;
}

/** Compiles a board as a user would have it, nothing configured, and compares the tree with that of `cpp | dtc`. */
export async function compareBoard(
  board: string,
  { linux, dtc, symbols }: CompareOptions,
  files: FileStore,
  reference: Reference,
): Promise<Comparison> {
  const expected = await reference.expected(board);
  let blob: Uint8Array;
  let errors: Comparison['errors'];
  try {
    const root = path.join(linux, board);
    const source = files.read(root);
    if ('error' in source) throw new Error(source.error);
    const context = contextOf(root, files);
    const { tree, diagnostics } = compile(source, context.appended, context, files, { symbols });
    blob = writeFdt(tree);
    errors = diagnostics.filter(({ severity }) => severity === 'error').map((error) => shown(error, linux));
  } catch (error) {
    const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { board, outcome: 'crash', isIdentical: false, details, errors: [] };
  }
  if (expected.blob === undefined) {
    const outcome = errors.length > 0 ? 'refused' : 'missed';
    return { board, outcome, isIdentical: false, details: expected.messages.trim(), errors };
  }
  if (Buffer.compare(blob, expected.blob) === 0)
    return { board, outcome: 'same', isIdentical: true, details: '', errors };
  const [ours, theirs] = await Promise.all([decompiled(dtc, blob), decompiled(dtc, expected.blob)]);
  const details = ours.ok ? difference(ours.output, theirs.output) : `dtc cannot read our blob: ${ours.messages}`;
  return { board, outcome: details === '' ? 'same' : 'different', isIdentical: false, details, errors };
}

function shown({ rule, range, message }: Diagnostic, linux: string): { rule: string; text: string } {
  if (range === undefined) return { rule, text: message };
  const { line } = positionAt(range.file, range.start);
  return { rule, text: `${path.relative(linux, range.file.path)}:${line + 1}: ${message}` };
}

/** The first place where two decompiled trees differ, with its path; empty where they are equal. */
function difference(ours: Buffer, theirs: Buffer): string {
  const [a, b] = [ours.toString('latin1').split('\n'), theirs.toString('latin1').split('\n')];
  const at = b.findIndex((line, index) => line !== a[index]);
  if (at < 0) return a.length === b.length ? '' : 'ours goes on where dtc ends';
  const excerpt = (name: string, lines: string[]): string[] =>
    lines.slice(at, at + 3).map((line) => `  ${name} ${line.trim().slice(0, 200)}`);
  return [`in ${pathOfLine(b, at)}`, ...excerpt('ours', a), ...excerpt('dtc ', b)].join('\n');
}

function pathOfLine(lines: readonly string[], at: number): string {
  const names: string[] = [];
  for (const line of lines.slice(0, at)) {
    const text = line.trim();
    if (text.endsWith('{')) names.push(text.slice(0, -2));
    else if (text === '};') names.pop();
  }
  return names.join('/').replace(/^\/\//, '/');
}
