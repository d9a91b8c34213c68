// The software MSI window in one plan: how much room it must have, whether the present place holds, which others would and
// why the rest would not, and what each way of choosing it comes to.
import { count, formatRange, hex, humanSize } from '../../text/numbers';
import type { SourceRange } from '../../text/source-file';
import type { AddressRange, Doorbell, Iova } from '../../topology/model';
import { rangeOf } from '../../topology/address';
import { meritsOf, windowByPolicy, windowCandidates, type WindowPolicy } from '../msi-window';
import type { PredictedGroup, RegionPrediction } from '../prediction';
import { overlaps, sizeOf } from '../ranges';
import { granule, mergedDemand, windowDemands, type Obstacle, type WindowDemand } from '../window-demands';

export interface WindowPlan {
  /** Where the window is with this kernel and these settings. */
  readonly range: AddressRange<Iova>;
  /** Doorbells that the devices can be told to write to, each page once. */
  readonly doorbells: readonly Doorbell[];
  /** Bytes that they take with this kernel's pages. */
  readonly needed: bigint;
  readonly fits: boolean;
  /** Why it does not fit. */
  readonly reasons: readonly Reason[];
  /** Places that fit, best first, then the well-known ones that do not. */
  readonly candidates: readonly JudgedWindow[];
  readonly policies: readonly PolicyOutcome[];
}

export interface JudgedWindow {
  readonly range: AddressRange<Iova>;
  /** Of a well-known place what it is known for. */
  readonly name: string | undefined;
  readonly fits: boolean;
  /** Of one that fits what speaks for it, of another why it fails. */
  readonly reasons: readonly Reason[];
}

export interface Reason {
  readonly text: string;
  /** What in the sources makes it so. */
  readonly source: SourceRange | undefined;
}

export interface PolicyOutcome {
  readonly policy: WindowPolicy['kind'];
  /** Who chooses, and in which kernels. */
  readonly description: string;
  /** Undefined: it finds no place. */
  readonly range: AddressRange<Iova> | undefined;
  readonly fits: boolean;
  readonly reasons: readonly Reason[];
}

/** "arm-smmu: select suitable MSI IOVA" v3 and v4, MSI_IOVA_BASE2; not merged. */
const secondBase = 0xa0000000n as Iova;
const usualSize = 0x100000n;

/** Places that people propose, with what is to be said of each. */
const wellKnown: readonly (readonly [AddressRange<Iova>, string])[] = [
  [rangeOf(0x8000000n as Iova, usualSize), 'the constant of Linux'],
  [rangeOf(secondBase, usualSize), 'the second base that was proposed for Linux in 2025'],
  [rangeOf(0x3ff00000n as Iova, usualSize), 'the last MiB before QEMU’s, cloud-hypervisor’s and Xen’s RAM'],
  [rangeOf(0x7ff00000n as Iova, usualSize), 'the last MiB before kvmtool’s, crosvm’s and Firecracker’s RAM'],
  [rangeOf(0xfee00000n as Iova, usualSize), 'the interrupt range of x86, where no x86 guest has RAM'],
  [rangeOf(0xeff68000n as Iova, usualSize), 'OpenVMM’s default under Microsoft’s hypervisor'],
];

const candidateLimit = 3;

/**
 * The window of the devices of these groups; undefined where no driver has one, or VFIO drops it for a hardware MSI region.
 * `objection`: what else speaks against it.
 */
export function planWindow(
  prediction: RegionPrediction,
  groups: readonly PredictedGroup[],
  guestRam: readonly AddressRange[],
  objection?: string,
): WindowPlan | undefined {
  if (groups.some(({ regions }) => regions.some(({ type }) => type === 'hardware-msi'))) return undefined;
  const limited: RegionPrediction = { ...prediction, groups };
  const { kernel } = prediction;
  const demands = windowDemands(limited, guestRam);
  if (demands.length === 0) return undefined;
  const demand = mergedDemand(demands, kernel);
  const { window, doorbells, needed } = demand;
  const reasons = objections(inTheWay(demand), window, kernel.pageSize);
  if (objection !== undefined) reasons.push({ text: objection, source: undefined });
  let candidates: readonly JudgedWindow[] | undefined;
  let policies: readonly PolicyOutcome[] | undefined;
  return {
    range: window,
    doorbells,
    needed,
    fits: reasons.length === 0,
    reasons,
    // Looked for when somebody asks: most plans are only tried.
    get candidates() {
      return (candidates ??= candidatesFor(limited, demand, guestRam));
    },
    get policies() {
      return (policies ??= policyOutcomes(limited, demand));
    },
  };
}

/**
 * A domain of VFIO has no 1:1 mappings (drivers/iommu/iommu.c iommu_create_device_direct_mappings is for default domains): doorbells
 * are mapped over `direct-relaxable` regions, and interrupts arrive. No place is proposed there, since the device would lose it.
 */
function inTheWay({ needed, obstacles }: WindowDemand): Parameters<typeof objections>[0] {
  return { needed, obstacles: obstacles.filter(({ kind }) => kind !== 'relaxable-region') };
}

