// From a context to everything that is known of its board: the one place where the layers are put together.
import type { KernelProfile } from '../iova/kernel-profile';
import { predictRegions } from '../iova/predict';
import type { RegionPrediction } from '../iova/prediction';
import type { Unit } from '../preprocess/preprocess';
import type { HostNames } from '../iova/hosts/locate';
import { checkRules, checkTableRules } from '../rules/check';
import type { RuleSettings } from '../rules/rule';
import { settleDiagnostics } from '../rules/suppression';
import type { SyntaxTree } from '../syntax/syntax-tree';
import { type Diagnostic, readable } from '../text/diagnostic';
import { sourceFile, type SourceFile } from '../text/source-file';
import { topologyFromTree } from '../topology/from-tree';
import type { Topology } from '../topology/model';
import { readFdt } from '../tree/fdt-read';
import type { DeviceTree } from '../tree/model';
import { acpiMachineOf, machineOfTables, topologyOfMachine, type AcpiMachine } from './acpi-machine';
import { acpiNames } from './acpi-names';
import { withBytes } from './binary-places';
import { compile, filesOfUnit, type CompileOptions, type CompiledUnit } from './compile';
import type { Context } from './contexts';
import { atDumpedBytes } from './dump-places';
import type { FileStore } from './files';
import { fragmentDiagnostics, isOtherText } from './fragments';
import { readHostArchive, type HostArchive } from './host-archive';
import { hostNames } from './host-names';
import { inputKind, isAsl, type InputKind } from './input-kind';
import { applyOverlays, sortOverlays, type OverlayUnit } from './overlays';
import { settingsProfile } from './settings';
import { configuredGuests } from './guest-file';
import { settingsPlace } from './settings-file';

/** One board at one moment. Never changed: an edit makes a new one. */
export interface Snapshot {
  readonly context: Context;
  readonly kind: InputKind;
  /** What was recorded of the machine, where the input is an archive of `doorbell collect`. */
  readonly host: HostArchive | undefined;
  /** The tables of a machine that ACPI describes; its tree is empty. */
  readonly acpi: AcpiMachine | undefined;
  /** Of a blob, an empty file of its name; of a table in binary form, the text that it is printed as. */
  readonly root: SourceFile;
  /** Empty for a blob, as `syntax` is. */
  readonly unit: Unit;
  readonly syntax: SyntaxTree;
  /** Sources that are applied to its tree, in this order. */
  readonly overlays: readonly OverlayUnit[];
  /** With the overlays applied. */
  readonly tree: DeviceTree;
  readonly topology: Topology;
  /** What its devices are called. */
  readonly names: HostNames;
  readonly kernel: KernelProfile;
  readonly prediction: RegionPrediction;
  /** Of all layers, as the user's settings want them, in the order of the unit's files and in each by place. */
  readonly diagnostics: readonly Diagnostic[];
  /** Paths of all files that were read for it. */
  readonly files: ReadonlySet<string>;
  /** Why the input cannot be used at all, in one line without its name; what there is of it is then empty. */
  readonly unusable: string | undefined;
}

/** A board's tree and what went into it, before anything is made of it. */
export type CompiledBoard = Pick<
  Snapshot,
  'context' | 'kind' | 'host' | 'acpi' | 'root' | 'unit' | 'syntax' | 'overlays' | 'tree' | 'files' | 'unusable'
> & {
  /** Of the preprocessor, the parser and the merge, as they come. */
  readonly diagnostics: readonly Diagnostic[];
};

/** Analyses a board. Gives a snapshot for any input; an exception is a bug of ours. */
export function analyse(context: Context, files: FileStore): Snapshot {
  const board = compileBoard(context, files);
  if (board.acpi !== undefined) return analyseTables(board, board.acpi, files);
  const { tree, kind, unit, overlays } = board;
  const kernel = settingsProfile(context.settings);
  const topology = topologyFromTree(tree, context.settings);
  const prediction = predictRegions(topology, kernel);
  const settings = ruleSettings(context, files);
  const root = kind === 'source' ? board.root : undefined;
  const found = checkRules({ tree, topology, prediction, kernel, settings, root });
  const { rules } = context.settings;
  const own = fragmentDiagnostics(context, board.root, board.diagnostics);
  const wanted = [...own, ...found].filter(({ rule }) => rules[rule] !== 'off');
  const diagnostics = settleDiagnostics(inFileOrder(wanted, [unit, ...overlays.map((overlay) => overlay.unit)]), rules);
  return { ...board, topology, names: hostNames(tree), kernel, prediction, diagnostics };
}

