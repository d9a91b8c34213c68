// Stream IDs and MSI device IDs that more than one device is given, over all maps and lists of the board.
import type { SourceRange } from '../../text/source-file';
import type { Iommu, IommuDriver, MsiController } from '../../topology/model';
import { hex } from '../numbers';
import { propertyKey } from '../references';
import { evidenceAt, type Finding, type Rule, type RuleInput } from '../rule';
import { lastInput, liveEntries, servedMaps, wraps, type AnyEntry, type ServedMap } from './map-inputs';

/** IDs of one target that an entry of a map, or of a list, gives to devices. */
interface Claim {
  readonly target: string;
  readonly first: number;
  readonly last: number;
  /** Undefined for a list: one device has the ID. */
  readonly map: ServedMap | undefined;
  readonly entry: AnyEntry | undefined;
  readonly path: string;
  readonly property: string;
  readonly source: SourceRange | undefined;
}

/** Requester IDs have 16 bits: what a length says beyond them is never asked for. Of a masked map, what the mask leaves. */
function claimOf(served: ServedMap, entry: AnyEntry): Claim | undefined {
  const { map, path, bridge } = served;
  const { target, output, input } = entry;
  if (target.path === undefined || target.problem !== undefined || entry.problem?.code === 'hidden-entry')
    return undefined;
  const most = bridge === undefined ? lastInput(entry) : Math.min(lastInput(entry), 0xffff);
  // No masked ID is larger than the mask.
  const last = Math.min(most, map.mask);
  if (last < input) return undefined;
  return {
    target: target.path,
    first: output,
    last: output + last - input,
    map: served,
    entry,
    path,
    property: map.property,
    get source() {
      return entry.source;
    },
  };
}

/** Pairs of claims on the same ID of one target, each claim once as the later one; sorted, so that thousands are quick. */
function* collisions(claims: readonly Claim[]): Generator<readonly [holder: Claim, other: Claim]> {
  const byTarget = new Map<string, Claim[]>();
  for (const claim of claims) {
    const known = byTarget.get(claim.target);
    if (known === undefined) byTarget.set(claim.target, [claim]);
    else known.push(claim);
  }
  for (const ofTarget of byTarget.values()) {
    ofTarget.sort((one, other) => one.first - other.first);
    let reaching: Claim | undefined;
    for (const next of ofTarget) {
      if (reaching !== undefined && next.first <= reaching.last) yield [reaching, next];
      if (reaching === undefined || next.last > reaching.last) reaching = next;
    }
  }
}

function* mapClaims(input: RuleInput, property: 'iommu-map' | 'msi-map'): Generator<Claim> {
  for (const served of servedMaps(input)) {
    if (served.map.property !== property) continue;
    for (const entry of liveEntries(served.map, input.kernel.mapRule)) {
      const claim = wraps(entry) ? undefined : claimOf(served, entry);
      if (claim !== undefined) yield claim;
    }
  }
}

/** An entry of one ID is what boards write that their boot loader completes (`<0 &its 0 1>`). */
function isPlaceholder({ entry }: Claim): boolean {
  return entry?.length === 1;
}

function common(one: Claim, other: Claim): string {
  const first = Math.max(one.first, other.first);
  const last = Math.min(one.last, other.last);
  return first === last ? hex(first) : `${hex(first)}–${hex(last)}`;
}

function whom({ map, path }: Claim): string {
  return map === undefined ? path : `functions behind ${path}`;
}

