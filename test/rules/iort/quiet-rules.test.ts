// What is not looked at again, or not at all, has nothing wrong with it: nodes that are told to be plain, and tables in which an
// edit changes nothing that a rule goes by. Tables are changed value by value, and rules asked that would not have been.
import assert from 'node:assert/strict';
import { writeInteger } from '../../../server/src/acpi/bytes';
import { buildIort, type TableDraft } from '../../../server/src/acpi/iort/build';
import { decodeIort } from '../../../server/src/acpi/iort/decode';
import type { IortTable, Value } from '../../../server/src/acpi/iort/model';
import type { TableDocument } from '../../../server/src/acpi/text/document';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { kernelProfiles } from '../../../server/src/iova/kernel-profile';
import { tableRules } from '../../../server/src/rules/catalogue';
import { remarkableNodes } from '../../../server/src/rules/iort/plain-nodes';
import { isNothingTo } from '../../../server/src/rules/seen-tables';
import type { TableInput, TableRule } from '../../../server/src/rules/table-rule';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import { sourceFile } from '../../../server/src/text/source-file';
import { generateTable } from '../../acpi/generate-table';
import { crowdedTable } from '../../bench/crowded-tables';
import { random } from '../../fuzz/random';
import { all, complex, component, its, range, rmr, single, smmuv3, table, wired } from './drafts';
import { amendTable, binaryDocument, checkTable, exampleTable, tableInput, textDocument } from './table';

const kernels = Object.values(kernelProfiles);
const perNode = tableRules.filter((rule) => rule.perNode === true);
const sighted = tableRules.filter(({ sight }) => sight !== undefined);

describe('rules about tables that are edited', () => {
  for (const { id, docs } of tableRules) {
    const { example } = docs;
    if (example.bytes !== undefined) continue;
    it(`${id}: is told as in a table that is new, from edit to edit of its example`, () => {
      const options = { ...(example.settings ?? {}), kernel: '7.2' } as const;
      const [corrected, failing] = [amendTable(example.corrected), amendTable(example.failing)];
      const versions = [corrected, failing, corrected, exampleTable, failing, exampleTable, corrected];
      for (const [count, text] of versions.entries()) {
        const edited = documentOfText(sourceFile(`/edited/${id}.dsl`, text));
        const read = documentOfText(sourceFile(`/read/${id}-${count}.dsl`, text));
        assert.deepEqual(told(checkTable(edited, options)), told(checkTable(read, options)), `version ${count}`);
      }
    });
  }

  it('find nothing in what is not looked at again: nodes that are plain, and tables in which they see no change', () => {
    const awake = new Set<string>();
    for (const before of sources()) {
      checkPlainNodes(before);
      for (const after of variants(before)) {
        checkPlainNodes(after);
        for (const id of woken(before, after)) awake.add(id);
      }
    }
    assert.deepEqual(
      sighted.map(({ id }) => id).filter((id) => !awake.has(id)),
      [],
    );
  });

  it('see that nodes have moved, and that references lead to others then', () => {
    // Longer by four bytes, a component in front moves the second SMMUv3 to where a reference led to nothing.
    const [before, after] = [4, 8].map((padding) => {
      const moved = component('\\_SB_.DEV0', []);
      return built(
        table(
          its(1, 0),
          smmuv3(0x2b40_0000n, [all(0)]),
          rmr([[0x9000_0000n, 0x10000n]], [single(5, 1)]),
          component('\\_SB_.DEV1', [single(5, 1)]),
          { ...moved, padding: new Uint8Array(padding) },
          smmuv3(0x2b60_0000n, [all(0)]),
        ),
      );
    }) as [TableInput, TableInput];
    const second = BigInt(after.table.nodes[5]!.offset);
    const [first, next] = [before, after].map(({ table: { bytes, nodes } }) => {
      const changed = Uint8Array.from(bytes);
      writeInteger(changed, nodes[3]!.mappings[0]!.outputReference.offset, 4, second);
      setChecksum(changed);
      return binaryDocument(changed).file.text;
    }) as [string, string];
    const found = [first, next].map((text) => checkTable(documentOfText(sourceFile('/edited/moved.dsl', text))));
    assert.deepEqual(told(found[1]!), told(checkTable(documentOfText(sourceFile('/read/moved.dsl', next)))));
    const isFound = found.map((each) => each.some(({ rule }) => rule === 'iort-rmr-no-master'));
    assert.deepEqual(isFound, [false, true]);
  });

  it('have plain nodes alone in a large table without a flaw', () => {
    const large = built(crowdedTable(200));
    assert.deepEqual(remarkableNodes(large, large.nodes), []);
  });
});

