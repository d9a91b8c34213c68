// SMMUs of architecture versions 1 and 2: models and interrupts; and what all SMMUs have in common.
import type { SmmuNode } from '../../acpi/iort/model';
import { hex, list } from '../numbers';
import type { TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, nodesOf, theNode } from './finding';
import { amendment, firmwareTestSuite, linux } from './sources';

const smmuv3Driver = 'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c';

export const iortSmmuNotCoherent: TableRule = {
  id: 'iort-smmu-not-coherent',
  severity: 'info',
  summary: 'The SMMU’s table walks are not coherent: VFIO refuses devices behind it',
  docs: {
    effect:
      'Behind an SMMUv3, vfio-pci refuses to bind (−22, “IDR0.COHACC overridden by FW configuration” in the log) whatever the hardware can. Behind an SMMUv1 or v2 only masters that are coherent themselves can be passed through.',
    why: 'Under ACPI the flag takes the place of what the SMMU’s register says. VFIO needs coherent DMA, and the drivers promise that for coherent walks only.',
    fix: 'Set the flag if the SMMU’s walks are coherent, as they are on servers.',
    sources: [
      `${smmuv3Driver} arm_smmu_device_hw_probe, arm_smmu_capable`,
      linux('arm_smmu_v3_dma_configure, arm_smmu_dma_configure'),
    ],
    example: {
      failing: amendment('SMMUv3', 'Flags (decoded below) : 00000000', 'COHACC Override : 0'),
      corrected: amendment('SMMUv3', 'Flags (decoded below) : 00000001', 'COHACC Override : 1'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmuv3', 'smmu')) {
      const { flags } = node.values;
      const bit = node.kind === 'smmuv3' ? 1n : 2n;
      if (flags === undefined || (flags.value & bit) !== 0n) continue;
      const [flag, who] =
        node.kind === 'smmuv3'
          ? ['COHACC Override', 'no device']
          : ['Coherent Walk', 'no device that is not coherent itself'];
      const message = `${flag} of ${theNode(node)} is clear: ${who} behind it can be passed through with VFIO`;
      yield finding(input, flags, node, message, {
        fixes: [setFix(input, `Set ${flag}`, [[flags, flags.value | bit]])],
      });
    }
  },
};

export const iortSmmuModel: TableRule = {
  id: 'iort-smmu-model',
  severity: 'error',
  summary: 'No SMMU has this model number',
  docs: {
    effect:
      'Linux does not probe an SMMUv1 or v2 of an unknown model (−ENODEV, without a message): no device behind it has an IOMMU. An SMMUv3 of an unknown model behaves as a generic one.',
    why: 'Models of SMMUv1 and v2 are 0 to 5, those of SMMUv3 0 to 2; a model stands for the errata that the driver works around.',
    fix: 'Say generic where nothing fits: 0 for an SMMUv3, which Linux takes an unknown one for; 1 for an SMMUv2, 0 for an SMMUv1.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c acpi_smmu_get_data',
      `${smmuv3Driver} acpi_smmu_iort_probe_model`,
      firmwareTestSuite,
    ],
    example: {
      failing: amendment('MMU-500', 'Model : 00000006'),
      corrected: amendment('MMU-500', 'Model : 00000003'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmu', 'smmuv3')) {
      const { model } = node.values;
      if (model === undefined || model.field.values?.some(({ value }) => value === model.value) !== false) continue;
      const effect = node.kind === 'smmu' ? 'Linux does not probe it (−ENODEV)' : 'Linux treats it as a generic one';
      const message = `${theNode(node)} has the model ${hex(model.value)}, which no ${node.kind === 'smmu' ? 'SMMUv1 or v2' : 'SMMUv3'} has: ${effect}`;
      const wanted = node.kind === 'smmu' ? [1n, 3n, 0n] : [0n];
      const fixes = wanted.map((value) => {
        const name = model.field.values?.find((each) => each.value === value)?.name ?? hex(value);
        return setFix(input, `Say ${name} (${value})`, [[model, value]], { isPreferred: node.kind === 'smmuv3' });
      });
      yield finding(input, model, node, message, { fixes });
    }
  },
};

export const iortSmmuIrqArrays: TableRule = {
  id: 'iort-smmu-irq-arrays',
  severity: 'error',
  summary: 'The interrupts of an SMMUv1 or v2 lie outside the node, or over something else in it',
  docs: {
    effect:
      'Linux takes whatever bytes are there for interrupt numbers: “could not register gsi hwirq …” at best, another device’s interrupt at worst. Those of the PMU it does not read.',
    why: 'Global, context and PMU interrupts lie at offsets from the node’s start that the node itself gives, usually behind its fields at 0x3c. Linux does not check them.',
    fix: 'Compile the table from text, which computes the offsets.',
    sources: [firmwareTestSuite, linux('arm_smmu_init_resources')],
    example: { failing: '', corrected: '', bytes: [[0xd0, 0x60]] },
  },
  prerequisites: ['iort-node-length', 'iort-node-too-short'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmu')) {
      const parts = interruptParts(node);
      const size = node.end - node.offset;
      for (const part of parts) {
        const outside =
          part.start < 0x3c
            ? 'over the node’s own fields'
            : part.end > size
              ? `past the node’s end at ${hex(size)}`
              : undefined;
        const other = parts.find(
          (each, at) =>
            each !== part &&
            each.end <= size &&
            each.start < part.end &&
            part.start < each.end &&
            (each.start < part.start || (each.start === part.start && at < parts.indexOf(part))),
        );
        const isOverMappings =
          node.mappings.length > 0 &&
          part.start < mappingsEnd(node) &&
          Number(node.header.mappingOffset.value) < part.end;
        const what =
          outside ??
          (other === undefined ? (isOverMappings ? 'over its ID mappings' : undefined) : `over the ${other.name}`);
        if (what === undefined || part.at === undefined) continue;
        const reader = part.name === 'PMU interrupts' ? 'Linux does not read them, other readers take' : 'Linux takes';
        const message = `The ${part.name} of ${theNode(node)} are at ${hex(part.start)} of the node, ${what}: ${reader} what is there for interrupt numbers`;
        yield finding(input, part.at, node, message);
      }
    }
  },
};

