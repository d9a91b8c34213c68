// Every construct of the language, and where its tokens are.
import assert from 'node:assert/strict';
import { tokenText } from '../../server/src/preprocess/token-stream';
import { visitValueLabels } from '../../server/src/syntax/values';
import type { NodeSyntax, PropertySyntax } from '../../server/src/syntax/syntax-tree';
import { parseSource, printTree } from './fixture';

const examples: readonly (readonly [title: string, source: string, tree: string])[] = [
  ['headers', '/plugin/; / { };', 'version\nplugin\n/ { }'],
  ['reservations', 'a: b: /memreserve/ 1 (2 * 3); / { };', 'version\na: b: memreserve 1 (2*3)\n/ { }'],
  [
    'nodes by name, reference and path',
    '/ { a { }; l: b@0,1 { c { }; }; }; &l { d; }; m: &{/a} { e; };',
    'version\n/ { a { }; l: b@0,1 { c { }; }; }\n&l { d; }\nm: &{/a} { e; }',
  ],
  ['several root blocks', '/ { a; }; / { b; };', 'version\n/ { a; }\n/ { b; }'],
  [
    'deletions',
    '/ { l: /delete-property/ a; m: /delete-node/ b@0; }; /delete-node/ &x; /delete-node/ &{/y};',
    'version\n/ { delete-property a; delete-node b@0; }\ndelete-node &x\ndelete-node &{/y}',
  ],
  [
    'nodes that may be omitted',
    '/ { /omit-if-no-ref/ a { }; l: /omit-if-no-ref/ m: b { }; }; /omit-if-no-ref/ &a;',
    'version\n/ { omit-if-no-ref a { }; l: m: omit-if-no-ref b { }; }\nomit-if-no-ref &a',
  ],
  [
    'values of every kind',
    '/ { a = "s", <1 \'x\' (2 << 3) &l &{/p}>, [00 ff], &l, &{/p}, /incbin/("f"), /incbin/("f", 1, (2)); };',
    'version\n/ { a = "s", <1 \'x\' (2<<3) &l &{/p}>, [00 ff], &l, &{/p}, incbin("f"), incbin("f", 1, (2)); }',
  ],
  ['empty values', '/ { a; b = <>; c = []; d = ""; };', 'version\n/ { a; b = <>; c = []; d = ""; }'],
  [
    'cells of other widths',
    '/ { a = /bits/ 8 <1>, /bits/ 16 <>, /bits/ 64 <(-1)>; };',
    'version\n/ { a = bits 8 <1>, bits 16 <>, bits 64 <(-1)>; }',
  ],
  [
    'labels at every place',
    '/ { l0: l1: a = l2: <l3: 1 l4:> l5:, l6: "s" l7: l8:, [l9: 00 l10:]; };',
    'version\n/ { l0: l1: a = <l3: 1 l4:>, "s", [l9: 00 l10:]; }',
  ],
  [
    'names of every character',
    '/ { #size-cells; a,b-c.d_e+f*g?h@1; 0; \\foo; __symbols__ { }; };',
    'version\n/ { #size-cells; a,b-c.d_e+f*g?h@1; 0; foo; __symbols__ { }; }',
  ],
  [
    'expressions of every operator',
    '/ { a = <(1 ? 2 : 3 ? 4 : 5) (-~!1 * 2 / 3 % 4 + 5 - 6 << 7 >> 8 < 9 > 1 <= 2 >= 3 == 4 != 5 & 6 ^ 7 | 8 && 9 || 1)>; };',
    'version\n/ { a = <(1?2:3?4:5) (-~!1*2/3%4+5-6<<7>>8<9>1<=2>=3==4!=5&6^7|8&&9||1)>; }',
  ],
];

describe('the language', () => {
  for (const [title, source, tree] of examples) {
    it(title, () => {
      const syntax = parseSource(`/dts-v1/; ${source}`);
      assert.deepEqual(syntax.errors, []);
      assert.equal(printTree(syntax), tree);
    });
  }

  it('gives each part its tokens', () => {
    const { tokens, items } = parseSource('/dts-v1/; l: / { m: a = <1>, "x"; b { }; };');
    const root = items[1] as NodeSyntax;
    const [property, node] = root.members as [PropertySyntax, NodeSyntax];
    const text = (token: number): string => tokenText(tokens, token);
    assert.deepEqual([root.first, root.name, root.open, root.close, root.last].map(text), ['l:', '/', '{', '}', ';']);
    assert.deepEqual([property.first, property.name, property.last].map(text), ['m:', 'a', ';']);
    assert.deepEqual(
      property.values.map(({ kind, first, last }) => [kind, text(first), text(last)]),
      [
        ['cells', '<', '>'],
        ['string', '"x"', '"x"'],
      ],
    );
    assert.deepEqual([node.first, node.name, node.open, node.close, node.last].map(text), ['b', 'b', '{', '}', ';']);
  });

  it('finds the labels in a value', () => {
    const { tokens, items } = parseSource('/dts-v1/; / { l0: a = l1: <l2: 1> l3:, [l4: 00] l5:; };');
    const found: string[] = [];
    visitValueLabels(tokens, (items[1] as NodeSyntax).members[0] as PropertySyntax, (token) => {
      found.push(tokenText(tokens, token));
    });
    assert.deepEqual(found, ['l1:', 'l2:', 'l3:', 'l4:', 'l5:']);
  });
});

describe('what parsed before', () => {
  it('serves a unit of the same shape, with that unit’s own words', () => {
    const one = parseSource('/dts-v1/; / { first = <1>; node@1 { }; };');
    const other = parseSource('/dts-v1/; / { other = <2>; node@2 { }; };');
    assert.equal(other.items, one.items);
    assert.equal(printTree(other), 'version\n/ { other = <2>; node@2 { }; }');
  });

  it('does not where a width makes the difference', () => {
    assert.deepEqual(parseSource('/dts-v1/; / { a = /bits/ 32 <&b>; };').errors, []);
    const [problem] = parseSource('/dts-v1/; / { a = /bits/ 16 <&b>; };').errors;
    assert.equal(problem?.rule, 'syntax-reference-width');
  });
});
