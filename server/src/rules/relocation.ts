// The fix that puts the MSI window elsewhere: it edits doorbell.json, since mainline Linux has no switch for it.
import { properRam } from '../iova/guests/layout';
import { windowCandidates, windowConflicts, type WindowCandidate } from '../iova/msi-window';
import type { RegionPrediction } from '../iova/prediction';
import type { WindowDemand } from '../iova/window-demands';
import type { Fix } from '../text/diagnostic';
import { formatRange, hex } from './numbers';
import type { MachineInput } from './rule';

const candidatesOf = new WeakMap<RegionPrediction, readonly WindowCandidate[]>();

/** Other places for the window that suit all guests and every device of the board that it can suit at all, best first. */
function otherWindows({ prediction, settings }: MachineInput): readonly WindowCandidate[] {
  let found = candidatesOf.get(prediction);
  if (found === undefined) {
    const ram = (settings.guests ?? []).flatMap(properRam);
    found = windowCandidates(prediction, 3, ram);
    candidatesOf.set(prediction, found);
  }
  return found;
}

/**
 * Fixes that set the window in doorbell.json to a place that the device can use; the title says what must be true for that
 * to hold. None where no window suits the device.
 */
export function relocationFixes(input: MachineInput, demand: WindowDemand): Fix[] {
  const suited = otherWindows(input).filter(({ range }) => windowConflicts(demand, range).length === 0);
  // Above 4 GiB, PCI functions with 32-bit MSIs are left out: only where nothing else is free.
  const low = suited.filter(({ range }) => range.end < 1n << 32n);
  return (low.length > 0 ? low : suited).map(({ range }) => ({
    title: `Relocate the MSI window to ${formatRange(range)}: true only for a kernel built with MSI_IOVA_BASE ${hex(range.start)}, or a VMM that sets it`,
    change: () => ({
      edits: [],
      settings: [
        [['msiWindow', 'base'], hex(range.start)],
        [['msiWindow', 'size'], hex(range.end - range.start + 1n)],
      ],
    }),
  }));
}
