// What is known to be in order since rules looked at a table the last time. An edit changes a node or two of thousands; the next
// version of the table has the others again, the same objects, as far as nothing that they reach has changed either. Only that
// is kept, no finding: what is found is found anew for each version of the text, with the places that it has there.
import type { IortNode } from '../acpi/iort/model';
import type { MadtTable } from '../acpi/madt/model';
import type { KernelProfile } from '../iova/kernel-profile';
import { oncePer } from '../text/once';
import { ownChangesSince, type Change } from './iort/changes';
import { hasItsGroup } from './iort/finding';
import type { TableMachine, TableRule } from './table-rule';

/** A table beside the version of it that rules have gone through before, if there is one. */
export interface SeenTable {
  /** Nodes that rules of single nodes have not looked at yet, or have found something about. */
  readonly nodes: readonly IortNode[];
  /** Whether a rule about the table as a whole found nothing then, and what it goes by is as it was. */
  readonly isQuiet: (rule: TableRule) => boolean;
  /** The rules have gone through: these found nothing about the table, and about these nodes something may be wrong. */
  readonly keep: (quiet: ReadonlySet<TableRule>, loud: ReadonlySet<unknown>) => void;
}

interface Seen {
  readonly nodes: readonly IortNode[];
  readonly madt: MadtTable | undefined;
  readonly quiet: ReadonlySet<TableRule>;
  readonly loud: ReadonlySet<unknown>;
}

/** The last version of each table, by what else rules go by. */
const known = new WeakMap<object, Map<string, Seen>>();
/** Ways to look at one table, such as kernels that somebody compares. */
const mostKept = 4;

export function seenTable(input: TableMachine): SeenTable {
  const { table, madt } = input;
  const ways = known.get(table.lineage) ?? new Map<string, Seen>();
  known.set(table.lineage, ways);
  const key = wayOfLooking(input);
  const found = ways.get(key);
  const before = found !== undefined && isSameMadt(found.madt, madt) ? found : undefined;
  const changes = before && ownChangesSince(before.nodes, table.nodes, mostChanges);
  return {
    nodes: table.nodes.filter((node, at) => before?.nodes[at] !== node || before.loud.has(node)),
    isQuiet: (rule) => {
      if (rule.sight === undefined || before?.quiet.has(rule) !== true) return false;
      return changes?.every((change) => isNothingTo(rule, change)) === true;
    },
    keep(quiet, loud) {
      // What makes no sense in one place is noticed in others.
      const lasting = table.problems.length === 0 ? quiet : new Set<TableRule>();
      ways.delete(key);
      ways.set(key, { nodes: table.nodes, madt, quiet: lasting, loud });
      if (ways.size > mostKept) ways.delete(ways.keys().next().value!);
    },
  };
}

/** All that rules go by beside nodes and the MADT. */
function wayOfLooking({ table, kernel, settings }: TableMachine): string {
  const isSound = table.problems.length === 0;
  const revision = String(table.header.revision?.value);
  return `${isSound} ${revision} ${hasItsGroup(table)} ${settings.preserveBootConfiguration === true} ${settings.streamIdBits} ${textOf(kernel)}`;
}

const textOf = oncePer((kernel: KernelProfile) =>
  JSON.stringify(kernel, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
);

function isSameMadt(a: MadtTable | undefined, b: MadtTable | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a.bytes, b.bytes) === 0);
}

/** More changed nodes are not compared one by one. */
const mostChanges = 64;

/** Whether the nodes at a place of the list, before and after an edit, are one and the same to a rule about the table. */
export function isNothingTo({ sight }: TableRule, [before, after]: Change): boolean {
  // Of another kind or elsewhere, it is another thing to those that lead to it as well.
  if (sight === undefined || before === undefined || after?.kind !== before.kind) return false;
  if (after.offset !== before.offset) return false;
  return before.content === after.content || sight(before) === sight(after);
}
