// Any tokens whatever have a tree, and its parts lie where trees' parts lie.
import assert from 'node:assert/strict';
import type { TokenStream } from '../../server/src/preprocess/token-stream';
import { maxDepth } from '../../server/src/syntax/depth';
import { parseUnit } from '../../server/src/syntax/parse';
import type { MemberSyntax, NodeSyntax, SyntaxTree, TopLevelItem } from '../../server/src/syntax/syntax-tree';
import { visitBytes, visitCells, visitValueLabels } from '../../server/src/syntax/values';
import { sourceFile } from '../../server/src/text/source-file';
import { parseSource } from './fixture';

/** Tokens of a shape, each spelled `8` on one line. */
function tokensOfShape(shape: string): TokenStream {
  const count = shape.length;
  const file = sourceFile('/test.dts', '8'.repeat(count));
  return {
    count,
    shape,
    files: [file],
    file: new Uint16Array(count),
    start: Int32Array.from({ length: count }, (_, at) => at),
    end: Int32Array.from({ length: count }, (_, at) => at + 1),
    name: new Int32Array(count),
    expansion: new Int32Array(count).fill(-1),
    expansionAt: () => {
      throw new Error('no macros here');
    },
    root: file,
  };
}

const allKinds = '{};=<>[](),/?:+-*%&|^~!vpmbDdoIincslrRyLGqQENAOx';

/** A generator of numbers below a limit, the same ones every time. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe('any tokens', () => {
  it('in random order have a tree with its parts in place', () => {
    const random = randomNumbers(1);
    for (let round = 0; round < 3000; round++) {
      const kinds = Array.from({ length: 2 + random(12) }, () => allKinds[random(allKinds.length)]!);
      const shape = Array.from({ length: random(60) }, () => kinds[random(kinds.length)]!).join('');
      checkTree(parseUnit(tokensOfShape(shape)));
    }
  });

  it('left out of, put into or swapped in a good source have a tree with its parts in place', () => {
    const good = 'v;p;lmnn;/{i=<nn(n+n)rl>,s;li=bn<n>,[yyl]l;Di;oli{i;di;i{};};};r{i=I(s,n,(n));};dr;or;lR{};';
    assert.deepEqual(parseUnit(tokensOfShape(good)).errors, []);
    const random = randomNumbers(2);
    for (let round = 0; round < 5000; round++) {
      const at = random(good.length);
      const kind = allKinds[random(allKinds.length)]!;
      const rest = good.slice(at + random(3));
      checkTree(parseUnit(tokensOfShape(`${good.slice(0, at)}${random(2) === 0 ? kind : ''}${rest}`)));
    }
  });

  it('cut off anywhere keep what came before', () => {
    const good = 'v;/{i=<nn>;i{i=s;i{i=[yy];};};};r{i;};';
    for (let length = 0; length < good.length; length++) {
      const tree = parseUnit(tokensOfShape(good.slice(0, length)));
      checkTree(tree);
      const properties = countProperties(tree.items);
      assert.ok(properties >= (good.slice(0, length).match(/i(?==[^;]*;)/g) ?? []).length, good.slice(0, length));
    }
  });

  const repeated = [
    '{',
    '<',
    'i=',
    '/',
    '(',
    'i{',
    '}',
    'l',
    ';',
    'o',
    'd',
    'i=<(',
    'i=<(n?',
    'lo',
    'r{',
    'v;/{i{i=<n',
  ];
  for (const part of repeated) {
    it(`repeated 10,000 times have a tree: ${part}`, () => {
      checkTree(parseUnit(tokensOfShape(part.repeat(10_000))));
    });
  }
});

describe('nesting', () => {
  const nested = (depth: number): string =>
    `/dts-v1/; / { ${'n { '.repeat(depth)} a; ${'}; '.repeat(depth)} b { c; }; };`;

  it('is followed to the limit', () => {
    assert.deepEqual(parseSource(nested(maxDepth - 1)).errors, []);
  });

  it('beyond the limit is reported once, where it begins, and the rest is kept', () => {
    for (const depth of [maxDepth, 10_000]) {
      const tree = parseSource(nested(depth));
      assert.deepEqual(
        tree.errors.map(({ rule }) => rule),
        ['syntax-too-deep'],
      );
      assert.equal(tree.tokens.shape.slice(0, tree.errors[0]!.first + 1).split('{').length - 1, maxDepth + 1);
      const root = tree.items[1] as NodeSyntax;
      assert.deepEqual(
        root.members.map(({ name }) => tree.tokens.shape[name]),
        ['i', 'i'],
      );
      assert.equal((root.members[1] as NodeSyntax).members.length, 1);
    }
  });

  it('of parentheses ends likewise', () => {
    const source = (depth: number): string =>
      `/dts-v1/; / { a = <${'('.repeat(depth)}1${')'.repeat(depth)} 2>; b = <3>; };`;
    assert.deepEqual(parseSource(source(maxDepth)).errors, []);
    const { items, errors } = parseSource(source(10_000));
    assert.deepEqual(
      errors.map(({ rule }) => rule),
      ['syntax-too-deep'],
    );
    assert.equal((items[1] as NodeSyntax).members.length, 2);
  });

  it('is none where ternaries follow each other', () => {
    const chain = '1 ? 2 : '.repeat(maxDepth * 2);
    assert.deepEqual(parseSource(`/dts-v1/; / { a = <(${chain} 3) (1 ? 2 : 3)>; };`).errors, []);
  });
});

/** Parts follow each other in their whole, problems lie in the unit, and values can be walked. */
function checkTree(tree: SyntaxTree): void {
  const { tokens, items, errors } = tree;
  let behind = -1;
  for (const item of items) behind = checkItem(item, behind, tokens.count);
  for (const { first, last, message } of errors) {
    assert.ok(first >= -1 && last >= first && last < Math.max(tokens.count, 1), `${tokens.shape}: ${first} ${last}`);
    assert.ok(message.length > 5);
  }
  if (items.length === 0 && tokens.count > 0) assert.ok(errors.length > 0);

  function checkItem(item: TopLevelItem | MemberSyntax, before: number, limit: number): number {
    const where = `${tokens.shape}: ${item.kind} ${item.first}–${item.last}`;
    assert.ok(item.first > before && item.last >= item.first && item.last < limit, where);
    if (item.kind === 'node') {
      let inside = item.open;
      for (const member of item.members) inside = checkItem(member, inside, item.last + 1);
    } else if (item.kind === 'property') {
      checkValues(item, where);
    }
    return item.last;
  }

  function checkValues(property: Extract<MemberSyntax, { kind: 'property' }>, where: string): void {
    let inside = property.name;
    const within = (first: number, last: number): void => {
      assert.ok(first > property.name && last >= first && last <= property.last, where);
    };
    for (const value of property.values) {
      assert.ok(value.first > inside && value.last >= value.first && value.last <= property.last, where);
      inside = value.last;
      if (value.kind === 'cells')
        visitCells(tokens, value, (_kind, first, last) => {
          within(first, last);
        });
      else if (value.kind === 'bytes')
        visitBytes(tokens, value, (_kind, token) => {
          within(token, token);
        });
    }
    visitValueLabels(tokens, property, (token) => {
      within(token, token);
    });
  }
}

function countProperties(items: readonly (TopLevelItem | MemberSyntax)[]): number {
  return items.reduce((sum, item) => {
    return sum + (item.kind === 'property' ? 1 : item.kind === 'node' ? countProperties(item.members) : 0);
  }, 0);
}
