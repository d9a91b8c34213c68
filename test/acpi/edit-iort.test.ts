import assert from 'node:assert/strict';
import { buildIort, type NodeDraft } from '../../server/src/acpi/iort/build';
import { corrections, recomputed } from '../../server/src/acpi/iort/compute';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { editTable, type TableEdit } from '../../server/src/acpi/iort/edit';
import { encodeIort } from '../../server/src/acpi/iort/encode';
import { movedReferences } from '../../server/src/acpi/iort/moved-references';
import type { IortNode, IortTable } from '../../server/src/acpi/iort/model';
import { random } from '../fuzz/random';
import { generateTable } from './generate-table';

function tableOf(...nodes: readonly NodeDraft[]): IortTable {
  const result = buildIort({ revision: 5, nodes });
  assert.ok('bytes' in result);
  return decodeIort(result.bytes);
}

const range = (target: number) => [{ inputBase: 0, count: 0xffff, outputBase: 0, target }];
const its: NodeDraft = { kind: 'its-group', revision: 1, identifiers: [0] };
const smmu: NodeDraft = { kind: 'smmuv3', revision: 4, fields: { base: 0x9050000n }, mappings: range(0) };
const rc: NodeDraft = { kind: 'root-complex', revision: 3, fields: { segment: 1n }, mappings: range(1) };
const pmcg: NodeDraft = { kind: 'pmcg', revision: 2, fields: { page0Base: 0xa0000n, overflowGsiv: 9n }, reference: 1 };
const machine = () => tableOf(its, smmu, rc, pmcg);

/** What each reference of each node names: the kind and the index of the node. */
function named({ nodes, nodeAt }: IortTable): string[] {
  const name = (node: IortNode | undefined) => (node === undefined ? 'nothing' : `${node.kind} ${node.index}`);
  return nodes.flatMap((node) => {
    const own = node.kind === 'pmcg' ? [Number(node.values.nodeReference?.value)] : [];
    const all = [...own, ...node.mappings.map(({ outputReference }) => Number(outputReference.value))];
    return all.map((offset) => `${name(node)} -> ${name(nodeAt(offset))}`);
  });
}

function edited(table: IortTable, ...edits: readonly TableEdit[]): IortTable {
  const after = decodeIort(editTable(table, edits).bytes);
  assert.deepEqual(after.problems, []);
  return after;
}

/** A node's bytes of another table. */
function bytesOf(draft: NodeDraft): Uint8Array {
  const { bytes, nodes } = tableOf(draft);
  return bytes.slice(nodes[0]!.offset, nodes[0]!.end);
}

