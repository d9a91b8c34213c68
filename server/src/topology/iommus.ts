// IOMMU nodes, and the entries of `iommus` that lead to them.
import { cellsSource } from '../tree/cells';
import { cellValue, compatibles, nodePath } from '../tree/navigate';
import type { DtNode } from '../tree/model';
import type { Builder } from './builder';
import { availabilityOf, isDmaCoherent, labelNames, linkTo, nodeSource, problemAt } from './builder';
import type { MapKind } from './id-maps';
import { iommuDriver } from './iommu-drivers';
import type { AddressRange, Inbound, Iommu, IommuDriver, MemoryRange, Problem, StreamEntry } from './model';
import { readResource, registersOf } from './registers';
import { busWithoutCells, cellsOf } from './translate';

/** The memory there is, and how much of it a node's own DMA gets to. */
export interface Reach {
  readonly inbound: Inbound;
  readonly memory: readonly MemoryRange[];
}

/** Whether a node is an IOMMU: it has `#iommu-cells`, or a driver of Linux's would bind it. */
export function readIommu(builder: Builder, node: DtNode, reach: (node: DtNode) => Reach): Iommu | undefined {
  const cellsProperty = node.properties.get('#iommu-cells');
  const names = compatibles(node);
  const driver = iommuDriver(names, builder.hardware);
  if (cellsProperty === undefined && (!driver.known || names.includes('virtio,mmio'))) return undefined;
  const cells = cellsProperty && cellValue(node, '#iommu-cells');
  const registers = registersOf(builder.tree, node);
  const problem =
    cellsProblem(builder, node, driver, cells) ??
    registersProblem(builder, node, driver) ??
    reachProblem(builder, node, driver, reach);
  return {
    path: nodePath(node),
    labels: labelNames(node),
    driver,
    compatible: names,
    availability: availabilityOf(node),
    cells,
    coherent: isDmaCoherent(builder.tree, node),
    streamMatchMask: cellValue(node, 'stream-match-mask') ?? 0,
    source: nodeSource(node),
    problem,
    laterProblem: problem === undefined ? laterRegistersProblem(builder, node, driver) : undefined,
    registers,
  };
}

/** drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_device_probe: no resource, or one that is too small, ends it. */
function registersProblem(builder: Builder, node: DtNode, { name, registerBytes }: IommuDriver): Problem | undefined {
  if (registerBytes === 0n || !availabilityOf(node).enabled) return undefined;
  const property = node.properties.get('reg') ?? node.properties.get('compatible');
  if (property === undefined) return undefined;
  const no = (message: string): Problem => problemAt(builder, 'no-registers', message, property);
  if (property.name !== 'reg') return no(`there is no reg, and the driver ${name} asks for registers`);
  const resource = readResource(builder.tree, node, 0);
  if (resource.kind === 'unknown') return undefined;
  if (resource.kind === 'none') return no(resource.message);
  // ARM_SMMU_OPT_PAGE0_REGS_ONLY
  const wanted = node.properties.has('cavium,cn9900-broken-page1-regspace') ? registerBytes / 2n : registerBytes;
  if (resource.size >= wanted) return undefined;
  const sizes = `0x${resource.size.toString(16)} bytes of registers, and the driver ${name} asks for 0x${wanted.toString(16)}`;
  return no(`reg has ${sizes}`);
}

/** An SMMU's queues and tables lie in memory that its own DMA must reach (arm_smmu_init_structures: ENOMEM). */
function reachProblem(
  builder: Builder,
  node: DtNode,
  { registerBytes }: IommuDriver,
  reach: (node: DtNode) => Reach,
): Problem | undefined {
  if (registerBytes === 0n || !availabilityOf(node).enabled) return undefined;
  const { inbound, memory } = reach(node);
  const { windows, levels, problem } = inbound;
  const all = memory.filter(({ kind, availability }) => kind === 'memory' && availability.enabled);
  if (windows === undefined || windows.length === 0 || problem !== undefined || all.length === 0) return undefined;
  if (all.some(({ range }) => windows.some(({ memory: window }) => overlaps(window, range)))) return undefined;
  const property = node.properties.get('reg') ?? node.properties.get('compatible');
  const [level] = levels;
  if (property === undefined || level === undefined) return undefined;
  const message = `the dma-ranges of ${level.bus} leave its own DMA no memory, so that its queues and tables have no place`;
  return problemAt(builder, 'no-reach', message, property);
}

function overlaps(one: AddressRange, other: AddressRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}

/** From 6.13 on nothing below a bus without `#address-cells` has an address. */
function laterRegistersProblem(builder: Builder, node: DtNode, { registerBytes }: IommuDriver): Problem | undefined {
  const property = node.properties.get('reg');
  const bus = property && busWithoutCells(builder.tree, node, 'ranges');
  if (property === undefined || bus === undefined || registerBytes === 0n) return undefined;
  const message = `reg has no physical address from Linux 6.13 on: ${nodePath(bus)} has no #address-cells of its own`;
  return problemAt(builder, 'no-registers', message, property);
}

