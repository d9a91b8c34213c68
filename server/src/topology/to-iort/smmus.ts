// SMMU and SMMUv3 nodes: what their drivers take from the tree.
import type { MappingDraft } from '../../acpi/iort/build';
import { gicInterrupt, interruptsOf, type GicInterrupt, type Interrupt } from '../../tree/interrupts';
import { strings } from '../../tree/cells';
import type { DtNode } from '../../tree/model';
import { cellValue, nodeAt, nodePath } from '../../tree/navigate';
import { count, list } from '../../text/numbers';
import type { Iommu } from '../model';
import type { DeviceIds } from './device-ids';
import { fitting } from './mappings';
import { nodeRevision, note, type IortBuilder, type MadeNode } from './model';

/** The ITS mappings of an SMMU, by the demands of its masters. */
function itsMappings({ its }: IortBuilder, iommu: Iommu, deviceIds: DeviceIds): MappingDraft[] {
  return deviceIds.of(iommu).map(({ first, last, controller, id }) => ({
    inputBase: first,
    count: last - first,
    outputBase: id,
    target: its.get(controller)!,
  }));
}

export function makeSmmu(builder: IortBuilder, iommu: Iommu, deviceIds: DeviceIds): MadeNode {
  const node = nodeAt(builder.tree, iommu.path)!;
  noteSupplies(builder, node);
  const mappings = fitting(builder, iommu.path, itsMappings(builder, iommu, deviceIds));
  return iommu.driver.grouping === 'stream-match'
    ? makeSmmuV2(builder, iommu, node, mappings)
    : makeSmmuV3(builder, iommu, node, mappings);
}

const supplies = ['clocks', 'power-domains', 'resets'];

/** What ACPI leaves to the firmware, or to methods of the DSDT. */
function noteSupplies(builder: IortBuilder, node: DtNode): void {
  const found = supplies.filter((name) => node.properties.has(name));
  if (found.length === 0) return;
  note(builder, 'lost', nodePath(node), `${list(found)}: the firmware must leave it switched on`);
}

const v3 = { coherencyOverride: 1, proximityDomainValid: 8, deviceIdValid: 16 } as const;
const hisiliconHi161x = 1;
const caviumCn99xx = 2;
/** Node revision from which the flag says whether the DeviceID mapping index counts. */
const flaggedIndex = 5;
const smmuV3Size = 0x44;

function makeSmmuV3(builder: IortBuilder, iommu: Iommu, node: DtNode, mappings: MappingDraft[]): MadeNode {
  const { path } = iommu;
  const revision = nodeRevision(builder.settings, 'smmuv3');
  const model = modelOfV3(builder, node);
  const interrupts = interruptsByName(builder, node);
  const combined = interrupts.get('combined') ?? 0;
  const gsiv = (name: string): number => interrupts.get(name) ?? combined;
  if (combined !== 0 && model !== caviumCn99xx) {
    const message = 'one interrupt for everything, which Linux takes from the table of a Cavium CN99xx alone';
    note(builder, 'lost', path, message);
  }
  const gsivs = {
    eventGsiv: gsiv('eventq'),
    priGsiv: gsiv('priq'),
    gerrGsiv: gsiv('gerror'),
    syncGsiv: gsiv('cmdq-sync'),
  };
  let flags = iommu.coherent ? v3.coherencyOverride : 0;
  const own = ownMapping(builder, iommu);
  const all = own === undefined ? mappings : [...mappings, own];
  // To 6.1 and in older nodes the index counts wherever an interrupt is missing: it must not be that of a range.
  const needsIndex = Object.values(gsivs).includes(0) && all.length > 0;
  let deviceIdIndex = own === undefined ? (needsIndex ? all.length : 0) : mappings.length;
  if (own !== undefined && revision >= flaggedIndex) flags |= v3.deviceIdValid;
  if (own !== undefined && revision < flaggedIndex && !needsIndex) {
    note(builder, 'lost', path, 'its own MSIs: node revisions below 5 have them only where an interrupt is missing');
    all.pop();
    deviceIdIndex = 0;
  }
  const domain = proximityDomain(builder, node);
  if (domain !== undefined) flags |= v3.proximityDomainValid;
  return {
    origin: path,
    node: {
      kind: 'smmuv3',
      revision,
      fixedSize: smmuV3Size,
      fields: {
        base: iommu.registers[0]!.start,
        flags,
        model,
        ...gsivs,
        proximityDomain: domain ?? 0,
        deviceIdIndex,
      },
      mappings: all,
    },
  };
}

function modelOfV3(builder: IortBuilder, node: DtNode): number {
  if (node.properties.has('cavium,cn9900-broken-page1-regspace')) return caviumCn99xx;
  if (!node.properties.has('hisilicon,broken-prefetch-cmd')) return 0;
  const message =
    'model Hi161x, which hisilicon,broken-prefetch-cmd asks for: under ACPI Linux reserves the pages of its ITS besides, as MSI regions';
  note(builder, 'assumed', nodePath(node), message);
  return hisiliconHi161x;
}

/** `msi-parent` of the SMMU itself: a single mapping to the ITS. */
function ownMapping(builder: IortBuilder, { path }: Iommu): MappingDraft | undefined {
  const parent = builder.topology.masters.find((master) => master.path === path)?.msi.parents[0];
  const target = parent?.controller.target && builder.its.get(parent.controller.target);
  const [id] = parent?.cells ?? [];
  if (target === undefined || id === undefined || parent?.controller.problem !== undefined) return undefined;
  return { inputBase: 0, count: 0, outputBase: id, target, flags: 1 };
}

