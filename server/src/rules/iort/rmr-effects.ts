// What reserved memory does to devices, to VFIO and to the doorbells of MSIs.
import type { IdMapping, IortNode, IortTable, RmrNode } from '../../acpi/iort/model';
import { oncePer } from '../../text/once';
import { count, formatRange, hex, list } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix } from './edits';
import {
  descriptorName,
  finding,
  mappingKey,
  mappingName,
  nodeKey,
  nodesOf,
  placeOf,
  tableRevision,
  theNode,
} from './finding';
import { descriptorKey, descriptorSight, rangeOf } from './rmr';
import { amendment, linux, specification } from './sources';
import { mappingSight, streamSight, streamsMeeting, type StreamRange } from './streams';
import { outputRange, type IdRange } from './translation';

/** Linux does not look at RMR nodes of older tables, nor at those without mappings: nothing follows from them. */
const unread = ['iort-rmr-table-revision', 'iort-rmr-no-mapping', 'iort-rmr-no-descriptor'];

/** The masters that a mapping of an RMR node meets: their stream IDs on the SMMU that it names. */
function mastersOf(input: TableInput, { target, outputBase, count: ids }: IdMapping): readonly StreamRange[] {
  const range = { start: outputBase.value, end: outputBase.value + ids.value };
  return target === undefined ? [] : streamsMeeting(input.table, target, range);
}

/** Who is behind which SMMU with which IDs, and what is reserved for them. */
function reservationSight(node: IortNode): string | undefined {
  if (node.kind !== 'rmr') return streamSight(node);
  return `${node.values.flags?.value} ${node.descriptors.length} ${mappingSight(node)}`;
}

