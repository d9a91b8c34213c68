// Mappings of masters: single ones and ranges, to an SMMU and around it.
import type { IdMapping, IortNode } from '../../acpi/iort/model';
import type { Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { movedBehind, setFix } from './edits';
import { finding, mappingKey, mappingName, nodesOf, rangeText, theNode } from './finding';
import { amendment, linux, specification } from './sources';
import { rangeMappings, uncovered } from './translation';

const rangeLines = [
  'Input base : 00000000',
  'ID Count : 00000000',
  'Output Base : 00000001',
  'Output Reference : 000000A0',
];

/** A component with ranges of so many IDs + 1 and nothing else is a bus whose children have them. */
const leastOfABus = 15n;

export const iortNcRangeMapping: TableRule = {
  id: 'iort-nc-range-mapping',
  severity: 'warning',
  summary: 'A named component’s mapping is not single: its device gets no stream ID',
  docs: {
    effect:
      'The device has no IOMMU, and no device ID for MSIs. What a range mapping serves are children of a bus with IDs of their own, as behind NXP’s fsl-mc: a component that has nothing but ranges of 16 IDs and more is taken for such a bus (a note).',
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
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'named-component')) {
      const mapping = node.mappings.find(({ single }) => !single);
      if (mapping === undefined) continue;
      const behind = node.mappings.slice(mapping.index + 1);
      const others = behind.length === 0 ? '' : `, nor from the ${behind.length} behind it`;
      const isBus = node.mappings.every(({ single, count }) => !single && count.value >= leastOfABus);
      const message = `${mappingName(node, mapping)} of ${theNode(node)} is not single: the device itself gets no stream ID from it${others}; ${isBus ? 'its IDs are for children of a bus that have IDs of their own, as behind NXP’s fsl-mc' : 'only children of a bus with IDs of their own do'}`;
      const { flags, count } = mapping;
      const fix = setFix(input, 'Set Single Mapping', [[flags, flags.value | 1n]], {
        isPreferred: count.value === 0n,
      });
      yield finding(input, flags, node, message, {
        about: mappingKey(mapping),
        ...(isBus ? { severity: 'info' } : {}),
        // Of a range of several IDs a single mapping would keep one.
        fixes: count.value > 1n ? [] : [fix],
      });
    }
  },
};

export const iortSmmuBypass: TableRule = {
  id: 'iort-smmu-bypass',
  severity: 'info',
  summary: 'Some IDs of a master go to the ITS directly, around the SMMU that serves the others',
  docs: {
    effect:
      'Devices with those IDs have no IOMMU: their DMA is not confined, and they cannot be passed through. It is meant so where a bus is known to bypass the SMMU (QEMU’s `bypass_iommu`). A named component’s single mapping to an ITS gives the device ID of its MSIs, if its stream IDs have no way there themselves; in front of those to the SMMU it costs the device its stream IDs (a warning).',
    why: 'A mapping to an ITS group gives a device ID for MSIs and nothing else. Linux asks a component’s mappings for stream IDs one after the other, up to the first that leads to no SMMU, and for an ITS up to the first that leads to one.',
    fix: 'Map the IDs to the SMMU if they are behind it.',
    sources: [
      specification('root complex node'),
      linux('iort_pci_iommu_init, iort_nc_iommu_map, iort_get_platform_device_domain'),
    ],
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
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex', 'named-component')) {
      const toSmmu = node.mappings.filter(({ target }) => target?.kind === 'smmu' || target?.kind === 'smmuv3');
      const direct = node.mappings.find(({ target }) => target?.kind === 'its-group');
      const smmu = toSmmu[0]?.target;
      if (smmu === undefined || direct === undefined) continue;
      const found =
        direct.single && node.kind === 'named-component' ? ownDeviceId(input, node, direct, toSmmu) : undefined;
      if (found === 'meant') continue;
      const ids = direct.single
        ? 'a single output ID'
        : `the IDs ${rangeText({ start: direct.inputBase.value, end: direct.inputBase.value + direct.count.value })}`;
      const what = found?.message ?? `sends ${ids} to the ITS around ${theNode(smmu)}: devices with them have no IOMMU`;
      const message = `${mappingName(node, direct)} of ${theNode(node)} ${what}`;
      yield finding(input, direct.outputReference, node, message, {
        about: mappingKey(direct),
        severity: found?.severity,
        fixes: found?.fixes ?? [],
      });
    }
  },
};

/**
 * A component's single mapping to an ITS beside those to its SMMU gives its MSIs a device ID: Linux looks for stream IDs in
 * one mapping after the other, up to the first that leads to no SMMU, and for an ITS up to the first that leads to one.
 */
function ownDeviceId(
  input: TableInput,
  node: IortNode,
  direct: IdMapping,
  toSmmu: readonly IdMapping[],
): Pick<Finding, 'message' | 'severity' | 'fixes'> | 'meant' {
  const behind = toSmmu.filter(({ index }) => index > direct.index);
  if (behind.length > 0) {
    const lost = behind.length === 1 ? 'that behind it' : `the ${behind.length} behind it`;
    const fix = setFix(input, 'Move it behind the others', movedBehind(node.mappings, direct), { isPreferred: true });
    const message = `leads to an ITS, where Linux stops to look for stream IDs: the device gets no stream ID from ${lost}`;
    return { message, severity: 'warning', fixes: [fix] };
  }
  const hasWay = toSmmu.find(({ outputBase, target }) => {
    const id = { start: outputBase.value, end: outputBase.value };
    const ranges = target === undefined ? [] : rangeMappings(input, target);
    return (
      uncovered(
        id,
        ranges.filter(({ mapping }) => mapping.target?.kind === 'its-group'),
      ).length === 0
    );
  });
  if (hasWay === undefined) return 'meant';
  const message = `to an ITS is never used: ${mappingName(node, hasWay)} leads to one already, through ${theNode(hasWay.target!)}`;
  return { message };
}
