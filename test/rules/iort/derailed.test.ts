import assert from 'node:assert/strict';
import { newIort } from '../../../server/src/acpi/text/template';
import { buildIort } from '../../../server/src/acpi/iort/build';
import { writeInteger } from '../../../server/src/acpi/bytes';
import { all, complex, component, its, pmcg, range, rmr, single, smmu, smmuv3, table } from './drafts';
import { applyFix, binaryDocument, checkTable, textDocument } from './table';

const built = buildIort(
  table(
    its(1, 0),
    smmuv3(0x2b40_0000n, [all(0)]),
    smmu([all(0)], { pmuInterrupts: [0x70] }),
    complex([all(1)]),
    component('\\_SB_.DMA0', [single(1, 2)]),
    component('\\_SB_.GPU0', [single(2, 2)]),
    pmcg(1),
    rmr([[0x9000_0000n, 0x1_0000n]], [range(0, 0, 1, 2)]),
  ),
);
assert.ok('bytes' in built);
const good = built.bytes;
const nodes = binaryDocument(good).iort!.nodes;

/** The table with some bytes written over, and what the rules say of it, but for the checksum. */
function changed(...writes: readonly (readonly [offset: number, size: number, value: number])[]) {
  const bytes = Uint8Array.from(good);
  for (const [offset, size, value] of writes) writeInteger(bytes, offset, size, BigInt(value));
  const document = binaryDocument(bytes);
  const found = checkTable(document, { madt: undefined }).filter(({ rule }) => rule !== 'iort-checksum');
  return { document, found, rules: found.map(({ rule, severity }) => `${severity} ${rule}`) };
}

describe('a length of a node that leads into the middle of something', () => {
  for (const node of nodes) {
    for (const by of [-8, -4, 4, -node.length]) {
      it(`of a ${node.kind} (${node.index}), by ${by}: is all that is said, and mended`, () => {
        const { document, found, rules } = changed([node.offset + 1, 2, node.length + by]);
        assert.deepEqual(rules, ['error iort-node-length']);
        const fix = found[0]!.fixes?.[0];
        assert.equal(fix?.title, `Set the length to 0x${node.length.toString(16)}`);
        const mended = textDocument(applyFix(document, fix).text);
        const left = checkTable(mended, { madt: undefined }).filter(({ severity }) => severity !== 'hint');
        assert.deepEqual(
          left.map(({ rule }) => rule).filter((rule) => rule !== 'iort-checksum'),
          [],
        );
      });
    }
  }
});

describe('an offset of the first node that leads into the middle of something', () => {
  for (const offset of [0x32, 0x34, 0x40]) {
    it(`0x${offset.toString(16)}: is all that is said`, () => {
      const { rules, found } = changed([0x28, 4, offset]);
      assert.deepEqual(rules, ['error iort-node-offset']);
      assert.equal(found[0]!.fixes?.[0]?.title, 'Let the nodes begin at 0x30');
    });
  }
});

describe('counts and offsets inside of a node', () => {
  const offsetOf = (kind: string) => nodes.find((node) => node.kind === kind)!.offset;

  it('that lead elsewhere are said, and nothing of what is read there', () => {
    for (const [name, at, size, value, expected] of [
      ['mappings over fields', offsetOf('root-complex') + 12, 4, 0x10, 'error iort-mapping-outside-node'],
      ['mappings nowhere', offsetOf('root-complex') + 12, 4, 0, 'error iort-mapping-outside-node'],
      ['descriptors past the node', offsetOf('rmr') + 0x18, 4, 0xffff, 'error iort-node-too-short'],
      ['descriptors over mappings', offsetOf('rmr') + 0x14, 4, 2, 'error iort-rmr-no-descriptor'],
      ['no identifiers', offsetOf('its-group') + 0x10, 4, 0, 'error iort-its-empty'],
      ['global interrupts over fields', offsetOf('smmu') + 0x28, 4, 0, 'error iort-smmu-irq-arrays'],
      ['context interrupts past the node', offsetOf('smmu') + 0x2c, 4, 90, 'error iort-smmu-irq-arrays'],
      ['mappings in the name', offsetOf('named-component') + 12, 4, 0x20, 'error iort-mapping-outside-node'],
    ] as const) {
      assert.deepEqual(changed([at, size, value]).rules, [expected], name);
    }
  });

  it('have no fix where it would take everything away', () => {
    const { found } = changed([offsetOf('root-complex') + 12, 4, 0xffff]);
    assert.deepEqual(
      found.map(({ rule, fixes = [] }) => [rule, fixes.length]),
      [['iort-mapping-outside-node', 0]],
    );
  });

  it('of identifiers that are there can be mended', () => {
    const { document, found } = changed([offsetOf('its-group') + 0x10, 4, 0]);
    const fix = found[0]!.fixes?.[0];
    assert.equal(fix?.title, 'Count the identifier that is there');
    const mended = checkTable(textDocument(applyFix(document, fix).text), { madt: undefined });
    assert.deepEqual(
      mended.filter(({ severity }) => severity === 'error' || severity === 'warning'),
      [],
    );
  });
});