describe('editing an IORT', () => {
  const before = ['smmuv3 1 -> its-group 0', 'root-complex 2 -> smmuv3 1', 'pmcg 3 -> smmuv3 1'];

  it('without an edit gives the same bytes', () => {
    const table = machine();
    assert.deepEqual(named(table), before);
    const { bytes, changes } = editTable(table, []);
    assert.deepEqual(bytes, table.bytes);
    assert.deepEqual(changes, []);
  });
  it('a node put in moves those behind it, and their names', () => {
    const after = edited(machine(), { kind: 'insert', before: 1, bytes: bytesOf({ ...its, identifiers: [1, 2] }) });
    assert.deepEqual(named(after), ['smmuv3 2 -> its-group 0', 'root-complex 3 -> smmuv3 2', 'pmcg 4 -> smmuv3 2']);
    assert.equal(after.nodeCount?.value, 5n);
  });
  it('a node put in may name the nodes that are there', () => {
    const table = machine();
    const bytes = bytesOf({ ...rc, mappings: [{ ...range(0)[0]!, target: { offset: table.nodes[1]!.offset } }] });
    const after = edited(table, { kind: 'insert', before: 0, bytes });
    assert.equal(named(after)[0], 'root-complex 0 -> smmuv3 2');
  });
  it('a node that grows moves those behind it', () => {
    const table = machine();
    const after = edited(table, { kind: 'replace', node: 0, bytes: bytesOf({ ...its, identifiers: [1, 2, 3] }) });
    assert.deepEqual(named(after), before);
  });
  it('a node that is moved is still named', () => {
    const after = edited(machine(), { kind: 'move', node: 1, before: 4 });
    assert.deepEqual(named(after), ['root-complex 1 -> smmuv3 3', 'pmcg 2 -> smmuv3 3', 'smmuv3 3 -> its-group 0']);
  });
  it('says which references change, and which lost their node', () => {
    const table = machine();
    const { changes } = editTable(table, [{ kind: 'remove', node: 1 }]);
    assert.deepEqual(
      changes.map(({ node, right }) => [node.kind, right]),
      [
        ['root-complex', undefined],
        ['pmcg', undefined],
      ],
    );
    const grown = editTable(table, [{ kind: 'replace', node: 0, bytes: bytesOf({ ...its, identifiers: [1, 2] }) }]);
    const right = BigInt(table.nodes[1]!.offset + 4);
    assert.deepEqual(
      grown.changes.map((change) => [change.node.kind, change.value.value, change.right]),
      [
        ['root-complex', right - 4n, right],
        ['pmcg', right - 4n, right],
      ],
    );
  });
  it('takes the last node out and puts one into an empty table', () => {
    const one = tableOf(its);
    const none = edited(one, { kind: 'remove', node: 0 });
    assert.deepEqual(none.nodes, []);
    assert.deepEqual(edited(none, { kind: 'insert', before: 0, bytes: bytesOf(its) }).bytes, one.bytes);
  });
  it('of nodes that are not there does nothing', () => {
    const table = machine();
    const { bytes } = editTable(table, [
      { kind: 'remove', node: 9 },
      { kind: 'insert', before: 9, bytes: bytesOf(its) },
      { kind: 'move', node: 0, before: 9 },
    ]);
    assert.deepEqual(bytes, table.bytes);
  });
  it('and back gives the table as it was', () => {
    for (let seed = 0; seed < 200; seed++) {
      const table = decodeIort(generateTable(seed, { isOdd: seed % 2 === 0 }));
      const numbers = random(seed);
      const node = numbers.below(table.nodes.length);
      const { offset, end, length } = table.nodes[node]!;
      if (offset + length > end) continue;
      const moved = decodeIort(editTable(table, [{ kind: 'move', node, before: 0 }]).bytes);
      const back = editTable(moved, [{ kind: 'move', node: 0, before: node + 1 }]).bytes;
      // A reference to no node keeps its number, and may name one by chance.
      const names = named(table);
      const hasMeaning = (_: string, index: number) => !names[index]!.endsWith('nothing');
      assert.deepEqual(named(decodeIort(back)).filter(hasMeaning), names.filter(hasMeaning), `seed ${seed}`);
      assert.deepEqual(encodeIort(moved), moved.bytes);
    }
  });
});