/** A cell count that the driver does not take. A missing one ends an SMMUv3's probe as well (arm_smmu_device_dt_probe). */
function cellsProblem(
  builder: Builder,
  node: DtNode,
  { name, acceptedCells, refusesCells }: IommuDriver,
  cells: number | undefined,
): Problem | undefined {
  const wanted = acceptedCells.join(' or ');
  const property = node.properties.get('#iommu-cells') ?? node.properties.get('compatible');
  if (property === undefined || acceptedCells.length === 0) return undefined;
  if (cells === undefined) {
    if (!refusesCells) return undefined;
    const message = `there is no #iommu-cells, and the driver ${name} asks for ${wanted}`;
    return problemAt(builder, 'bad-cells', message, property);
  }
  if (acceptedCells.includes(cells)) return undefined;
  const message = `#iommu-cells is ${String(cells)}, and the driver ${name} takes only ${wanted}`;
  return problemAt(builder, 'bad-cells', message, property);
}

/** What `iommu-map` leads to. */
export function iommuMapKind(find: (node: DtNode) => Iommu | undefined): MapKind<Iommu> {
  return { name: 'iommu-map', cellsName: '#iommu-cells', wanted: 'IOMMU', find, refusesId: streamIdRefusal };
}

/** The entries of a master's `iommus`: drivers/of/base.c __of_parse_phandle_with_args stops at the first bad one. */
export function readStreams(builder: Builder, node: DtNode, find: (node: DtNode) => Iommu | undefined): StreamEntry[] {
  const property = node.properties.get('iommus');
  if (property === undefined) return [];
  const values = cellsOf(property.data.bytes);
  const entries: StreamEntry[] = [];
  for (let at = 0; at < values.length;) {
    const iommu = linkTo(builder, property, at, values[at]!, find, 'IOMMU');
    const target = builder.tree.phandles.get(values[at]!);
    const count = target && cellValue(target, '#iommu-cells');
    const available = values.length - at - 1;
    let problem: Problem | undefined;
    if (count === undefined && iommu.problem === undefined) {
      problem = problemAt(builder, 'bad-cells', `${iommu.path ?? 'the target'} has no #iommu-cells`, property, at);
    } else if (count !== undefined && count > available) {
      const message = `${iommu.path ?? 'the target'} asks for ${cellsText(count)} (#iommu-cells), and ${cellsText(available)} follow`;
      problem = problemAt(builder, 'bad-length', message, property, at, available + 1);
    }
    // Where the count is unknown, the kernel stops here, and what follows means nothing.
    const taken = count === undefined ? available : Math.min(count, available);
    const cells = Array.from(values.subarray(at + 1, at + 1 + taken));
    if (problem === undefined && iommu.target !== undefined && count !== undefined) {
      const refusal = cells[0] === undefined ? undefined : streamIdRefusal(iommu.target, cells[0]);
      if (refusal !== undefined) problem = problemAt(builder, 'stream-id-range', refusal, property, at + 1, taken);
    }
    const ids = iommu.target === undefined ? undefined : streamIds(iommu.target, cells);
    const first = at;
    entries.push({
      iommu,
      cells,
      streamId: ids?.id,
      mask: ids?.mask,
      get source() {
        return cellsSource(property, first, 1 + taken);
      },
      problem,
    });
    if (problem?.code === 'bad-length' || count === undefined) break;
    at += 1 + count;
  }
  return entries;
}

/** drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_of_xlate: a second cell is the SMR mask, else the node's own mask counts. */
function streamIds({ driver, streamMatchMask, cells: count }: Iommu, cells: readonly number[]) {
  if (!driver.hasStreamIds || (cells.length === 0 && count !== 0)) return undefined;
  const mask = cells[1] ?? streamMatchMask;
  // With `#iommu-cells = <0>` the drivers read a first cell all the same: it is 0.
  return { id: cells[0] ?? 0, mask: driver.grouping === 'stream-match' ? mask : undefined };
}

/** Why an IOMMU cannot hold a stream ID; an assumed width is called so. */
export function streamIdRefusal({ driver, path }: Iommu, id: number): string | undefined {
  const { streamIdBits } = driver;
  if (streamIdBits === undefined || id < 2 ** streamIdBits.bits) return undefined;
  const width = `${String(streamIdBits.bits)} bits${streamIdBits.known ? '' : ' that its kind usually has'}`;
  return `stream ID 0x${id.toString(16)} does not fit the ${width} of ${path}`;
}

function cellsText(count: number): string {
  return count === 1 ? '1 cell' : `${String(count)} cells`;
}
