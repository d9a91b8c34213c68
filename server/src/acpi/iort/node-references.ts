// Which nodes of a table lead to which, as columns: thousands of them are followed in an instant.
import type { NodeContent } from './node-content';

/** Each reference of a table: the index of its node, and that of the one that it leads to, -1 for none. */
export interface NodeReferences {
  readonly owners: Int32Array;
  readonly targets: Int32Array;
}

/** The references of nodes in their order; `indices` are theirs by their offsets. */
export function referencesOf(contents: readonly NodeContent[], indices: ReadonlyMap<number, number>): NodeReferences {
  const owners: number[] = [];
  const targets: number[] = [];
  for (const [index, { references }] of contents.entries()) {
    for (const offset of references) {
      owners.push(index);
      targets.push(indices.get(offset) ?? -1);
    }
  }
  return { owners: Int32Array.from(owners), targets: Int32Array.from(targets) };
}

/** Ways from node to node are followed in the order of the table, so often at most; then all that refer are marked. */
const mostRounds = 16;

/**
 * Marks, beside the nodes that are, all that lead to one of them, and those of which a reference leads to no node: there Linux
 * reads whatever bytes there are.
 */
export function markLeadingTo(isMarked: Uint8Array, { owners, targets }: NodeReferences): void {
  for (let round = 0; round < mostRounds; round++) {
    let isComplete = true;
    for (let at = 0; at < owners.length; at++) {
      const target = targets[at]!;
      if (isMarked[owners[at]!] === 1 || (target >= 0 && isMarked[target] === 0)) continue;
      isMarked[owners[at]!] = 1;
      isComplete = false;
    }
    if (isComplete) return;
  }
  for (const owner of owners) isMarked[owner] = 1;
}
