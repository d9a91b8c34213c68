// The next version of a table takes over the nodes that it does not change, and is what it would be without the one before.
import assert from 'node:assert/strict';
import { buildIort, type NodeDraft } from '../../server/src/acpi/iort/build';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { editTable } from '../../server/src/acpi/iort/edit';
import type { IortNode, IortTable } from '../../server/src/acpi/iort/model';
import { checksumOf } from '../../server/src/acpi/table-header';
import { random, type Random } from '../fuzz/random';
import { mutatedTable } from '../fuzz/tables';
import { generateTable } from './generate-table';

/** Everything that a table says, targets by their offsets. */
function said(table: IortTable): unknown {
  const { end, nodes, counted, gaps, problems, header, nodeCount, nodeOffset } = table;
  const own = [...Object.values(header), nodeCount, nodeOffset].map((value) => value?.value);
  return { end, own, gaps, problems, nodes: nodes.map(saidOfNode), counted: counted.map(saidOfNode) };
}

function saidOfNode(node: IortNode): unknown {
  const { kind, index, offset, length, end, all, gaps, mappings } = node;
  const values = all.map(({ field, offset: at, size, value, text }) => [field.name, at, size, value, text]);
  const targets = mappings.map(({ target }) => [target?.offset, target?.kind, target?.index, target?.length]);
  return { kind, index, offset, length, end, values, gaps, targets };
}

/** Other bytes in one node or two, with the checksum that they ask for: most of them lie where they lay. */
function retouchedTable(bytes: Uint8Array, numbers: Random): Uint8Array {
  const after = bytes.slice();
  for (let count = bytes.length < 64 ? -1 : numbers.below(3); count >= 0; count--) {
    const at = 48 + numbers.below(bytes.length - 48 - 3);
    // A reference may lead to another node.
    const { nodes } = decodeIort(bytes);
    const other = nodes.length === 0 ? 0 : numbers.pick(nodes).offset;
    if (numbers.below(3) > 0) after[at]! ^= 1 << numbers.below(8);
    else new DataView(after.buffer).setUint32(at, other, true);
  }
  after[9] = checksumOf(after);
  return after;
}

/** What a node leads to, itself included. */
function reached(node: IortNode, table: IortTable, found = new Set<IortNode>()): Set<IortNode> {
  if (found.has(node)) return found;
  found.add(node);
  for (const { target } of node.mappings) if (target !== undefined) reached(target, table, found);
  const reference = (node as { values: { nodeReference?: { value: bigint } } }).values.nodeReference;
  const owner = reference && table.nodeAt(Number(reference.value));
  if (owner !== undefined) reached(owner, table, found);
  return found;
}

const bytesOf = ({ bytes }: IortTable, { offset, end }: IortNode) => Buffer.from(bytes.subarray(offset, end));