/** Rules about the table as a whole that find something only after the change: they must have seen it. */
function woken(before: TableInput, after: TableInput): readonly string[] {
  if (before.table.problems.length > 0 || after.table.problems.length > 0) return [];
  const rules = sighted.filter((rule) => isAsked(rule, before) && !finds(rule, before) && finds(rule, after));
  const { nodes } = before.table.nodes.length < after.table.nodes.length ? after.table : before.table;
  const changes = nodes.map((_, at) => [before.table.nodes[at], after.table.nodes[at]] as const);
  for (const rule of rules) {
    assert.ok(
      changes.some((change) => !isNothingTo(rule, change)),
      `${rule.id} finds something that it did not see`,
    );
  }
  return rules.map(({ id }) => id);
}

function checkPlainNodes(input: TableInput): void {
  const remarkable = new Set(remarkableNodes(input, input.table.nodes));
  const nodes = input.table.nodes.filter((node) => !remarkable.has(node));
  for (const rule of perNode) {
    if (!isAsked(rule, input)) continue;
    const found = [...rule.check({ ...input, nodes })].find(({ subject }) => subject !== undefined);
    assert.equal(found?.message, undefined, rule.id);
  }
}

function told(found: readonly Diagnostic[]): unknown {
  return found.map(({ rule, severity, message, range, fixes }) => [
    rule,
    severity,
    message,
    range && `${range.start}-${range.end}`,
    fixes?.map(({ title }) => title),
  ]);
}

function built(draft: TableDraft): TableInput {
  const found = buildIort(draft);
  assert.ok('bytes' in found);
  return inputOf(binaryDocument(found.bytes), 1);
}

/** All refer to a component that would be an SMMUv3 by another type: what they do then lies in no byte of theirs. */
function misled(): TableInput {
  return built(
    table(
      its(1, 0),
      component('\\_SB_.AAAA.BBBB.CCCC.DDDD.EEEE', []),
      component('\\_SB_.DEV0', [single(5, 1)]),
      component('\\_SB_.DEV1', [single(5, 1)]),
      complex([all(1)]),
      rmr([[0x9000_0000n, 0x10000n]], [single(5, 1)], 0),
      rmr([[0x9100_0000n, 0x10000n]], [single(0x30000, 1)]),
      smmuv3(0x2b40_0000n, []),
    ),
  );
}

/** An SMMUv3 that has a mapping of its own beside that of its devices, and another whose only one may be its own. */
function withOwnMappings(): TableInput {
  const own = { ...wired, eventGsiv: 0, flags: 0x11, deviceIdIndex: 1 };
  return built({
    ...table(
      its(1, 0),
      smmuv3(0x2b40_0000n, [range(0, 0xff, 0, 0), single(0x1000, 0)], own, 5),
      component('\\_SB_.DEV0', [single(7, 1)]),
      component('\\_SB_.DEV1', [single(8, 4)]),
      smmuv3(0x2b60_0000n, [range(0, 0xff, 0, 0)], { ...wired, priGsiv: 0 }, 5),
    ),
    revision: 6,
  });
}

const twoStreams = [single(7, 1), single(8, 1)];

/** Layouts that are no mistake, and yet something is said of them. */
function unusual(): TableInput {
  return built({
    ...table(
      its(1, 0),
      smmuv3(0x2b40_0000n, [all(0)]),
      { ...component('\\_SB_.DEV0', twoStreams), padding: new Uint8Array(0) },
      component('\\_SB_.DEV1', twoStreams),
      { ...complex([all(1)]), fixedSize: 0x28 },
      { ...smmuv3(0x2b60_0000n, [all(0)]), fixedSize: 0x48 },
      rmr([[0x9000_0000n, 0x10000n]], twoStreams),
    ),
  });
}

