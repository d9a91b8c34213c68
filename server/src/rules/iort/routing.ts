// Where IDs go from master to SMMU to ITS, and which of them get lost or meet on the way.
import type { IdMapping, IortNode, SmmuNode, Smmuv3Node } from '../../acpi/iort/model';
import type { Severity } from '../../text/diagnostic';
import { oncePer } from '../../text/once';
import { hex, list } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { movedBehind, setFix } from './edits';
import {
  finding,
  hasItsGroup,
  mappingKey,
  mappingName,
  nodeKey,
  nodeRevision,
  nodesOf,
  placeOf,
  rangeText,
  theNode,
} from './finding';
import { amendment, linux, specification } from './sources';
import { streamRanges, streamSight, streamsOf, type StreamRange } from './streams';
import { goesByFlag, isDeviceIdMapping, rangeMappings, uncovered, type IdRange } from './translation';

export const iortSingleType: TableRule = {
  id: 'iort-single-type',
  severity: 'error',
  summary: 'A single mapping where Linux does not take one',
  docs: {
    effect:
      'Linux prints “SINGLE MAPPING flag not allowed for node type …, skipping ID map” for every ID that comes by and goes on without the mapping: MSIs of the devices behind find no ITS. An SMMUv3’s mapping for its own messages that is not in use, as all its interrupts are wired, costs nothing else than that line (a note, or a warning where it stands before the ranges).',
    why: 'A single mapping has one output ID whatever comes in. Linux takes it from named components and root complexes, from PMCGs, and from an SMMUv3 at its DeviceID mapping index only. In an RMR node it does not look at the flag (a note where the mapping has several IDs).',
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
  prerequisites: ['iort-smmuv3-index-not-single', 'iort-smmuv3-index-range'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmu', 'smmuv3', 'rmr')) {
      for (const mapping of node.mappings) {
        if (!mapping.single || isDeviceIdMapping(input, node, mapping)) continue;
        // Of one ID both say the same.
        if (node.kind === 'rmr' && mapping.count.value === 0n) continue;
        const { flags } = mapping;
        const { why, severity } =
          node.kind === 'rmr'
            ? {
                why: 'Linux does not look at the flag there: the mapping stands for all its IDs',
                severity: 'info' as const,
              }
            : (leftOver(input, node, mapping) ?? {
                why: `Linux skips it (“SINGLE MAPPING flag not allowed for node type ${node.header.type.value}”)`,
                severity: undefined,
              });
        const message = `${mappingName(node, mapping)} of ${theNode(node)} is single: ${why}`;
        const fix = setFix(input, 'Clear Single Mapping', [[flags, flags.value & ~1n]], { isPreferred: true });
        yield finding(input, flags, node, message, {
          about: mappingKey(mapping),
          restsOn: [nodeKey(node)],
          severity,
          // One that was meant for the SMMU's own messages is no range.
          fixes: severity === undefined || node.kind === 'rmr' ? [fix] : [],
        });
      }
    }
  },
};

