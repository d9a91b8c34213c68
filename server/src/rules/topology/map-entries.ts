// Entries of `iommu-map` and `msi-map` that give nobody an ID: refused, empty, or for IDs that nobody has.
import { usableEntries } from '../../topology/id-maps';
import { count, hex } from '../numbers';
import { propertyKey } from '../references';
import type { Finding, Rule } from '../rule';
import { idText, loses } from './map-texts';
import { lastInput, liveEntries, servedMaps, type AnyEntry, type ServedMap } from './map-inputs';

export const idMapEntryRefused: Rule = {
  id: 'id-map-entry-refused',
  severity: 'error',
  summary: 'An entry of a map covers several IDs, and its target asks for several cells',
  docs: {
    effect:
      'From Linux 7.2 on each device that the entry covers is refused with EINVAL (“Unsupported iommu-map - cannot handle …-ID range with 2-cell output specifier”): it has no IOMMU, or no MSIs. Kernels to 7.1 do not read entries of that form at all.',
    why: 'With one cell, the second ID of an entry is the output base plus one. What the second ID is with two cells, such as a stream ID and a mask, only the target’s driver could say, and it is not asked.',
    fix: 'Write one entry of length 1 for each ID, or give the target `#iommu-cells = <1>` if it can do with that.',
    kernels: 'Linux 7.2 and later',
    sources: ['Linux drivers/of/base.c of_map_id (7.2)'],
    example: {
      kernel: '7.2',
      failing: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <2>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&pcie {
	iommu-map = <0x0 &smmu2 0x0 0x0 0x100>;
};`,
      corrected: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&pcie {
	iommu-map = <0x0 &smmu2 0x0 0x100>;
};`,
    },
  },
  holdsFor: ({ mapRule }) => mapRule === 'target-cells',
  prerequisites: ['id-map-outside-mask'],
  *check(input) {
    for (const { map, path } of servedMaps(input)) {
      for (const entry of usableEntries(map, input.kernel.mapRule)) {
        if (entry.problem?.code !== 'bad-cells') continue;
        const ids = idText({ first: entry.input, last: lastInput(entry) });
        yield {
          about: propertyKey(path, map.property),
          range: entry.lengthSource ?? entry.source ?? map.source,
          node: path,
          message: `${entry.target.path ?? 'The target'} asks for ${count(entry.extra.length + 1, 'cell')}, so an entry of ${map.property} can cover one ID only: from Linux 7.2 on a device with one of the ${ids} is refused (EINVAL) and ${loses[map.property]}. Write an entry of length 1 for each ID.`,
        };
      }
    }
  },
};

export const idMapUnusedEntry: Rule = {
  id: 'id-map-unused-entry',
  severity: 'info',
  summary: 'An entry of a map covers no ID, or only IDs that no function behind the host bridge can have',
  docs: {
    effect:
      'The entry is never used. Often a base was shifted by eight bits too many, `bus-range` is too small, or the length is still to be filled in (length 0: a hint, since boot loaders do so).',
    why: 'A requester ID is the bus number times 256, and device and function below it: 16 bits, and only the buses of `bus-range`. An entry of length 0 covers none.',
    fix: 'Correct base or length of the entry, or `bus-range`.',
    sources: ['Linux drivers/of/base.c of_map_id', 'Documentation/devicetree/bindings/pci/pci-iommu.txt'],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x100>, <0x10000 &smmu 0x4000 0x100>;
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x10000>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask', 'id-map-hidden-entry'],
  *check(input) {
    for (const served of servedMaps(input)) {
      const { map, path, bridge } = served;
      for (const entry of usableEntries(map, input.kernel.mapRule)) {
        if (entry.length === 0) yield emptyEntry(served, entry);
      }
      if (bridge === undefined || isMasked(served)) continue;
      const { first, last } = bridge.busRange;
      if (last < first) continue;
      for (const entry of liveEntries(map, input.kernel.mapRule)) {
        if (entry.input <= (last << 8) + 0xff && lastInput(entry) >= first << 8) continue;
        yield unusedEntry(served, entry, path);
      }
    }
  },
};

/** The mask takes bits of the bus number away: which IDs are looked up is another question. */
function isMasked({ map }: ServedMap): boolean {
  return (map.mask & 0xffff) !== 0xffff;
}

function emptyEntry({ map, path }: ServedMap, entry: AnyEntry): Finding {
  return {
    about: propertyKey(path, map.property),
    range: entry.lengthSource ?? entry.source ?? map.source,
    node: path,
    // What boards write whose boot loader knows the bus numbers (NXP's).
    severity: 'hint',
    message: `This entry of ${map.property} has length 0 and covers no ID, unless a boot loader completes it: ${hex(entry.input)} ${loses[map.property]}. Write how many IDs it is for.`,
  };
}

function unusedEntry({ map, bridge }: ServedMap, entry: AnyEntry, path: string): Finding {
  const { first, last } = bridge!.busRange;
  return {
    about: propertyKey(path, map.property),
    range: entry.source ?? map.source,
    node: path,
    message: `This entry of ${map.property} covers ${idText({ first: entry.input, last: lastInput(entry) })}, but functions behind ${path} have IDs from ${hex(first << 8)} to ${hex((last << 8) + 0xff)} (buses ${hex(first)}–${hex(last)}): it is never used. Correct its base, or bus-range.`,
  };
}
