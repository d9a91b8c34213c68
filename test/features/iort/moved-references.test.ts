import assert from 'node:assert/strict';
import { referencesOf } from '../../../server/src/acpi/iort/edit';
import {
  besideMoved,
  movedDiagnostics,
  settle,
  type SettledTable,
} from '../../../server/src/features/iort/moved-references';
import { applyFix } from '../../rules/iort/table';
import { analysed, exampleTable, lineText, tableOf } from './table';

/** Another ITS group, as text of the example's form. */
const itsGroup = `                        Type : 00
                      Length : 0018
                    Revision : 01
                  Identifier : 00000010
               Mapping Count : 00000000
              Mapping Offset : 00000000

                    ItsCount : 00000001
                 Identifiers : 00000001

`;

/** The state after a text went through several versions, as the editor saw them. */
function after(...texts: readonly string[]) {
  let settled: SettledTable | undefined;
  for (const text of texts) settled = settle(settled, tableOf(text));
  const document = tableOf(texts.at(-1)!);
  return { document, found: movedDiagnostics(document, settled!) };
}

function outdated(...texts: readonly string[]): string[] {
  const { document, found } = after(...texts);
  return found.map(({ range }) => lineText(document, range!.start));
}

/** All references, as the offsets that they say. */
function referencesIn(text: string): string[] {
  return Array.from(text.matchAll(/(?:Output|Node) Reference : ([0-9A-F]+)/g), ([, digits]) => digits!);
}

/** What each node's references lead to, by kinds, in the order of the nodes' kinds. */
function targetsIn(text: string): string[] {
  const { nodes } = tableOf(text).iort!;
  return nodes
    .map(
      (node) =>
        `${node.kind}: ${referencesOf(node)
          .map(({ value }) => tableOf(text).iort!.nodeAt(Number(value))?.kind ?? 'nothing')
          .join()}`,
    )
    .sort();
}

const inserted = exampleTable.replace('// SMMUv3,', `${itsGroup}// SMMUv3,`);

