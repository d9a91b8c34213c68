// QEMU's own ACPI tables, and its DSDT with a host bridge that says that the PCI configuration of the firmware must stay.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checksumOf } from '../../../../server/src/acpi/table-header';
import { compileText, decompileTable } from '../../iasl/iasl';
import { bootAcpi, smmuMachine } from '../boot';
import type { KernelFiles } from '../kernels';
import { kernelsFolder } from '../kernels';

/** Linux takes a table in place of the machine's if these are the same and the revision is later. */
export function inPlaceOfQemus(bytes: Uint8Array): Uint8Array {
  const table = Buffer.from(bytes);
  table.write('BOCHS ', 10, 'latin1');
  table.write('BXPC    ', 16, 'latin1');
  table.writeUInt32LE(0x7fffffff, 24);
  table.writeUInt8(0, 9);
  table.writeUInt8(checksumOf(table), 9);
  return table;
}

/** The tables that QEMU gives its `virt` machine, of which none replaced. */
export async function ownTables(files: KernelFiles): Promise<ReadonlyMap<string, Uint8Array>> {
  const machine = { options: smmuMachine, devices: [], vfio: undefined };
  const { seen, failure } = await bootAcpi(files, { tables: [], wanted: ['DSDT', 'APIC', 'IORT'] }, machine);
  if (seen.tables.size < 3) throw new Error(`QEMU's machine gives no ACPI tables: ${failure ?? 'it booted without'}`);
  return seen.tables;
}

/** The GUID of host bridges' `_DSM`, whose function 5 tells whether the configuration may change (PCI Firmware Specification 4.6.5). */
const hostBridgeDsm = /If \(\(Arg0 == ToUUID \("e5c937d0-3553-4d7a-9117-ea4d19c3434d"\)[^\n]*\n\s*\{\n(\s*)/;

/** QEMU's DSDT with function 5 of the host bridge's `_DSM`, which returns 0: the configuration must stay. Made once for each DSDT. */
export async function preservingDsdt(own: Uint8Array, iasl: string): Promise<Uint8Array> {
  const folder = path.join(kernelsFolder(), 'acpi');
  const file = path.join(folder, `${createHash('sha256').update(own).digest('hex').slice(0, 16)}.aml`);
  if (existsSync(file)) return readFileSync(file);
  const { output, messages } = await decompileTable(iasl, own);
  const text = output?.toString('latin1') ?? '';
  const found = hostBridgeDsm.exec(text);
  if (found === null) throw new Error(`QEMU's DSDT has no _DSM of the host bridge to change: ${messages}`);
  const end = found.index + found[0].length;
  const indent = found[1]!;
  const functions = `If ((Arg2 == 0x05)) { Return (Zero) }\n${indent}If ((Arg2 == Zero)) { Return (Buffer (One) { 0x21 }) }\n${indent}`;
  const compiled = await compileText(iasl, text.slice(0, end) + functions + text.slice(end), { keepCompiler: false });
  if (compiled.output === undefined) throw new Error(`iasl does not compile the DSDT: ${compiled.messages}`);
  const bytes = inPlaceOfQemus(compiled.output);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, bytes);
  return bytes;
}
