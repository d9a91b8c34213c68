// `iommu-map` and `msi-map`: entries that compete for requester IDs, and requester IDs that no entry wants.
import { count, hex, list } from '../numbers';
import { propertyKey } from '../references';
import { compatibles, nodeAt } from '../../tree/navigate';
import { evidenceAt, type Rule, type RuleInput } from '../rule';
import { coverage, isCovered, lastInput, liveEntries, servedMaps, wraps } from './map-inputs';
import type { AnyEntry, IdRange } from './map-inputs';
import { idText, loses } from './map-texts';

const mapFunction = 'Linux drivers/of/base.c of_map_id';

export const idMapOverlap: Rule = {
  id: 'id-map-overlap',
  severity: 'warning',
  summary: 'Two entries of a map cover some of the same requester IDs',
  docs: {
    effect:
      'The devices in the overlap are mapped by the entry that comes first. If the other one was meant, they get the stream ID (or MSI device ID) of another device: their DMA is translated by somebody else’s page tables, or faults. Where both entries give the same ID, or the first is an exception inside the second, it is most likely meant (a hint).',
    why: 'The kernel walks the map in order and takes the first entry whose range holds the ID.',
    fix: 'Make the ranges disjoint: shorten one, or move the other’s base.',
    sources: [mapFunction, 'Documentation/devicetree/bindings/pci/pci-iommu.txt'],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x110>, <0x100 &smmu 0x1000 0x100>;
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x100>, <0x100 &smmu 0x1000 0x100>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask'],
  *check(input) {
    for (const { map, path } of servedMaps(input)) {
      const entries = liveEntries(map, input.kernel.mapRule);
      for (const [winner, loser] of overlaps(entries)) {
        // An entry that is hidden as a whole is said to be so.
        if (loser.problem?.code === 'hidden-entry') continue;
        const common = {
          first: Math.max(winner.input, loser.input),
          last: Math.min(lastInput(winner), lastInput(loser)),
        };
        // A special case before the rule is how an exception is written.
        const isException = loser.input <= winner.input && lastInput(winner) <= lastInput(loser);
        const isSame = givesSame(winner, loser);
        yield {
          about: propertyKey(path, map.property),
          range: loser.source ?? map.source,
          node: path,
          ...(isSame || isException ? { severity: 'hint' as const } : {}),
          message: isSame
            ? `This entry of ${map.property} covers ${idText(common)}, as an earlier entry does; both lead to the same ${idName(map)}, so nothing is lost. Make the ranges disjoint.`
            : `This entry of ${map.property} covers ${idText(common)}, but an earlier entry does too, and the first match wins: these devices get ${idName(map)} ${outputText(winner, common.first)}, not ${outputText(loser, common.first)}. Make the ranges disjoint.`,
          evidence: evidenceAt([winner.source, 'The entry that wins']),
        };
      }
    }
  },
};

/** Pairs of overlapping entries, the earlier of the map first; each entry is the loser of one pair at most. */
function* overlaps(entries: readonly AnyEntry[]): Generator<readonly [winner: AnyEntry, loser: AnyEntry]> {
  const order = entries.map((entry, index) => ({ entry, index })).sort((a, b) => a.entry.input - b.entry.input);
  const reported = new Set<number>();
  let reaching: (typeof order)[number] | undefined;
  for (const next of order) {
    if (reaching !== undefined && next.entry.input <= lastInput(reaching.entry)) {
      const [first, second] = reaching.index < next.index ? [reaching, next] : [next, reaching];
      if (!reported.has(second.index)) yield [first.entry, second.entry];
      reported.add(second.index);
    }
    if (reaching === undefined || lastInput(next.entry) > lastInput(reaching.entry)) reaching = next;
  }
}

function givesSame(one: AnyEntry, other: AnyEntry): boolean {
  const isSameTarget = one.target.phandle === other.target.phandle && one.extra.join() === other.extra.join();
  return isSameTarget && one.output - one.input === other.output - other.input;
}

function idName({ property }: { readonly property: string }): string {
  return property === 'msi-map' ? 'the MSI device ID' : 'the stream ID';
}

function outputText({ input, output, target }: AnyEntry, id: number): string {
  return `${hex(output + id - input)} of ${target.path ?? `phandle ${hex(target.phandle)}`}`;
}

export const idMapLengthWraps: Rule = {
  id: 'id-map-length-wraps',
  severity: 'error',
  summary: 'Base and length of a map’s entry together do not fit 32 bits, so the entry matches nothing',
  docs: {
    effect:
      'To Linux 7.1 the entry covers no ID at all: devices behind the bridge have no IOMMU, or no MSIs. From 7.2 on it works as meant.',
    why: 'The end of the range is computed as base + length in 32 bits, and an ID must lie below it. 0xffffffff as “everything” works from base 0 only.',
    fix: 'Write the real length; PCI’s requester IDs have 16 bits, so 0x10000 from base 0 covers them all.',
    kernels: 'Linux before 7.2',
    sources: [`${mapFunction} (6.12: masked_id >= id_base + id_len; 7.2: masked_id - id_base >= id_len)`],
    example: {
      failing: `&pcie {
	msi-map = <0x0 &its 0x0 0x100>, <0x100 &its 0x100 0xffffffff>;
};`,
      corrected: `&pcie {
	msi-map = <0x0 &its 0x0 0x100>, <0x100 &its 0x100 0xff00>;
};`,
    },
  },
  holdsFor: ({ mapRule }) => mapRule === 'four-cells',
  prerequisites: ['id-map-length', 'id-map-outside-mask'],
  *check(input) {
    for (const { map, path } of servedMaps(input)) {
      for (const entry of liveEntries(map, input.kernel.mapRule)) {
        if (!wraps(entry)) continue;
        yield {
          about: propertyKey(path, map.property),
          range: entry.lengthSource ?? entry.source ?? map.source,
          node: path,
          message: `${hex(entry.input)} + ${hex(entry.length)} does not fit 32 bits and wraps to ${hex((entry.input + entry.length) >>> 0)}: to Linux 7.1 this entry of ${map.property} then covers no ID at all, and what it was to cover ${loses[map.property]}. Write the real length.`,
          fixes: lengthFix(entry),
        };
      }
    }
  },
};

function lengthFix({ input, lengthSource }: AnyEntry) {
  if (lengthSource === undefined || input > 0xffff || !/^[\w]+$/.test(textOf(lengthSource))) return [];
  const length = 0x10000 - input;
  return [
    {
      title: `Cover the requester IDs from ${hex(input)} to 0xffff: length ${hex(length)}`,
      isPreferred: true,
      change: () => ({ edits: [{ ...lengthSource, newText: hex(length) }] }),
    },
  ];
}

function textOf({
  file,
  start,
  end,
}: {
  readonly file: { readonly text: string };
  readonly start: number;
  readonly end: number;
}): string {
  return file.text.slice(start, end);
}

export const functionNotMapped: Rule = {
  id: 'function-not-mapped',
  severity: 'warning',
  summary: 'No entry of the host bridge’s map covers the requester ID of a described function',
  docs: {
    effect:
      'Without an entry in `iommu-map` the function has no IOMMU: its DMA is not translated, it is in no group, and VFIO cannot take it. Without one in `msi-map` it gets no MSIs from there (an info, as for event collectors, which have no DMA).',
    why: 'The function’s node says which device and function it is; its bus number is the one that Linux assigns, counted depth first from the bridge’s `bus-range`. No entry of the map holds that ID.',
    fix: 'Add an entry, or correct base, length or mask of an existing one.',
    sources: [mapFunction, 'Linux drivers/iommu/of_iommu.c of_pci_iommu_init'],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x8>;
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x10000>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask', 'id-map-length-wraps'],
  *check(input) {
    const covered = new Map<unknown, readonly IdRange[]>();
    // An IOMMU that is a function itself (virtio-iommu) is behind none.
    const iommus = new Set(input.topology.iommus.map(({ path }) => path));
    for (const master of input.topology.masters) {
      const { kind, requesterId, availability, hostBridge } = master;
      // A root port or switch sends nothing but its own messages.
      if (kind !== 'pci-function' || requesterId === undefined || !availability.enabled) continue;
      if (master.isBridge || iommus.has(master.path)) continue;
      for (const map of [master.iommuMap, master.msi.map]) {
        if (map === undefined || map.readings[input.kernel.mapRule].problem !== undefined) continue;
        let set = covered.get(map);
        if (set === undefined) {
          set = coverage(liveEntries(map, input.kernel.mapRule));
          covered.set(map, set);
        }
        // A map that covers nothing is to be filled in by the boot loader.
        if (set.length === 0 || isCovered(set, (requesterId & map.mask) >>> 0)) continue;
        yield {
          about: `${master.path} ${map.property}`,
          restsOn: [propertyKey(hostBridge?.path ?? '', map.property)],
          range: master.source,
          node: master.path,
          ...(map.property === 'msi-map' || isEventCollector(input, master.path) ? { severity: 'info' as const } : {}),
          message: `No entry of the ${map.property} of ${hostBridge?.path ?? 'its host bridge'} covers requester ID ${hex(requesterId)}, which ${master.path} has if Linux assigns the bus numbers: the function ${loses[map.property]}. The map covers ${list(set.map(rangeText), 4)}.`,
          evidence: evidenceAt([map.source, 'The map'], [map.maskSource, 'Its mask']),
        };
      }
    }
  },
};

/** A root complex event collector raises interrupts for errors of others, and has no DMA of its own. */
function isEventCollector({ tree }: RuleInput, path: string): boolean {
  const node = nodeAt(tree, path);
  if (node === undefined) return false;
  return /^rcec(?:@|$)/.test(node.name) || compatibles(node).some((name) => name.startsWith('pciclass,0807'));
}

function rangeText({ first, last }: IdRange): string {
  return first === last ? hex(first) : `${hex(first)}–${hex(last)}`;
}

export const idMapGap: Rule = {
  id: 'id-map-gap',
  severity: 'hint',
  summary: 'A map leaves requester IDs out between those that it covers',
  docs: {
    effect:
      'A function that gets one of these IDs (another function of a card, a virtual function, a device behind a switch) has no IOMMU, or no MSIs from the map. If no such function can be plugged in, nothing is wrong.',
    why: 'IDs that no entry covers are passed on as if there were no map.',
    fix: 'Extend the entries if more functions can appear there and the hardware gives them stream IDs.',
    sources: [mapFunction],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x101>, <0x200 &smmu 0x200 0xfd00>;
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0xff00>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask', 'id-map-length-wraps'],
  *check(input) {
    for (const { map, path, bridge } of servedMaps(input)) {
      if (bridge === undefined || (map.mask & 0xffff) !== 0xffff) continue;
      if (map.readings[input.kernel.mapRule].problem !== undefined) continue;
      const set = coverage(liveEntries(map, input.kernel.mapRule));
      // The root bus holds root ports, which the board's author knows; what is plugged in comes behind them.
      const first = (bridge.busRange.first + 1) << 8;
      const last = (bridge.busRange.last << 8) + 0xff;
      const holes = set
        .slice(1)
        .map((next, index) => ({
          first: Math.max(set[index]!.last + 1, first),
          last: Math.min(next.first - 1, last),
        }))
        .filter((hole) => hole.first <= hole.last);
      if (holes.length === 0) continue;
      const missing = holes.reduce((sum, hole) => sum + hole.last - hole.first + 1, 0);
      yield {
        about: propertyKey(path, map.property),
        range: map.source,
        node: path,
        message: `This ${map.property} leaves out ${list(holes.map(rangeText), 4)} (${count(missing, 'requester ID')}) between those that it covers: a function with one of them ${loses[map.property]}. Extend the entries if such functions can appear.`,
      };
    }
  },
};
