// Values as bytes, as cells and strings, and as the elements that they are written of.
import assert from 'node:assert/strict';
import { cellReference, cells, cellSource, cellsSource, readNumber, strings } from '../../server/src/tree/cells';
import type { DtProperty } from '../../server/src/tree/model';
import { nodeAt, property } from '../../server/src/tree/navigate';
import { type Files, textAt, treeOf } from './source';

function valueOf(value: string, files: Files = {}): DtProperty {
  return property(treeOf(`/ { p = ${value}; l: n { }; };`, {}, files).root, 'p')!;
}

function hex(value: string, files: Files = {}): string {
  return Buffer.from(valueOf(value, files).data.bytes).toString('hex');
}

describe('values', () => {
  it('of every form become bytes', () => {
    assert.equal(hex('<1 0x20 (3 + 4)>'), '000000010000002000000007');
    assert.equal(
      hex("/bits/ 8 <1 255 'a'>, /bits/ 16 <0x1234>, /bits/ 64 <5 0x123456789abcdef0>"),
      '01ff611234' + '0000000000000005' + '123456789abcdef0',
    );
    assert.equal(hex('"ab", [0a Ff], "\\x41\\n"'), '6162000aff410a00');
    assert.equal(hex('&l'), Buffer.from('/n\0').toString('hex'));
    assert.equal(hex('<&l>, &{/n}'), '00000001' + Buffer.from('/n\0').toString('hex'));
  });
  it('of files become their bytes, or the part asked for', () => {
    const files = { 'a.bin': Uint8Array.of(1, 2, 3, 4, 5) };
    assert.equal(hex('/incbin/("a.bin")', files), '0102030405');
    assert.equal(hex('/incbin/("a.bin", 1, 3), [ff]', files), '020304ff');
    assert.equal(hex('/incbin/("a.bin", 3, 100)', files), '0405');
    assert.equal(hex('/incbin/("a.bin", 9, 1)', files), '');
  });
  it('know their elements and where those are written', () => {
    const { data } = valueOf('<1 x: &l (2 * 3)>, "s", [0a 0b], &l');
    assert.deepEqual(
      data.parts.map(({ offset, length, kind, source }) => `${offset}+${length} ${kind} ${textAt(source)!}`),
      [
        '0+4 integer 1',
        '4+4 phandle &l',
        '8+4 integer (2 * 3)',
        '12+2 string "s"',
        '14+1 byte 0a',
        '15+1 byte 0b',
        '16+3 path &l',
      ],
    );
  });
  it('in macros are written at the call, or in its arguments', () => {
    const tree = treeOf('/dts-v1/;\n#define PAIR(x) 1 x\n#define ONE 1\n/ { p = <PAIR(7) ONE>; };');
    const p = property(tree.root, 'p')!;
    assert.deepEqual(
      [0, 1, 2].map((cell) => textAt(cellSource(p, cell))),
      ['PAIR', '7', 'ONE'],
    );
  });
});

describe('cells', () => {
  it('read as numbers, most significant first', () => {
    const values = cells(valueOf('<1 2 3 0xffffffff>'))!;
    assert.deepEqual([...values], [1, 2, 3, 0xffffffff]);
    assert.equal(readNumber(values, 1, 0), 0n);
    assert.equal(readNumber(values, 3, 1), 0xffffffffn);
    assert.equal(readNumber(values, 0, 2), 0x1_00000002n);
    assert.equal(readNumber(values, 1, 3), 0x3_ffffffffn, 'the kernel keeps 64 bits');
  });
  it('are none where the length is no multiple of four', () => {
    assert.equal(cells(valueOf('[01 02 03]')), undefined);
    assert.deepEqual([...cells(treeOf('/ { p; };').root.properties.get('p')!)!], []);
  });
  it('know their places and references', () => {
    const p = valueOf('<1 &l>, <3>');
    assert.equal(textAt(cellSource(p, 2)), '3');
    assert.equal(textAt(cellsSource(p, 0, 3)), '1 &l>, <3');
    assert.equal(cellReference(p, 1)!.target!.name, 'n');
    assert.equal(cellReference(p, 0), undefined);
    assert.equal(cellSource(p, 3), undefined);
  });
});

describe('strings', () => {
  it('are split at their ends', () => {
    assert.deepEqual(strings(valueOf('"a", "", "ü"')), ['a', '', 'ü']);
    assert.deepEqual(strings(valueOf('"a\\0b", "c\\\\"')), ['a', 'b', 'c\\']);
    assert.deepEqual(strings(valueOf('"a", &l')), ['a', '/n']);
  });
  it('are none where the end is missing', () => {
    assert.equal(strings(valueOf('[61]')), undefined);
  });
  it('of a reference are the path at the end of the merge', () => {
    const tree = treeOf('/ { chosen { p = &l; }; }; / { s { l: n { }; }; };');
    assert.deepEqual(strings(property(nodeAt(tree, '/chosen')!, 'p')!), ['/s/n']);
  });
});