function proximityDomain(builder: IortBuilder, node: DtNode): number | undefined {
  const domain = cellValue(node, 'numa-node-id');
  if (domain === undefined) return undefined;
  note(builder, 'elsewhere', nodePath(node), `SRAT: proximity domain ${String(domain)}, which the SMMU is in`);
  return domain;
}

/** GSIVs by `interrupt-names`; the driver of SMMUv3 asks for no others. */
function interruptsByName(builder: IortBuilder, node: DtNode): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const names = node.properties.get('interrupt-names');
  const nameList = (names && strings(names)) ?? [];
  for (const [index, interrupt] of interruptsOf(builder.tree, node).entries()) {
    const name = nameList[index];
    const number = gsivOf(builder, node, interrupt, name ?? `interrupt ${String(index)}`);
    if (number === undefined || name === undefined || found.has(name)) continue;
    found.set(name, number.gsiv);
    if (!number.isEdge)
      note(builder, 'lost', nodePath(node), `${name} is level-sensitive; of an SMMUv3 Linux takes GSIVs for edges`);
  }
  return found;
}

/** The number, or a note about what has none. */
export function gsivOf(
  builder: IortBuilder,
  node: DtNode,
  interrupt: Interrupt,
  name: string,
): GicInterrupt | undefined {
  if (!interrupt.ok) {
    note(builder, 'lost', nodePath(node), `${name}: ${interrupt.reason}`);
    return undefined;
  }
  const found = gicInterrupt(interrupt);
  if (found === undefined) {
    const controller = nodePath(interrupt.controller);
    note(builder, 'lost', nodePath(node), `${name} goes to ${controller}, which is no GIC: it has no GSIV`);
  }
  return found;
}

/** acpi_smmu_get_data; the first string that is known decides. */
const modelsOfV2: Readonly<Record<string, number>> = {
  'arm,smmu-v1': 0,
  'arm,smmu-v2': 1,
  'arm,mmu-400': 2,
  'arm,mmu-500': 3,
  'arm,mmu-401': 4,
  'cavium,smmu-v2': 5,
  'nvidia,smmu-500': 3,
  'qcom,smmu-500': 3,
  'qcom,smmu-v2': 1,
};
const coherentWalk = 2;
/** NSgIrpt and NSgCfgIrpt. */
const mostGlobal = 2;
/** ARM_SMMU_MAX_CBS */
const mostContexts = 128;
const edgeBit = 1n << 32n;

function makeSmmuV2(builder: IortBuilder, iommu: Iommu, node: DtNode, mappings: MappingDraft[]): MadeNode {
  const { path, compatible, registers } = iommu;
  const known = compatible.find((name) => modelsOfV2[name] !== undefined);
  noteImplementation(builder, iommu);
  const all = interruptsOf(builder.tree, node).flatMap(
    (interrupt, index) => gsivOf(builder, node, interrupt, `interrupt ${String(index)}`) ?? [],
  );
  const globalCount = Math.min(cellValue(node, '#global-interrupts') ?? 0, all.length);
  const [global, configuration] = all.slice(0, globalCount);
  if (globalCount > mostGlobal) {
    const message = `${String(globalCount - mostGlobal)} of ${String(globalCount)} global interrupts: the node has room for two, and Linux uses the first`;
    note(builder, 'lost', path, message);
  }
  const contexts = all
    .slice(globalCount, globalCount + mostContexts)
    .map(({ gsiv, isEdge }) => BigInt(gsiv) | (isEdge ? edgeBit : 0n));
  if (all.length > globalCount + mostContexts) note(builder, 'lost', path, 'context interrupts beyond the 128th');
  if (contexts.length === 0)
    note(builder, 'lost', path, 'there is no context interrupt, and Linux asks for one at least');
  const [{ start, end }] = registers as [(typeof registers)[0]];
  return {
    origin: path,
    node: {
      kind: 'smmu',
      revision: nodeRevision(builder.settings, 'smmu'),
      fields: {
        base: start,
        span: end - start + 1n,
        model: known === undefined ? 1 : modelsOfV2[known]!,
        flags: iommu.coherent ? coherentWalk : 0,
      },
      globalInterrupts: {
        gsiv: global?.gsiv ?? 0,
        flags: global?.isEdge === true ? 1 : 0,
        configGsiv: configuration?.gsiv ?? 0,
        configFlags: configuration?.isEdge === true ? 1 : 0,
      },
      contextInterrupts: contexts,
      mappings,
    },
  };
}

/** What drivers/iommu/arm/arm-smmu/arm-smmu-impl.c knows by `compatible` alone. */
function noteImplementation(builder: IortBuilder, { path, compatible, registers }: Iommu): void {
  const special = compatible.find((name) => /^(?:nvidia|qcom),/.test(name) || /-(?:mmu|smmu)-/.test(name));
  if (special !== undefined) {
    note(builder, 'lost', path, `Linux treats ${special} in ways of its own, which no model of an IORT asks for`);
  }
  if (registers.length > 1)
    note(builder, 'lost', path, `${count(registers.length - 1, 'further set')} of registers: the node has one`);
}