/** The same of a machine that ACPI describes. */
function analyseTables(board: CompiledBoard, acpi: AcpiMachine, files: FileStore): Snapshot {
  const { context } = board;
  const { rules } = context.settings;
  const kernel = settingsProfile(context.settings);
  const topology = topologyOfMachine(acpi, context.settings);
  const prediction = predictRegions(topology, kernel);
  const settings = ruleSettings(context, files);
  const { document, madt } = acpi;
  const { iort: table } = document;
  const found =
    table === undefined
      ? []
      : checkTableRules({ document, table, madt: madt?.madt, topology, prediction, kernel, settings });
  const wanted = [...board.diagnostics, ...document.diagnostics, ...found].filter(({ rule }) => rules[rule] !== 'off');
  const settled = settleDiagnostics(inFileOrder(wanted, []), rules);
  const { dump } = acpi;
  const diagnostics =
    dump === undefined ? withBytes(settled, [document, madt]) : atDumpedBytes(settled, dump.file, dump.tables);
  return { ...board, topology, names: acpiNames(topology), kernel, prediction, diagnostics };
}

/** What the rules need to know of doorbell.json. */
function ruleSettings({ settings, settingsFile, msiWindowSource }: Context, files: FileStore): RuleSettings {
  const place: RuleSettings['place'] = (key) => {
    const source = settingsFile === undefined ? undefined : files.read(settingsFile);
    if (source === undefined || 'error' in source) return undefined;
    // The ranges of a preset have no place of their own.
    const isGuest = key[0] === 'guests';
    return settingsPlace(source, key) ?? (isGuest ? settingsPlace(source, key.slice(0, 2)) : undefined);
  };
  const { preserveBootConfiguration, streamIdBits } = settings;
  return { msiWindowSource, guests: configuredGuests(settings), preserveBootConfiguration, streamIdBits, place };
}

/** The tree of a board, overlays applied, without the analysis. */
export function compileBoard(context: Context, files: FileStore, options: CompileOptions = {}): CompiledBoard {
  const root = files.read(context.root);
  if ('error' in root) return unusableBoard(context, 'binary', root.error, files);
  const isForeign = context.reason === 'alone' && files.document(context.root) === undefined && isOtherText(root);
  const found = inputKind(root);
  if (found === 'source' && isForeign && root.text.trim() === '')
    return unusableBoard(context, 'binary', 'is empty', files);
  if (found === 'source' && isAsl(root)) return unusableBoard(context, 'binary', unusableKinds.asl, files);
  const kind = found === 'source' && isForeign ? 'binary' : found;
  if (kind === 'source') {
    const overlays = sortOverlays(context, files);
    // fdtoverlay finds its targets by the symbols that -@ makes.
    const symbols = options.symbols === true || overlays.applied.length > 0;
    const compiled = compile(root, [...context.appended, ...overlays.appended], context, files, { symbols });
    const applied = compiled.unit.isRefused ? [] : overlays.applied;
    return overlaidBoard(context, kind, root, compiled, applied, files);
  }
  if (kind === 'archive') return archivedBoard(context, root, files);
  if (kind === 'acpi-text' || kind === 'acpi-binary' || kind === 'acpi-dump') {
    const machine = acpiMachineOf(root, kind, context.settings, files);
    if ('error' in machine) return unusableBoard(context, kind, machine.error, files);
    return tableBoard(context, kind, machine, files);
  }
  if (kind === 'binary') return unusableBoard(context, kind, unusableKinds.binary, files);
  const bytes = files.readBytes(context.root);
  if ('error' in bytes) return unusableBoard(context, kind, bytes.error, files);
  const blob = readFdt(bytes);
  if ('error' in blob) {
    const reason = `is a damaged flattened devicetree: ${blob.error} at offset 0x${blob.offset.toString(16)}`;
    return unusableBoard(context, kind, reason, files);
  }
  return treeBoard(context, kind, blob.tree, files);
}

/** A board that comes as a finished tree, without sources. */
function treeBoard(context: Context, kind: InputKind, tree: DeviceTree, files: FileStore): CompiledBoard {
  const compiled = { ...emptyUnit(context, files), tree };
  return overlaidBoard(context, kind, compiled.unit.tokens.root, compiled, sortOverlays(context, files).applied, files);
}

/** The machine that an archive was collected on. */
function archivedBoard(context: Context, root: SourceFile, files: FileStore): CompiledBoard {
  const host = readHostArchive(root, files);
  if (host === undefined) return unusableBoard(context, 'archive', unusableKinds.binary, files);
  if ('error' in host) return unusableBoard(context, 'archive', host.error, files);
  const machine = machineOfTables(context.root, host.tables);
  if (machine !== undefined) return { ...tableBoard(context, 'archive', machine, files), host };
  if ('error' in host.tree) return { ...unusableBoard(context, 'archive', host.tree.error, files), host };
  return { ...treeBoard(context, 'archive', host.tree, files), host };
}

