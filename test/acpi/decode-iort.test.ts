import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { decodeIort, nodeAsLinuxReads } from '../../server/src/acpi/iort/decode';
import { encodeIort } from '../../server/src/acpi/iort/encode';
import { buildIort } from '../../server/src/acpi/iort/build';
import type { NodeDraft, TableDraft } from '../../server/src/acpi/iort/build';
import type { IortTable } from '../../server/src/acpi/iort/model';
import { writeInteger } from '../../server/src/acpi/bytes';
import { generateTable } from './generate-table';

const recorded = path.join(__dirname, '../fixtures/truth/iort');

function built(draft: Partial<TableDraft> & Pick<TableDraft, 'nodes'>): Uint8Array {
  const result = buildIort({ revision: 5, ...draft });
  assert.ok('bytes' in result);
  return result.bytes;
}

/** The table with some integers written over: `[offset, size, value]`. */
function changed(bytes: Uint8Array, ...writes: readonly (readonly [number, number, bigint])[]): Uint8Array {
  const copy = bytes.slice();
  for (const [offset, size, value] of writes) writeInteger(copy, offset, size, value);
  return copy;
}

/** Codes of all problems but the checksum, each with its offset. */
function problems(table: IortTable): string[] {
  return table.problems.filter(({ code }) => code !== 'checksum').map(({ code, offset }) => `${code} ${offset}`);
}

const its: NodeDraft = { kind: 'its-group', revision: 1, identifiers: [7] };
const smmu: NodeDraft = {
  kind: 'smmuv3',
  revision: 4,
  fields: { base: 0x9050000n, flags: 1n },
  mappings: [{ inputBase: 0, count: 0xffff, outputBase: 0, target: 0 }],
};
const rc: NodeDraft = {
  kind: 'root-complex',
  revision: 1,
  fields: { segment: 3n, memorySizeLimit: 40n },
  mappings: [{ inputBase: 0, count: 0xffff, outputBase: 0x100, target: 1 }],
};
const first = 0x30;
const smmuAt = first + 0x18;
const rcAt = smmuAt + 0x44 + 20;