/** Its nodes are as the first issue of the specification has them, with bytes of later ones. */
function first(): TableInput {
  return built({ ...table({ ...smmuv3(0x2b40_0000n, [all(1)]), revision: 0 }, its(0, 0)), revision: 0 });
}

/** Linux does not read its RMR node, which has the revision that goes with the table’s. */
function old(): TableInput {
  const reserved = { ...rmr([[0x9000_0000n, 0x10000n]], twoStreams), revision: 1 };
  return built({ ...table(its(1, 0), smmuv3(0x2b40_0000n, [all(0)]), reserved), revision: 3 });
}

/** Tables with little that is wrong, and some with much. */
function* sources(): Generator<TableInput> {
  yield inputOf(textDocument(exampleTable), 0);
  yield inputOf(textDocument(exampleTable), 2);
  yield misled();
  yield unusual();
  yield { ...unusual(), settings: { streamIdBits: 4 } };
  yield old();
  yield withOwnMappings();
  yield first();
  yield built(crowdedTable(20));
  for (let seed = 0; seed < 4; seed++) {
    const options = seed % 2 === 0 ? { iasl: 'current' as const } : { isOdd: true };
    yield inputOf(binaryDocument(generateTable(seed, { ...options, mostNodes: 6 })), seed);
  }
}

function inputOf(document: TableDocument, number: number): TableInput {
  const kernel = kernels[number % kernels.length]!;
  const input = tableInput(document, { kernel: kernel.version });
  return { ...input, nodes: input.table.nodes };
}

/** The table with each of its values changed, one at a time: to small numbers, to ones that stand elsewhere, to nodes’ places. */
function* variants(input: TableInput): Generator<TableInput> {
  const { bytes: before, nodes } = input.table;
  const numbers = random(before.length);
  const values = nodes.flatMap((node) => node.all);
  for (const value of values) {
    for (const other of othersFor(value, values, input.table)) {
      if (other === value.value && value.text === undefined) continue;
      const bytes = Uint8Array.from(before);
      if (value.text === undefined) writeInteger(bytes, value.offset, value.size, other);
      else bytes[value.offset + numbers.below(value.size)] = numbers.pick([0x41, 0x5f, 0x22, 0x2e]);
      setChecksum(bytes);
      // As the next version of the table: nodes that have not changed are the same. Nobody asks for places in its text.
      const next = decodeIort(bytes, input.table);
      yield { ...input, table: next, nodes: next.nodes };
    }
  }
}

const few = 3;
/** The MSI window, and an ITS of the MADT of the examples. */
const busyPlaces = [0x8000000n, 0x2f030000n];

function othersFor(value: Value, values: readonly Value[], { nodes }: IortTable): ReadonlySet<bigint> {
  const alike = values.filter(({ field }) => field === value.field).map((each) => each.value);
  const at = values.indexOf(value);
  const near = values.slice(Math.max(0, at - few), at).flatMap((each) => (each.size === value.size ? each.value : []));
  const { name, kind, reference } = value.field;
  const places = reference === 'table-offset' ? nodes.map(({ offset }) => BigInt(offset)) : [];
  const addresses = name === 'base' ? busyPlaces : [];
  const bits = kind === 'flags' ? [8n, 0x10n, 0x20n, 0x400n].map((bit) => value.value ^ bit) : [];
  return new Set([
    0n,
    1n,
    3n,
    7n,
    0x100n,
    -1n,
    -0x10000n,
    value.value ^ 1n,
    value.value + 1n,
    ...near,
    ...alike.slice(-few),
    ...places.slice(0, 8),
    ...addresses,
    ...bits,
  ]);
}

function setChecksum(bytes: Uint8Array): void {
  bytes[9] = 0;
  bytes[9] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function isAsked({ holdsFor }: TableRule, { kernel }: TableInput): boolean {
  return holdsFor === undefined || holdsFor(kernel);
}

function finds(rule: TableRule, input: TableInput): boolean {
  for (const _ of rule.check(input)) return true;
  return false;
}
