// Recorded groups without devices: each is matched with a predicted group that has its lines.
import type { PredictedGroup } from '../prediction';
import { sysfsLines } from '../print-regions';
import { compareGroup, type VerifiedGroup } from './compare-group';
import type { DescribedHost } from './locate';
import type { RecordedGroup } from './recorded';

/**
 * Groups with the same lines are matched first; a bridge that stands for functions which the sources do not describe can
 * be matched more than once. What is left gets the predicted group that has most lines in common with it.
 */
export function matchByContent(host: DescribedHost, recorded: readonly RecordedGroup[]): VerifiedGroup[] {
  const { groups, kernel } = host.prediction;
  const lines = new Map(groups.map((group) => [group, sysfsLines(group, kernel.sysfsLimit)]));
  const own = new Set(groups.filter((group) => !isStandIn(group)));
  const standIns = groups.filter(isStandIn);
  const matched = new Map<RecordedGroup, PredictedGroup>();
  for (const group of recorded) {
    const key = group.lines?.join('\n');
    const isSame = (candidate: PredictedGroup): boolean => lines.get(candidate)!.join('\n') === key;
    const found = [...own].find(isSame) ?? standIns.find(isSame);
    if (found === undefined) continue;
    own.delete(found);
    matched.set(group, found);
  }
  return recorded.map((group) => {
    let found = matched.get(group);
    if (found === undefined) {
      found = nearest([...own, ...standIns], group.lines ?? [], lines);
      if (found !== undefined) own.delete(found);
    }
    const predicted = found === undefined ? [] : [found];
    return compareGroup(host, group, predicted, found?.devices ?? [], []);
  });
}

function isStandIn({ devices }: PredictedGroup): boolean {
  return devices.every(({ standsForUndescribed }) => standsForUndescribed);
}

function nearest(
  candidates: readonly PredictedGroup[],
  recorded: readonly string[],
  lines: ReadonlyMap<PredictedGroup, readonly string[]>,
): PredictedGroup | undefined {
  const wanted = new Set(recorded);
  let best: PredictedGroup | undefined;
  let bestScore = -Infinity;
  for (const candidate of candidates) {
    const has = lines.get(candidate)!;
    const common = has.filter((line) => wanted.has(line)).length;
    const score = common * 2 - has.length;
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
}
