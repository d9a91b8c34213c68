// doorbell iort compile FILE · decompile FILE; new and generate have files of their own
import type { Command } from 'commander';
import path from 'node:path';
import { readAcpiDump } from '../acpi/acpidump';
import { describeTable } from '../acpi/describe-table';
import { computedDisagreements } from '../acpi/text/disagreements';
import { documentOfText, type TableDocument } from '../acpi/text/document';
import { isPrintable, printTable } from '../acpi/text/print';
import type { TextStyle } from '../acpi/layout/field';
import { decodeIort } from '../acpi/iort/decode';
import { decodeMadt } from '../acpi/madt/decode';
import { tableSignature } from '../acpi/table-header';
import { decodeViot } from '../acpi/viot';
import { count, hex } from '../text/numbers';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import { createFileStore, type FileStore } from '../workspace/files';
import { readHostArchive } from '../workspace/host-archive';
import { inputKind } from '../workspace/input-kind';
import { addGenerate } from './iort-generate';
import { addNew } from './iort-new';
import { printText } from './print-text';
import { reportDiagnostic } from './report';
import { refuseOverwriting, withStyle, writeTo } from './table-output';
import { displayPath, painterFor, printError, UsageError } from './terminal';

interface CompileArguments {
  readonly output?: string;
  readonly force?: true;
}

interface DecompileArguments {
  readonly output?: string;
  readonly style: TextStyle;
  readonly table?: string;
}

export function addIort(program: Command): void {
  const iort = program
    .command('iort')
    .description('make, compile and decompile ACPI tables: the IORT, and the MADT and VIOT beside it');
  iort
    .command('compile')
    .description('data-table text to a binary table, with lengths, counts, offsets and the checksum computed')
    .argument('<file>', 'the text, as iasl -d or `doorbell iort decompile` writes it')
    .option('-o, --output <file>', 'the binary (default: FILE with the suffix .aml; - for the standard output)')
    .option('-f, --force', 'write the table also where the text has errors')
    .addHelpText('after', '\nExit status: 0 done, 1 the text has errors, 2 the file cannot be used.')
    .action(compile);
  withStyle(iort.command('decompile'))
    .description('a binary table to text that iasl reads; what iasl would lose stands in comments')
    .argument('<file>', 'a binary table, what acpidump printed, or an archive of `doorbell collect`')
    .option('-o, --output <file>', 'the text (default: the standard output)')
    .option('--table <signature>', 'which table of a dump or an archive: IORT (default), APIC or VIOT')
    .addHelpText('after', '\nExit status: 0 done, 2 the file cannot be used.')
    .action(decompile);
  addNew(iort);
  addGenerate(iort);
}

function compile(file: string, { output, force }: CompileArguments): void {
  const document = textOf(file);
  const findings = [...document.diagnostics, ...computedDisagreements(document)];
  const errors = report(findings, file);
  if (errors > 0) process.exitCode = 1;
  if (errors > 0 && force !== true) {
    printError(`${file}: ${count(errors, 'error')}, nothing written`);
    return;
  }
  const target = output ?? path.join(path.dirname(file), `${path.parse(file).name}.aml`);
  refuseOverwriting(target, file);
  writeTo(target, document.bytes);
  if (target !== '-') process.stdout.write(`${target}: ${describeTable(document.bytes)}\n`);
}

function textOf(file: string): TableDocument {
  const source = createFileStore().read(path.resolve(file));
  if ('error' in source) throw new UsageError(`${file}: ${source.error}`);
  const kind = inputKind(source);
  if (kind === 'acpi-binary') throw new UsageError(`${file}: is a binary table already`);
  const document = documentOfText(source);
  const { signature } = document;
  if (signature === '') throw new UsageError(`${file}: is no data-table text: it has no line “Signature : "IORT"”`);
  if (!isPrintable(document.bytes)) {
    throw new UsageError(`${file}: is the table ${signature}; IORT, APIC (MADT) and VIOT are compiled`);
  }
  return document;
}