function mappingsEnd({ header, mappings }: SmmuNode): number {
  return Number(header.mappingOffset.value) + mappings.length * 20;
}

/** The arrays that the node claims to have, by offsets from its start. */
function interruptParts({ values }: SmmuNode) {
  const part = (name: string, at: (typeof values)['globalOffset'], length: number) => {
    const start = Number(at?.value ?? 0n);
    return { name, at, start, end: start + length };
  };
  const counted = (count: (typeof values)['contextCount']) => Number(count?.value ?? 0n);
  return [
    part('global interrupts', values.globalOffset, 16),
    part('context interrupts', values.contextOffset, 8 * counted(values.contextCount)),
    part('PMU interrupts', values.pmuOffset, 8 * counted(values.pmuCount)),
  ].filter(({ start, end, at }) => at !== undefined && end > start);
}

export const iortSmmuIrqMissing: TableRule = {
  id: 'iort-smmu-irq-missing',
  severity: 'error',
  summary: 'An SMMUv1 or v2 without context interrupts, or with an interrupt 0',
  docs: {
    effect:
      'Without context interrupts the driver does not probe (“found … interrupts but expected at least …”): no device behind has an IOMMU. A number of 0 cannot be registered (“could not register gsi hwirq 0”) and is not counted (a warning): those behind it move up, so that without a global interrupt the first context’s is taken for it, and an SMMUv2 that then has fewer than context banks does not probe (“found only … context irq(s) but … required”).',
    why: 'The driver takes the first interrupt that it finds for global faults, and needs one for each context bank of an SMMUv2, one at least.',
    fix: 'List the interrupts that the hardware has.',
    sources: ['Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_device_probe', linux('arm_smmu_init_resources')],
    example: {
      failing: amendment('MMU-500', 'Context Interrupt : 0000000000000000'),
      corrected: amendment('MMU-500', 'Context Interrupt : 0000000000000081'),
    },
  },
  prerequisites: ['iort-smmu-irq-arrays', 'iort-node-too-short'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmu')) {
      const { contextCount } = node.values;
      if (contextCount?.value === 0n) {
        const message = `${theNode(node)} has no context interrupt: Linux does not probe it (“found … interrupts but expected at least …”)`;
        yield finding(input, contextCount, node, message);
      }
      const global = node.globalInterrupts?.gsiv;
      if (global?.value === 0n) {
        const instead = node.contextInterrupts.length > 0 ? ': context interrupt 1 takes its place' : '';
        const message = `NSgIrpt of ${theNode(node)} is 0, which Linux cannot register (“could not register gsi hwirq 0”)${instead}`;
        yield finding(input, global, node, message, { severity: 'warning' });
      }
      const missing = node.contextInterrupts.filter(({ value }) => (value & 0xffffffffn) === 0n);
      if (missing.length === 0) continue;
      const which = list(missing.map((each) => String(node.contextInterrupts.indexOf(each) + 1)));
      const { length } = node.contextInterrupts;
      const message = `Context interrupt ${which} of ${theNode(node)} is 0, which Linux cannot register: that leaves ${length - missing.length} of ${length}, and an SMMUv2 with more context banks than that does not probe`;
      yield finding(input, missing[0]!, node, message, { severity: 'warning' });
    }
  },
};
