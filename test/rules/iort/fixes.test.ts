import assert from 'node:assert/strict';
import { amendTable, applyFix, checkTable, ruleIds, textDocument } from './table';

/** The table with a fix applied that the finding of a rule offers. */
function fixed(text: string, rule: string, title: RegExp) {
  const document = textDocument(text);
  const found = checkTable(document).filter((each) => each.rule === rule);
  const fix = found.flatMap(({ fixes = [] }) => fixes).find((each) => title.test(each.title));
  assert.ok(fix !== undefined, found.map(({ fixes = [] }) => fixes.map((each) => each.title).join()).join());
  const after = textDocument(applyFix(document, fix).text);
  assert.deepEqual(after.diagnostics, []);
  return { text: after.file.text, table: after.iort!, found: ruleIds(checkTable(after)) };
}

/** What references lead to, by kinds: that of the master, and that of its target. */
function ways(table: ReturnType<typeof fixed>['table']): string[] {
  return table.nodes.flatMap((node) => node.mappings.map(({ target }) => `${node.kind} ${target?.kind ?? 'nothing'}`));
}

const wholeWays = [
  'smmuv3 its-group',
  'smmu its-group',
  'root-complex smmuv3',
  'named-component smmu',
  'named-component smmu',
  'rmr smmu',
];

describe('fixes of an IORT that move bytes', () => {
  it('a mapping is added, and references behind it follow', () => {
    const partial =
      '// Root complex\n                  Input base : 00000100\n                    ID Count : 0000FEFF\n                 Output Base : 00000100';
    const { table, found } = fixed(amendTable(partial), 'iort-mapping-gap', /^Map 0x0–0xff to the SMMUv3/);
    assert.deepEqual(found, []);
    assert.deepEqual(ways(table), [...wholeWays.slice(0, 3), ...wholeWays.slice(2)]);
    const counters = table.nodes.find(({ kind }) => kind === 'pmcg');
    assert.ok(counters?.kind === 'pmcg');
    assert.equal(table.nodeAt(Number(counters.values.nodeReference!.value))?.kind, 'smmuv3');
  });

  it('a name is padded to whole segments, and nothing else changes where the padding has room', () => {
    const short =
      '// Named component DMA0\n                 Device Name : "\\_SB.DMA0"\n                     Padding : 00 00 00 00 00';
    const { table, found, text } = fixed(amendTable(short), 'iort-nc-name', /^Write/);
    assert.deepEqual(found, []);
    assert.deepEqual(ways(table), wholeWays);
    assert.match(text, /Device Name : "\\_SB_\.DMA0"\n +Padding : 00 00 00 00\n/);
  });

  it('a name grows, and references behind it follow', () => {
    const amendment = '// MMU-500\n                  Identifier : 00000002';
    // The component in front of everything that is referred to.
    const table = amendTable(amendment);
    const start = table.indexOf('// Named component DMA0');
    const end = table.indexOf('// Named component GPU0');
    const component = table.slice(start, end).replace('"\\_SB_.DMA0"', '"\\_SB.DMA0"').replace('00 00 00 00\n', '00\n');
    const moved = table.slice(0, start) + table.slice(end);
    const at = moved.indexOf('// ITS group');
    // Without its padding of four bytes, and with a name that is one byte shorter.
    const size = 0x40 - 4;
    const shifted = (moved.slice(0, at) + component + moved.slice(at)).replace(
      /((?:Output|Node) Reference : )([0-9A-F]{8})/g,
      (_, label: string, digits: string) =>
        `${label}${(Number.parseInt(digits, 16) + size).toString(16).toUpperCase().padStart(8, '0')}`,
    );
    const before = textDocument(shifted);
    assert.deepEqual(before.diagnostics, []);
    const { table: after, found } = fixed(shifted, 'iort-nc-name', /^Write/);
    assert.deepEqual(found, []);
    assert.deepEqual(ways(after).sort(), [...wholeWays].sort());
  });

  it('mappings that an ITS group must not have are taken out, and references behind them follow', () => {
    const table = amendTable('// Header\n                    Revision : 05');
    const mapping = /\n +Input base : 00000000\n(?:.*\n){5}/.exec(table)![0];
    const group = / +Identifiers : 00000000\n/.exec(table)![0];
    const shifted = table
      .replace(group, group + mapping)
      .replace(/((?:Output|Node) Reference : )([0-9A-F]{8})/g, (_, label: string, digits: string) => {
        const offset = Number.parseInt(digits, 16);
        return `${label}${(offset > 0x30 ? offset + 20 : offset).toString(16).toUpperCase().padStart(8, '0')}`;
      });
    const { table: after, found } = fixed(shifted, 'iort-its-mappings', /^Take/);
    assert.deepEqual(found, []);
    assert.deepEqual(ways(after), wholeWays);
  });
});