export const iortRmrNoMaster: TableRule = {
  id: 'iort-rmr-no-master',
  severity: 'warning',
  summary: 'Reserved memory for stream IDs that no master has',
  docs: {
    effect:
      'Nothing is reserved: the region is in no device’s list, and the SMMU driver keeps entries open at boot for a device that does not exist.',
    why: 'Linux gives a region to a device when one of the device’s stream IDs is in [Output Base, Output Base + ID Count] of a mapping and the mapping refers to the device’s SMMU. The input base is not looked at.',
    fix: 'Use the stream IDs that a root complex or named component makes on that SMMU.',
    sources: [linux('iort_rmr_has_dev, iort_node_get_rmr_info')],
    example: {
      failing: amendment('RMR', 'Output Base : 00040000'),
      corrected: amendment('RMR', 'Output Base : 00000001'),
    },
  },
  prerequisites: [
    ...unread,
    'iort-rmr-target',
    'iort-ref-null',
    'iort-ref-not-node',
    'iort-ref-loop',
    'iort-mapping-range',
  ],
  sight: reservationSight,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      for (const mapping of node.mappings) {
        const { target, outputBase, count: ids } = mapping;
        if (target?.kind !== 'smmu' && target?.kind !== 'smmuv3') continue;
        if (mastersOf(input, mapping).length > 0 || isMissed(input, mapping)) continue;
        const range =
          ids.value === 0n
            ? `stream ID ${hex(outputBase.value)}`
            : `stream IDs ${hex(outputBase.value)}–${hex(outputBase.value + ids.value)}`;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} is for the ${range} of ${theNode(target)}, which no root complex and no named component has: nothing is reserved`;
        yield finding(input, outputBase, node, message, { about: mappingKey(mapping), restsOn: [nodeKey(node)] });
      }
    }
  },
};

/** IDs of masters' mappings whose references lead to no node. */
const missedIds = oncePer(({ nodes }: IortTable): readonly IdRange[] =>
  nodes.flatMap(({ kind, mappings }) =>
    kind === 'root-complex' || kind === 'named-component'
      ? mappings.filter(({ target }) => target === undefined).map(outputRange)
      : [],
  ),
);

/** Whether a master with such IDs is behind no SMMU for want of a right reference: that is said there. */
function isMissed({ table }: TableInput, { outputBase, count: ids }: IdMapping): boolean {
  const last = outputBase.value + ids.value;
  return missedIds(table).some(({ start, end }) => start <= last && end >= outputBase.value);
}

export const iortRmrPciPreserve: TableRule = {
  id: 'iort-rmr-pci-preserve',
  severity: 'warning',
  summary: 'Reserved memory of PCI functions, while the boot configuration is not known to be kept',
  docs: {
    effect:
      'Linux passes over the region in silence for every PCI function: not reserved, not mapped, not in sysfs. A function that firmware left running faults.',
    why: 'Bus numbers may change when Linux enumerates PCI anew, and with them the stream IDs. So it believes RMR nodes of functions only where the host bridge keeps the firmware’s configuration: `_DSM` function 5 returns 0. That is in the DSDT, not in this table.',
    fix: 'Let the host bridge’s `_DSM` say so, and tell Doorbell with `"preserveBootConfiguration": true` in `doorbell.json`.',
    sources: [
      linux('iort_rmr_has_dev'),
      'PCI Firmware 3.3, 4.6.5 _DSM for preserving PCI boot configurations',
      specification('reserved memory range node'),
    ],
    example: {
      failing: amendment('RMR', 'Output Base : 00000008', 'Output Reference : 00000048'),
      corrected: amendment('RMR', 'Output Base : 00000008', 'Output Reference : 00000048'),
      correctedSettings: { preserveBootConfiguration: true },
    },
  },
  prerequisites: [...unread, 'iort-rmr-target'],
  sight: reservationSight,
  *check(input) {
    if (input.settings.preserveBootConfiguration === true) return;
    for (const node of nodesOf(input, 'rmr')) {
      for (const mapping of node.mappings) {
        const complex = mastersOf(input, mapping).find((range) => range.node.kind === 'root-complex');
        if (complex === undefined) continue;
        const message = `${theNode(node)} is for functions of ${theNode(complex.node)}: Linux ignores it for them unless the host bridge keeps the boot configuration (_DSM function 5 returns 0), which is not set here`;
        const evidence = evidenceAt([
          placeOf(input, complex.mapping.outputBase),
          'These stream IDs are PCI functions’',
        ]);
        yield finding(input, mapping.outputBase, node, message, {
          about: mappingKey(mapping),
          restsOn: [nodeKey(node)],
          evidence,
          fixes: [preserveFix],
        });
      }
    }
  },
};

const preserveFix = {
  title: 'Say in doorbell.json that the boot configuration is preserved',
  change: () => ({ edits: [], settings: [[['preserveBootConfiguration'], true]] as const }),
};

export const iortRmrDoorbell: TableRule = {
  id: 'iort-rmr-doorbell',
  severity: 'error',
  summary: 'Reserved memory covers an MSI doorbell, or the window in which VFIO maps doorbells',
  docs: {
    effect:
      'Over the doorbell page of an ITS the devices’ 1:1 mapping takes their interrupts: with write-back attributes they may never arrive. Over the MSI window (a warning) VFIO maps doorbells there from its start upwards, without looking at other regions: the device loses the memory that was kept for it, or its interrupts. Where the memory may not be remapped, Linux from 6.6 on refuses the device to VFIO instead. QEMU describes the window so on purpose where a guest’s SMMUv3 is nested in the host’s.',
    why: 'The second 64 KiB of an ITS are where MSIs are written to. The window is a constant of the kernel (0x8000000, 1 MiB) unless `doorbell.json` says otherwise. The ITS is checked only where a MADT lies beside the table.',
    fix: 'Move the range, or the window.',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group',
      'Linux drivers/iommu/dma-iommu.c iommu_dma_get_msi_page',
      'Arm IHI0069 (GICv3), GITS_TRANSLATER',
    ],
    example: {
      failing: amendment('RMR', 'Base Address of RMR : 000000002F030000', 'Length of RMR : 0000000000010000'),
      corrected: amendment('RMR', 'Base Address of RMR : 0000000090000000', 'Length of RMR : 0000000000100000'),
    },
  },
  prerequisites: [...unread, 'iort-rmr-length-zero'],
  sight: descriptorSight,
  *check(input) {
    const { msiWindow } = input.kernel;
    const frames = doorbellFrames(input);
    for (const node of nodesOf(input, 'rmr')) {
      for (const descriptor of node.descriptors) {
        const range = rangeOf(descriptor);
        if (range === undefined) continue;
        const isInWindow = range.end >= msiWindow.start && msiWindow.end >= range.start;
        const met = frames.filter(({ start, end }) => range.end >= start && end >= range.start);
        if (!isInWindow && met.length === 0) continue;
        const rest = { about: descriptorKey(descriptor), restsOn: [nodeKey(node)] };
        const what = `${descriptorName(node, descriptor.index)} of ${theNode(node)}, ${formatRange(range)},`;
        for (const frame of met) {
          // Its registers and its doorbell are told as one where both are covered.
          if (frame.kind === 'registers' && range.end > frame.end) continue;
          const covered =
            frame.kind === 'doorbell'
              ? `${formatRange(frame)} of ${frame.name}, where devices write their MSIs`
              : `the registers of ${frame.name}, ${formatRange(frame)}: no device’s memory`;
          yield finding(input, descriptor.base, node, `${what} covers ${covered}`, rest);
        }
        if (!isInWindow) continue;
        const message = `${what} lies in the MSI window ${formatRange(msiWindow)}: ${windowEffect(input, node)}`;
        const evidence = evidenceAt([input.settings.msiWindowSource, 'The window is set here']);
        yield finding(input, descriptor.base, node, message, { ...rest, severity: 'warning', evidence });
      }
    }
  },
};

/** What becomes of the memory when VFIO gets the device: by whether it may be remapped, and whether the kernel minds. */
function windowEffect({ kernel }: TableInput, { values }: RmrNode): string {
  if (((values.flags?.value ?? 0n) & 1n) !== 0n) {
    return 'VFIO maps doorbells there, and the device no longer reaches the memory, as Remapping Permitted allows';
  }
  return kernel.refusesDirect
    ? `as it may not be remapped, Linux ${kernel.version} refuses the device to VFIO; kernels before 6.6 map doorbells over it`
    : `VFIO in Linux ${kernel.version} maps doorbells there without looking at the region, and the device loses its memory`;
}

interface Frame {
  readonly kind: 'doorbell' | 'registers';
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
}

/** Both frames of each ITS (64 KiB each, the second with GITS_TRANSLATER), and those of GICv2m (4 KiB), if a MADT tells. */
function doorbellFrames({ madt }: TableInput): Frame[] {
  return (madt?.entries ?? []).flatMap((entry): Frame[] => {
    if (entry.kind !== 'gic-its' && entry.kind !== 'gic-msi-frame') return [];
    const start = entry.values.base?.value;
    if (start === undefined) return [];
    if (entry.kind === 'gic-msi-frame')
      return [{ kind: 'doorbell', name: 'a GICv2m frame', start, end: start + 0xfffn }];
    const name = `ITS ${hex(entry.values.itsId?.value ?? 0n)}`;
    return [
      { kind: 'registers', name, start, end: start + 0xffffn },
      { kind: 'doorbell', name, start: start + 0x10000n, end: start + 0x1ffffn },
    ];
  });
}

export const iortRmrVfio: TableRule = {
  id: 'iort-rmr-vfio',
  severity: 'info',
  severityWithGuests: 'warning',
  summary: 'Reserved memory that may not be remapped keeps its devices from VFIO',
  docs: {
    effect:
      'From Linux 6.6 on, no device of the group can be passed through: attaching it fails with EINVAL (“Firmware has requested this device have a 1:1 IOMMU mapping…”). The host’s own use is not affected.',
    why: 'Without Remapping Permitted the region is `direct`: a 1:1 mapping that must exist at all times. With it, it is `direct-relaxable`, which VFIO ignores.',
    fix: 'Set Remapping Permitted if nothing uses the memory once the driver has the device, as with the frame buffer of a boot display.',
    kernels:
      'Linux 6.6 and later; earlier kernels attach the group and only keep the region out of what the user may map',
    sources: [linux('iort_get_rmrs'), 'Linux drivers/iommu/iommu.c __iommu_device_set_domain'],
    example: {
      failing: amendment('RMR', 'Flags (decoded below) : 00000000', 'Remapping Permitted : 0'),
      corrected: amendment('RMR', 'Flags (decoded below) : 00000001', 'Remapping Permitted : 1'),
    },
  },
  holdsFor: ({ refusesDirect }) => refusesDirect,
  prerequisites: [...unread, 'iort-rmr-no-master', 'iort-rmr-target', 'iort-rmr-pci-preserve'],
  sight: reservationSight,
  *check(input) {
    if (tableRevision(input) < 5) return;
    for (const node of nodesOf(input, 'rmr')) {
      const { flags } = node.values;
      if (flags === undefined || (flags.value & 1n) !== 0n || node.descriptors.length === 0) continue;
      const keeps = input.settings.preserveBootConfiguration === true;
      const masters = node.mappings
        .flatMap((mapping) => mastersOf(input, mapping))
        .filter((master) => keeps || master.node.kind !== 'root-complex')
        .map(({ node: master }) =>
          master.kind === 'root-complex' ? `functions of ${theNode(master)}` : theNode(master),
        );
      if (masters.length === 0) continue;
      const message = `${theNode(node)} may not be remapped: ${list([...new Set(masters)])} cannot be passed through with VFIO from Linux 6.6 on (${count(node.descriptors.length, 'direct region')})`;
      const fix = setFix(input, 'Set Remapping Permitted', [[flags, flags.value | 1n]]);
      yield finding(input, flags, node, message, { fixes: [fix] });
    }
  },
};