describe('references that keep up', () => {
  it('warn where a node was put in before the nodes that they name, and one fix rewrites all', () => {
    const { document, found } = after(exampleTable, inserted);
    assert.equal(found.length, 5);
    assert.match(
      found[0]!.message,
      /^SMMUv3 0x2b400000 was at 0x48 and is at 0x60 now; this reference still says 0x48, and that is ITS group 1 now$/,
    );
    const { text } = applyFix(document, found[0]!.fixes![0]!);
    assert.equal(found[0]!.fixes![0]!.title, 'Update 5 references to nodes that have moved');
    assert.deepEqual(referencesIn(text), [
      '00000030',
      '00000030',
      '00000060',
      '000000B8',
      '000000B8',
      '00000060',
      '000000B8',
    ]);
    assert.deepEqual(outdated(exampleTable, inserted, text), []);
  });

  it('follow a node that was taken out, and leave those to it alone', () => {
    const pmcg = exampleTable.slice(exampleTable.indexOf('// MMU-500,'), exampleTable.indexOf('// Root complex'));
    const without = exampleTable.replace(pmcg, '');
    const taken = after(exampleTable, without);
    assert.ok(taken.found.every(({ fixes }) => fixes!.length === 0));
    // A root complex has moved there, which nothing may refer to: that is an error already.
    const { diagnostics } = analysed(taken.document).analysis;
    assert.ok(taken.found.length > 0);
    assert.ok(!besideMoved(diagnostics, taken.found).some(({ rule }) => rule === 'iort-reference-moved'));
    const its = exampleTable.slice(exampleTable.indexOf('// ITS group'), exampleTable.indexOf('// SMMUv3,'));
    const { document, found } = after(inserted, inserted.replace(its, ''));
    // The references to the group that is gone keep their number; none was right about the others but those by 30h.
    const moved = found.filter(({ fixes }) => fixes!.length > 0);
    assert.ok(moved.every(({ message }) => !message.includes('ITS group 0')));
    assert.ok(document.iort!.nodes.length === 8);
  });

  it('warn where another node has moved to the place of one that was taken out', () => {
    const its = inserted.slice(inserted.indexOf('// ITS group'), inserted.indexOf(itsGroup));
    const without = inserted.replace(its, '');
    const { document, found } = after(inserted, without);
    const lost = found.filter(({ fixes }) => fixes?.length === 0);
    assert.ok(lost.length > 0);
    for (const { message, range } of lost) {
      assert.equal(
        message,
        'ITS group 0 was at 0x30 and was taken out; this reference to it leads to ITS group 1 now, which has moved there',
      );
      assert.match(lineText(document, range!.start), /Output Reference : 00000030$/);
    }
    assert.equal(lost.length, without.split('Reference : 00000030').length - 1);
    // It is not said of what comes in its stead, nor once it is back.
    assert.deepEqual(outdated(inserted, inserted.replace(its, itsGroup.replace('00000010', '00000011'))), []);
    assert.deepEqual(outdated(inserted, without, inserted), []);
    // Another number is the author's.
    const chosen = without.replaceAll('Reference : 00000030', 'Reference : 00000031');
    assert.ok(after(inserted, without, chosen).found.every(({ fixes }) => fixes!.length > 0));
  });

  it('follow nodes behind one that has grown by a mapping or by padding', () => {
    const mapping = `
                  Input base : 00020000
                    ID Count : 00000FFF
                 Output Base : 00040000
            Output Reference : 00000030
       Flags (decoded below) : 00000000
              Single Mapping : 0
`;
    const grown = exampleTable.replace('\n// MMU-500,', `${mapping}\n// MMU-500,`);
    const { document, found } = after(exampleTable, grown);
    assert.deepEqual(
      [...new Set(found.map(({ message }) => message.split(';')[0]))],
      ['SMMU 0x2b600000 was at 0xa0 and is at 0xb4 now'],
    );
    const { text } = applyFix(document, found[0]!.fixes![0]!);
    assert.equal(referencesIn(text)[4], '000000B4');
  });

  it('follow nodes that have changed places', () => {
    const start = exampleTable.indexOf('// SMMUv3,');
    const middle = exampleTable.indexOf('// MMU-500,');
    const end = exampleTable.indexOf('// Root complex');
    const smmuv3 = exampleTable.slice(start, middle);
    const smmu = exampleTable.slice(middle, end);
    const swapped = exampleTable.slice(0, start) + smmu + smmuv3 + exampleTable.slice(end);
    const { document, found } = after(exampleTable, swapped);
    const { text } = applyFix(document, found[0]!.fixes![0]!);
    assert.deepEqual(referencesIn(text), [
      '00000030',
      '00000030',
      '000000B0',
      '00000048',
      '00000048',
      '000000B0',
      '00000048',
    ]);
  });

  it('are not said to be wrong while a node is being typed, and remembered until it is whole', () => {
    const lines = itsGroup.trimEnd().split('\n');
    const steps = lines.map((_, index) =>
      exampleTable.replace('// SMMUv3,', `${lines.slice(0, index + 1).join('\n')}\n\n// SMMUv3,`),
    );
    const unfinished = steps.slice(0, -1);
    for (const [index] of unfinished.entries()) {
      const said = outdated(exampleTable, ...unfinished.slice(0, index + 1));
      assert.ok(said.length === 0 || said.length === 5, `step ${index}: ${said.length}`);
    }
    assert.equal(outdated(exampleTable, ...steps).length, 5);
  });

  it('of a node that came meanwhile follow as well', () => {
    // A component behind the MMU-500 where that is now, while the others still say where it was.
    const start = exampleTable.indexOf('// Named component GPU0');
    const component = exampleTable
      .slice(start, exampleTable.indexOf('// PMCG'))
      .replaceAll('GPU0', 'GPU1')
      .replace('Output Reference : 000000A0', 'Output Reference : 000000B8');
    const twice = inserted.replace('// PMCG', `${component}// PMCG`);
    assert.ok(twice.includes('000000B8'));
    assert.equal(outdated(exampleTable, inserted, twice).length, 5);
    const thrice = twice.replace('// ITS group', `${itsGroup.replace('00000010', '00000011')}// ITS group`);
    const { document, found } = after(exampleTable, inserted, twice, thrice);
    const { text } = applyFix(document, found[0]!.fixes![0]!);
    const { nodes } = tableOf(text).iort!;
    for (const { mappings, kind } of nodes) {
      for (const { target } of mappings) assert.ok(target !== undefined && target.kind !== kind, text);
    }
    const components = nodes.filter(({ kind }) => kind === 'named-component');
    assert.deepEqual(
      components.map(({ mappings }) => mappings[0]!.target?.kind),
      ['smmu', 'smmu', 'smmu'],
    );
  });

  it('follow a node that is cut here and pasted there', () => {
    const start = exampleTable.indexOf('// ITS group');
    const group = exampleTable.slice(start, exampleTable.indexOf('// SMMUv3,'));
    const cut = exampleTable.replace(group, '');
    const { document, found } = after(exampleTable, cut, `${cut}\n${group}`);
    const { text } = applyFix(document, found[0]!.fixes![0]!);
    assert.deepEqual(targetsIn(text), targetsIn(exampleTable));
    // The last node leaves nothing behind that would have moved.
    const rearranged = text.replaceAll('\n\n\n', '\n\n');
    const last = rearranged.slice(rearranged.indexOf('// ITS group'));
    const without = rearranged.replace(last, '');
    const back = without.replace('// SMMUv3,', `${last}\n\n// SMMUv3,`);
    const again = after(rearranged, without, back);
    const { text: mended } = applyFix(again.document, again.found[0]!.fixes![0]!);
    assert.deepEqual(targetsIn(mended), targetsIn(exampleTable));
  });

  it('that the author changed are the author’s', () => {
    const changed = inserted.replace('Output Reference : 00000048', 'Output Reference : 00000030');
    assert.equal(outdated(exampleTable, changed).length, 4);
  });

  it('are silent where only values change, and after an undo', () => {
    assert.deepEqual(
      outdated(exampleTable, exampleTable.replace('Event GSIV : 0000006A', 'Event GSIV : 0000007A')),
      [],
    );
    assert.deepEqual(outdated(exampleTable, inserted, exampleTable), []);
  });

  it('are mended by what they mean: no guess of another rule by what is near is preferred there', () => {
    const twice = inserted.replace('// SMMUv3,', `${itsGroup.replace('00000010', '00000011')}// SMMUv3,`);
    const { document, found } = after(exampleTable, twice);
    const { analysis } = analysed(document);
    const guessed = analysis.diagnostics.filter(({ rule }) => rule === 'iort-ref-not-node');
    assert.ok(guessed.some(({ fixes = [] }) => fixes.some(({ isPreferred }) => isPreferred === true)));
    const places = new Set(found.map(({ range }) => range!.start));
    const shown = besideMoved(analysis.diagnostics, found).filter(({ range }) => places.has(range?.start ?? -1));
    const preferred = shown.flatMap(({ rule, fixes = [] }) =>
      fixes.filter(({ isPreferred }) => isPreferred === true).map(() => rule),
    );
    assert.deepEqual([...new Set(preferred)], ['iort-reference-moved']);
    assert.equal(preferred.length, found.length);
    assert.equal(besideMoved(analysis.diagnostics, []), analysis.diagnostics);
  });
});
