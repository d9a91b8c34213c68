// What is found in a table does not depend on the way to it: a text that is edited again and again, whose versions share what no
// edit has touched, against each of its versions read for the first time.
import assert from 'node:assert/strict';
import { documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { ownLayout } from '../../../server/src/iova/guests/layout';
import { kernelProfiles, type KernelProfile } from '../../../server/src/iova/kernel-profile';
import { predictRegions } from '../../../server/src/iova/predict';
import { regionsJson } from '../../../server/src/iova/print-regions';
import { checkTableRules } from '../../../server/src/rules/check';
import type { RuleSettings } from '../../../server/src/rules/rule';
import {
  differenceOf,
  editedFile,
  sourceFile,
  type SourceFile,
  type SourceRange,
} from '../../../server/src/text/source-file';
import { rangeOf, type Iova } from '../../../server/src/topology/address';
import { topologyFromAcpi } from '../../../server/src/topology/from-acpi';
import type { Availability, DmaMaster, IdMap, Link, Problem, Topology } from '../../../server/src/topology/model';
import { buildIort } from '../../../server/src/acpi/iort/build';
import { generateTable } from '../../acpi/generate-table';
import { crowdedTable } from '../../bench/crowded-tables';
import { random, type Random } from '../../fuzz/random';

const settings = { preserveBootConfiguration: true };
/** What is reserved in the tables without a flaw lies in its RAM; some of that is beyond the addresses that devices have. */
const guests = [
  ownLayout(
    'one',
    [
      { start: 0x80_0000_0000n, size: 1n << 30n },
      { start: (1n << 48n) - 0x10000n, size: 0x20000n },
    ],
    'here',
  ),
];
const kernels = Object.values(kernelProfiles);
const movedWindows: readonly KernelProfile[] = kernels.map((kernel) => ({
  ...kernel,
  msiWindow: rangeOf(0x20_0000_0000n as Iova, 0x100000n),
  msiWindowOrigin: 'settings',
}));
const editsOfEach = 12;

describe('a table that is edited', () => {
  it('has the regions and the findings of its last version, whatever its nodes are', () => {
    for (let seed = 0; seed < 40; seed++) {
      const bytes = generateTable(seed, { isOdd: seed % 3 === 0, mostNodes: 4 + (seed % 20) });
      follow(`seed ${seed}`, printTable(bytes, { style: 'current' }), random(seed), editsOfEach);
    }
  });

  it('has them where next to nothing was wrong before', () => {
    const built = buildIort(crowdedTable(60));
    assert.ok('bytes' in built);
    const text = printTable(built.bytes, { style: 'current' });
    for (let seed = 0; seed < 5; seed++) follow(`crowd, seed ${seed}`, text, random(seed), 2 * editsOfEach);
  });

  it('has them where guests and another MSI window are set', () => {
    const built = buildIort(crowdedTable(60));
    assert.ok('bytes' in built);
    const text = printTable(built.bytes, { style: 'current' });
    const set = { kernels: movedWindows, settings: { ...settings, guests } };
    for (let seed = 0; seed < 5; seed++) follow(`guests, seed ${seed}`, text, random(seed), 2 * editsOfEach, set);
    for (let seed = 0; seed < 10; seed++) {
      const odd = printTable(generateTable(seed, { mostNodes: 8 }), { style: 'current' });
      follow(`guests, odd, seed ${seed}`, odd, random(seed), editsOfEach, set);
    }
  });
});

interface Setting {
  readonly kernels: readonly KernelProfile[];
  readonly settings: RuleSettings;
}

/** One edit after the other, some of which take the last ones back. */
function follow(
  name: string,
  start: string,
  numbers: Random,
  edits: number,
  set: Setting = { kernels, settings },
): void {
  const versions = [start];
  let file = sourceFile(`/edited/${name}.dsl`, start, 'latin1');
  const kernel = numbers.pick(set.kernels);
  for (let count = 0; count <= edits; count++) {
    const text = versions.at(-1)!;
    // Some versions come as a whole text, most as what was edited.
    file = numbers.below(4) === 0 ? sourceFile(file.path, text, 'latin1') : editedTo(file, text);
    const document = documentOfText(file);
    const again = documentOf(`/read/${name}-${count}.dsl`, text);
    assert.deepEqual(
      facts(document, kernel, set.settings),
      facts(again, kernel, set.settings),
      `${name}, edit ${count}`,
    );
    versions.push(numbers.below(5) === 0 ? numbers.pick(versions) : edited(document, numbers));
  }
}

function editedTo(before: SourceFile, text: string): SourceFile {
  const { start, end, otherEnd } = differenceOf(before, sourceFile('', text));
  return editedFile(before, start, end, text.slice(start, otherEnd));
}

function documentOf(path: string, text: string): TableDocument {
  return documentOfText(sourceFile(path, text, 'latin1'));
}

function facts(document: TableDocument, kernel: KernelProfile, settings: RuleSettings): unknown {
  const { iort: table, placeOf } = document;
  if (table === undefined) return 'no IORT';
  const topology = topologyFromAcpi({ table, placeOf }, undefined, { preserveBootConfiguration: true });
  const prediction = predictRegions(topology, kernel);
  const found = checkTableRules({ document, table, topology, prediction, kernel, settings });
  return {
    ...topologyFacts(topology),
    groups: without(regionsJson(prediction)),
    ungrouped: prediction.ungrouped.map(({ path, reason }) => [path, reason]),
    found: found.map(({ rule, severity, message, range, evidence, fixes }) => [
      [rule, severity, message, place(range)],
      evidence?.map((each) => [each.message, place(each.range)]),
      fixes?.map(({ title, isPreferred }) => [title, isPreferred]),
    ]),
  };
}

/** All that a table gives, with the places. */
function topologyFacts(topology: Topology): object {
  const { masters, iommus, hostBridges, msiControllers, reservationNodes, problems } = topology;
  const msi = ({ msi: { parents, earlierParents, map, earlierMap, node, source } }: DmaMaster): unknown => [
    [parents, earlierParents ?? []].map((list) => list.map((each) => [linkFacts(each.controller), place(each.source)])),
    [mapFacts(map), mapFacts(earlierMap), node, place(source)],
  ];
  return {
    problems: problems.map(problemFacts),
    masters: masters.map((master) => [
      [
        master.path,
        master.kind,
        state(master.availability),
        master.coherent,
        master.addressLimit,
        place(master.source),
      ],
      master.streams.map((each) => [
        [each.streamId, each.mask, each.cells, linkFacts(each.iommu), place(each.source)],
        problemFacts(each.problem),
      ]),
      mapFacts(master.iommuMap),
      msi(master),
    ]),
    hostBridges: hostBridges.map(({ path, segment, availability, source }) => [
      path,
      segment,
      state(availability),
      place(source),
    ]),
    iommus: iommus.map((iommu) => [
      [iommu.path, state(iommu.availability), iommu.driver.name, iommu.coherent, iommu.registers, place(iommu.source)],
      iommu.streamReservations?.map(({ streams, reservations }) => [
        streams.map(({ first, last, source }) => [first, last, place(source)]),
        reservations.map(({ node, outcomes, writtenStart, size, source }) => [
          [node.path, outcomes['own-cells'].kind, writtenStart, size, place(source)],
        ]),
      ]),
      iommu.streamDoorbells,
    ]),
    msiControllers: msiControllers.map(({ path, doorbells, source }) => [path, doorbells.length, place(source)]),
    reservationNodes: reservationNodes.map(({ path, physical, source }) => [path, physical, place(source)]),
  };
}

function state(availability: Availability): unknown {
  return availability.enabled || [availability.reason, place(availability.source)];
}

function linkFacts(link: Link<{ readonly path: string }>): unknown {
  return [link.phandle, link.path, link.target?.path, problemFacts(link.problem), place(link.source)];
}

function mapFacts(map: IdMap<{ readonly path: string }> | undefined): unknown {
  const { entries } = map?.readings['four-cells'] ?? { entries: [] };
  return [
    place(map?.source),
    entries.map((each) => [
      [each.input, each.output, each.length, each.single, linkFacts(each.target), problemFacts(each.problem)],
      [each.source, each.inputSource, each.outputSource, each.lengthSource].map(place),
    ]),
  ];
}

function problemFacts(problem: Problem | undefined): unknown {
  return problem && [problem.code, problem.message, problem.node, place(problem.source)];
}

/** The file's name is not the same. */
function without(printed: unknown): unknown {
  return JSON.parse(JSON.stringify(printed).replaceAll(/\/(?:edited|read)\/[^":]*\.dsl/g, ''));
}

function place(range: SourceRange | undefined): string {
  return range === undefined ? '' : `${range.start}-${range.end}`;
}

/** Another number somewhere: mostly a small one, one that stands elsewhere, or a place of a node; or a line less or more. */
function edited(document: TableDocument, numbers: Random): string {
  const { text } = document.file;
  const fields = document.syntax.fields.filter(({ field, size }) => field.kind !== 'heading' && size <= 8);
  if (fields.length === 0) return text;
  const { line, size } = numbers.pick(fields);
  if (numbers.below(12) === 0) {
    const start = text.lastIndexOf('\n', line.start) + 1;
    const end = text.indexOf('\n', line.end) + 1;
    return numbers.below(2) === 0 ? text.slice(0, start) + text.slice(end) : text.slice(0, end) + text.slice(start);
  }
  const offsets = document.syntax.structures.map(({ offset }) => offset);
  const other = numbers.pick(fields).written ?? 0n;
  const values = [
    BigInt(numbers.below(4)),
    BigInt(numbers.pick(offsets)),
    other,
    other + 1n,
    BigInt(numbers.below(2 ** 16)),
  ];
  const digits = BigInt.asUintN(size * 8, numbers.pick(values))
    .toString(16)
    .toUpperCase()
    .padStart(size * 2, '0');
  return text.slice(0, line.valueStart) + digits + text.slice(line.valueEnd);
}