/** Prints what was found to the standard error; returns how many are errors. */
function report(findings: readonly Diagnostic[], file: string): number {
  const paint = painterFor(process.stderr);
  let errors = 0;
  for (const finding of findings) {
    if (finding.severity === 'error') errors++;
    process.stderr.write(printText(reportDiagnostic(finding, displayPath(path.resolve(file))), paint));
  }
  return errors;
}

function decompile(file: string, { output, style, table }: DecompileArguments): void {
  const bytes = binaryOf(file, table);
  for (const problem of problemsOf(bytes)) printError(`${file}: ${problem}`);
  if (style === '20200925' && tableSignature(bytes) === 'VIOT') printError('iasl 20200925 knows no VIOT');
  refuseOverwriting(output ?? '-', file);
  writeTo(output ?? '-', printTable(bytes, { style }));
}

function problemsOf(bytes: Uint8Array): readonly string[] {
  const signature = tableSignature(bytes);
  if (signature === 'VIOT') return decodeViot(bytes)?.problems ?? [];
  const { problems } = signature === 'IORT' ? decodeIort(bytes) : decodeMadt(bytes);
  return problems.map(({ offset, message }) => `at ${hex(offset)}: ${message}`);
}

function binaryOf(file: string, table: string | undefined): Uint8Array {
  const files = createFileStore();
  const full = path.resolve(file);
  const bytes = files.readBytes(full);
  if ('error' in bytes) throw new UsageError(`${file}: ${bytes.error}`);
  const wanted = table?.toUpperCase();
  const source = files.read(full);
  const kind = 'error' in source ? 'binary' : inputKind(source);
  if (kind === 'acpi-text') throw new UsageError(`${file}: is text already`);
  if (kind === 'archive' && !('error' in source)) return tableOfArchive(file, source, files, wanted ?? 'IORT');
  if (kind !== 'acpi-dump' || 'error' in source) {
    const signature = tableSignature(bytes);
    if (kind !== 'acpi-binary' && !isPrintable(bytes)) throw new UsageError(`${file}: is no ACPI table`);
    if (wanted !== undefined && wanted !== signature) throw new UsageError(`${file}: is the table ${signature}`);
    if (isPrintable(bytes)) return bytes;
    throw new UsageError(`${file}: is the table ${signature}; IORT, APIC (MADT) and VIOT are decompiled`);
  }
  return tableOfDump(file, source, wanted ?? 'IORT');
}

function tableOfDump(file: string, { text }: SourceFile, wanted: string): Uint8Array {
  const { tables, problems } = readAcpiDump(text);
  const found = tables.find((each) => tableSignature(each.bytes) === wanted);
  if (found === undefined) {
    const has = tables.length === 0 ? '' : `; it has ${tables.map(({ signature }) => signature).join(', ')}`;
    throw new UsageError(`${file}: is a dump without the table ${wanted}${has}`);
  }
  if (!isPrintable(found.bytes)) throw new UsageError(`${file}: IORT, APIC (MADT) and VIOT are decompiled`);
  for (const { start, message } of problems) {
    if (found.start <= start && start < found.end) {
      printError(`${file}:${text.slice(0, start).split('\n').length}: ${message}`);
    }
  }
  return found.bytes;
}

function tableOfArchive(file: string, source: SourceFile, files: FileStore, wanted: string): Uint8Array {
  const host = readHostArchive(source, files);
  if (host === undefined || 'error' in host) throw new UsageError(`${file}: ${host?.error ?? 'is no archive'}`);
  const found = host.tables.get(wanted);
  if (found === undefined) throw new UsageError(`${file}: is an archive without the table ${wanted}`);
  if (!isPrintable(found)) throw new UsageError(`${file}: IORT, APIC (MADT) and VIOT are decompiled`);
  return found;
}