describe('a table that says it is shorter', () => {
  it('has that said alone', () => {
    assert.deepEqual(changed([4, 4, good.length - 16]).rules, ['error iort-table-length']);
  });
});

describe('bytes behind the last node that Node Count tells of', () => {
  const longer = (tail: readonly number[], counted: number) => {
    const bytes = Uint8Array.from([...good, ...tail]);
    writeInteger(bytes, 4, 4, BigInt(bytes.length));
    writeInteger(bytes, 0x24, 4, BigInt(counted));
    const document = binaryDocument(bytes);
    const found = checkTable(document, { madt: undefined }).filter(({ rule }) => rule !== 'iort-checksum');
    return { document, found, said: found.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`) };
  };
  const at = good.length.toString(16);

  it('are no node: Linux does not look there, and they can be taken out', () => {
    for (const [tail, bytes] of [
      [[0, 0, 0, 0], `4 bytes at 0x${at}, behind the last node, belong to no field`],
      [[7], `One byte at 0x${at}, behind the last node, belongs to no field and is not zero`],
    ] as const) {
      const { document, found, said } = longer(tail, nodes.length);
      assert.equal(said.length, 1);
      assert.ok(said[0]!.startsWith(`warning iort-node-gap: ${bytes}: iasl takes `), said[0]);
      const fix = found[0]!.fixes?.[0];
      assert.equal(fix?.title, 'Take the bytes out; references follow');
      const mended = textDocument(applyFix(document, fix).text);
      assert.deepEqual([mended.bytes.length, mended.iort?.problems.map(({ code }) => code)], [good.length, []]);
    }
  });

  it('are the beginning of a node that is counted', () => {
    const { said } = longer([0, 0, 0, 0], nodes.length + 1);
    assert.equal(said.length, 1);
    assert.match(said[0]!, /^error iort-node-length: .* 4 bytes are left .*: readers go on behind the table$/);
  });

  it('stop iasl where they would be a node of no length', () => {
    const zeros = Array.from({ length: 20 }, () => 0);
    const { found, said } = longer(zeros, nodes.length);
    assert.equal(said.length, 1);
    assert.match(said[0]!, /^error iort-node-length: What lies at .* Linux does not look there, but iasl’s /);
    assert.deepEqual(found[0]!.fixes, []);
    assert.match(longer(zeros, nodes.length + 2).said[0]!, /Linux reads the same node again until /);
    assert.doesNotMatch(longer(zeros, nodes.length + 1).said[0]!, /Linux/);
  });
});

describe('bytes of no field whose lines are those of a field', () => {
  it('are not taken out line by line: what iasl wants would be missing', () => {
    const text = newIort(6, 'current');
    const offset = /(?<=Mapping Offset : )[0-9A-F]+$/gm;
    const last = [...text.matchAll(offset)].at(-1)!;
    const wrong = (Number.parseInt(last[0], 16) - 4).toString(16).toUpperCase().padStart(8, '0');
    const written = `${text.slice(0, last.index)}${wrong}  //doorbell as written${text.slice(last.index + 8)}`;
    const gap = checkTable(textDocument(written), { madt: undefined }).find(({ rule }) => rule === 'iort-node-gap');
    assert.ok(gap !== undefined);
    assert.deepEqual(gap.fixes ?? [], []);
  });
});