/** A machine that comes as ACPI tables. */
function tableBoard(context: Context, kind: InputKind, acpi: AcpiMachine, files: FileStore): CompiledBoard {
  const compiled = emptyUnit(context, files);
  const board = overlaidBoard({ ...context, overlays: [] }, kind, acpi.document.file, compiled, [], files);
  const found = [acpi.madtFile, acpi.viotFile].filter((file) => file !== undefined);
  const diagnostics = [...board.diagnostics, ...(acpi.dump?.diagnostics ?? [])];
  return { ...board, context, acpi, diagnostics, files: new Set([...board.files, ...found]) };
}

const unusableKinds = {
  binary: 'is neither devicetree source, nor a flattened devicetree, nor an ACPI table',
  asl: 'is ASL, the source of a DSDT or an SSDT; what devices reach, the IORT says',
};

function overlaidBoard(
  context: Context,
  kind: InputKind,
  root: SourceFile,
  { unit, syntax, tree: base, diagnostics }: CompiledUnit,
  applied: readonly string[],
  files: FileStore,
): CompiledBoard {
  const { tree, units: overlayUnits, diagnostics: ofOverlays } = applyOverlays(base, applied, context, files);
  const settingsFiles = context.settingsFile === undefined ? [] : [context.settingsFile];
  return {
    context,
    kind,
    host: undefined,
    acpi: undefined,
    root,
    unit,
    syntax,
    overlays: overlayUnits,
    tree,
    diagnostics: [...context.diagnostics, ...diagnostics, ...ofOverlays],
    files: new Set([
      ...[unit, ...overlayUnits.map((each) => each.unit)].flatMap(filesOfUnit),
      ...context.overlays,
      ...settingsFiles,
    ]),
    unusable: undefined,
  };
}

function unusableBoard(context: Context, kind: InputKind, reason: string, files: FileStore): CompiledBoard {
  const compiled = emptyUnit(context, files);
  const { root } = compiled.unit.tokens;
  const unusable: Diagnostic = {
    rule: 'unusable-input',
    severity: 'error',
    range: { file: root, start: 0, end: 0 },
    message: `${context.root}: ${reason}`,
  };
  const board = overlaidBoard({ ...context, overlays: [] }, kind, root, compiled, [], files);
  return { ...board, context, diagnostics: [...context.diagnostics, unusable], unusable: reason };
}

const emptyUnits = new WeakMap<Context, CompiledUnit>();

/** A unit of nothing, for what has no sources. A context's is the same for every edit of its table. */
function emptyUnit(context: Context, files: FileStore): CompiledUnit {
  let unit = emptyUnits.get(context);
  if (unit === undefined) {
    unit = { ...compile(sourceFile(context.root, ''), [], context, files), diagnostics: [] };
    emptyUnits.set(context, unit);
  }
  return unit;
}

/** Findings of one rule in one file that are listed: nobody reads more, and editors choke on them. */
const mostOfARule = 1000;

/** Root file first, then its includes as they are met; those without a place last. What two layers say alike is said once. */
function inFileOrder(diagnostics: readonly Diagnostic[], units: readonly Unit[]): readonly Diagnostic[] {
  const order = new Map<SourceFile, number>();
  for (const { tokens, includes } of units) {
    for (const file of [tokens.root, ...includes.map(({ to }) => to)]) {
      if (file !== undefined && !order.has(file)) order.set(file, order.size);
    }
  }
  const rank = ({ range }: Diagnostic) =>
    range === undefined ? order.size + 1 : (order.get(range.file) ?? order.size);
  const ordered = [...diagnostics].sort((a, b) => rank(a) - rank(b) || (a.range?.start ?? 0) - (b.range?.start ?? 0));
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  const listed: Diagnostic[] = [];
  for (const diagnostic of ordered) {
    const { rule, range, message } = diagnostic;
    const kind = `${range?.file.path ?? ''} ${rule}`;
    const count = counts.get(kind) ?? 0;
    const key = `${kind} ${range?.start ?? ''} ${range?.end ?? ''} ${message}`;
    if (count > mostOfARule || seen.has(key)) continue;
    seen.add(key);
    counts.set(kind, count + 1);
    listed.push(count < mostOfARule ? readable(diagnostic) : manyMore(diagnostic));
  }
  return listed;
}

function manyMore({ rule, range }: Diagnostic): Diagnostic {
  const message = `There is more of ${rule} in this file; only the first ${mostOfARule} are listed`;
  return { rule: 'too-many-diagnostics', severity: 'info', range, message };
}