describe('decoding an IORT', () => {
  it('has every value at its place', () => {
    const table = decodeIort(built({ nodes: [its, smmu, rc] }));
    assert.deepEqual(table.problems, []);
    assert.deepEqual(
      table.nodes.map(({ kind, offset, end }) => [kind, offset, end]),
      [
        ['its-group', first, smmuAt],
        ['smmuv3', smmuAt, rcAt],
        ['root-complex', rcAt, rcAt + 0x24 + 20],
      ],
    );
    const [group, unit, complex] = table.nodes;
    assert.ok(group?.kind === 'its-group' && unit?.kind === 'smmuv3' && complex?.kind === 'root-complex');
    assert.deepEqual(
      group.identifiers.map(({ value, offset }) => [value, offset]),
      [[7n, first + 0x14]],
    );
    assert.equal(unit.values.base?.value, 0x9050000n);
    assert.equal(unit.values.base.offset, smmuAt + 0x10);
    assert.equal(complex.values.memorySizeLimit?.value, 40n);
    assert.equal(complex.values.flags, undefined);
    assert.equal(complex.mappings[0]?.target, unit);
    assert.equal(unit.mappings[0]?.target, group);
    assert.equal(table.header.signature?.text, 'IORT');
    assert.equal(table.counted, table.nodes);
  });

  describe('as the recorded tables have it', () => {
    for (const name of fs.readdirSync(recorded).filter((file) => file.endsWith('.aml') && !file.includes('madt'))) {
      it(name, () => {
        const bytes = new Uint8Array(fs.readFileSync(path.join(recorded, name)));
        const table = decodeIort(bytes);
        assert.deepEqual(problems(table), name.startsWith('a34') ? ['node-count 36'] : []);
        assert.deepEqual(encodeIort(table), bytes);
      });
    }
    it('with the values that its text says', () => {
      const table = decodeIort(new Uint8Array(fs.readFileSync(path.join(recorded, 'a31-nc-two-ids.aml'))));
      const component = table.nodes[3];
      assert.ok(component?.kind === 'named-component');
      assert.equal(component.values.deviceName?.text, '\\_SB_.VR00');
      assert.equal(component.values.memorySizeLimit?.value, 0x28n);
      assert.deepEqual(
        component.mappings.map(({ outputBase, single, target }) => [outputBase.value, single, target?.kind]),
        [
          [0x201n, true, 'smmuv3'],
          [0x301n, true, 'smmuv3'],
        ],
      );
      assert.deepEqual(component.gaps, [{ offset: 256, end: 260, kind: 'padding' }]);
    });
  });

  describe('which bytes a node has, by its length and mapping offset', () => {
    const sizes: readonly (readonly [name: string, draft: NodeDraft, last: string | undefined])[] = [
      ['root complex of 20h bytes', { ...rc, revision: 0 }, 'segment'],
      ['root complex of 21h bytes', { ...rc, fixedSize: 0x21 }, 'memorySizeLimit'],
      ['root complex of 24h bytes', { ...rc, revision: 4, fixedSize: 0x24 }, 'reserved'],
      ['root complex of 28h bytes', { ...rc, revision: 4 }, 'flags'],
      ['SMMUv3 of 3Ch bytes', { ...smmu, revision: 0 }, 'syncGsiv'],
      ['SMMUv3 of 44h bytes', smmu, 'deviceIdIndex'],
      ['PMCG of 20h bytes', { kind: 'pmcg', revision: 0, mappings: smmu.mappings! }, 'nodeReference'],
      ['PMCG of 28h bytes', { kind: 'pmcg', revision: 1, mappings: smmu.mappings! }, 'page1Base'],
    ];
    for (const [name, draft, last] of sizes) {
      it(name, () => {
        const table = decodeIort(built({ nodes: [its, draft] }));
        assert.deepEqual(problems(table), []);
        assert.equal(Object.keys(table.nodes[1]!.values).at(-1), last);
        assert.equal(table.nodes[1]!.mappings.length, 1);
      });
    }
  });

  describe('a name', () => {
    const component: NodeDraft = {
      kind: 'named-component',
      revision: 4,
      name: '\\_SB_.DEV0',
      mappings: smmu.mappings!,
    };
    const at = smmuAt;
    it('without padding is directly before the mappings', () => {
      const table = decodeIort(built({ nodes: [its, component] }));
      assert.deepEqual(problems(table), []);
      assert.deepEqual(table.nodes[1]!.gaps, []);
      assert.equal(table.nodes[1]!.mappings[0]?.offset, at + 0x28);
    });
    it('without a NUL ends with the mappings', () => {
      const table = decodeIort(changed(built({ nodes: [its, component] }), [at + 0x27, 1, 0x41n]));
      const node = table.nodes[1]!;
      assert.deepEqual(problems(table), [`name-unterminated ${at + 0x1d}`]);
      assert.ok(node.kind === 'named-component');
      assert.equal(node.values.deviceName?.text, '\\_SB_.DEV0A');
      assert.equal(node.mappings.length, 1);
    });
    it('of an IWB', () => {
      const iwb: NodeDraft = {
        kind: 'iwb',
        revision: 1,
        name: '\\_SB_.IWB0',
        fields: { configBase: 0x2f000000n, index: 2n },
        mappings: smmu.mappings!,
      };
      const table = decodeIort(built({ revision: 7, nodes: [its, iwb] }));
      const node = table.nodes[1]!;
      assert.ok(node.kind === 'iwb');
      assert.deepEqual(
        [node.values.configBase?.value, node.values.index?.value, node.values.deviceName?.text],
        [0x2f000000n, 2n, '\\_SB_.IWB0'],
      );
      assert.deepEqual(node.gaps, [{ offset: at + 0x25, end: at + 0x28, kind: 'padding' }]);
    });
  });

  it('has the interrupts of an SMMUv2', () => {
    const unit: NodeDraft = {
      kind: 'smmu',
      revision: 3,
      fields: { base: 0xe0000000n, span: 0x10000n, model: 3n },
      globalInterrupts: { gsiv: 71, flags: 1 },
      contextInterrupts: [72n, (1n << 32n) | 73n],
      pmuInterrupts: [74n],
      mappings: smmu.mappings!,
    };
    const table = decodeIort(built({ nodes: [its, unit] }));
    const node = table.nodes[1]!;
    assert.ok(node.kind === 'smmu');
    assert.deepEqual(problems(table), []);
    assert.equal(node.globalInterrupts?.gsiv.value, 71n);
    assert.deepEqual(
      node.contextInterrupts.map(({ value }) => value),
      [72n, 0x100000049n],
    );
    assert.deepEqual(
      node.pmuInterrupts.map(({ value }) => value),
      [74n],
    );
    assert.equal(node.values.contextOffset?.value, 0x4cn);
  });

  describe('what makes no sense is a problem with its offset', () => {
    const good = built({ nodes: [its, smmu, rc] });
    const cases: readonly (readonly [name: string, bytes: Uint8Array, expected: readonly string[]])[] = [
      ['nothing', new Uint8Array(), ['too-short 0']],
      ['half a header', good.slice(0, 20), ['too-short 0']],
      ['no IORT behind the header', good.slice(0, 40), ['too-short 0']],
      ['a length of 0', changed(good, [4, 4, 0n]), ['table-length 4']],
      ['a length beyond the bytes', changed(good, [4, 4, 0xffffffffn]), ['table-length 4']],
      ['bytes behind the table', Uint8Array.from([...good, 1, 2]), [`bytes-after-table ${good.length}`]],
      ['Node Offset in the header', changed(good, [0x28, 4, 0x20n]), ['node-offset 40']],
      ['Node Offset behind the table', changed(good, [0x28, 4, 0x10000n]), ['node-offset 40']],
      ['fewer nodes than counted', changed(good, [0x24, 4, 4n]), ['node-count 36']],
      ['a node of length 0', changed(good, [smmuAt + 1, 2, 0n]), [`node-length ${smmuAt + 1}`]],
      ['a node of length 15', changed(good, [smmuAt + 1, 2, 15n]), [`node-length ${smmuAt + 1}`]],
      ['a node past the end', changed(good, [rcAt + 1, 2, 0x1000n]), [`node-past-end ${rcAt + 1}`]],
      ['a node too short for its fields', changed(good, [rcAt + 1, 2, 0x1fn]), []],
      ['an unknown type', changed(good, [rcAt, 1, 9n]), [`node-type ${rcAt}`]],
      ['mappings past the node', changed(good, [rcAt + 8, 4, 2n]), [`mapping-outside-node ${rcAt + 8}`]],
      ['mappings without an offset', changed(good, [rcAt + 12, 4, 0n]), [`mapping-outside-node ${rcAt + 8}`]],
      ['identifiers past the node', changed(good, [first + 16, 4, 2n]), [`array-outside-node ${first + 16}`]],
    ];
    for (const [name, bytes, expected] of cases) {
      it(name, () => {
        const table = decodeIort(bytes);
        if (expected.length > 0) assert.deepEqual(problems(table), expected);
        else assert.ok(problems(table).includes(`node-too-short ${rcAt}`));
        assert.deepEqual(encodeIort(table), bytes);
      });
    }
    it('more bytes than any table has', () => {
      const size = (1 << 20) + 64;
      const bytes = new Uint8Array(size);
      bytes.set(good);
      const table = decodeIort(changed(bytes, [4, 4, BigInt(size)]));
      assert.ok(problems(table).includes(`too-large ${1 << 20}`));
      assert.deepEqual(encodeIort(table), table.bytes);
    });
    it('a wrong checksum', () => {
      const table = decodeIort(changed(good, [9, 1, BigInt(good[9]! ^ 1)]));
      assert.deepEqual(
        table.problems.map(({ code, offset }) => [code, offset]),
        [['checksum', 9]],
      );
    });
  });

  describe('the nodes that Linux walks', () => {
    const good = built({ nodes: [its, smmu, rc] });
    it('are as many as Node Count says', () => {
      const table = decodeIort(changed(good, [0x24, 4, 2n]));
      assert.equal(table.nodes.length, 3);
      assert.deepEqual(
        table.counted.map(({ kind }) => kind),
        ['its-group', 'smmuv3'],
      );
    });
    it('end with the length of the table, though there are more bytes', () => {
      const table = decodeIort(changed(good, [4, 4, BigInt(rcAt)]));
      assert.equal(table.nodes.length, 2);
      assert.equal(table.counted.length, 2);
    });
    it('are none where the length does not reach the first', () => {
      assert.deepEqual(decodeIort(changed(good, [4, 4, 0x20n])).counted, []);
    });
    it('go on inside a node that is shorter than its header', () => {
      const table = decodeIort(changed(good, [smmuAt + 1, 2, 8n]));
      assert.deepEqual(
        table.counted.map(({ offset }) => offset),
        [first, smmuAt, smmuAt + 8],
      );
    });
    it('stand still at a node of length 0', () => {
      const table = decodeIort(changed(good, [smmuAt + 1, 2, 0n], [0x24, 4, 0xffffffffn]));
      assert.deepEqual(
        table.counted.map(({ offset }) => offset),
        [first, smmuAt],
      );
    });
    it('may be wherever a reference leads', () => {
      const table = decodeIort(good);
      assert.equal(nodeAsLinuxReads(table, smmuAt), table.nodes[1]);
      assert.equal(nodeAsLinuxReads(table, smmuAt + 4)?.offset, smmuAt + 4);
      assert.equal(nodeAsLinuxReads(table, good.length - 4), undefined);
    });
  });

  it('loses no byte of tables as firmware may lay them out', () => {
    for (let seed = 0; seed < 300; seed++) {
      const bytes = generateTable(seed, { isOdd: true });
      assert.deepEqual(encodeIort(decodeIort(bytes)), bytes, `seed ${seed}`);
    }
  });

  it('finds nothing wrong with what was built', () => {
    for (let seed = 0; seed < 300; seed++) {
      const table = decodeIort(generateTable(seed));
      assert.deepEqual(table.problems, [], `seed ${seed}`);
      assert.ok(table.nodes.every(({ gaps }) => gaps.every(({ kind }) => kind === 'padding')));
    }
  });
});
