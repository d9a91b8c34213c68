// Work with a table that nobody has asked for: V8 compiles and optimizes code only when it runs often, so the first large
// table would cost ten times what later ones do. Done in small steps while the client is quiet.
import { documentOfText } from '../acpi/text/document';
import { buildIort, type MappingDraft, type NodeDraft } from '../acpi/iort/build';
import { printTable } from '../acpi/text/print';
import { codeLenses } from '../features/iort/code-lenses';
import { folds } from '../features/iort/folding';
import { settle } from '../features/iort/moved-references';
import { semanticTokens } from '../features/iort/semantic-tokens';
import { symbols } from '../features/iort/symbols';
import { editedFile, lengthOf, textBetween, type SourceFile } from '../text/source-file';
import { analyse, type Snapshot } from '../workspace/analysis';
import { contextOf, type Context } from '../workspace/contexts';
import { createFileStore } from '../workspace/files';

/** Machines in the tables, one table after the other: a small one first, since code that has never run is the slowest. */
const sizes = [1, 2, 4, 8, 16, 32, 64, 96, 96, 96, 96, 96, 96];
const name = 'doorbell:rehearsal';

/** Some analyses live as long as the process: V8 takes compiled code back where the last object of a form dies. */
const kept: unknown[] = [];
const mostKept = 4;

/** Each call does a little more, up to some tens of milliseconds; false when there is nothing left to do. */
export function createTableRehearsal(): () => boolean {
  const steps = rehearsal();
  return () => steps.next().done !== true;
}

function* rehearsal(): Generator<void, void> {
  const files = createFileStore();
  const context = contextOf(name, files);
  let text = '';
  for (const [round, size] of sizes.entries()) {
    if (size !== sizes[round - 1]) {
      text = rehearsalText(size);
      yield;
    }
    // Under a name of its own: an edit of the table before would be read as one.
    const table = `${name}-${round}`;
    const file = files.open(table, text);
    documentOfText(file);
    yield;
    let snapshot: Snapshot = analyse({ ...context, root: table }, files);
    let settled = settle(undefined, snapshot.acpi!.document);
    yield;
    show(snapshot);
    yield;
    const label = 'Output Base : ';
    const place = text.indexOf(label, text.length / 3) + label.length;
    files.open(table, editedFile(file, place + 7, place + 8, '3'));
    snapshot = analyse({ ...context, root: table }, files);
    settled = settle(settled, snapshot.acpi!.document);
    yield;
    files.close(table);
    if (kept.length < mostKept) kept.push(snapshot, settled);
  }
}

/** Everything that an editor shows of a whole table. */
function show(snapshot: Snapshot): void {
  const { document } = snapshot.acpi!;
  symbols(document);
  folds(document);
  codeLenses(document, snapshot);
  semanticTokens(document, 0, Infinity, () => undefined);
}

/** Rounds until an edit of a table of 2,000 nodes costs no less the next time, as measured. */
const mostRounds = 14;
const editable = /Output Base : [0-9A-F]{7}([0-9A-F])/i;

/**
 * Edits a digit of an open table for nobody and takes that back, some times in the life of a process: an edit of a large
 * table runs code that the small ones hardly do. False when it has been done, or there is no such digit.
 */
export function createEditRehearsal(): (context: Context, file: SourceFile) => boolean {
  let rounds = 0;
  return (context, file) => {
    if (rounds++ >= mostRounds) return false;
    const from = lengthOf(file) >> 1;
    const found = editable.exec(textBetween(file, from, from + 20_000));
    if (found === null) return false;
    const files = createFileStore();
    const place = from + found.index + found[0].length - 1;
    const other = editedFile(file, place, place + 1, found[1] === '1' ? '2' : '1');
    for (const edited of [other, editedFile(other, place, place + 1, found[1]!)]) {
      files.open(file.path, edited);
      analyse(context, files);
    }
    return true;
  };
}

/** The text of a table of so many machines. */
export function rehearsalText(machines: number): string {
  const nodes = Array.from({ length: machines }, (_, index) => machine(index, nodesOfMachine * index)).flat();
  const built = buildIort({ revision: 5, nodes: nodes.map((node, identifier) => ({ ...node, identifier })) });
  if ('problem' in built) throw new Error(built.problem);
  return printTable(built.bytes, { style: 'current' });
}

const nodesOfMachine = 13;

/**
 * Nodes of all common kinds: an SMMUv3 in front of a root complex and of a component, one in front of components alone, and an
 * SMMUv2; `first` is the index of the first node.
 */
function machine(index: number, first: number): readonly NodeDraft[] {
  const [its, smmu, old, other] = [first, first + 1, first + 2, first + 3];
  const memory = { cacheCoherency: 1, memoryFlags: 3 };
  const base = BigInt(0x2_0000_0000 + 0x10_0000 * index);
  const mapping = (outputBase: number, count: number, target: number, flags = 0): MappingDraft => ({
    inputBase: 0,
    count,
    outputBase,
    target,
    flags,
  });
  const component = (number: number, target: number): NodeDraft => ({
    kind: 'named-component',
    revision: 4,
    fields: { ...memory, memorySizeLimit: 48 },
    name: `\\_SB_.D${number}${index.toString(36).toUpperCase().padStart(2, '0')}`,
    padding: new Uint8Array(4),
    mappings: [mapping(number, 0, target, 1)],
  });
  const interrupt = 100 + 16 * index;
  return [
    { kind: 'its-group', revision: 1, identifiers: [index] },
    {
      kind: 'smmuv3',
      revision: 4,
      fields: {
        base,
        flags: 1,
        eventGsiv: interrupt,
        priGsiv: interrupt + 1,
        gerrGsiv: interrupt + 2,
        syncGsiv: interrupt + 3,
      },
      mappings: [mapping(0, 0xfffff, its)],
    },
    {
      kind: 'smmu',
      revision: 3,
      fields: { base: base + 0x40000n, span: 0x20000, model: 3, flags: 1 },
      contextInterrupts: [interrupt + 4],
    },
    {
      kind: 'smmuv3',
      revision: 4,
      fields: {
        base: base + 0xa0000n,
        flags: 1,
        eventGsiv: interrupt + 6,
        priGsiv: interrupt + 7,
        gerrGsiv: interrupt + 8,
        syncGsiv: interrupt + 9,
      },
      mappings: [mapping(0, 0xfffff, its)],
    },
    {
      kind: 'root-complex',
      revision: 4,
      fixedSize: 0x24,
      fields: { ...memory, atsAttribute: 1, segment: index, memorySizeLimit: 64 },
      mappings: [mapping(0, 0xffff, smmu)],
    },
    ...[0, 1, 2, 3].map((number) => component(number, other)),
    component(4, index % 4 === 0 ? smmu : other),
    component(5, old),
    {
      kind: 'rmr',
      revision: 3,
      fields: { flags: 1 },
      descriptors: [{ base: 0x80_0000_0000n + 0x20000n * BigInt(index), length: 0x10000n }],
      mappings: [mapping(0, 0, other)],
    },
    {
      kind: 'pmcg',
      revision: 2,
      fields: { page0Base: base + 0x80000n, page1Base: base + 0x90000n, overflowGsiv: interrupt + 5 },
      reference: smmu,
    },
  ];
}
