// Hosts on which a device's MSIs do not arrive in any guest, whatever its memory.
import { formatRange } from '../../text/numbers';
import { ownLayout } from '../guests/layout';
import { planGuest } from '../plan/plan';
import type { PredictedGroup } from '../prediction';
import type { ComparedHost, Subject } from './match-masters';

export interface LostInterrupts {
  readonly host: number;
  readonly device: string;
  readonly reason: string;
}

/** Of the devices that can be given away; each group once. */
export function lostInterrupts(hosts: readonly ComparedHost[], subjects: readonly Subject[]): LostInterrupts[] {
  const found: LostInterrupts[] = [];
  const seen = new Set<PredictedGroup>();
  for (const { on } of subjects) {
    on.forEach((each, host) => {
      if (each?.group === undefined || each.vfio?.attach.result !== 'ok' || seen.has(each.group)) return;
      seen.add(each.group);
      const reason = reasonOf(hosts[host]!, each.group);
      if (reason !== undefined) found.push({ host, device: each.path, reason });
    });
  }
  return found;
}

/** With a guest of no RAM nothing but interrupts can fail. */
function reasonOf({ topology, prediction, allowUnsafeInterrupts }: ComparedHost, group: PredictedGroup) {
  const options = allowUnsafeInterrupts === undefined ? {} : { allowUnsafeInterrupts };
  const plan = planGuest(topology, prediction, group, ownLayout('none', [], ''), options);
  if (plan.verdict !== 'fails') return undefined;
  const { window, interrupts } = plan;
  if (window !== undefined && !window.fits)
    return `the MSI window is at ${formatRange(window.range)}: ${window.reasons.map(({ text }) => text).join('; ')}`;
  const refused = interrupts.flatMap(({ delivery }) => (delivery.kind === 'refused' ? [delivery] : []))[0];
  if (refused !== undefined) return `MSIs cannot be switched on, ${refused.error}: ${refused.reason}`;
  return 'MSIs are written to the doorbell as it is, and the IOMMU stops them';
}
