// Which nodes of a table are known to have nothing wrong with them. An edit changes a node or two of thousands; the next version
// of the table has the others again, the same objects, as far as nothing that they reach has changed either.
import type { IortNode, IortTable } from '../acpi/iort/model';
import type { KernelProfile } from '../iova/kernel-profile';
import { oncePer } from '../text/once';

/**
 * The nodes about which rules of single nodes have found nothing, for what else such a rule goes by: the table's revision, whether
 * there is an ITS group at all, and the kernel. Only that is kept, no finding: what is found is found anew for each version of the
 * text, with the places that it has there.
 */
export function quietNodes({ header, nodes }: IortTable, kernel: KernelProfile): WeakSet<IortNode> {
  const hasIts = nodes.some(({ kind }) => kind === 'its-group');
  const key = `${String(header.revision?.value)} ${String(hasIts)} ${textOf(kernel)}`;
  let found = known.get(key);
  if (found === undefined) {
    found = new WeakSet();
    known.set(key, found);
    if (known.size > mostKept) known.delete(known.keys().next().value!);
  }
  return found;
}

const known = new Map<string, WeakSet<IortNode>>();
/** Documents that are open side by side, under kernels that somebody compares. */
const mostKept = 16;

const textOf = oncePer((kernel: KernelProfile) =>
  JSON.stringify(kernel, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
);
