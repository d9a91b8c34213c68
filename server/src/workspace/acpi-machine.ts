// A machine that ACPI tables describe: its IORT from a text, a binary, what acpidump printed or an archive, and the MADT and VIOT beside it.
import path from 'node:path';
import { readAcpiDump, type AcpiDump, type DumpedTable } from '../acpi/acpidump';
import { documentOfBinary, documentOfText, type TableDocument } from '../acpi/text/document';
import type { PlaceOf } from '../acpi/text/table-text';
import type { Diagnostic } from '../text/diagnostic';
import { count } from '../text/numbers';
import type { SourceFile } from '../text/source-file';
import { topologyFromAcpi, type AcpiSettings } from '../topology/from-acpi';
import type { Topology } from '../topology/model';
import { withViot } from '../topology/with-viot';
import { placesInDump, type ShownTable } from './dump-places';
import type { FileError, FileStore } from './files';
import { inputKind, type InputKind } from './input-kind';
import type { Settings } from './settings';

export interface AcpiMachine {
  /** What was given: an IORT, or another table that is looked at for itself. */
  readonly document: TableDocument;
  /** The MADT of the same machine: the ITS and GICv2m frames, whose addresses no IORT has. */
  readonly madt: TableDocument | undefined;
  /** Where that was found, beside the file that was given; undefined where it came with it, or is not known. */
  readonly madtFile: string | undefined;
  /** Its VIOT, of virtual machines that have a virtio-iommu; with the file where it was found beside the one that was given. */
  readonly viot: TableDocument | undefined;
  readonly viotFile: string | undefined;
  /** What acpidump printed, where the tables come from that. */
  readonly dump: DumpOfTables | undefined;
}

