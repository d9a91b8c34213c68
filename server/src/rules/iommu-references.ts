// `iommus`, `#iommu-cells` and stream IDs.
import type { Fix } from '../text/diagnostic';
import { usableEntries } from '../topology/id-maps';
import type { DmaMaster, IdMapEntry, Iommu, StreamEntry } from '../topology/model';
import { nodeAt } from '../tree/navigate';
import { replace } from './address-edits';
import { count, hex } from './numbers';
import { propertyKey } from './references';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

export const iommusCellCount: Rule = {
  id: 'iommus-cell-count',
  severity: 'error',
  summary: 'An entry of iommus does not have the cells that its IOMMU asks for',
  docs: {
    effect:
      'The device gets no IOMMU: its DMA is not translated, and VFIO cannot take it. All entries of the list are lost, not only this one.',
    why: 'Each entry of `iommus` is a phandle and as many cells as `#iommu-cells` of the IOMMU says. Linux gives up the whole device at the first entry that it cannot read.',
    fix: 'Write the missing cells: for an Arm SMMU the stream ID, with `#iommu-cells = <2>` also the mask.',
    sources: [
      'Linux drivers/iommu/of_iommu.c of_iommu_configure_dev',
      'Documentation/devicetree/bindings/iommu/iommu.txt',
    ],
    example: {
      failing: `&dma {
	iommus = <&smmu>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0x1>;
};`,
    },
  },
  prerequisites: ['unresolved-phandle', 'iommu-target-not-iommu'],
  *check({ topology }) {
    for (const master of topology.masters) {
      if (!master.availability.enabled) continue;
      for (const stream of master.streams) {
        const { problem, iommu } = stream;
        if (problem === undefined || (problem.code !== 'bad-length' && problem.code !== 'bad-cells')) continue;
        yield {
          about: propertyKey(master.path, 'iommus'),
          range: stream.source ?? master.source,
          node: master.path,
          message: `${capital(problem.message)}: Linux gives up the whole list, ${master.path} gets no IOMMU, its DMA is not translated and VFIO cannot take it.`,
          evidence: evidenceAt([iommu.target?.source, 'The IOMMU']),
          fixes: missingCellsFix(stream),
        };
      }
    }
  },
};

/** Zeros where cells are missing. What belongs there only the hardware's manual knows, and the title says so. */
function missingCellsFix({ iommu, cells, problem, source }: StreamEntry): Fix[] {
  const wanted = iommu.target?.cells;
  if (wanted === undefined || problem?.code !== 'bad-length' || source === undefined || wanted <= cells.length)
    return [];
  const missing = wanted - cells.length;
  if (missing > 4 || !source.file.text.startsWith('&', source.start)) return [];
  return [
    {
      title: `Insert ${count(missing, 'missing cell')} as 0x0, to be replaced by the device's stream ID`,
      change: () => replace({ ...source, start: source.end }, ' 0x0'.repeat(missing)),
    },
  ];
}

export const iommuCellsRefused: Rule = {
  id: 'iommu-cells-refused',
  severity: 'error',
  summary: '#iommu-cells has a value that the IOMMU’s driver refuses',
  docs: {
    effect: 'The IOMMU does not probe, and no device behind it has one. (Linux 6.1 lets an SMMUv3 go on in bypass.)',
    why: 'Each driver knows how many cells a specifier has: one for an SMMUv3, one or two for an SMMUv1 or v2.',
    fix: 'Set `#iommu-cells` as the binding says, and write the specifiers accordingly.',
    sources: ['Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_device_dt_probe'],
    example: {
      failing: `&smmu {
	#iommu-cells = <2>;
};

&pcie {
	/delete-property/ iommu-map;
};

&dma {
	iommus = <&smmu 0x1 0x0>;
};

&dma2 {
	iommus = <&smmu 0x2 0x0>;
};`,
      corrected: `&smmu {
	#iommu-cells = <1>;
};

&dma {
	iommus = <&smmu 0x1>;
};`,
    },
  },
  *check({ topology, kernel }) {
    for (const iommu of topology.iommus) {
      if (!iommu.availability.enabled || iommu.problem?.code !== 'bad-cells') continue;
      // The other drivers check a specifier when they get one, if at all.
      if (iommu.driver.name !== 'arm-smmu-v3') continue;
      const outcome =
        kernel.wrongIommuCells === 'fails'
          ? 'it fails to probe, and no device behind it has an IOMMU'
          : `Linux ${kernel.version} leaves it in bypass, and no device behind it is translated; newer kernels do not probe it`;
      yield {
        about: iommu.path,
        range: iommu.problem.source ?? iommu.source,
        node: iommu.path,
        message: `${capital(iommu.problem.message)}: ${outcome}.`,
      };
    }
  },
};

