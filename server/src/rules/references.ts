// Phandles in the properties about DMA and interrupts that lead nowhere, or to a node of another kind.
import type { Problem } from '../topology/model';
import { nodeAt, isAvailable } from '../tree/navigate';
import type { DeviceTree, DtNode, DtProperty } from '../tree/model';
import type { Finding, Rule, RuleInput } from './rule';

/** The key by which findings about one property of a node know each other. */
export function propertyKey(node: string, property: string): string {
  return `${node} ${property}`;
}

/** Whether the kernel makes a device of the node at a path: its own status and those above it. */
export function isEnabled(tree: DeviceTree, path: string): boolean {
  for (let at: DtNode | undefined = nodeAt(tree, path); at !== undefined; at = at.parent) {
    if (!isAvailable(at)) return false;
  }
  return true;
}

/** The problems of a code that sit in one of the properties of an enabled node, each once. */
export function* problemsIn(
  { topology, tree, kernel }: RuleInput,
  code: Problem['code'],
  properties: Readonly<Record<string, string>>,
): Generator<Problem> {
  const seen = new Set<string>();
  const inMaps = problemsOfMaps({ topology, kernel });
  for (const problem of topology.problems) {
    if (problem.code !== code || !Object.hasOwn(properties, problem.property)) continue;
    if (problem.property.endsWith('-map') && !inMaps.has(problem)) continue;
    const key = `${problem.node} ${problem.property} ${problem.source?.start ?? ''} ${problem.message}`;
    if (seen.has(key) || !isEnabled(tree, problem.node)) continue;
    seen.add(key);
    const property = nodeAt(tree, problem.node)?.properties.get(problem.property);
    if (property !== undefined && !property.data.broken) yield problem;
  }
}

/** Problems of maps as this kernel reads them: the reading of other kernels takes other cells for phandles. */
function problemsOfMaps({ topology, kernel }: Pick<RuleInput, 'topology' | 'kernel'>): Set<Problem | undefined> {
  const found = new Set<Problem | undefined>();
  // The functions of a host bridge share its maps, which may be long.
  const maps = new Set(topology.masters.flatMap(({ iommuMap, msi }) => [iommuMap, msi.map]));
  for (const map of maps) {
    const reading = map?.readings[kernel.mapRule];
    found.add(reading?.problem);
    for (const { target } of reading?.entries ?? []) found.add(target.problem);
  }
  return found;
}

/** A problem as a finding; `effects` says by property what comes of it. */
function findingOf(problem: Problem, effects: Readonly<Record<string, string>>): Finding {
  return {
    about: propertyKey(problem.node, problem.property),
    range: problem.source,
    node: problem.node,
    message: `In ${problem.property}, ${problem.message}: ${effects[problem.property] ?? ''}`,
  };
}

const unresolvedEffects = {
  iommus:
    'Linux stops reading the list and the device gets no IOMMU. Its DMA is not translated, and VFIO cannot take it.',
  'iommu-map':
    'devices with these requester IDs get no IOMMU. Their DMA is not translated, and VFIO cannot take them. From Linux 7.2 on, the map is not read beyond this entry.',
  'msi-map': 'devices with these requester IDs get no MSIs. From Linux 7.2 on, the map is not read beyond this entry.',
  'msi-parent': 'the device gets no MSIs from there, and VFIO refuses it (EPERM) if it has no other MSI controller.',
  'memory-region': 'Linux skips it, and nothing of what it was to reserve is reserved.',
  'iommu-addresses': 'the entry names no device and reserves nothing.',
};