/** An SMMUv3's mapping for its own messages, where it sends none: what Linux makes of it. */
function leftOver(
  input: TableInput,
  node: SmmuNode | Smmuv3Node,
  { index, count, target }: IdMapping,
): { readonly why: string; readonly severity: Severity } | undefined {
  const ranges = rangeMappings(input, node);
  const isOwn = node.kind === 'smmuv3' && nodeRevision(node) >= 1 && target?.kind === 'its-group';
  // Firmware gives one ID, or writes the number of IDs.
  if (!isOwn || count.value > 1n || ranges.length === 0) return undefined;
  const reason = goesByFlag(input, node)
    ? 'DeviceID Valid is clear'
    : `all four interrupts are wired (which decides in node revision ${nodeRevision(node)})`;
  const isFirst = ranges.some(({ mapping }) => mapping.index > index);
  const when = isFirst ? 'at each look-up' : 'for IDs that no mapping in front of it takes';
  return {
    why: `it would give the SMMU’s own messages their device ID, but ${reason}, so nothing uses it, and Linux prints “SINGLE MAPPING flag not allowed for node type 4” ${when}`,
    severity: isFirst ? 'warning' : 'info',
  };
}

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
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex')) {
      const mapping = node.mappings.find(({ single }) => single);
      const hidden = mapping === undefined ? 0 : node.mappings.length - mapping.index - 1;
      if (mapping === undefined || hidden === 0) continue;
      const message = `${mappingName(node, mapping)} of ${theNode(node)} is single and takes every requester ID: ${hidden === 1 ? 'the mapping' : `the ${hidden} mappings`} behind it never ${hidden === 1 ? 'counts' : 'count'}`;
      const fix = setFix(input, 'Move it behind the others', movedBehind(node.mappings, mapping), {
        isPreferred: true,
      });
      // Of two of them nobody knows which was meant.
      const isOnly = node.mappings.filter(({ single }) => single).length === 1;
      yield finding(input, mapping.flags, node, message, { about: mappingKey(mapping), fixes: isOnly ? [fix] : [] });
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
    why: 'An SMMU knows a master by its stream ID alone. Linux’s driver for SMMUv3 keeps one owner for each.',
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
  sight: streamSight,
  *check(input) {
    const shared = [...streamsOf(input.table)].filter(([, { meet }]) => meet);
    for (const [smmu, { ranges }] of shared.sort(([a], [b]) => a.index - b.index)) {
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
  perNode: true,
  *check(input) {
    if (!hasItsGroup(input.table)) return;
    const covering = oncePer((smmu: IortNode) => toIts(input, smmu));
    const sent = input.nodes.flatMap((node) => streamRanges(input.table, node));
    for (const { ranges, ids, missing } of withoutIts(sent, covering)) {
      const { node, mapping, smmu } = ranges[0]!;
      const message = `${theNode(smmu)} has no mapping to an ITS for the stream ${ids}, which ${theNode(node)} sends there: ${node.kind === 'named-component' ? 'it gets no MSIs by that way' : 'devices with them have no MSIs'}`;
      const evidence = evidenceAt([placeOf(input, smmu.header.type), `${theNode(smmu)} begins here`]);
      yield finding(input, mapping.outputBase, node, message, {
        about: mappingKey(mapping),
        restsOn: smmu.mappings.map((own: IdMapping) => mappingKey(own)).concat(`node ${smmu.offset}`),
        ...(node.kind === 'named-component' ? { severity: 'info' } : {}),
        evidence,
        fixes: missing === undefined ? [] : extendFix(input, smmu, missing),
      });
    }
  },
};

interface WithoutIts {
  /** Of one master, all behind one SMMU. */
  readonly ranges: readonly StreamRange[];
  readonly ids: string;
  /** What a mapping of the SMMU would have to take. */
  readonly missing: IdRange | undefined;
}

/** Ranges of functions one by one; the single mappings of a component together, if none of them has a way to an ITS. */
function* withoutIts(
  all: readonly StreamRange[],
  covering: (smmu: IortNode) => readonly IdRange[],
): Generator<WithoutIts> {
  const singles = new Map<IortNode, StreamRange[]>();
  for (const range of all) {
    const { node, mapping, smmu, start, end } = range;
    if (node.kind === 'named-component' && mapping.single) {
      const known = singles.get(node);
      if (known === undefined) singles.set(node, [range]);
      else known.push(range);
      continue;
    }
    const missing = uncovered({ start, end }, covering(smmu));
    if (missing.length > 0)
      yield { ranges: [range], ids: `IDs ${list(missing.map(rangeText))}`, missing: { start, end } };
  }
  for (const [node, ranges] of singles) {
    // Linux tries one mapping after the other until one leads to an ITS, be it directly.
    const hasWay = ({ smmu, start, end }: StreamRange) => uncovered({ start, end }, covering(smmu)).length === 0;
    if (node.mappings.some(({ single, target }) => single && target?.kind === 'its-group') || ranges.some(hasWay))
      continue;
    const { smmu, start, end } = ranges[0]!;
    const behind = ranges.filter((each) => each.smmu === smmu);
    const ids = `${behind.length === 1 ? 'ID' : 'IDs'} ${list(behind.map(rangeText))}`;
    yield { ranges: behind, ids, missing: behind.length === 1 ? { start, end } : undefined };
  }
}

/** What an SMMU's mappings to ITS groups take. */
function toIts(input: TableInput, smmu: IortNode): readonly IdRange[] {
  return rangeMappings(input, smmu).filter(({ mapping }) => mapping.target?.kind === 'its-group');
}

/** Where one mapping of the SMMU to an ITS begins low enough, it can be made long enough. */
function extendFix(input: TableInput, smmu: IortNode, ids: IdRange) {
  const ranges = rangeMappings(input, smmu);
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
