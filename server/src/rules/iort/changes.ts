// What differs between two versions of a table. Nodes that no edit has touched, nor anything that they reach, are the same objects
// (acpi/iort/kept-nodes.ts).
import type { IortNode, IortTable } from '../../acpi/iort/model';

/** The node at a place of the list, before and after. */
export type Change = readonly [before: IortNode | undefined, after: IortNode | undefined];

/** In the order of the list; undefined where there are more than so many. */
export function changesSince(
  before: readonly IortNode[],
  after: readonly IortNode[],
  most: number,
): readonly Change[] | undefined {
  return differences(before, after, most, () => true);
}

/** Those of them whose own bytes are not the same: where others lead to what has changed, they differ by that alone. */
export function ownChangesSince(
  before: readonly IortNode[],
  after: readonly IortNode[],
  most: number,
): readonly Change[] | undefined {
  return differences(before, after, most, ([old, node]) => old?.content !== node?.content);
}

function differences(
  before: readonly IortNode[],
  after: readonly IortNode[],
  most: number,
  isMeant: (change: Change) => boolean,
): readonly Change[] | undefined {
  const changes: Change[] = [];
  const { length } = before.length < after.length ? after : before;
  for (let at = 0; at < length; at++) {
    if (before[at] === after[at] || !isMeant([before[at], after[at]])) continue;
    if (changes.length >= most) return undefined;
    changes.push([before[at], after[at]]);
  }
  return changes;
}

/**
 * A function of a table that is worked out once, from the result for the version of it that was asked for last, where there is
 * one and few nodes have changed since.
 */
export function followed<T>(
  anew: (table: IortTable) => T,
  next: (before: T, table: IortTable, changes: readonly Change[]) => T,
): (table: IortTable) => T {
  const latest = new WeakMap<object, { readonly table: IortTable; readonly result: T }>();
  return (table) => {
    const before = latest.get(table.lineage);
    if (before?.table === table) return before.result;
    const changes = before && changesSince(before.table.nodes, table.nodes, table.nodes.length / 4);
    const result = changes === undefined ? anew(table) : next(before!.result, table, changes);
    latest.set(table.lineage, { table, result });
    return result;
  };
}
