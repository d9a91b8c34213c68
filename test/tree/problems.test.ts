// What merging reports: everything that dtc refuses, at the token that is wrong, with what it clashes with.
import assert from 'node:assert/strict';
import { treeRules } from '../../server/src/tree/problems';
import { nodeAt, property } from '../../server/src/tree/navigate';
import { build, checkDiagnostics } from './source';

describe('references to what is not there', () => {
  it('in cells and as values', () => {
    checkDiagnostics(`
      / { a = <1 &nowhere>; b = &nobody; c = <&{/x}>; };
      //         ^^^^^^^^ error[unresolved-reference]
      //                        ^^^^^^^ error[unresolved-reference]
      //                                      ^^^^^ error[unresolved-reference]
    `);
  });
  it('leave cells of all ones, and a value that is not to be trusted', () => {
    const { tree } = build('/ { a = <1 &nowhere>; };');
    const { data } = property(tree.root, 'a')!;
    assert.deepEqual([...data.bytes], [0, 0, 0, 1, 255, 255, 255, 255]);
    assert.ok(data.broken);
    assert.deepEqual(data.parts[1]!.reference, { text: 'nowhere', target: undefined });
  });
  it('of blocks are reported once, and not again for the labels in them', () => {
    checkDiagnostics(`
      / { a = <&inner>; };
      &nowhere { inner: n { }; };
   // ^^^^^^^^ error[unresolved-reference]
      /delete-node/ &gone;
      //            ^^^^^ error[unresolved-reference]
      /omit-if-no-ref/ &{/gone};
      //               ^^^^^^^^ error[unresolved-reference]
    `);
  });
  it('because it was deleted', () => {
    checkDiagnostics(`
      / { gone: n { }; a = <&gone>; };
   //     ~~~~~ evidence
      //                    ^^^^^ error[unresolved-reference]
      /delete-node/ &gone;
      //            ~~~~~ evidence
    `);
  });
  it('are no problem in an overlay, but as paths', () => {
    checkDiagnostics(`
      /dts-v1/; /plugin/;
      &base { a = <&other 1>; b = &other; c = <&{/x}>; };
      //                          ^^^^^^ error[unresolved-reference]
      //                                       ^^^^^ error[overlay-path-reference]
      &{base/n} { };
   // ^^^^^^^^^ error[overlay-path-reference]
    `);
  });
});

describe('names that are there twice', () => {
  it('labels, wherever they stand', () => {
    checkDiagnostics(`
      / { one: a { }; one: b { }; };
   //     ~~~~ evidence
      //              ^^^^ error[duplicate-label]
    `);
    checkDiagnostics(`
      / { two: p = <0 three: 1>; two: a { q = [00 three: 01]; }; };
   //     ^^^^ error[duplicate-label]
      //                         ~~~~ evidence
      //              ~~~~~~ evidence
      //                                          ^^^^^^ error[duplicate-label]
    `);
  });
  it('labels that go with a deleted node are free', () => {
    checkDiagnostics('/ { one: a { }; }; /delete-node/ &one; / { one: b { }; };');
    checkDiagnostics('/ { one: a { }; one: b { }; }; /delete-node/ &{/b};');
  });
  it('nodes and properties of one block', () => {
    checkDiagnostics(`
      / { p; p = <1>; a { }; a { }; };
   //     ~ evidence
      //     ^ error[duplicate-property]
      //              ~ evidence
      //                     ^ error[duplicate-node]
    `);
  });
  it('but not of two blocks, nor of a later one', () => {
    checkDiagnostics('/ { p; a { }; }; / { p; p; a { }; a { }; };');
  });
  it('a node and its deletion in the block that defines it', () => {
    checkDiagnostics(`
      / { a { }; /delete-node/ a; };
   //     ~ evidence
      //                       ^ error[duplicate-node]
    `);
  });
  it('a fragment by hand with the number of a made one', () => {
    checkDiagnostics(`
      /dts-v1/; /plugin/;
      / { fragment@0 { }; };
   //     ~~~~~~~~~~ evidence
      &base { };
   // ^^^^^ error[duplicate-node]
    `);
  });
});

describe('names that cannot be', () => {
  it('of nodes', () => {
    checkDiagnostics(`
      / { a#b { }; a@1@2 { }; };
   //     ^^^ error[bad-node-name]
      //           ^^^^^ error[bad-node-name]
    `);
  });
  it('of properties', () => {
    checkDiagnostics(`
      / { a@b; #size-cells = <1>; };
   //     ^^^ error[bad-property-name]
    `);
  });
  it('in a name property', () => {
    checkDiagnostics(`
      / { n@1 { name = "m"; }; m { name = <0>; }; };
      //        ^^^^ error[bad-name-property]
      //                           ^^^^ error[bad-name-property]
    `);
  });
});

describe('phandles', () => {
  it('that are none', () => {
    checkDiagnostics(`
      / { a { phandle = <0>; }; b { phandle = <(-1)>; }; c { phandle = <1 2>; }; d { linux,phandle; }; };
      //      ^^^^^^^ error[bad-phandle]
      //                            ^^^^^^^ error[bad-phandle]
      //                                                     ^^^^^^^ error[bad-phandle]
      //                                                                             ^^^^^^^^^^^^^ error[bad-phandle]
    `);
  });
  it("that are another node's, or differ from the old form", () => {
    checkDiagnostics(`
      / { a: a { phandle = <7>; }; b { phandle = <7>; }; };
      //         ~~~~~~~ evidence
      //                               ^^^^^^^ error[duplicate-phandle]
    `);
    checkDiagnostics(`
      / { a: a { phandle = <7>; linux,phandle = <8>; }; b { phandle = <&a>; }; };
      //         ^^^^^^^ error[bad-phandle]
      //                        ~~~~~~~~~~~~~ evidence
      //                                                    ^^^^^^^ error[bad-phandle]
    `);
  });
  it('by a reference to the node itself are allocated', () => {
    const { tree, diagnostics } = build('/ { a: a { phandle = <&a>; }; b { phandle = <1>; r = <&a>; }; };');
    assert.deepEqual(diagnostics, []);
    assert.equal(nodeAt(tree, '/a')!.phandle, 2);
    assert.deepEqual([...property(nodeAt(tree, '/a')!, 'phandle')!.data.bytes], [0, 0, 0, 2]);
    assert.equal(tree.phandles.get(2), nodeAt(tree, '/a'));
  });
});

describe('values', () => {
  it('that do not fit', () => {
    checkDiagnostics(`
      / { a = <0x123456789 (1 << 32) 0xffffffff (-1)>, /bits/ 8 <256 255 (-128) (-129)>; };
      //       ^^^^^^^^^^^ warning[truncated-value]
      //                   ^^^^^^^^^ warning[truncated-value]
      //                                                         ^^^ warning[truncated-value]
    `);
  });
  it('from files that cannot be read', () => {
    checkDiagnostics(`
      / { a = /incbin/("nothing.bin"); };
      //               ^^^^^^^^^^^^^ error[unreadable-incbin]
    `);
  });
});

it('every rule has an id of its own and a summary', () => {
  assert.equal(new Set(treeRules.map(({ id }) => id)).size, treeRules.length);
  for (const { id, summary } of treeRules) {
    assert.match(id, /^[a-z]+(-[a-z]+)*$/);
    assert.match(summary, /^[A-Z].*[^.]$/);
  }
});
