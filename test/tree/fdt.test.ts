// Flattened trees: what is written is read back, what dtc writes is read and written the same, what is corrupt is refused.
import assert from 'node:assert/strict';
import { readFdt } from '../../server/src/tree/fdt-read';
import { writeFdt } from '../../server/src/tree/fdt-write';
import type { DeviceTree } from '../../server/src/tree/model';
import { nodeAt, walk } from '../../server/src/tree/navigate';
import { printDts, treeToJson } from '../../server/src/tree/print';
import { compiled } from '../oracle/reference';
import { describeWithDtc } from '../oracle/suite';
import { treeOf } from './source';

const source = `/dts-v1/; /memreserve/ 0x1000 0x2000; /memreserve/ 0x123456789abcdef0 1;
/ {
  #address-cells = <1>; cells = <0>; model = "x"; empty; bytes = [01 02 03]; wide = /bits/ 64 <5>, /bits/ 16 <7 8>;
  text = "a \\"b\\" \\\\ \\x01\\n", "", "c"; list = "one", <2>, [03];
  l: node@1 { reg = <1>; self = <&l>; path = &l; inner { }; };
  cpus { cpu@3 { reg = <3>; }; };
};`;

function read(bytes: Uint8Array): DeviceTree {
  const result = readFdt(bytes);
  assert.ok('tree' in result, 'error' in result ? result.error : '');
  return result.tree;
}

describe('flattened trees', () => {
  it('hold the whole tree', () => {
    const blob = writeFdt(treeOf(source));
    const tree = read(blob);
    assert.deepEqual(writeFdt(tree), blob);
    assert.equal(tree.bootCpu, 3);
    assert.deepEqual(
      tree.memoryReservations.map(({ address, size }) => [address, size]),
      [
        [0x1000n, 0x2000n],
        [0x123456789abcdef0n, 1n],
      ],
    );
    assert.equal(tree.phandles.get(1), nodeAt(tree, '/node@1'));
    assert.equal(nodeAt(tree, '/node@1/inner')!.parent, nodeAt(tree, '/node@1'));
  });

  it('can lie anywhere in a buffer, with more behind them', () => {
    const blob = writeFdt(treeOf(source));
    const padded = new Uint8Array(blob.length + 20);
    padded.set(blob, 7);
    assert.deepEqual(writeFdt(read(padded.subarray(7))), blob);
  });

  it('are refused with the offset of what is wrong', () => {
    const blob = writeFdt(treeOf(source));
    const view = new DataView(blob.buffer, blob.byteOffset);
    const structure = view.getUint32(8);
    const refused = (at: number, value: number): [string, number] => {
      const copy = blob.slice();
      new DataView(copy.buffer).setUint32(at, value);
      const result = readFdt(copy);
      assert.ok('error' in result);
      return [result.error, result.offset];
    };
    assert.deepEqual(refused(0, 1), ['the magic number is 0x1, not 0xd00dfeed', 0]);
    assert.deepEqual(refused(4, 1 << 20), [`the header says 1048576 bytes, but there are ${blob.length}`, 4]);
    assert.deepEqual(refused(8, 0x7fffffff), ['the structure block cannot be at 0x7fffffff', 8]);
    assert.deepEqual(refused(20, 3), ['version 3 is older than 16 and no longer read', 20]);
    assert.deepEqual(refused(24, 18), ['version 17 can be read by 18 and later only', 24]);
    assert.deepEqual(refused(structure, 9), ['the structure block begins with 0x9, not with a node', structure]);
    assert.deepEqual(refused(structure + 12, 0xffffffff), [
      'a value of 4294967295 bytes ends behind the structure block',
      structure + 12,
    ]);
    assert.deepEqual(refused(structure + 16, 99999), [
      'the property name at 0x1869f is not in the strings block',
      structure + 16,
    ]);
    assert.deepEqual(readFdt(new Uint8Array(3)), { error: '3 bytes are too few for a header of 40', offset: 3 });
  });

  it('nested without end are refused', () => {
    const words = Array.from({ length: 10_000 }, () => [1, 0]).flat();
    const blob = new Uint8Array(56 + words.length * 4);
    const view = new DataView(blob.buffer);
    [0xd00dfeed, blob.length, 56, blob.length, 40, 17, 16, 0, 0, words.length * 4].forEach((word, index) => {
      view.setUint32(index * 4, word);
    });
    words.forEach((word, index) => {
      view.setUint32(56 + index * 4, word);
    });
    assert.deepEqual(readFdt(blob), { error: 'nodes are nested more than 200 deep', offset: 56 + 201 * 8 + 4 });
  });

  it('never do more than be refused, however corrupt', () => {
    const blob = writeFdt(treeOf(source));
    const random = randomNumbers(1);
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      const copy = blob.slice(0, round % 4 === 0 ? random(blob.length) : undefined);
      for (let flips = random(6); flips > 0 && copy.length > 0; flips--) copy[random(copy.length)]! ^= 1 << random(8);
      if (round % 2 === 0 && copy.length > 60) {
        const words = [0, 1, 2, 3, 4, 9, 0x7fffffff, 0xffffffff];
        new DataView(copy.buffer).setUint32(random(copy.length / 4 - 1) * 4, words[random(words.length)]!);
      }
      const result = readFdt(copy);
      if ('error' in result) {
        refused++;
        assert.ok(result.offset >= 0 && result.error !== '');
      } else {
        assert.ok('tree' in readFdt(writeFdt(result.tree)));
        assert.ok(printDts(result.tree) !== '' && JSON.stringify(treeToJson(result.tree)) !== '');
      }
    }
    assert.ok(refused > 1000 && refused < 4000, `${refused} refused`);
  });
});