export const streamIdShared: Rule = {
  id: 'stream-id-shared',
  severity: 'warning',
  summary: 'A map gives out a stream ID that another map, another entry, or a device’s iommus has as well',
  docs: {
    effect:
      'SMMUv3: the device that probes second fails (“stream … already in tree from dev …”), and has no IOMMU and no group. SMMUv1 and v2: the two share a context and a group, so that VFIO can take only both, and each reaches the other’s mappings.',
    why: 'The SMMU tells devices apart by the stream ID alone.',
    fix: 'Give each bridge a range of its own: the output bases are what the hardware adds to the requester ID.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_insert_master',
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_find_sme, arm_smmu_device_group',
    ],
    example: {
      failing: `&dma {
	iommus = <&smmu 0x8>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0xfff1>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask', 'iommus-cell-count'],
  *check(input) {
    const iommus = new Map(input.topology.iommus.map((iommu) => [iommu.path, iommu]));
    const claims = [...mapClaims(input, 'iommu-map'), ...listClaims(input)];
    const used = requesterIdsOf(input);
    for (const [one, other] of collisions(claims)) {
      const iommu = iommus.get(one.target);
      // Two lists: `duplicate-stream-id` says it.
      if (iommu === undefined || (one.map === undefined && other.map === undefined)) continue;
      const finding = sharedFinding(used, iommu, one, other);
      if (finding !== undefined) yield finding;
    }
  },
};

function* listClaims({ topology }: RuleInput): Generator<Claim> {
  for (const { availability, kind, streams, path } of topology.masters) {
    if (!availability.enabled || kind === 'pci-function') continue;
    for (const entry of streams) {
      const { iommu, streamId, problem } = entry;
      if (streamId === undefined || problem !== undefined || iommu.path === undefined || iommu.problem !== undefined)
        continue;
      yield {
        target: iommu.path,
        first: streamId,
        last: streamId,
        map: undefined,
        entry: undefined,
        path,
        property: 'iommus',
        get source() {
          return entry.source;
        },
      };
    }
  }
}

function sharedFinding(used: RequesterIds, iommu: Iommu, one: Claim, other: Claim): Finding | undefined {
  const { grouping } = iommu.driver;
  if (!iommu.driver.hasStreamIds || (grouping !== 'stream-owner' && grouping !== 'stream-match')) return undefined;
  // Shown where a map says it, rather the one with fewer IDs.
  const [shown, holder] = other.map === undefined ? [one, other] : [other, one];
  const isCertain = !isPlaceholder(shown) && !isPlaceholder(holder) && isUsed(used, shown, holder);
  const effect =
    grouping === 'stream-owner'
      ? 'whichever device of the two probes second fails, and has no IOMMU and no group'
      : 'the two then share a context and a group, and VFIO can take only both';
  // A bridge's own device beside its functions: an SMMUv2 keeps the port as a whole.
  if (shown.path === holder.path && grouping === 'stream-match') return undefined;
  if (isOnlyPossible(shown, holder) && !isCertain) return undefined;
  const severity = grouping === 'stream-owner' && isCertain ? 'warning' : 'info';
  return {
    about: propertyKey(shown.path, shown.property),
    range: shown.source,
    node: shown.path,
    ...(severity === 'warning' ? {} : { severity }),
    message: `Stream ID ${common(shown, holder)} of ${iommu.path} goes to ${whom(shown)} and to ${whom(holder)}: if devices of both send it, ${effect}. ${isPlaceholder(shown) || isPlaceholder(holder) ? 'Entries of length 1 are often completed by the boot loader; otherwise give' : 'Give'} each a range of its own.`,
    evidence: evidenceAt([holder.source, `Given to ${whom(holder)} here`], [iommu.source, 'The IOMMU']),
  };
}

/** A map that covers all functions there could be says nothing of the one ID that a listed device has. */
function isOnlyPossible(one: Claim, other: Claim): boolean {
  return (one.map === undefined) !== (other.map === undefined);
}

/** A described function has the ID that a list gives to another device; with maps on both sides, both are whole ranges. */
function isUsed(requesterIds: RequesterIds, one: Claim, other: Claim): boolean {
  if (one.map !== undefined && other.map !== undefined) return true;
  const { path, entry } = one.map === undefined ? other : one;
  const id = one.map === undefined ? one.first : other.first;
  return entry !== undefined && requesterIds.get(path)?.has(id - entry.output + entry.input) === true;
}

/** By host bridge. */
type RequesterIds = ReadonlyMap<string, ReadonlySet<number>>;

function requesterIdsOf({ topology }: RuleInput): RequesterIds {
  const found = new Map<string, Set<number>>();
  for (const { kind, hostBridge, requesterId, availability } of topology.masters) {
    if (kind !== 'pci-function' || requesterId === undefined || hostBridge === undefined) continue;
    if (!availability.enabled) continue;
    const known = found.get(hostBridge.path);
    if (known === undefined) found.set(hostBridge.path, new Set([requesterId]));
    else known.add(requesterId);
  }
  return found;
}

export const msiDeviceIdShared: Rule = {
  id: 'msi-device-id-shared',
  severity: 'warning',
  summary: 'Two devices, or the functions of two maps, have the same device ID at one ITS',
  docs: {
    effect:
      'The second device gets the first one’s interrupt table: it has as many MSIs as the first one asked for, fails with ENOSPC where that is too few, and after one of the two is unbound the other’s interrupts are lost. With VFIO, each can raise the other’s interrupts.',
    why: 'An ITS tells devices apart by the device ID alone; the driver takes a second device with the same ID for an alias of the first.',
    fix: 'Give each bridge a range of its own in `msi-map`, or each device an ID of its own in `msi-parent`.',
    sources: [
      'Linux drivers/irqchip/irq-gic-v3-its.c its_msi_prepare (“Reusing ITT”)',
      'Linux drivers/irqchip/irq-gic-v3-its-msi-parent.c of_pmsi_get_dev_id',
    ],
    example: {
      failing: `&dma {
	msi-parent = <&its 0x7>;
};

&dma2 {
	msi-parent = <&its 0x7>;
};

&pcie {
	msi-map = <0x0 &its 0x10000 0x10000>;
};`,
      corrected: `&dma {
	msi-parent = <&its 0x7>;
};

&dma2 {
	msi-parent = <&its 0x8>;
};

&pcie {
	msi-map = <0x0 &its 0x10000 0x10000>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask', 'msi-parent-cell-count'],
  *check(input) {
    const controllers = new Map(input.topology.msiControllers.map((controller) => [controller.path, controller]));
    const claims = [...mapClaims(input, 'msi-map'), ...parentClaims(input)];
    const used = requesterIdsOf(input);
    for (const [one, other] of collisions(claims)) {
      const its = controllers.get(one.target);
      if (its === undefined || (its.kind !== 'its' && its.kind !== 'gicv5-its')) continue;
      const finding = deviceIdFinding(used, its, one, other);
      if (finding !== undefined) yield finding;
    }
  },
};

/** Platform devices bring their ID in `msi-parent`; functions of a bridge have their own. */
function* parentClaims({ topology }: RuleInput): Generator<Claim> {
  for (const { availability, kind, msi, path } of topology.masters) {
    if (!availability.enabled || kind !== 'platform') continue;
    for (const { controller, cells, problem, source } of msi.parents) {
      const id = cells[0];
      if (
        id === undefined ||
        problem !== undefined ||
        controller.path === undefined ||
        controller.problem !== undefined
      )
        continue;
      yield {
        target: controller.path,
        first: id,
        last: id,
        map: undefined,
        entry: undefined,
        path,
        property: 'msi-parent',
        source,
      };
    }
  }
}

function deviceIdFinding(used: RequesterIds, its: MsiController, one: Claim, other: Claim): Finding | undefined {
  const [shown, holder] = other.map === undefined && one.map !== undefined ? [one, other] : [other, one];
  const arePlain = shown.map === undefined && holder.map === undefined;
  const isCertain = arePlain || (!isPlaceholder(shown) && !isPlaceholder(holder) && isUsed(used, shown, holder));
  if (isOnlyPossible(shown, holder) && !isCertain) return undefined;
  return {
    about: propertyKey(shown.path, shown.property),
    range: shown.source,
    node: shown.path,
    ...(isCertain ? {} : { severity: 'info' as const }),
    message: `Device ID ${common(shown, holder)} of ${its.path} goes to ${whom(shown)} and to ${whom(holder)}: the ITS takes the second device for an alias of the first, which then share one interrupt table, run out of MSIs and can raise each other's. ${isPlaceholder(shown) || isPlaceholder(holder) ? 'Entries of length 1 are often completed by the boot loader; otherwise give' : 'Give'} each IDs of its own.`,
    evidence: evidenceAt([holder.source, `Given to ${whom(holder)} here`], [its.source, 'The ITS']),
  };
}

export const idMapMaskMerges: Rule = {
  id: 'id-map-mask-merges',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'The mask of a host bridge’s map gives many functions the same ID',
  docs: {
    effect:
      'SMMUv3: of the functions that share a stream ID, only the one that probes first gets an IOMMU (a warning). SMMUv1 and v2 and other IOMMUs: all of them are in one group and one address space, so VFIO can take only all. ITS: they share one interrupt table.',
    why: 'The mask is applied to the requester ID before the look-up, so functions that differ only in the bits it takes away look alike. Hardware that gives the whole bridge one stream ID is described like that.',
    fix: 'If the hardware tells functions apart, leave the mask out or widen it.',
    sources: [
      'Linux drivers/of/base.c of_map_id',
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_insert_master',
    ],
    example: {
      failing: `&pcie {
	iommu-map-mask = <0xff00>;
};`,
      corrected: `&pcie {
	iommu-map-mask = <0xffff>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask'],
  *check(input) {
    const iommus = new Map(input.topology.iommus.map((iommu) => [iommu.path, iommu]));
    for (const served of servedMaps(input)) {
      const { map, path, bridge } = served;
      const lost = ~map.mask & 0xffff;
      if (bridge === undefined || lost === 0) continue;
      const entries = liveEntries(map, input.kernel.mapRule);
      if (entries.length === 0) continue;
      const drivers = entries.flatMap(({ target }) => iommus.get(target.path ?? '')?.driver ?? []);
      const isOwned = drivers.some(({ grouping }) => grouping === 'stream-owner');
      yield {
        about: propertyKey(path, `${map.property}-mask`),
        range: map.maskSource ?? map.source,
        node: path,
        ...(isOwned ? { severity: 'warning' as const } : {}),
        message: `${map.property}-mask ${hex(map.mask)} takes ${lost === 0xffff ? 'all bits' : `bits ${hex(lost)}`} of the requester ID away, so ${lost === 0xffff ? 'all functions' : 'functions that differ only there'} look alike behind ${path}: ${maskEffect(map.property, drivers)}. If the hardware tells them apart, widen the mask.`,
        evidence: evidenceAt([map.source, 'The map']),
      };
    }
  },
};

function maskEffect(property: string, drivers: readonly IommuDriver[]): string {
  if (property === 'msi-map') return 'they share one interrupt table, and can run out of MSIs';
  if (drivers.some(({ grouping }) => grouping === 'stream-owner'))
    return 'in an SMMUv3 a stream ID belongs to one device, so only the one of them that probes first gets an IOMMU';
  const shared = 'they share a stream ID and an IOMMU group';
  return drivers.every(({ vfio }) => vfio === 'never')
    ? `${shared}, and each reaches what is mapped for the others`
    : `${shared}, and VFIO can take only all of them`;
}
