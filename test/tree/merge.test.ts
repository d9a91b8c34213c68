// Blocks merge as dtc merges them. That the outcomes here are dtc's is what test/dtc-agreement and the corpus hold.
import assert from 'node:assert/strict';
import { nodeAt, property } from '../../server/src/tree/navigate';
import { checkTree, textAt, treeOf } from './source';

describe('merging', () => {
  it('overrides properties in place and adds new ones behind', () => {
    checkTree('/ { a = <1>; b; }; / { c; a = "x"; };', '/ { a = "x"; b; c; };');
  });
  it('merges nodes by name, label and path', () => {
    checkTree(
      '/ { l: a@1 { x; }; }; / { a@1 { y; }; }; &l { z; }; &{/a@1} { w; }; &{l/} { v; };',
      '/ { l: a@1 { x; y; z; w; v; }; };',
    );
  });
  it('gives a node all labels, the latest first', () => {
    checkTree(
      '/ { one: two: n { }; }; three: &one { p = <&two>; };',
      '/ { three: one: two: n { p = <&three>; phandle = <0x1>; }; };',
    );
  });
  it('deletes nodes and properties', () => {
    checkTree('/ { a; b; n { }; m { }; }; / { /delete-property/ a; /delete-node/ n; };', '/ { b; m { }; };');
    checkTree('/ { l: n { o { }; }; m { }; }; /delete-node/ &l; /delete-node/ &{/m};', '/ { };');
  });
  it('brings back empty, and to its old place, what was deleted', () => {
    checkTree(
      '/ { a; b; n { x; o { }; }; m { }; }; / { /delete-property/ a; /delete-node/ n; }; / { a = <1>; n { y; }; };',
      '/ { a = <0x1>; b; n { y; }; m { }; };',
    );
  });
  it('does not delete in the block that dtc sees first', () => {
    checkTree('/ { a; /delete-property/ a; };', '/ { a; };');
  });
  it('omits what nothing refers to', () => {
    checkTree(
      '/ { /omit-if-no-ref/ a: a { }; /omit-if-no-ref/ b: b { }; c { r = <&b>; }; }; /omit-if-no-ref/ &{/c};',
      '/ { b: b { phandle = <0x1>; }; };',
    );
  });
  it('keeps labelled nodes with symbols', () => {
    checkTree('/ { /omit-if-no-ref/ a: a { }; };', '/ { a: a { phandle = <0x1>; }; __symbols__ { a = "/a"; }; };', {
      symbols: true,
    });
  });
  it('keeps memory reservations', () => {
    const { memoryReservations } = treeOf('/dts-v1/; /memreserve/ 0x10 (2 * 3); l: /memreserve/ 1 0; / { };');
    assert.deepEqual(
      memoryReservations.map(({ address, size, labels }) => [address, size, labels]),
      [
        [0x10n, 6n, []],
        [1n, 0n, ['l']],
      ],
    );
  });
  it('guesses the boot processor', () => {
    assert.equal(treeOf('/ { cpus { cpu@5 { reg = <5>; }; }; };').bootCpu, 5);
    assert.equal(treeOf('/ { cpus { cpu@5 { reg = <0 5>; }; }; };').bootCpu, 0);
  });
  it('drops a name property that says what the node is called', () => {
    checkTree('/ { n@1 { name = "n"; }; };', '/ { n@1 { }; };');
  });
});

describe('where things come from', () => {
  const source = '/ { l: n { a = <1>; }; };\n&l { a = <2>; /delete-property/ a; a = <3>; };\n/ { n { }; };';

  it('a node knows each block', () => {
    const node = nodeAt(treeOf(source), '/n')!;
    assert.deepEqual(
      node.definitions.map(({ name }) => textAt(name)),
      ['n', '&l', 'n'],
    );
    assert.equal(textAt(node.definitions[0]!.whole), 'l: n { a = <1>; };');
  });
  it('a property knows each definition, the one in force last', () => {
    const { definitions } = property(nodeAt(treeOf(source), '/n')!, 'a')!;
    assert.deepEqual(
      definitions.map(({ whole }) => textAt(whole)),
      ['a = <1>;', 'a = <2>;', 'a = <3>;'],
    );
  });
  it('a label knows its place', () => {
    assert.deepEqual(
      nodeAt(treeOf(source), '/n')!.labels.map((label) => textAt(label.source)),
      ['l:'],
    );
  });
  it('what dtc adds comes from nowhere', () => {
    const node = nodeAt(treeOf('/ { l: n { r = <&l>; }; };'), '/n')!;
    assert.deepEqual(property(node, 'phandle')!.definitions, []);
  });
});