export interface DumpOfTables {
  readonly file: SourceFile;
  readonly tables: readonly ShownTable[];
  /** What is wrong with it, at its lines. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The tables of a file that is one of them, or a dump of all. */
export function acpiMachineOf(
  root: SourceFile,
  kind: 'acpi-text' | 'acpi-binary' | 'acpi-dump',
  settings: Settings,
  files: FileStore,
): AcpiMachine | FileError {
  if (kind === 'acpi-dump') return machineOfDump(root);
  const document = kind === 'acpi-text' ? documentOfText(root) : documentOfBytes(root.path, files);
  if ('error' in document) return document;
  const none = {
    document,
    madt: undefined,
    madtFile: undefined,
    viot: undefined,
    viotFile: undefined,
    dump: undefined,
  };
  if (document.iort === undefined) return none;
  const ofDump = tablesOfSameDump(root.path, files);
  const found = { ...none, ...(ofDump ?? neighbouringViot(root.path, files)) };
  const madtFile = settings.madt ?? (ofDump === undefined ? neighbouringMadt(root.path, files) : undefined);
  if (madtFile === undefined) return found;
  const madt = tableOf(madtFile, files);
  if (madt === undefined || 'error' in madt || madt.madt === undefined) {
    // What was merely found is not what anybody asked for.
    if (settings.madt === undefined) return found;
    const reason = madt !== undefined && 'error' in madt ? madt.error : 'is no MADT (signature "APIC")';
    return { error: `the MADT ${madtFile} of doorbell.json: ${reason}` };
  }
  return { ...found, madt, madtFile };
}

/** Why nothing is predicted of a table that is no IORT; undefined for one that is. */
export function whyNoDevices({ document: { iort, signature } }: AcpiMachine): string | undefined {
  return iort === undefined ? `is the ACPI table ${signature}; what devices reach, the IORT says` : undefined;
}

/** The tables of a machine by their signatures, as an archive has them; undefined without an IORT. */
export function machineOfTables(name: string, tables: ReadonlyMap<string, Uint8Array>): AcpiMachine | undefined {
  const iort = tables.get('IORT');
  const madt = tables.get('APIC');
  const viot = tables.get('VIOT');
  if (iort === undefined) return undefined;
  return {
    document: documentOfBinary(name, iort),
    madt: madt && documentOfBinary(name, madt),
    madtFile: undefined,
    viot: viot && documentOfBinary(name, viot),
    viotFile: undefined,
    dump: undefined,
  };
}

function machineOfDump(root: SourceFile): AcpiMachine | FileError {
  const dump = readAcpiDump(root.text);
  const tables = tablesOfDump(dump);
  const machine = machineOfTables(
    root.path,
    new Map(Array.from(tables, ([signature, { bytes }]) => [signature, bytes])),
  );
  if (machine === undefined) return { error: 'is what acpidump printed of a machine without an IORT' };
  const shown = [machine.document, machine.madt].flatMap((document) => {
    const table = document && tables.get(document.signature);
    return table === undefined ? [] : [{ document: document!, table }];
  });
  return { ...machine, dump: { file: root, tables: shown, diagnostics: dumpDiagnostics(root, dump) } };
}

/** The first table of each signature. */
function tablesOfDump(dump: AcpiDump): ReadonlyMap<string, DumpedTable> {
  const tables = new Map<string, DumpedTable>();
  for (const table of dump.tables) if (!tables.has(table.signature)) tables.set(table.signature, table);
  return tables;
}

const readTables = new Set(['IORT', 'APIC', 'VIOT']);

/** Damage in the tables that are read, and tables that are not, as there is one of the name before; nobody looks at the others. */
function dumpDiagnostics(file: SourceFile, dump: AcpiDump): readonly Diagnostic[] {
  const { tables, problems } = dump;
  const first = tablesOfDump(dump);
  const read = tables.filter(({ signature }) => readTables.has(signature));
  const damage = problems
    .filter(({ start }) => read.some((table) => table.start <= start && start < table.end))
    .map(({ start, end, message }) => [start, end, `${message.charAt(0).toUpperCase()}${message.slice(1)}.`] as const);
  const passedOver = read
    .filter((table) => first.get(table.signature) !== table)
    .map(({ start, signature }) => {
      const end = file.text.indexOf('\n', start);
      const message = `This is the second ${signature} of the dump or a later one; as Linux does, the first is taken, and nothing is said of this one.`;
      return [start, end < 0 ? file.text.length : end, message] as const;
    });
  return [...damage, ...passedOver].map(([start, end, message]) => ({
    rule: 'table-dump',
    severity: 'warning',
    range: { file, start, end },
    message,
  }));
}

/** What else is in the dump that a table is shown from; the dump then stands in the place of a directory: `acpidump.txt/IORT`. */
function tablesOfSameDump(
  table: string,
  files: FileStore,
): Pick<AcpiMachine, 'madt' | 'madtFile' | 'viot' | 'viotFile'> | undefined {
  const dump = path.dirname(table);
  const source = files.isFile(dump) ? files.read(dump) : undefined;
  if (source === undefined || 'error' in source || inputKind(source) !== 'acpi-dump') return undefined;
  const tables = tablesOfDump(readAcpiDump(source.text));
  const [madt, viot] = [tables.get('APIC')?.bytes, tables.get('VIOT')?.bytes];
  return {
    madt: madt && documentOfBinary(path.join(dump, 'APIC'), madt),
    madtFile: madt && dump,
    viot: viot && documentOfBinary(path.join(dump, 'VIOT'), viot),
    viotFile: viot && dump,
  };
}

function documentOfBytes(file: string, files: FileStore): TableDocument | FileError {
  const bytes = files.readBytes(file);
  return 'error' in bytes ? bytes : documentOfBinary(file, bytes);
}

/** A table in a file, in either form; undefined where it is something else. */
function tableOf(file: string, files: FileStore): TableDocument | FileError | undefined {
  const source = files.read(file);
  if ('error' in source) return source;
  const kind = inputKind(source);
  if (kind === 'acpi-text') return documentOfText(source);
  return kind === 'acpi-binary' ? documentOfBytes(file, files) : undefined;
}

/** As the kernel names the file of its table, and people theirs: `APIC`, `apic.dat`, `board-madt.dsl`. */
const madtName = /^(?:.*[^a-z])?(?:apic|madt)(?:[^a-z].*)?$/i;
/** A directory of tables is not large; others are not searched. */
const mostNeighbours = 2000;

/** The one MADT in the directory of a table. Of several, the one whose name begins as that of the table, or that is of its form. */
function neighbouringMadt(file: string, files: FileStore): string | undefined {
  return neighbour(file, files, madtName, (each) => isMadt(each, files));
}

const viotName = /^(?:.*[^a-z])?viot(?:[^a-z].*)?$/i;

/** The same of a VIOT. */
function neighbouringViot(file: string, files: FileStore): Pick<AcpiMachine, 'viot' | 'viotFile'> {
  const tables = new Map<string, TableDocument>();
  const viotFile = neighbour(file, files, viotName, (each) => {
    const table = tableOf(each, files);
    if (table === undefined || 'error' in table || table.viot === undefined) return false;
    tables.set(each, table);
    return true;
  });
  return { viot: viotFile === undefined ? undefined : tables.get(viotFile), viotFile };
}

function neighbour(
  file: string,
  files: FileStore,
  pattern: RegExp,
  isWanted: (file: string) => boolean,
): string | undefined {
  const directory = path.dirname(file);
  const entries = files.list(directory);
  if (entries.length > mostNeighbours) return undefined;
  const found = entries
    .filter(({ name, isDirectory }) => !isDirectory && pattern.test(name))
    .map(({ name }) => path.join(directory, name))
    .filter((each) => each !== file && isWanted(each));
  if (found.length <= 1) return found[0];
  const stem = path.parse(file).name;
  const named = found.find((each) => path.parse(each).name.startsWith(stem));
  if (named !== undefined) return named;
  const form = formOf(file);
  const alike = found.filter((each) => formOf(each) === form);
  return alike.length === 1 ? alike[0] : undefined;

  function formOf(each: string): InputKind | undefined {
    const source = files.read(each);
    return 'error' in source ? undefined : inputKind(source);
  }
}

function isMadt(file: string, files: FileStore): boolean {
  const source = files.read(file);
  if ('error' in source) return false;
  const kind = inputKind(source);
  if (kind === 'acpi-binary') return source.text.startsWith('APIC');
  return kind === 'acpi-text' && /Signature[ \t]*:[ \t]*"?APIC/.test(source.text.slice(0, 4096));
}

const noTopology: Topology = {
  firmware: 'acpi',
  masters: [],
  hostBridges: [],
  iommus: [],
  msiControllers: [],
  memory: [],
  reservationNodes: [],
  problems: [],
};

/** What is wrong with the tables beside the one that was given; without a file where they came with it. */
export function damageBeside({ madt, madtFile, viot, viotFile }: AcpiMachine): Damage[] {
  const ofText = (file: string | undefined, document: TableDocument | undefined): Damage[] => {
    const [first, ...others] = (document?.diagnostics ?? []).filter(({ severity }) => severity === 'error');
    if (first === undefined) return [];
    const more = others.length === 0 ? '' : ` (and ${count(others.length, 'more error')})`;
    return [{ file, message: `${first.message}${more}` }];
  };
  const ofViot = (viot?.viot?.problems ?? []).map((message) => ({ file: viotFile, message: `VIOT: ${message}` }));
  return [...ofText(madtFile, madt), ...ofText(viotFile, viot), ...ofViot];
}

interface Damage {
  readonly file: string | undefined;
  readonly message: string;
}

/** What the tables describe; nothing where the given one is no IORT. */
export function topologyOfMachine(machine: AcpiMachine, settings: AcpiSettings): Topology {
  const { document, madt, viot, dump } = machine;
  const { iort } = document;
  if (iort === undefined) return noTopology;
  const placeOf = (of: TableDocument): PlaceOf =>
    dump === undefined ? of.placeOf : placesInDump(dump.file, dump.tables, of);
  const placed = madt?.madt && { table: madt.madt, placeOf: placeOf(madt) };
  const topology = topologyFromAcpi({ table: iort, placeOf: placeOf(document) }, placed, settings);
  return viot?.viot === undefined ? topology : withViot(topology, viot.viot);
}