describeWithDtc('flattened trees and dtc', (dtc) => {
  it("a blob is dtc's, byte for byte", async () => {
    const { output } = await compiled(dtc, Buffer.from(source));
    assert.deepEqual(Buffer.from(writeFdt(treeOf(source))), output);
    assert.deepEqual(Buffer.from(writeFdt(read(output))), output);
  });

  it('a printed tree compiles to the same blob, with and without sources', async () => {
    const tree = treeOf(source);
    const blob = Buffer.from(writeFdt(tree));
    for (const printed of [printDts(tree), printDts(read(blob))]) {
      const { output, messages } = await compiled(dtc, Buffer.from(printed));
      assert.deepEqual(output, blob, messages + printed);
    }
  });
});

describe('printing', () => {
  it('keeps the forms of the source, and labels for phandles', () => {
    assert.equal(
      printDts(treeOf('/ { l: n { a = <1 2>, <3>; b = "x", [0a], /bits/ 8 <1>; c = <&l>; }; };')),
      [
        '/dts-v1/;',
        '',
        '/ {',
        '\tl: n {',
        '\t\ta = <0x1 0x2 0x3>;',
        '\t\tb = "x", [0a], /bits/ 8 <0x1>;',
        '\t\tc = <&l>;',
        '\t\tphandle = <0x1>;',
        '\t};',
        '};',
        '',
      ].join('\n'),
    );
  });
  it('as JSON says where things come from', () => {
    const json = treeToJson(treeOf('/dts-v1/;\n/ { compatible = "a", "b";\n reg = <1 2>; x; y = [01]; };'));
    assert.deepEqual((json as { root: { properties: unknown } }).root.properties, {
      compatible: { value: { strings: ['a', 'b'] }, broken: false, source: { file: '/board.dts', line: 2, column: 5 } },
      reg: { value: { cells: ['0x1', '0x2'] }, broken: false, source: { file: '/board.dts', line: 3, column: 2 } },
      x: { value: true, broken: false, source: { file: '/board.dts', line: 3, column: 15 } },
      y: { value: { bytes: '01' }, broken: false, source: { file: '/board.dts', line: 3, column: 18 } },
    });
  });
});

it('walks every node once', () => {
  const names: string[] = [];
  walk(treeOf('/ { a { b { }; }; c { }; };').root, ({ name }) => names.push(name));
  assert.deepEqual(names, ['', 'a', 'b', 'c']);
});

/** The same numbers each time: `random(n)` is from 0 to n - 1. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((state >>> 8) / (1 << 24)) * below);
  };
}
