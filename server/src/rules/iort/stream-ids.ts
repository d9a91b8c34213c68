// Stream IDs that an SMMUv3 may not hold.
import type { IdMapping, IortNode } from '../../acpi/iort/model';
import { pciName } from '../../iova/function-classes';
import { hex } from '../numbers';
import type { TableRule } from '../table-rule';
import { finding, mappingKey, mappingName, nodesOf, theNode } from './finding';
import { amendment } from './sources';

/** IDR1.SIDSIZE of most SMMUs, QEMU's among them. */
export const usualStreamIdBits = 16;

export const iortStreamIdRange: TableRule = {
  id: 'iort-stream-id-range',
  severity: 'info',
  summary: 'A stream ID of more than the usual 16 bits of an SMMUv3',
  docs: {
    effect:
      'Where the SMMUv3 has 16 bits for stream IDs: to Linux 7.1 the device with that ID gets no IOMMU and no group; from 7.2 on the whole SMMU fails to register (−34, ERANGE) and no device behind it has an IOMMU.',
    why: 'An SMMUv3 says how wide its stream IDs are in a register (IDR1.SIDSIZE), which no table repeats. QEMU’s has 16 bits; an MMU-600 has up to 24, as SMMUs of servers often do, so this is a note.',
    fix: 'Correct the output base or the count. Where the hardware has wider IDs, say how wide: `"streamIdBits": 24` in `doorbell.json`; the prediction goes by it as well, and what does not fit is an error then.',
    sources: ['Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_sid_in_range, arm_smmu_insert_master'],
    example: {
      failing: amendment('Root complex', 'Output Base : 00010000'),
      corrected: amendment('Root complex', 'Output Base : 00000000'),
    },
  },
  prerequisites: ['iort-mapping-range', 'iort-single-type', 'iort-rc-segment-duplicate'],
  perNode: true,
  *check(input) {
    const isLost = input.kernel.streamIdOutOfRange === 'iommu';
    const { streamIdBits } = input.settings;
    const lastHeld = (1n << BigInt(streamIdBits ?? usualStreamIdBits)) - 1n;
    for (const node of nodesOf(input, 'root-complex', 'named-component')) {
      for (const mapping of node.mappings) {
        const { target, outputBase, count } = mapping;
        const ids = mapping.single ? 0n : count.value;
        const last = outputBase.value + ids;
        if (target?.kind !== 'smmuv3' || last <= lastHeld || last > 0xffffffffn) continue;
        const effect = isLost
          ? 'Linux 7.2 then fails to register the whole SMMU (−34), and no device behind it has an IOMMU'
          : `Linux ${input.kernel.version} gives ${whoHas(node, mapping, lastHeld)} no IOMMU then`;
        const which = ids === 0n ? `stream ID ${hex(last)}` : `stream IDs up to ${hex(last)}`;
        const reason =
          streamIdBits === undefined
            ? `if it has the usual 16 bits (its register IDR1 tells; QEMU’s has them)`
            : `which has ${String(streamIdBits)} bits by doorbell.json`;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} gives ${which}, too large for ${theNode(target)}, ${reason}: ${effect}`;
        const severity = streamIdBits === undefined ? 'info' : 'error';
        yield finding(input, outputBase, node, message, { about: mappingKey(mapping), severity });
      }
    }
  },
};

function whoHas(node: IortNode, { single, inputBase, outputBase }: IdMapping, lastHeld: bigint): string {
  if (node.kind !== 'root-complex' || single) return 'the device';
  const held = lastHeld - outputBase.value + 1n;
  const first = Number(inputBase.value + (held > 0n ? held : 0n));
  const segment = Number(node.values.segment?.value ?? 0n);
  return first > 0xffff ? 'such functions' : `functions from ${pciName(first, segment)} on`;
}
