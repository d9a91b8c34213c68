// A group as the first one that a user gets: whether it can be attached, and which IOVAs may be mapped then.
import type { Topology } from '../../topology/model';
import type { PredictedGroup, RegionPrediction } from '../prediction';
import type { Backend, VfioOptions, VfioResult } from './attach-result';
import { addGroup, emptyContainer } from './container';

export type * from './attach-result';

/** What attaching a group as the first one of a container gives, in the kernel's order of checks. */
export function attachGroup(
  topology: Topology,
  prediction: RegionPrediction,
  group: PredictedGroup,
  options: VfioOptions = {},
  backend: Backend = 'type1',
): VfioResult {
  const { container, attach, unknown } = addGroup(emptyContainer(backend), topology, prediction, group, options);
  if (attach.result !== 'ok') return { attach, ranges: [], msiBase: undefined, unknown };
  return { attach, ranges: container.ranges, msiBase: container.msiBase, unknown };
}
