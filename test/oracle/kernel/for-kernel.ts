// What a random tree must say so that a kernel's doings follow from it.
import { isWholeMap } from './generate';
import type { TreeDescription } from './description';
import type { RealKernel } from './kernels';

/**
 * Where functions may get the same stream ID, the first one has it; where some have no MSI controller of their own, they have that of
 * the bridge above. Then all of them are described: those of the machine, and where groups form without drivers the root bridge's own
 * as well, which has none.
 */
export function withFirstOwners(tree: TreeDescription, { version }: RealKernel): TreeDescription {
  const { host, functions } = tree;
  if (host.iommuMapMask === undefined && [host.iommuMap, host.msiMap].every((map) => map?.every(isWholeMap) !== false))
    return tree;
  return {
    ...tree,
    host: { ...host, describesRoot: version === '7.2' ? true : undefined },
    functions: functions.map((each) => ({ ...each, described: true as const })),
  };
}
