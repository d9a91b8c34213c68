// iasl, ACPICA's compiler of data tables, in the two versions that differ: Debian 12's 20200925 and a current one. Looking
// and running only; setup.ts fetches them.
//
// iasl writes for ever on a table with a node of length 0, so time and output are bounded; what is handed to `-d` must
// have been walked first all the same.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeIort } from '../../../server/src/acpi/iort/decode';
import { decodeMadt } from '../../../server/src/acpi/madt/decode';
import { tableSignature } from '../../../server/src/acpi/table-header';
import { decodeViot } from '../../../server/src/acpi/viot';
import { cacheFolder } from '../paths';

export type IaslVersion = '20200925' | 'current';

/** The Debian release that each version is taken from; between them iasl has bugs that lose names. */
export const iaslSuites: Readonly<Record<IaslVersion, string>> = { '20200925': 'bookworm', current: 'forky' };

/** What the current version must be at least: before it, names of named components were cut short. */
export const oldestCurrent = 20260100;

/** The folder of a version: its program, and the C library that it was built for. */
export function iaslFolder(version: IaslVersion): string {
  return path.join(cacheFolder(), 'iasl', version);
}

/** The script that runs a version, once set up; undefined where it is not there. */
export function findIasl(version: IaslVersion): string | undefined {
  const script = path.join(iaslFolder(version), 'iasl');
  return existsSync(script) ? script : undefined;
}

export interface IaslResult {
  /** The file that it wrote, undefined where it wrote none or did not come to its end. */
  readonly output: Buffer | undefined;
  readonly status: number;
  /** Everything it said. */
  readonly messages: string;
}

/** Most that iasl may write, in blocks of 1024 bytes: a table of 1 MiB is 20 MiB of text. */
const mostWritten = 40960;
const mostSeconds = 20;

/** Text to binary; `keepCompiler` leaves the compiler's ID and revision as the text has them. */
export function compileText(
  iasl: string,
  text: string | Uint8Array,
  { keepCompiler = true }: { keepCompiler?: boolean } = {},
): Promise<IaslResult> {
  return inFolder(async (folder) => {
    writeFileSync(path.join(folder, 'table.asl'), text);
    return run(iasl, [...(keepCompiler ? ['-z'] : []), '-p', 'out', 'table.asl'], folder, 'out.aml');
  });
}

/** Binary to text, of a table whose nodes or entries all have a length: others make iasl write for ever. */
export function decompileTable(iasl: string, bytes: Uint8Array): Promise<IaslResult> {
  const endless = endlessNode(bytes);
  assert.equal(endless, undefined, endless);
  return inFolder(async (folder) => {
    writeFileSync(path.join(folder, 'table.aml'), bytes);
    return run(iasl, ['-p', 'out', '-d', 'table.aml'], folder, 'out.dsl');
  });
}

/** What a walk through the table never gets behind. */
function endlessNode(bytes: Uint8Array): string | undefined {
  const signature = tableSignature(bytes);
  if (signature === 'VIOT') return decodeViot(bytes)?.problems.find((problem) => problem.includes('shorter'));
  const { problems } = signature === 'APIC' ? decodeMadt(bytes) : decodeIort(bytes);
  return problems.find(({ code }) => code === 'node-length')?.message;
}

/** The text that a version starts a new table with. */
export function templateOf(iasl: string, signature: string): Promise<IaslResult> {
  return inFolder((folder) => run(iasl, ['-T', signature], folder, `${signature.toLowerCase()}.asl`));
}

async function inFolder(use: (folder: string) => Promise<IaslResult>): Promise<IaslResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-iasl-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(iasl: string, args: readonly string[], cwd: string, output: string): Promise<IaslResult> {
  const command = `ulimit -f ${mostWritten}; exec timeout -s KILL ${mostSeconds} "$0" "$@"`;
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-c', command, iasl, ...args],
      { cwd, encoding: 'latin1', maxBuffer: 1 << 27 },
      (error, said, complained) => {
        const file = path.join(cwd, output);
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({
          output: status === 0 && existsSync(file) ? readFileSync(file) : undefined,
          status,
          messages: said + complained,
        });
      },
    );
  });
}
