// PMCG nodes: performance monitors of SMMUv3s, and of what else has them.
import { interruptsOf } from '../../tree/interrupts';
import type { DtNode } from '../../tree/model';
import { compatibles, isAvailable, nodePath, walk } from '../../tree/navigate';
import type { AddressRange, Iommu } from '../model';
import { registersOf } from '../registers';
import { nodeRevision, note, type IortBuilder, type MadeNode } from './model';
import { gsivOf } from './smmus';

const pmcgNames = /^(?:arm,smmu-v3-pmcg|arm,mmu-\d+-pmcg|hisilicon,smmu-v3-pmcg-hip\d+)$/;
/** With page 1, which iasl always has. */
const pmcgSize = 0x28;

export function isPmcg(node: DtNode): boolean {
  return compatibles(node).some((name) => pmcgNames.test(name));
}

export function makePmcgs(builder: IortBuilder): MadeNode[] {
  const nodes: DtNode[] = [];
  walk(builder.tree.root, (node) => {
    if (isPmcg(node)) nodes.push(node);
  });
  return nodes.flatMap((node) => makePmcg(builder, node) ?? []);
}

function makePmcg(builder: IortBuilder, node: DtNode): MadeNode | undefined {
  const path = nodePath(node);
  if (!isAvailable(node)) return undefined;
  const [page0, page1] = registersOf(builder.tree, node);
  if (page0 === undefined) {
    note(builder, 'lost', path, 'a PMCG without registers');
    return undefined;
  }
  const owner = ownerOf(builder, page0);
  if (owner === undefined) {
    note(builder, 'lost', path, 'there is no SMMUv3 that it could count for');
    return undefined;
  }
  if (!isInside(page0, owner)) {
    note(builder, 'assumed', path, `it counts for ${owner.path}, the SMMUv3 with the nearest registers below its own`);
  }
  noteModel(builder, node);
  const [interrupt] = interruptsOf(builder.tree, node);
  const gsiv = interrupt && gsivOf(builder, node, interrupt, 'its interrupt')?.gsiv;
  const parent = builder.topology.masters.find((master) => master.path === path)?.msi.parents[0];
  const its = parent?.controller.target && builder.its.get(parent.controller.target);
  const [id] = parent?.cells ?? [];
  const usesMsi = gsiv === undefined && its !== undefined && id !== undefined;
  return {
    origin: path,
    node: {
      kind: 'pmcg',
      // The second page is read from revision 1 on.
      revision: page1 === undefined ? 0 : nodeRevision(builder.settings, 'pmcg'),
      fixedSize: pmcgSize,
      fields: { page0Base: page0.start, overflowGsiv: gsiv ?? 0, page1Base: page1?.start ?? 0n },
      reference: builder.smmus.get(owner)!,
      mappings: usesMsi ? [{ inputBase: 0, count: 0, outputBase: id, target: its, flags: 1 }] : [],
    },
  };
}

function isInside({ start }: AddressRange, { registers }: Iommu): boolean {
  return registers.some((range) => range.start <= start && start <= range.end);
}

/** The SMMUv3 whose registers hold the page, else the nearest below; a tree does not say. */
function ownerOf({ smmus }: IortBuilder, page: AddressRange): Iommu | undefined {
  const all = [...smmus.keys()].filter(({ driver }) => driver.grouping === 'stream-owner');
  const below = all
    .filter(({ registers }) => registers[0]!.start <= page.start)
    .sort((one, other) => (one.registers[0]!.start > other.registers[0]!.start ? -1 : 1));
  return all.find((iommu) => isInside(page, iommu)) ?? below[0] ?? all[0];
}

/** The driver's errata go by the table's OEM IDs (drivers/acpi/arm64/iort.c pmcg_plat_info). */
function noteModel(builder: IortBuilder, node: DtNode): void {
  const model = compatibles(node).find((name) => name.startsWith('hisilicon,'));
  if (model === undefined) return;
  const hip = model.slice(model.lastIndexOf('-') + 1).toUpperCase();
  const message = `the errata of ${model}: Linux goes by the table’s OEM ID "HISI  " and OEM Table ID "${hip.padEnd(8)}"`;
  note(builder, 'lost', nodePath(node), message);
}
