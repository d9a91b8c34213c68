// What a large IORT costs: 2,000 nodes as text and as binary, stage by stage in one warm process, after a change of one
// value each time. A program of its own, bundled by bench.ts as the server is.
import { buildIort } from '../../server/src/acpi/iort/build';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { editTable } from '../../server/src/acpi/iort/edit';
import { movedReferences } from '../../server/src/acpi/iort/moved-references';
import type { IortTable } from '../../server/src/acpi/iort/model';
import { documentOfText } from '../../server/src/acpi/text/document';
import { printTable } from '../../server/src/acpi/text/print';
import { defaultKernel } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { checkTableRules } from '../../server/src/rules/check';
import { sourceFile } from '../../server/src/text/source-file';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import { crowdedTable } from './crowded-tables';
import { median, minimum, table } from './statistics';

const nodes = 2000;
const rounds = 25;
const warmRounds = 8;
const typical = process.argv[2] === 'minima' ? minimum : median;

const stages = {
  text: ['text to bytes', 'decoding', 'topology', 'prediction', 'rules', 'all of these'],
  binary: ['decoding', 'every value of it', 'printing the text'],
  edits: ['a node put in', 'references that must follow'],
} as const;

const built = buildIort(crowdedTable(nodes));
if (!('bytes' in built)) throw new Error(built.problem);
const { bytes } = built;
const text = printTable(bytes, { style: 'current' });
console.log(`an IORT of ${nodes} nodes: ${bytes.length} bytes, ${text.length} characters of text; milliseconds`);
report('text', measureText);
report('binary', measureBinary);
report('edits', measureEdits);

function report(name: keyof typeof stages, measure: (round: number) => readonly number[]): void {
  const times = Array.from({ length: rounds }, (_, round) => measure(round));
  const cell = (stage: number, measured: readonly (readonly number[])[]): string =>
    typical(measured.map((each) => each[stage]!)).toFixed(1);
  const rows = stages[name].map((stage, index) => [
    stage,
    times[0]![index]!.toFixed(1),
    cell(index, times.slice(warmRounds)),
  ]);
  console.log(`\n${table([[name, 'first', 'warm'], ...rows])}`);
}

/** Milliseconds of each step, run one after the other. */
function timed(...steps: readonly (() => void)[]): number[] {
  return steps.map((step) => {
    const start = performance.now();
    step();
    return performance.now() - start;
  });
}

/** The text as after an edit of one value in its middle. */
function measureText(round: number): readonly number[] {
  const middle = text.indexOf('Output Base', text.length / 4);
  const value = text.indexOf(': ', middle) + 2;
  const edited = text.slice(0, value) + round.toString(16).padStart(8, '0') + text.slice(value + 8);
  let document: ReturnType<typeof documentOfText>;
  let iort: IortTable;
  let topology: ReturnType<typeof topologyFromAcpi>;
  let prediction: ReturnType<typeof predictRegions>;
  const settings = { preserveBootConfiguration: false };
  const kernel = defaultKernel;
  const found = timed(
    () => (document = documentOfText(sourceFile('/bench/iort.dsl', edited, 'latin1'))),
    () => (iort = document.iort!),
    () => (topology = topologyFromAcpi({ table: iort, placeOf: document.placeOf }, undefined, settings)),
    () => (prediction = predictRegions(topology, kernel)),
    () => checkTableRules({ document, table: iort, topology, prediction, kernel, settings }),
  );
  return [...found, found.reduce((sum, time) => sum + time, 0)];
}

function measureBinary(): readonly number[] {
  const copy = bytes.slice();
  let decoded: IortTable;
  let sum = 0n;
  const times = timed(
    () => (decoded = decodeIort(copy)),
    () => {
      for (const { all } of decoded.nodes) for (const { value } of all) sum += value;
    },
    () => printTable(copy, { style: 'current' }),
  );
  if (sum === 0n) throw new Error('the table has no values');
  return times;
}

function measureEdits(): readonly number[] {
  const before = decodeIort(bytes);
  const [first] = before.nodes;
  const node = bytes.slice(first!.offset, first!.end);
  // As a text has it when a line was added in front: the nodes are moved, the references are not.
  const insert = { kind: 'insert', before: 1, bytes: node } as const;
  const moved = editTable({ ...before, nodeAt: () => undefined }, [insert]).bytes;
  const after = decodeIort(moved);
  return timed(
    () => editTable(before, [insert]),
    () => {
      if (movedReferences(before, after).length === 0) throw new Error('the references do not follow');
    },
  );
}
