// The nodes that a new table may be made of: nobody objects to any table of them, and both versions of iasl compile it.
import assert from 'node:assert/strict';
import { nodeKinds } from '../../../server/src/acpi/iort/decode-node';
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { nodeRevisions, type KnownNodeKind } from '../../../server/src/acpi/layout/node-revisions';
import { issues, newIort } from '../../../server/src/acpi/text/template';
import { neededNodes, type WantedNode } from '../../../server/src/acpi/text/template-nodes';
import { analysed, tableOf } from '../../features/iort/table';
import { random } from '../../fuzz/random';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';

interface Made {
  readonly name: string;
  readonly style: TextStyle;
  readonly nodes: readonly WantedNode[];
  readonly text: string;
}

/** The kinds of node that a table may have: RMRs before revision 5 nobody reads, IWBs are of revision 7. */
function kindsOf(revision: number, style: TextStyle): readonly KnownNodeKind[] {
  const known = nodeKinds.filter((kind) => (kind !== 'rmr' || revision >= 5) && (kind !== 'iwb' || revision >= 7));
  return style === 'current' ? known : known.filter((kind) => kind !== 'rmr' && kind !== 'iwb');
}

function made(revision: number, style: TextStyle, nodes: readonly WantedNode[]): Made {
  const list = nodes.map((node) => (node.revision === undefined ? node.kind : `${node.kind}:${node.revision}`));
  const name = `table revision ${revision}, ${style}: ${list.join(' ')}`;
  return { name, style, nodes, text: newIort(revision, style, nodes) };
}

const revisions = [...new Set(issues.values())];
const styles: readonly TextStyle[] = ['current', '20200925'];

const alone = styles.flatMap((style) =>
  revisions.flatMap((revision) =>
    kindsOf(revision, style).flatMap((kind) => {
      const [, highest] = nodeRevisions(kind, revision);
      const older = Array.from({ length: highest + 1 }, (_, each) => each).filter(
        (each) => kind !== 'rmr' || each !== 2,
      );
      return [
        made(revision, style, [{ kind }]),
        ...older.map((each) => made(revision, style, [{ kind, revision: each }])),
        made(revision, style, [{ kind }, { kind }, { kind }]),
      ];
    }),
  ),
);

const together = Array.from({ length: 60 }, (_, seed) => {
  const numbers = random(seed);
  const [revision, style] = [numbers.pick(revisions), numbers.pick(styles)];
  const nodes = Array.from({ length: 1 + numbers.below(9) }, () => ({ kind: numbers.pick(kindsOf(revision, style)) }));
  return made(revision, style, nodes);
});

describe('a new table of nodes that were asked for', () => {
  it('has them, in their order, behind what they must refer to', () => {
    for (const { name, nodes, text } of [...alone, ...together]) {
      const { iort, diagnostics } = tableOf(text);
      const kinds = [...neededNodes(nodes), ...nodes].map(({ kind }) => kind);
      assert.deepEqual([diagnostics, iort?.problems, iort?.nodes.map(({ kind }) => kind)], [[], [], kinds], name);
      for (const [index, { revision }] of nodes.entries()) {
        const node = iort?.nodes[index + kinds.length - nodes.length];
        if (revision !== undefined) assert.equal(node?.header.revision.value, BigInt(revision), name);
      }
    }
  });

  it('is one that no rule calls wrong', () => {
    for (const { name, text } of [...alone, ...together]) {
      const { diagnostics } = analysed(tableOf(text)).analysis;
      const wrong = diagnostics.filter(({ severity }) => severity === 'error');
      assert.deepEqual(
        wrong.map(({ rule, message }) => `${rule}: ${message}`),
        [],
        name,
      );
    }
  });

  it('gives each device regions of its own', () => {
    const kinds = [
      'its-group',
      'smmuv3',
      'smmuv3',
      'root-complex',
      'named-component',
      'named-component',
      'rmr',
    ] as const;
    const { prediction, topology } = analysed(
      tableOf(
        newIort(
          6,
          'current',
          kinds.map((kind) => ({ kind })),
        ),
      ),
    ).analysis;
    assert.deepEqual(
      topology.masters.map(({ path }) => path),
      ['pci0000', '\\_SB_.DEV0', '\\_SB_.DEV1'],
    );
    assert.equal(prediction.groups.length, 3);
    const reserved = prediction.groups.filter(({ regions }) => regions.some(({ type }) => type === 'direct'));
    assert.deepEqual(
      reserved.map(({ devices }) => devices.map(({ path }) => path)),
      [['\\_SB_.DEV0']],
    );
  });
});

describeWithIasl('a new table of nodes that were asked for, and iasl', function (iasl) {
  this.timeout(180_000);

  it('compiles to the same bytes', async () => {
    for (const { name, style, text } of [...alone, ...together]) {
      const { output, messages } = await compileText(iasl[style], text);
      assert.notEqual(output, undefined, `${name}: ${messages}`);
      // iasl 20200925 writes 0 into identifiers, which are kept by remarks here.
      if (style === '20200925' && text.includes('//doorbell')) continue;
      assert.equal(output?.toString('hex'), Buffer.from(tableOf(text).bytes).toString('hex'), `${name}: ${messages}`);
    }
  });
});