/** Why doorbells cannot be mapped in a window; empty if they can. */
export function objections(
  demand: Pick<WindowDemand, 'needed' | 'obstacles'>,
  window: AddressRange<Iova>,
  pageSize: bigint,
): Reason[] {
  const found: Reason[] = [];
  const say = (text: string, source?: SourceRange): void => {
    found.push({ text, source });
  };
  if (window.start % pageSize !== 0n) say(`${hex(window.start)} is no multiple of ${humanSize(pageSize)}, a page`);
  const size = sizeOf(window);
  if (size < demand.needed) {
    const pages = demand.needed / pageSize;
    say(
      `it holds ${count(Number(size / pageSize), 'page')} of ${humanSize(pageSize)}, and the doorbells take ${pages}: no kernel looks at its end, the rest is mapped up to ${hex(window.start + demand.needed - 1n)}, over IOVAs that the user may map`,
    );
  }
  const needed = rangeOf(window.start, demand.needed > size ? demand.needed : size);
  const first = rangeOf(window.start, demand.needed);
  for (const obstacle of demand.obstacles) {
    if (!overlaps(obstacle.range, needed)) continue;
    say(obstacleText(obstacle, overlaps(obstacle.range, first)), obstacle.source);
  }
  return found;
}

function obstacleText({ kind, range, text }: Obstacle, isHit: boolean): string {
  const where = formatRange(range);
  const later = isHit ? '' : ', though not with the pages that the doorbells take now';
  switch (kind) {
    case 'reserved-region':
      return `it overlaps the ${text}, ${where}${later}`;
    case 'relaxable-region':
      return `it overlaps the ${text}, ${where}, which the device would no longer reach${later}`;
    case 'pci-window':
      return `it overlaps the ${text}, ${where}: the bus takes writes there for other devices’ own${later}`;
    case 'guest-ram':
      return `it lies in guest RAM ${where}, which can then not be mapped`;
    case 'not-forwarded':
      return `it is ${text}, so that writes there never reach the IOMMU (${where} are not)${later}`;
    case 'aperture':
      return `it lies ${text} (${where})${later}`;
  }
}

function candidatesFor(
  limited: RegionPrediction,
  demand: WindowDemand,
  guestRam: readonly AddressRange[],
): JudgedWindow[] {
  const isNew = (range: AddressRange): boolean => range.start !== demand.window.start;
  const judge = (range: AddressRange<Iova>): JudgedWindow => {
    // A place that is proposed must do for hosts with the largest pages.
    const against = objections({ needed: demand.least, obstacles: demand.obstacles }, range, granule);
    const fits = against.length === 0;
    const name = wellKnown.find(([known]) => known.start === range.start)?.[1];
    const merits = meritsOf(range, sizeOf(demand.window), demand.least, true, demand.unknownObstacles).map((text) => ({
      text,
      source: undefined,
    }));
    return { range, name, fits, reasons: fits ? merits : against };
  };
  const free = windowCandidates(limited, candidateLimit, guestRam).map(({ range }) => judge(range));
  const taken = new Set(free.map(({ range }) => range.start));
  const known = wellKnown.filter(([range]) => isNew(range) && !taken.has(range.start)).map(([range]) => judge(range));
  const all = [...free, ...known];
  return [...all.filter(({ fits }) => fits), ...all.filter(({ fits }) => !fits)];
}

/** How each way of choosing the window ends for this container. Only the first is in a mainline kernel. */
function policyOutcomes(limited: RegionPrediction, demand: WindowDemand): PolicyOutcome[] {
  const { kernel } = limited;
  // The kernel chooses without knowing the guest.
  const unaware = mergedDemand(windowDemands(limited), kernel);
  const best = windowCandidates(limited, 1, guestRamOf(demand))[0]?.range;
  const user = kernel.msiWindowOrigin === 'settings' ? kernel.msiWindow : best;
  const outcome = (policy: WindowPolicy, description: string): PolicyOutcome => {
    const range = windowByPolicy(unaware, policy);
    const reasons = range === undefined ? [] : objections(inTheWay(demand), range, kernel.pageSize);
    return { policy: policy.kind, description, range, fits: range !== undefined && reasons.length === 0, reasons };
  };
  const fixed =
    kernel.msiWindowOrigin === 'settings'
      ? 'the place that doorbell.json gives, in place of the constant of Linux'
      : 'one constant, as every mainline kernel has it';
  const outcomes = [
    outcome({ kind: 'fixed' }, fixed),
    outcome(
      { kind: 'fallback', bases: [secondBase] },
      `${hex(secondBase)} where reserved regions meet the constant, as proposed in 2025; in no mainline kernel`,
    ),
    outcome({ kind: 'allocator' }, 'where the IOVA allocator finds room, as was discussed; in no mainline kernel'),
  ];
  const chosen = 'what the VMM asks for through iommufd, as proposed in 2025; in no mainline kernel';
  if (user !== undefined) return [...outcomes, outcome({ kind: 'user', window: user }, chosen)];
  return [...outcomes, { policy: 'user', description: chosen, range: undefined, fits: false, reasons: [] }];
}

function guestRamOf({ obstacles }: WindowDemand): AddressRange[] {
  return obstacles.filter(({ kind }) => kind === 'guest-ram').map(({ range }) => range);
}
