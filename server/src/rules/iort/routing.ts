// Where IDs go from master to SMMU to ITS, and which of them get lost or meet on the way.
import type { IdMapping, IortNode } from '../../acpi/iort/model';
import { hex, list } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix, type NewValue } from './edits';
import { finding, mappingKey, mappingName, nodesOf, placeOf, rangeText, theNode } from './finding';
import { amendment, linux, specification } from './sources';
import {
  isDeviceIdMapping,
  outputRange,
  rangeMappings,
  streams,
  uncovered,
  type IdRange,
  type StreamRange,
} from './translation';

const rangeLines = [
  'Input base : 00000000',
  'ID Count : 00000000',
  'Output Base : 00000001',
  'Output Reference : 000000A0',
];

export const iortSingleType: TableRule = {
  id: 'iort-single-type',
  severity: 'error',
  summary: 'A single mapping where Linux does not take one',
  docs: {
    effect:
      'Linux prints “SINGLE MAPPING flag not allowed for node type …, skipping ID map” for every ID that comes by and goes on without the mapping: MSIs of the devices behind find no ITS.',
    why: 'A single mapping has one output ID whatever comes in. Linux takes it from named components and root complexes, from PMCGs, and from an SMMUv3 at its DeviceID mapping index only.',
    fix: 'Clear the flag, or let the SMMUv3’s DeviceID mapping index name the mapping.',
    sources: [linux('iort_id_map, iort_node_get_id'), specification('ID mapping format')],
    example: {
      failing: amendment('MMU-500', 'Input base : 00000000', 'Flags (decoded below) : 00000001', 'Single Mapping : 1'),
      corrected: amendment(
        'MMU-500',
        'Input base : 00000000',
        'Flags (decoded below) : 00000000',
        'Single Mapping : 0',
      ),
    },
  },
  *check(input) {
    for (const node of nodesOf(input, 'smmu', 'smmuv3', 'rmr')) {
      for (const mapping of node.mappings) {
        if (!mapping.single || isDeviceIdMapping(node, mapping)) continue;
        const { flags } = mapping;
        const isIgnored = node.kind === 'rmr';
        const why = isIgnored
          ? 'Linux does not look at the flag there: the mapping stands for all its IDs'
          : `Linux skips it (“SINGLE MAPPING flag not allowed for node type ${node.header.type.value}”)`;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} is single: ${why}`;
        const fix = setFix(input, 'Clear Single Mapping', [[flags, flags.value & ~1n]], { isPreferred: true });
        yield finding(input, flags, node, message, {
          about: mappingKey(mapping),
          ...(isIgnored ? { severity: 'info' } : {}),
          fixes: [fix],
        });
      }
    }
  },
};

export const iortSingleHides: TableRule = {
  id: 'iort-single-hides',
  severity: 'warning',
  summary: 'A single mapping of a root complex hides those behind it',
  docs: {
    effect: 'Every function gets the one stream ID of the single mapping; the mappings behind it are never reached.',
    why: 'Linux goes through the mappings in order, and a single one takes every ID.',
    fix: 'Put the single mapping last, or make it a range.',
    sources: [linux('iort_id_map, iort_node_map_id')],
    example: {
      failing: amendment(
        'Root complex',
        ...['Input base : 00000000', 'ID Count : 00000000', 'Output Base : 00000000', 'Output Reference : 00000048'],
        ...['Flags (decoded below) : 00000001', 'Single Mapping : 1', ''],
        ...['Input base : 00000000', 'ID Count : 0000FFFF', 'Output Base : 00000000', 'Output Reference : 00000048'],
        ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  *check(input) {
    for (const node of nodesOf(input, 'root-complex')) {
      const mapping = node.mappings.find(({ single }) => single);
      const hidden = mapping === undefined ? 0 : node.mappings.length - mapping.index - 1;
      if (mapping === undefined || hidden === 0) continue;
      const message = `${mappingName(node, mapping)} of ${theNode(node)} is single and takes every requester ID: ${hidden === 1 ? 'the mapping' : `the ${hidden} mappings`} behind it never ${hidden === 1 ? 'counts' : 'count'}`;
      const fix = setFix(input, 'Move it behind the others', movedBehind(node.mappings, mapping), {
        isPreferred: true,
      });
      yield finding(input, mapping.flags, node, message, { about: mappingKey(mapping), fixes: [fix] });
    }
  },
};

/** The mappings with one of them put last: the others move up, their places stay. */
function movedBehind(mappings: readonly IdMapping[], moved: IdMapping): NewValue[] {
  const values = ({ inputBase, count, outputBase, outputReference, flags }: IdMapping) => [
    inputBase,
    count,
    outputBase,
    outputReference,
    flags,
  ];
  return mappings.slice(moved.index).flatMap((place) => {
    const now = values(mappings[place.index + 1] ?? moved);
    return values(place).map((value, field): NewValue => [value, now[field]!.value]);
  });
}

export const iortNcRangeMapping: TableRule = {
  id: 'iort-nc-range-mapping',
  severity: 'warning',
  summary: 'A named component’s mapping is not single: its device gets no stream ID',
  docs: {
    effect:
      'The device has no IOMMU, and no device ID for MSIs. What a range mapping serves are children of a bus with IDs of their own, as behind NXP’s fsl-mc.',
    why: 'Linux takes a platform device’s stream IDs from single mappings, one from each, and stops at the first mapping that is not single.',
    fix: 'Set the flag; a device with several stream IDs has several single mappings. If the object is such a bus, switch the warning off for the line.',
    sources: [linux('iort_nc_iommu_map, iort_node_map_platform_id')],
    example: {
      failing: amendment(
        'Named component DMA0',
        ...rangeLines,
        'Flags (decoded below) : 00000000',
        'Single Mapping : 0',
      ),
      corrected: amendment(
        'Named component DMA0',
        ...rangeLines,
        'Flags (decoded below) : 00000001',
        'Single Mapping : 1',
      ),
    },
  },
  prerequisites: ['iort-ref-null'],
  *check(input) {
    for (const node of nodesOf(input, 'named-component')) {
      const mapping = node.mappings.find(({ single }) => !single);
      if (mapping === undefined) continue;
      const behind = node.mappings.length - mapping.index - 1;
      const others = behind === 0 ? '' : `, nor from the ${behind} behind it`;
      const message = `${mappingName(node, mapping)} of ${theNode(node)} is not single: the device itself gets no stream ID from it${others}; only children of a bus with IDs of their own do`;
      const { flags } = mapping;
      const fix = setFix(input, 'Set Single Mapping', [[flags, flags.value | 1n]], {
        isPreferred: mapping.count.value === 0n,
      });
      yield finding(input, flags, node, message, { about: mappingKey(mapping), fixes: [fix] });
    }
  },
};

export const iortMappingOutputOverlap: TableRule = {
  id: 'iort-mapping-output-overlap',
  severity: 'warning',
  summary: 'Two masters have the same stream ID on one SMMU',
  docs: {
    effect:
      'Behind an SMMUv3 the second device that probes is refused and has no IOMMU. Behind an SMMUv2 both share one group and one set of mappings: passed through, each reaches the other’s memory.',
    why: 'An SMMU knows a master by its stream ID alone. Linux 6.12 keeps one owner for each in the SMMUv3 driver.',
    fix: 'Give one of them other output IDs, as the hardware has them.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_insert_master',
      specification('ID mapping format'),
    ],
    example: {
      failing: amendment('Named component DMA0', 'Output Base : 00000000'),
      corrected: amendment('Named component DMA0', 'Output Base : 00000001'),
    },
  },
  prerequisites: [
    'iort-mapping-overlap',
    'iort-mapping-off-by-one',
    'iort-mapping-range',
    'iort-mapping-count-suspect',
    'iort-rc-segment-duplicate',
    'iort-single-hides',
  ],
  *check(input) {
    for (const [smmu, ranges] of streams(input).bySmmu) {
      for (const [first, second] of meetings(ranges)) {
        // A single mapping behind ranges is meant for what they leave.
        if (first.node === second.node && (first.mapping.single || second.mapping.single)) continue;
        const start = first.start > second.start ? first.start : second.start;
        const end = first.end < second.end ? first.end : second.end;
        const both =
          first.node === second.node
            ? `Mappings ${first.mapping.index + 1} and ${second.mapping.index + 1} of ${theNode(first.node)}`
            : `${theNode(second.node)} and ${theNode(first.node)}`;
        const message = `${both} make the same stream IDs ${rangeText({ start, end })} on ${theNode(smmu)}: ${smmu.kind === 'smmuv3' ? 'the device that probes second has no IOMMU' : 'their devices share one group'}`;
        const evidence = evidenceAt([
          placeOf(input, first.mapping.outputBase),
          `${theNode(first.node)} makes ${rangeText(first)}`,
        ]);
        yield finding(input, second.mapping.outputBase, second.node, message, {
          about: mappingKey(second.mapping),
          restsOn: [mappingKey(first.mapping), `node ${first.node.offset}`, `node ${second.node.offset}`],
          evidence,
        });
      }
    }
  },
};

/** Pairs of sorted ranges that have a stream ID in common, the one that lies first in the table first. */
function* meetings(sorted: readonly StreamRange[]): Generator<readonly [StreamRange, StreamRange]> {
  let longest = sorted[0];
  for (const range of sorted.slice(1)) {
    if (longest !== undefined && range.start <= longest.end) {
      yield longest.mapping.offset < range.mapping.offset ? [longest, range] : [range, longest];
    }
    if (longest === undefined || range.end > longest.end) longest = range;
  }
}

export const iortSmmuBypass: TableRule = {
  id: 'iort-smmu-bypass',
  severity: 'info',
  summary: 'Some IDs of a master go to the ITS directly, around the SMMU that serves the others',
  docs: {
    effect:
      'Devices with those IDs have no IOMMU: their DMA is not confined, and they cannot be passed through. It is meant so where a bus is known to bypass the SMMU (QEMU’s `bypass_iommu`).',
    why: 'A mapping to an ITS group gives a device ID for MSIs and nothing else.',
    fix: 'Map the IDs to the SMMU if they are behind it.',
    sources: [specification('root complex node'), linux('iort_pci_iommu_init')],
    example: {
      failing: amendment(
        'Root complex',
        ...['Input base : 00000000', 'ID Count : 00007FFF', 'Output Base : 00000000', 'Output Reference : 00000048'],
        ...['Flags (decoded below) : 00000000', 'Single Mapping : 0', ''],
        ...['Input base : 00008000', 'ID Count : 00007FFF', 'Output Base : 00008000', 'Output Reference : 00000030'],
        ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  *check(input) {
    for (const node of nodesOf(input, 'root-complex', 'named-component')) {
      const smmu = node.mappings.find(({ target }) => target?.kind === 'smmu' || target?.kind === 'smmuv3')?.target;
      const direct = node.mappings.find(({ target }) => target?.kind === 'its-group');
      if (smmu === undefined || direct === undefined) continue;
      const ids = direct.single
        ? 'a single output ID'
        : `the IDs ${rangeText({ start: direct.inputBase.value, end: direct.inputBase.value + direct.count.value })}`;
      const message = `${mappingName(node, direct)} of ${theNode(node)} sends ${ids} to the ITS around ${theNode(smmu)}: devices with them have no IOMMU`;
      yield finding(input, direct.outputReference, node, message, { about: mappingKey(direct) });
    }
  },
};

export const iortSmmuNoIts: TableRule = {
  id: 'iort-smmu-no-its',
  severity: 'warning',
  summary: 'Stream IDs reach an SMMU that has no ITS mapping for them',
  docs: {
    effect:
      'The devices get no MSI domain: their drivers fall back to wired interrupts or fail, and VFIO refuses PCI functions (“No interrupt remapping support”, EPERM) unless unsafe interrupts are allowed. For a named component that has no MSIs it does not matter (a note then).',
    why: 'The device ID at the ITS is what the SMMU’s own mappings make of the stream ID. Where none takes it, Linux’s look-up ends without an ITS.',
    fix: 'Let a mapping of the SMMU to the ITS group take all stream IDs that arrive there.',
    sources: [linux('iort_node_map_id, iort_dev_find_its_id')],
    example: {
      failing: amendment('SMMUv3', 'Input base : 00000000', 'ID Count : 00007FFF'),
      corrected: amendment('SMMUv3', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  prerequisites: [
    'iort-ref-null',
    'iort-ref-not-node',
    'iort-ref-type',
    'iort-ref-loop',
    'iort-single-type',
    'iort-smmuv3-index-not-single',
    'iort-mapping-range',
    'iort-mapping-off-by-one',
    'iort-mapping-count-suspect',
  ],
  *check(input) {
    // Without an ITS group the machine has none, or MSIs go another way.
    if (nodesOf(input, 'its-group').length === 0) return;
    const covering = new Map<IortNode, readonly IdRange[]>();
    for (const { node, mapping, smmu, start, end } of streams(input).all) {
      const ranges = covering.get(smmu) ?? toIts(smmu);
      covering.set(smmu, ranges);
      const missing = uncovered({ start, end }, ranges);
      if (missing.length === 0) continue;
      const message = `${theNode(smmu)} has no mapping to an ITS for the stream IDs ${list(missing.map(rangeText))}, which ${theNode(node)} sends there: devices with them have no MSIs`;
      const evidence = evidenceAt([placeOf(input, smmu.header.type), `${theNode(smmu)} begins here`]);
      yield finding(input, mapping.outputBase, node, message, {
        about: mappingKey(mapping),
        restsOn: smmu.mappings.map((own: IdMapping) => mappingKey(own)).concat(`node ${smmu.offset}`),
        ...(node.kind === 'named-component' ? { severity: 'info' } : {}),
        evidence,
        fixes: extendFix(input, smmu, outputRange(mapping)),
      });
    }
  },
};

/** What an SMMU's mappings to ITS groups take. */
function toIts(smmu: IortNode): readonly IdRange[] {
  return rangeMappings(smmu).filter(({ mapping }) => mapping.target?.kind === 'its-group');
}

/** Where one mapping of the SMMU to an ITS begins low enough, it can be made long enough. */
function extendFix(input: TableInput, smmu: IortNode, ids: IdRange) {
  const ranges = rangeMappings(smmu);
  const only = ranges.length === 1 ? ranges[0] : undefined;
  if (only?.mapping.target?.kind !== 'its-group' || only.start > ids.start) return [];
  // Numbers of IDs are powers of two: no count that looks as if it were one too large.
  let length = 0xffn;
  while (only.start + length < ids.end) length = length * 2n + 1n;
  if (only.mapping.outputBase.value + length > 0xffffffffn) return [];
  return [
    setFix(
      input,
      `Extend the mapping of ${theNode(smmu)} to ${hex(only.start + length)}`,
      [[only.mapping.count, length]],
      {
        isPreferred: true,
      },
    ),
  ];
}