describe('decoding the next version of a table', () => {
  it('gives the table that decoding it alone gives, and leaves the earlier one as it was', () => {
    for (let seed = 0; seed < 100; seed++) {
      const numbers = random(seed);
      let bytes = generateTable(seed, { isOdd: seed % 2 === 0 });
      let table = decodeIort(bytes);
      for (let round = 0; round < 6; round++) {
        const before = table;
        const saidBefore = said(decodeIort(bytes));
        // Values are made before or after.
        if (round % 2 === 0) said(before);
        const origin = numbers.below(3) === 0 ? generateTable(seed, { isOdd: seed % 2 === 0 }) : bytes;
        bytes = mutatedTable(origin, numbers);
        table = decodeIort(bytes, before);
        assert.deepEqual(said(table), said(decodeIort(bytes)), `seed ${seed}, round ${round}`);
        assert.deepEqual(said(before), saidBefore, `seed ${seed}, round ${round}, before`);
      }
    }
  });

  it('gives that from edit to edit of some bytes, whichever version is edited', () => {
    let inPlace = 0;
    for (let seed = 0; seed < 150; seed++) {
      const numbers = random(seed);
      const versions = [decodeIort(generateTable(seed, { mostNodes: 12, isOdd: seed % 4 === 0 }))];
      if (versions[0]!.nodes.length === 0) continue;
      for (let round = 0; round < 12; round++) {
        const before = numbers.below(4) === 0 ? numbers.pick(versions) : versions.at(-1)!;
        const isKept = numbers.below(6) === 0;
        const bytes = isKept ? mutatedTable(before.bytes, numbers) : retouchedTable(before.bytes, numbers);
        const table = decodeIort(bytes, before);
        versions.push(table);
        if (table.nodes.length === 0) break;
        inPlace += Number(table !== before && table.gaps === before.gaps);
        assert.deepEqual(said(table), said(decodeIort(bytes)), `seed ${seed}, round ${round}`);
        if (numbers.below(2) === 0) continue;
        for (const [index, each] of versions.entries()) {
          assert.deepEqual(said(each), said(decodeIort(each.bytes)), `seed ${seed}, round ${round}, version ${index}`);
        }
      }
    }
    assert.ok(inPlace > 200, `${inPlace} versions were decoded in place`);
  });

  it('keeps nodes only where all that they lead to has stayed', () => {
    let kept = 0;
    for (let seed = 0; seed < 300; seed++) {
      const numbers = random(seed);
      const bytes = generateTable(seed, { isOdd: seed % 3 === 0 });
      const before = decodeIort(bytes);
      const after = decodeIort((seed % 2 === 0 ? mutatedTable : retouchedTable)(bytes, numbers), before);
      if (after === before) continue;
      const old = new Set(before.nodes);
      for (const node of after.nodes.filter((each) => old.has(each))) {
        kept++;
        for (const other of reached(node, after)) {
          assert.ok(old.has(other), `seed ${seed}: node ${node.index} leads to a new node ${other.index}`);
          assert.deepEqual(bytesOf(after, other), bytesOf(before, other), `seed ${seed}`);
        }
      }
      const contents = new Set(before.nodes.map(({ content }) => content));
      for (const node of after.nodes.filter(({ content }) => contents.has(content))) {
        assert.deepEqual(bytesOf(after, node), bytesOf(before, before.nodes[node.index]!), `seed ${seed}`);
      }
    }
    assert.ok(kept > 300, `${kept} nodes were kept`);
  });

  const its: NodeDraft = { kind: 'its-group', revision: 1, identifiers: [7] };
  const smmu = (target: number): NodeDraft => ({
    kind: 'smmuv3',
    revision: 4,
    mappings: [{ inputBase: 0, count: 0xffff, outputBase: 0, target }],
  });
  const complex = (target: number): NodeDraft => ({
    kind: 'root-complex',
    revision: 1,
    mappings: [{ inputBase: 0, count: 0xffff, outputBase: 0, target }],
  });
  function machine(): IortTable {
    const built = buildIort({ revision: 5, nodes: [its, its, smmu(0), smmu(1), complex(2), complex(3)] });
    assert.ok('bytes' in built);
    return decodeIort(built.bytes);
  }
  /** By index, whether the node, and its content, is the same object after a change of a byte. */
  function sameAfter(table: IortTable, at: number): string[] {
    const bytes = table.bytes.slice();
    bytes[at]! ^= 1;
    const after = decodeIort(bytes, table);
    return table.nodes.map((node, index) => {
      const other = after.nodes[index];
      return other === node ? 'node' : other?.content === node.content ? 'content' : 'none';
    });
  }

  it('has new nodes where one has changed, and new ones with their old content where they lead to it', () => {
    const table = machine();
    const [one, , two, , three] = table.nodes;
    assert.deepEqual(sameAfter(table, three!.offset + 24), ['node', 'node', 'node', 'node', 'none', 'node']);
    assert.deepEqual(sameAfter(table, two!.offset + 24), ['node', 'node', 'none', 'node', 'content', 'node']);
    assert.deepEqual(sameAfter(table, one!.offset + 20), ['none', 'node', 'content', 'node', 'content', 'node']);
    assert.deepEqual(sameAfter(table, 0x10), ['node', 'node', 'node', 'node', 'node', 'node']);
  });

  it('has new nodes where a reference that leads to no node may read other bytes', () => {
    const table = machine();
    const bytes = table.bytes.slice();
    bytes[table.nodes[5]!.mappings[0]!.outputReference.offset]! += 4;
    const before = decodeIort(bytes);
    assert.equal(before.nodes[5]!.mappings[0]!.target, undefined);
    assert.equal(sameAfter(before, before.nodes[3]!.offset + 24)[5], 'content');
    assert.equal(sameAfter(before, before.nodes[0]!.offset + 20)[5], 'content');
  });

  it('is the same table where no byte differs', () => {
    const table = machine();
    assert.equal(decodeIort(table.bytes.slice(), table), table);
  });

  it('keeps the nodes before one that is put in', () => {
    const table = machine();
    const put = table.bytes.slice(table.nodes[0]!.offset, table.nodes[0]!.end);
    const after = decodeIort(editTable(table, [{ kind: 'insert', before: 2, bytes: put }]).bytes, table);
    assert.equal(after.nodes.length, 7);
    assert.deepEqual(
      after.nodes.slice(0, 3).map((node) => table.nodes.includes(node)),
      [true, true, false],
    );
    assert.equal(after.nodes[3]!.mappings[0]!.target, after.nodes[0]);
  });
});