describe('references that keep up', () => {
  /** The table as a text would give it after an edit: nodes elsewhere, references as they were. */
  function stale(table: IortTable, ...nodes: readonly NodeDraft[]): IortTable {
    const offsets = table.nodes.map(({ offset }) => offset);
    const written = nodes.map((node) => ({
      ...node,
      ...(typeof node.reference === 'number' ? { reference: { offset: offsets[node.reference]! } } : {}),
      mappings: (node.mappings ?? []).map((mapping) => ({
        ...mapping,
        target: typeof mapping.target === 'number' ? { offset: offsets[mapping.target]! } : mapping.target,
      })),
    }));
    return tableOf(...written);
  }
  const changes = (older: IortTable, newer: IortTable) =>
    movedReferences(older, newer).map(({ node, right }) => {
      const target = newer.nodeAt(Number(right));
      return `${node.kind} ${node.index} -> ${target?.kind ?? 'nothing'} ${target?.index ?? ''}`;
    });

  it('nothing to do where nothing moved', () => {
    assert.deepEqual(changes(machine(), machine()), []);
  });
  it('a node in front', () => {
    const table = machine();
    const other = { ...its, identifiers: [4] };
    assert.deepEqual(changes(table, stale(table, its, other, smmu, rc, pmcg)), [
      'root-complex 3 -> smmuv3 2',
      'pmcg 4 -> smmuv3 2',
    ]);
  });
  it('a node gone', () => {
    const table = tableOf(
      its,
      { ...its, identifiers: [4] },
      { ...smmu, mappings: range(1) },
      { ...rc, mappings: range(2) },
    );
    const after = stale(
      table,
      { ...its, identifiers: [4] },
      { ...smmu, mappings: range(1) },
      { ...rc, mappings: range(2) },
    );
    assert.deepEqual(changes(table, after), ['smmuv3 1 -> its-group 0', 'root-complex 2 -> smmuv3 1']);
  });
  it('a node grown by a mapping, which names what the others name', () => {
    const table = machine();
    const more = [...rc.mappings!, { inputBase: 0x100, count: 0, outputBase: 9, target: 1 }];
    const grown = { ...its, identifiers: [0, 1] };
    assert.deepEqual(changes(table, stale(table, grown, smmu, { ...rc, mappings: more }, pmcg)), [
      'root-complex 2 -> smmuv3 1',
      'root-complex 2 -> smmuv3 1',
      'pmcg 3 -> smmuv3 1',
    ]);
  });
  it('nodes that change places', () => {
    const table = machine();
    assert.deepEqual(changes(table, stale(table, smmu, its, pmcg, rc)), [
      'smmuv3 0 -> its-group 1',
      'pmcg 2 -> smmuv3 0',
      'root-complex 3 -> smmuv3 0',
    ]);
  });
  it('a node that was edited is known by its address', () => {
    const table = tableOf(its, smmu, { ...smmu, fields: { base: 0x9150000n } }, { ...rc, mappings: range(2) });
    const padded = { ...smmu, mappings: [] };
    const second = { ...smmu, fields: { base: 0x9150000n, flags: 1n } };
    assert.deepEqual(changes(table, stale(table, its, padded, second, { ...rc, mappings: range(2) })), [
      'root-complex 3 -> smmuv3 2',
    ]);
  });
  it('a reference that the author wrote is left alone', () => {
    const table = machine();
    const own = [{ ...range(0)[0]!, target: { offset: 0x30 } }];
    const grown = { ...its, identifiers: [0, 1] };
    assert.deepEqual(changes(table, stale(table, grown, smmu, { ...rc, mappings: own }, pmcg)), ['pmcg 3 -> smmuv3 1']);
  });
  it('a reference that led nowhere is left alone', () => {
    const table = tableOf(its, { ...smmu, mappings: [{ ...range(0)[0]!, target: { offset: 0x31 } }] });
    const grown = { ...its, identifiers: [0, 1] };
    assert.deepEqual(
      changes(table, stale(table, grown, { ...smmu, mappings: [{ ...range(0)[0]!, target: { offset: 0x31 } }] })),
      [],
    );
  });
  it('agrees with the edit that was made', () => {
    for (let seed = 0; seed < 200; seed++) {
      const table = decodeIort(generateTable(seed, { mostNodes: 12 }));
      const at = random(seed).below(table.nodes.length + 1);
      const { bytes, changes: expected } = editTable(table, [{ kind: 'insert', before: at, bytes: bytesOf(its) }]);
      // The text as the author left it: references not yet followed.
      const old = bytes.slice();
      const after = decodeIort(bytes);
      const place = (index: number) => after.nodes[index >= at ? index + 1 : index]!;
      for (const { node, value } of expected) {
        old.set(
          table.bytes.subarray(value.offset, value.offset + 4),
          place(node.index).offset + value.offset - node.offset,
        );
      }
      const found = movedReferences(table, decodeIort(old));
      assert.deepEqual(
        found.map(({ value, right }) => [value.offset, right]),
        expected.map(({ node, value, right }) => [place(node.index).offset + value.offset - node.offset, right]),
        `seed ${seed}`,
      );
    }
  });
});

describe('computed fields of the header', () => {
  it('are left alone where they are right', () => {
    const table = machine();
    assert.equal(recomputed(table), table.bytes);
  });
  it('are set right together', () => {
    const { bytes } = machine();
    const wrong = bytes.slice();
    wrong.set([1, 2], 4);
    wrong.set([9], 0x24);
    wrong.set([0x55], 9);
    const table = decodeIort(Uint8Array.from([...wrong.subarray(0, 4), ...bytes.subarray(4, 8), ...wrong.subarray(8)]));
    assert.deepEqual(
      corrections(table).map(({ value, right }) => [value.field.name, right]),
      [
        ['nodeCount', 4n],
        ['checksum', BigInt(bytes[9]!)],
      ],
    );
    assert.deepEqual(recomputed(table), bytes);
    assert.equal(corrections(decodeIort(wrong))[0]?.right, BigInt(bytes.length));
  });
});