export const unresolvedPhandle: Rule = {
  id: 'unresolved-phandle',
  severity: 'error',
  summary: 'A phandle in iommus, iommu-map, msi-map, msi-parent, memory-region or iommu-addresses that no node has',
  docs: {
    effect:
      'The kernel ignores the reference, and often all that follows it in the property: the device has no IOMMU, no MSIs, or no reservation.',
    why: 'Phandles written as numbers are not checked by dtc’s parser. A label that does not exist is an error of its own (`unresolved-reference`).',
    fix: 'Refer to the node by its label.',
    sources: [
      'Linux drivers/of/base.c of_phandle_iterator_next, of_map_id',
      'Linux drivers/iommu/of_iommu.c of_iommu_configure_dev',
    ],
    example: {
      failing: `&dma {
	iommus = <0xdead 0x1>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0x1>;
};`,
    },
  },
  prerequisites: ['id-map-length'],
  *check(input) {
    // The base tree of an overlay resolves its references.
    if (input.tree.isPlugin) return;
    for (const problem of problemsIn(input, 'unresolved', unresolvedEffects)) {
      if (!isWrittenAsLabel(input, problem)) yield findingOf(problem, unresolvedEffects);
    }
  },
};

/** A label that does not exist was reported when the tree was built. */
function isWrittenAsLabel({ tree }: RuleInput, { node, property, source }: Problem): boolean {
  const found: DtProperty | undefined = nodeAt(tree, node)?.properties.get(property);
  return (
    found?.data.parts.some(
      (part) =>
        part.reference !== undefined && part.reference.target === undefined && part.source.start === source?.start,
    ) ?? false
  );
}

const iommuEffects = {
  iommus: 'Linux gives the device no IOMMU. Its DMA is not translated, and VFIO cannot take it.',
  'iommu-map':
    'devices with these requester IDs wait for an IOMMU that never comes, then work without one. Their DMA is not translated, and VFIO cannot take them.',
};

export const iommuTargetNotIommu: Rule = {
  id: 'iommu-target-not-iommu',
  severity: 'error',
  summary: 'iommus or iommu-map leads to a node that is no IOMMU',
  docs: {
    effect: 'The devices get no IOMMU: their DMA is not translated, and VFIO cannot take them.',
    why: 'The target has no `#iommu-cells`, and no IOMMU driver of Linux binds it.',
    fix: 'Refer to the IOMMU; if it is one, give it `#iommu-cells`.',
    sources: ['Linux drivers/iommu/of_iommu.c of_iommu_xlate', 'Documentation/devicetree/bindings/iommu/iommu.txt'],
    example: {
      failing: `&dma {
	iommus = <&gic 0x1>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0x1>;
};`,
    },
  },
  *check(input) {
    for (const problem of problemsIn(input, 'wrong-target', iommuEffects)) yield findingOf(problem, iommuEffects);
  },
};

const msiEffects = {
  'msi-map':
    'it has no msi-controller, and no MSI driver that we know binds it. Devices with these requester IDs get no MSIs.',
  'msi-parent':
    'it has no msi-controller, and no MSI driver that we know binds it. The device gets no MSIs from there.',
};

export const msiTargetNotController: Rule = {
  id: 'msi-target-not-controller',
  severity: 'warning',
  summary: 'msi-parent or msi-map leads to a node that is no MSI controller',
  docs: {
    effect:
      'The devices get no MSIs. Behind an IOMMU, VFIO refuses them with EPERM (“No interrupt remapping support”).',
    why: 'The target has no `msi-controller`, and no MSI driver of Linux binds it. With GICv3 the ITS is a node below the GIC: a reference to the GIC itself leads nowhere unless it has `mbi-ranges`.',
    fix: 'Refer to the ITS or the GICv2m frame.',
    sources: [
      'Linux drivers/of/irq.c of_msi_get_domain, __of_msi_map_id',
      'Documentation/devicetree/bindings/interrupt-controller/msi.txt',
    ],
    example: {
      failing: `&pcie {
	msi-map = <0x0 &smmu 0x0 0x10000>;
};`,
      corrected: `&pcie {
	msi-map = <0x0 &its 0x0 0x10000>;
};`,
    },
  },
  *check(input) {
    for (const problem of problemsIn(input, 'wrong-target', msiEffects)) yield findingOf(problem, msiEffects);
  },
};
