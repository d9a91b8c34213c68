// Nodes that completion writes: with what only their author knows filled in, they are tables that nobody objects to.
import assert from 'node:assert/strict';
import { textStyles, type TextStyle } from '../../../server/src/acpi/layout/field';
import { newIort } from '../../../server/src/acpi/text/template';
import { completions } from '../../../server/src/features/iort/completion';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';
import { analysed, tableOf } from './table';

const kinds = ['ITS group', 'Named component', 'PCI root complex', 'SMMUv1/v2', 'SMMUv3', 'PMCG', 'RMR', 'IWB'];

/** What the author puts into the places that are left open, by the names of the lines. */
const known: Readonly<Record<string, string>> = {
  'Base Address': '000000002B800000',
  'Page 0 Base Address': '000000002BA00000',
  'Page 1 Base Address': '000000002BA10000',
  'Config Frame Base': '000000002BB00000',
  'Base Address of RMR': '0000000090000000',
  Identifiers: '00000001',
  'Event GSIV': '00000081',
  'PRI GSIV': '00000082',
  'GERR GSIV': '00000083',
  'Sync GSIV': '00000084',
  'Overflow Interrupt GSIV': '00000085',
  NSgIrpt: '00000086',
  'Context Interrupt': '0000000000000087',
};

interface Inserted {
  readonly kind: string;
  readonly revision: number;
  readonly name: string;
  readonly style: TextStyle;
  readonly before: string;
  readonly text: string;
}

function inserted(revision: number, style: TextStyle, kind: string, hasPrefixes: boolean): Inserted | undefined {
  const template = newIort(revision, style).split('Raw Table Data')[0]!.trimEnd();
  // The SMMU has stream IDs for more than one master.
  const roomy = template.replace(/(Segment[^]*?ID Count : 0000)FFFF/, '$17FFF');
  const whole = withNode(`${hasPrefixes ? roomy : roomy.replace(/^\[[^\]\n]*\] */gm, '')}\n`, 'Named component')!;
  const text = withNode(whole, kind);
  const name = `${kind}, table revision ${revision}, ${style}${hasPrefixes ? '' : ', no offsets'}`;
  return text === undefined ? undefined : { name, kind, revision, style, before: whole, text };
}

/** A text with a new node at its end, as completion writes it; undefined where it offers none. */
function withNode(before: string, kind: string): string | undefined {
  const choice = completions(tableOf(`${before}\n`), before.length + 1).find(
    ({ label }) => label === `New node: ${kind}`,
  );
  if (choice === undefined) return undefined;
  const written = choice.insert.map(({ text, isOpen }, index) => {
    const name = /([A-Za-z0-9][^:\n\]]*?) : $/.exec(choice.insert[index - 1]?.text ?? '')?.[1] ?? '';
    return isOpen ? (known[name] ?? text) : text;
  });
  return `${before}\n${choice.further.map(({ newText }) => newText).join('')}${written.join('')}\n`;
}

const all = textStyles.flatMap((style) =>
  [0, 3, 5, 6, 7].flatMap((revision) =>
    kinds.flatMap((kind) => [true, false].flatMap((hasPrefixes) => inserted(revision, style, kind, hasPrefixes) ?? [])),
  ),
);

/** What is so of any such node, and said of it. */
const isSaid = (kind: string, revision: number): readonly string[] => [
  ...(kind === 'RMR' ? [revision < 5 ? 'iort-rmr-table-revision' : 'iort-rmr-vfio'] : []),
  // It gets the buses that are left.
  ...(kind === 'PCI root complex' ? ['iort-mapping-gap'] : []),
  ...(kind === 'IWB' && revision < 7 ? ['iort-node-type'] : []),
];

describe('new nodes of an IORT', () => {
  for (const { name, kind, revision, before, text } of all) {
    it(`are right: ${name}`, () => {
      const findings = (of: string): readonly string[] =>
        analysed(tableOf(of))
          .analysis.diagnostics.filter(({ rule }) => rule !== 'iort-text-computed-mismatch')
          .map(({ rule, message }) => `${rule}: ${message}`);
      const old = new Set(findings(before));
      const added = findings(text).filter((finding) => !old.has(finding));
      assert.deepEqual(
        added.map((finding) => finding.split(':')[0]),
        isSaid(kind, revision),
        added.join('\n'),
      );
    });
  }
});

describeWithIasl('new nodes of an IORT as iasl compiles them', function (iasl) {
  this.timeout(180_000);

  it('compile to the same bytes', async () => {
    // iasl 20200925 does not know of identifiers, which stand in remarks.
    const common = all.filter(({ text }) => !text.includes('//doorbell'));
    assert.ok(common.length > 90, common.length.toString());
    for (const { name, style, text } of common) {
      const { output, messages } = await compileText(iasl[style], text);
      assert.equal(output?.toString('hex'), Buffer.from(tableOf(text).bytes).toString('hex'), `${name}: ${messages}`);
    }
  });
});
