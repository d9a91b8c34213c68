// doorbell iort new
import type { Command } from 'commander';
import { nodeTypes } from '../acpi/layout/iort';
import { nodeKinds } from '../acpi/iort/decode-node';
import type { TextStyle } from '../acpi/layout/field';
import { nodeRevisions, type KnownNodeKind } from '../acpi/layout/node-revisions';
import { issues, newIort, templateRevision } from '../acpi/text/template';
import { neededNodes, type WantedNode } from '../acpi/text/template-nodes';
import { withStyle, writeTo } from './table-output';
import { printError, UsageError } from './terminal';

interface NewArguments {
  readonly output?: string;
  readonly style: TextStyle;
  readonly revision: string;
  readonly node?: readonly string[];
}

const kinds: readonly KnownNodeKind[] = nodeKinds;

export function addNew(iort: Command): void {
  withStyle(iort.command('new'))
    .description(
      'the text that a new IORT starts with: QEMU’s machine virt with an SMMUv3, or the nodes that are asked for',
    )
    .option('--revision <issue>', `issue of Arm DEN0049 (${[...issues.keys()].join(', ')}) or revision`, 'E.f')
    .option(
      '--node <kind[:revision]>',
      `a node, may be repeated, in place of virt’s: ${kinds.join(', ')}; what it must refer to comes with it`,
      (node: string, before: readonly string[] | undefined) => [...(before ?? []), node],
    )
    .option('-o, --output <file>', 'the text (default: the standard output)')
    .action(template);
}

function template({ output, style, revision, node = [] }: NewArguments): void {
  const wanted = templateRevision(revision);
  if (wanted === undefined) {
    const known = [...issues.keys()].join(', ');
    throw new UsageError(`there is no template of revision ${revision}: ${known} are known, E, E.a and E.c withdrawn`);
  }
  const nodes = node.map((each) => wantedNode(each, wanted, style));
  if (style === '20200925' && wanted > 0) {
    printError('iasl 20200925 compiles the nodes’ identifiers, which came with revision 1, as zero, and knows no RMR');
  }
  const needed = neededNodes(nodes);
  if (needed.length > 0) printError(`with ${needed.map(titleOf).join(', ')}, which these nodes refer to`);
  writeTo(output ?? '-', newIort(wanted, style, nodes.length === 0 ? undefined : nodes));
}

function titleOf({ kind }: WantedNode): string {
  const { name } = nodeTypes[nodeKinds.indexOf(kind)]!;
  return kind === 'named-component' ? `a ${name.toLowerCase()}` : `an ${name}`;
}

/** The table revision from which on anybody looks at such a node. */
const since: Readonly<Partial<Record<KnownNodeKind, readonly [table: number, reason: string]>>> = {
  rmr: [5, 'Linux ignores RMRs in tables below revision 5 (issue E.d)'],
  iwb: [7, 'there are IWBs from revision 7 (issue E.g) on'],
};

function wantedNode(text: string, table: number, style: TextStyle): WantedNode {
  const [name = '', ...rest] = text.toLowerCase().split(':');
  const revision = rest.length === 0 ? undefined : rest.join(':');
  const kind = kinds.find((each) => each === name);
  if (kind === undefined) throw new UsageError(`--node ${text}: there is no such node: ${kinds.join(', ')} are known`);
  const [first, reason] = since[kind] ?? [0, ''];
  if (table < first) throw new UsageError(`--node ${text}: ${reason}; this table has ${table}`);
  if (first > 0 && style === '20200925') throw new UsageError(`--node ${text}: iasl 20200925 does not know such nodes`);
  if (revision === undefined) return { kind };
  const [, highest] = nodeRevisions(kind, table);
  const number = /^\d{1,3}$/.test(revision) ? Number(revision) : Infinity;
  const isWithdrawn = kind === 'rmr' && number === 2;
  if (number > highest || isWithdrawn) {
    throw new UsageError(`--node ${text}: revision ${highest} goes with table revision ${table}`);
  }
  return { kind, revision: number };
}