export const streamIdRange: Rule = {
  id: 'stream-id-range',
  severity: 'error',
  summary: 'A stream ID that the SMMU cannot hold',
  docs: {
    effect:
      'SMMUv3: to Linux 7.1 the device with that ID gets no IOMMU; from 7.2 on the whole SMMU fails to register (−34, ERANGE) and no device behind it has an IOMMU. SMMUv1 and v2: the ID is cut to 16 bits and becomes that of another device.',
    why: 'An SMMUv3 says how wide its stream IDs are in a register (IDR1.SIDSIZE); 16 bits are usual, and QEMU has them. No source tells, so this is a warning where it depends on the hardware. In SMMUv1 and v2 the field has 16 bits.',
    fix: 'Correct the output base or the length of the map, or the ID. Where the hardware has wider IDs, say how wide: `"streamIdBits": 24` in `doorbell.json`; the prediction goes by it as well.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_sid_in_range, arm_smmu_insert_master',
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_of_xlate',
    ],
    example: {
      failing: `&pcie {
	iommu-map = <0x8 &smmu 0x10000 0x8>;
};`,
      corrected: `&pcie {
	iommu-map = <0x8 &smmu 0x8 0x8>;
};`,
    },
  },
  prerequisites: ['unresolved-phandle', 'iommu-target-not-iommu', 'iommus-cell-count', 'id-map-length', 'id-map-cells'],
  *check(input) {
    const seen = new Set<unknown>();
    for (const master of input.topology.masters) {
      if (!master.availability.enabled) continue;
      for (const stream of master.streams) {
        const { target } = stream.iommu;
        if (stream.problem?.code !== 'stream-id-range' || target === undefined) continue;
        yield rangeFinding(input, master, 'iommus', target, stream.streamId ?? 0, stream);
      }
      if (master.iommuMap === undefined || seen.has(master.iommuMap)) continue;
      seen.add(master.iommuMap);
      for (const entry of usableEntries(master.iommuMap, input.kernel.mapRule)) {
        const { target } = entry.target;
        if (entry.problem?.code !== 'stream-id-range' || target === undefined) continue;
        yield rangeFinding(input, master, 'iommu-map', target, highestId(entry), entry);
      }
    }
  },
};

function highestId({ input, output, length }: IdMapEntry<Iommu>): number {
  return output + (input > 0xffff ? length : Math.min(length, 0x10000 - input)) - 1;
}

function rangeFinding(
  { kernel }: RuleInput,
  master: DmaMaster,
  property: string,
  iommu: Iommu,
  id: number,
  { source, problem }: Pick<StreamEntry, 'source' | 'problem'>,
): Finding {
  const { streamIdBits, name } = iommu.driver;
  const bits = streamIdBits?.bits ?? 16;
  const isKnown = streamIdBits?.known ?? false;
  const assumption = isKnown ? '' : `, if it has the usual ${bits} bits (its register IDR1 tells; QEMU's has them)`;
  const outcome =
    name === 'arm-smmu'
      ? `the driver cuts the ID to ${hex(id & 0xffff)}, which is another device's`
      : kernel.streamIdOutOfRange === 'iommu'
        ? `the whole SMMU then fails to register (ERANGE) on Linux 7.2, and no device behind it has an IOMMU`
        : `the device then gets no IOMMU; from Linux 7.2 on the whole SMMU fails to register (ERANGE), with all devices behind it`;
  return {
    about: propertyKey(master.path, property),
    range: problem?.source ?? source ?? master.source,
    node: master.path,
    severity: isKnown ? 'error' : 'warning',
    message: `${iommu.path} cannot hold the stream ID ${hex(id)}${assumption}: ${outcome}.`,
    evidence: evidenceAt([iommu.source, 'The SMMU']),
  };
}

export const duplicateStreamId: Rule = {
  id: 'duplicate-stream-id',
  severity: 'warning',
  summary: 'Two devices behind an SMMUv3 have the same stream ID',
  docs: {
    effect: 'The device that probes second fails: it gets no IOMMU and no group.',
    why: 'In an SMMUv3 a stream ID belongs to one device; the driver does not make groups of devices that share one.',
    fix: 'Give each device the stream ID that its hardware sends.',
    sources: ['Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_insert_master'],
    example: {
      failing: `&dma {
	iommus = <&smmu 0x105>;
};

&dma2 {
	iommus = <&smmu 0x105>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0x105>;
};

&dma2 {
	iommus = <&smmu 0x106>;
};`,
    },
  },
  prerequisites: ['iommus-cell-count'],
  *check({ topology }) {
    const owners = new Map<string, { readonly master: DmaMaster; readonly stream: StreamEntry }>();
    for (const master of topology.masters) {
      if (!master.availability.enabled || master.streams.some(({ problem }) => problem !== undefined)) continue;
      for (const stream of master.streams) {
        const { target } = stream.iommu;
        if (target?.driver.grouping !== 'stream-owner' || !target.availability.enabled) continue;
        if (stream.streamId === undefined || target.problem !== undefined) continue;
        const key = `${target.path} ${stream.streamId}`;
        const owner = owners.get(key);
        if (owner === undefined) owners.set(key, { master, stream });
        else if (owner.master !== master) {
          yield {
            about: propertyKey(master.path, 'iommus'),
            range: stream.source ?? master.source,
            node: master.path,
            message: `${owner.master.path} has the stream ID ${hex(stream.streamId)} of ${target.path} as well: whichever of the two probes second fails, and has no IOMMU and no group. Give each the ID that its hardware sends.`,
            evidence: evidenceAt([owner.stream.source, `The ID in ${owner.master.path}`]),
          };
        }
      }
    }
  },
};

/** Where a node's property is written, for evidence. */
export function propertyPlace({ tree }: RuleInput, path: string, name: string) {
  return nodeAt(tree, path)?.properties.get(name)?.definitions.at(-1)?.whole;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
