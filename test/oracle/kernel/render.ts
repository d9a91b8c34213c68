// A description as a source and as the machine that it is for.
import { baseTree } from './base-tree';
import type { Machine } from './boot';
import { smmuMachine } from './boot';
import type {
  BusDescription,
  EntryDescription,
  FunctionDescription,
  HostDescription,
  MapEntryDescription,
  MasterDescription,
  RangeDescription,
  RegionDescription,
  StreamDescription,
  Target,
  TreeDescription,
} from './description';

/** A phandle that no node has. */
const nowhere = '0xdead';

interface Counts {
  readonly address: number;
  readonly size: number;
}

const pciCounts: Counts = { address: 3, size: 2 };
const rootCounts: Counts = { address: 2, size: 2 };

/** The source of a description. */
export function renderTree(tree: TreeDescription): string {
  const nodes = [
    smmuNode(tree),
    hostNode(tree),
    ...tree.masters.filter(({ bus }) => busOf(tree, bus) === undefined).map((master) => masterNode(tree, master)),
    ...tree.buses.filter(({ parent }) => busOf(tree, parent) === undefined).map((bus) => busNode(tree, bus)),
    ...tree.regions.filter(({ atRoot }) => atRoot === true).map((region) => regionNode(tree, region, rootCounts)),
    reservedMemory(tree),
  ];
  return baseTree(nodes.map((node) => `${node}\n`).join(''));
}

/** The machine of a description: its PCI functions are QEMU's devices. */
export function renderMachine({ functions, maps, premaps }: TreeDescription): Machine {
  const devices = functions.map((each) => {
    const bridge = functions.find(({ name }) => name === each.behind);
    const address = `addr=${each.device.toString(16)}.${String(each.function)}`;
    const isFirst = each.function === 0 && functions.some((other) => other !== each && isSameSlot(other, each));
    const words = [...qemuDevice(each), address];
    if (bridge !== undefined) words.push(`bus=${bridge.name}`);
    if (isFirst) words.push('multifunction=on');
    return words.join(',');
  });
  const pairs = (all: TreeDescription['maps']) => all.map(({ iova, size }) => [iova, size] as const);
  return { options: smmuMachine, devices, vfio: { unsafe: false, maps: pairs(maps), premaps: pairs(premaps) } };
}

function isSameSlot(one: FunctionDescription, other: FunctionDescription): boolean {
  return one.behind === other.behind && one.device === other.device;
}

function qemuDevice({ kind, name, device, function: number }: FunctionDescription): string[] {
  switch (kind) {
    case 'endpoint':
      return ['virtio-rng-pci', 'disable-legacy=on', 'iommu_platform=on'];
    case 'root-port':
      return ['pcie-root-port', `id=${name}`, `chassis=${String(device * 8 + number + 1)}`];
    case 'pci-bridge':
      return ['pcie-pci-bridge', `id=${name}`];
  }
}

function smmuNode({ smmu }: TreeDescription): string {
  const properties = [
    'compatible = "arm,smmu-v3";',
    'reg = <0 0x9050000 0 0x20000>;',
    'interrupts = <0 74 1>, <0 75 1>, <0 76 1>, <0 77 1>;',
    'interrupt-names = "eventq", "priq", "cmdq-sync", "gerror";',
    smmu.cells === undefined ? '' : `#iommu-cells = <${String(smmu.cells)}>;`,
    smmu.incoherent === true ? '' : 'dma-coherent;',
    status(smmu),
  ];
  return line(1, `smmu: smmuv3@9050000 { ${words(properties)} };`);
}

function hostNode(tree: TreeDescription): string {
  const { host, functions } = tree;
  const properties = [
    'compatible = "pci-host-ecam-generic";',
    'device_type = "pci";',
    '#address-cells = <3>; #size-cells = <2>;',
    'reg = <0x40 0x10000000 0 0x10000000>;',
    'ranges = <0x1000000 0 0 0 0x3eff0000 0 0x10000>, <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>, <0x3000000 0x80 0 0x80 0 0x80 0>;',
    'bus-range = <0 0xff>; linux,pci-domain = <0>; dma-coherent;',
    ...hostMaps(host),
    dmaRanges(host.dmaRanges, pciCounts, rootCounts),
    memoryRegion(tree, host.memoryRegion ?? []),
  ].filter(Boolean);
  const children = functions
    .filter(({ behind }) => !functions.some(({ name }) => name === behind))
    .map((each) => functionNode(tree, each, 2));
  return [
    line(1, 'pcie: pcie@10000000 {'),
    ...properties.map((text) => line(2, text)),
    ...children.filter(Boolean),
    line(1, '};'),
  ].join('\n');
}

function hostMaps({ iommuMap, iommuMapMask, msiMap, msiMapMask, msiParentCells }: HostDescription): string[] {
  return [
    iommuMap
      ? property(
          'iommu-map',
          iommuMap.map((entry) => mapEntry(entry, '&smmu')),
        )
      : '',
    iommuMapMask === undefined ? '' : `iommu-map-mask = <${hex(iommuMapMask)}>;`,
    msiMap
      ? property(
          'msi-map',
          msiMap.map((entry) => mapEntry(entry, '&its')),
        )
      : '',
    msiMapMask === undefined ? '' : `msi-map-mask = <${hex(msiMapMask)}>;`,
    msiParentCells === undefined ? '' : `msi-parent = <&its${' 0'.repeat(msiParentCells)}>;`,
  ];
}

function mapEntry({ input, target, output, length }: MapEntryDescription, right: string): string {
  return `<${[hex(input), reference(target, right), ...output.map(hex), hex(length)].join(' ')}>`;
}

function reference(target: Target, right: string): string {
  return target === 'right' ? right : target === 'wrong' ? '&gic' : nowhere;
}

function functionNode(tree: TreeDescription, own: FunctionDescription, depth: number): string {
  const { name, kind, device, function: number, phandle } = own;
  const isBridge = kind !== 'endpoint';
  if (!isBridge && own.described !== true) return '';
  const properties = [
    `reg = <${hex((device << 11) | (number << 8))} 0 0 0 0>;`,
    `phandle = <${hex(phandle)}>;`,
    isBridge ? 'device_type = "pci"; #address-cells = <3>; #size-cells = <2>; ranges;' : '',
    memoryRegion(tree, own.memoryRegion),
  ];
  const unit = `${device.toString(16)},${String(number)}`;
  const children = tree.functions.filter(({ behind }) => behind === name);
  return nodeText(
    `${name}: ${isBridge ? 'pci' : 'dev'}@${unit}`,
    properties,
    children.map((child) => functionNode(tree, child, depth + 1)),
    depth,
  );
}

function busNode(tree: TreeDescription, own: BusDescription, depth = 1): string {
  const counts = countsOf(tree, own);
  const outer = countsBelow(tree, own.parent);
  const children = [
    ...tree.masters.filter(({ bus }) => bus === own.name).map((master) => masterNode(tree, master, depth + 1)),
    ...tree.buses.filter(({ parent }) => parent === own.name).map((bus) => busNode(tree, bus, depth + 1)),
  ];
  const isProvider = tree.masters.some(({ dmaParent }) => dmaParent === own.name);
  // Registers are reached at their own addresses from everywhere.
  const registers = { flags: 0, child: 0x9000000n, parent: 0x9000000n, size: 0x2000000n };
  const properties = [
    'compatible = "simple-bus";',
    own.addressCells === undefined ? '' : `#address-cells = <${String(own.addressCells)}>;`,
    own.sizeCells === undefined ? '' : `#size-cells = <${String(own.sizeCells)}>;`,
    isProvider ? '#interconnect-cells = <0>;' : '',
    `ranges = ${range(registers, counts, outer)};`,
    dmaRanges(own.dmaRanges, counts, outer),
    status(own),
  ];
  return nodeText(`${own.name}: ${own.name}`, properties, children, depth);
}

function masterNode(tree: TreeDescription, own: MasterDescription, depth = 1): string {
  const counts = countsBelow(tree, own.bus);
  const fixed = hardware[own.kind];
  const base = own.slot === undefined ? fixed?.base : 0xa000000n + BigInt(own.slot) * 0x200n;
  const reg =
    base === undefined
      ? ''
      : `reg = <${address(base, 0, counts.address)} ${cells(fixed?.size ?? 0x200n, counts.size)}>;`;
  const provider = busOf(tree, own.dmaParent);
  const properties = [
    fixed?.properties ?? `compatible = "${own.kind === 'virtio' ? 'virtio,mmio' : 'doorbell,no-driver'}";`,
    reg,
    `phandle = <${hex(own.phandle)}>;`,
    'dma-coherent;',
    own.iommus.length > 0 ? `iommus = ${list(own.iommus.map(stream))};` : '',
    memoryRegion(tree, own.memoryRegion),
    provider ? `interconnects = <&${provider.name}>; interconnect-names = "dma-mem";` : '',
    status(own),
  ];
  const unit = base === undefined ? '' : `@${base.toString(16)}`;
  return nodeText(`${own.name}: ${own.name}${unit}`, properties, [], depth);
}

/** Devices of the machine that a driver of the kernel's own binds. */
const hardware: Partial<Record<MasterDescription['kind'], { base: bigint; size: bigint; properties: string }>> = {
  pl061: {
    base: 0x9030000n,
    size: 0x1000n,
    properties:
      'compatible = "arm,pl061", "arm,primecell"; interrupts = <0 7 4>; clocks = <&clock>; clock-names = "apb_pclk"; gpio-controller; #gpio-cells = <2>;',
  },
  pl031: {
    base: 0x9010000n,
    size: 0x1000n,
    properties:
      'compatible = "arm,pl031", "arm,primecell"; interrupts = <0 2 4>; clocks = <&clock>; clock-names = "apb_pclk";',
  },
};

function stream({ target, cells: values }: StreamDescription): string {
  return `<${[reference(target, '&smmu'), ...values.map(hex)].join(' ')}>`;
}

function memoryRegion({ regions }: TreeDescription, names: readonly string[]): string {
  const references = names.map((name) =>
    regions.some((region) => region.name === name) ? `<&${name}>` : `<${nowhere}>`,
  );
  return references.length > 0 ? `memory-region = ${list(references)};` : '';
}

function reservedMemory(tree: TreeDescription): string {
  const { addressCells, sizeCells, withoutRanges } = tree.reservedMemory;
  const inside = tree.regions.filter(({ atRoot }) => atRoot !== true);
  if (inside.length === 0) return '';
  const properties = [
    `#address-cells = <${String(addressCells)}>; #size-cells = <${String(sizeCells)}>;`,
    withoutRanges === true ? '' : 'ranges;',
  ];
  const counts = { address: addressCells, size: sizeCells };
  return nodeText(
    'reserved-memory',
    properties,
    inside.map((region) => regionNode(tree, region, counts, 2)),
    1,
  );
}

function regionNode(tree: TreeDescription, own: RegionDescription, counts: Counts, depth = 1): string {
  const reg = own.reg?.map((each) => `<${address(each.address, 0, counts.address)} ${cells(each.size, counts.size)}>`);
  const properties = [
    reg ? property('reg', reg) : '',
    own.noMap === true ? 'no-map;' : '',
    own.entries.length > 0 ? `iommu-addresses = ${list(own.entries.map((entry) => entryText(tree, entry)))};` : '',
    status(own),
  ];
  const unit = own.reg?.[0] ? `@${own.reg[0].address.toString(16)}` : '';
  return nodeText(`${own.name}: ${own.name}${unit}`, properties, [], depth);
}

function entryText(
  tree: TreeDescription,
  { device, flags, address: value, size, twoAndTwo, missing }: EntryDescription,
): string {
  const counts = twoAndTwo === true ? rootCounts : countsFor(tree, device);
  const text = `${address(value, flags, counts.address)} ${cells(size, counts.size)}`.split(' ');
  const isThere =
    tree.masters.some(({ name }) => name === device) ||
    tree.functions.some(({ name, described, kind }) => name === device && (described === true || kind !== 'endpoint'));
  return `<${[isThere ? `&${device}` : nowhere, ...text.slice(0, text.length - (missing ?? 0))].join(' ')}>`;
}

/** Cells for addresses of a device: those of the bus that its DMA goes to. */
function countsFor(tree: TreeDescription, device: string): Counts {
  if (tree.functions.some(({ name }) => name === device)) return pciCounts;
  const master = tree.masters.find(({ name }) => name === device);
  return countsBelow(tree, busOf(tree, master?.dmaParent)?.name ?? master?.bus);
}

function countsBelow(tree: TreeDescription, name: string | undefined): Counts {
  const bus = busOf(tree, name);
  return bus === undefined ? rootCounts : countsOf(tree, bus);
}

/** A bus without counts has those of the one above it. */
export function countsOf(tree: TreeDescription, { addressCells, sizeCells, parent }: BusDescription): Counts {
  const outer = countsBelow(tree, parent);
  return { address: addressCells ?? outer.address, size: sizeCells ?? outer.size };
}

function busOf({ buses }: TreeDescription, name: string | undefined): BusDescription | undefined {
  return buses.find((bus) => bus.name === name);
}

function dmaRanges(entries: readonly RangeDescription[] | undefined, inner: Counts, outer: Counts): string {
  if (entries === undefined) return '';
  return property(
    'dma-ranges',
    entries.map((entry) => range(entry, inner, outer)),
  );
}

function range({ flags, child, parent, size }: RangeDescription, inner: Counts, outer: Counts): string {
  return `<${address(child, flags, inner.address)} ${address(parent, 0, outer.address)} ${cells(size, inner.size)}>`;
}

/** An address in so many cells, the first of three being flags. */
function address(value: bigint, flags: number, count: number): string {
  return count === 3 ? `${hex(flags)} ${cells(value, 2)}` : cells(value, count);
}

function cells(value: bigint, count: number): string {
  return Array.from({ length: count }, (_, at) =>
    hex(Number(BigInt.asUintN(32, value >> BigInt(32 * (count - 1 - at))))),
  ).join(' ');
}

function hex(value: number): string {
  return value < 10 ? String(value) : `0x${value.toString(16)}`;
}

/** Without a value when there is nothing to list. */
function property(name: string, items: readonly string[]): string {
  return items.length === 0 ? `${name};` : `${name} = ${list(items)};`;
}

function list(items: readonly string[]): string {
  return items.join(', ');
}

function words(all: readonly string[]): string {
  return all.filter(Boolean).join(' ');
}

function status({ disabled }: { readonly disabled?: true | undefined }): string {
  return disabled === true ? 'status = "disabled";' : '';
}

function line(depth: number, text: string): string {
  return `${'\t'.repeat(depth)}${text}`;
}

function nodeText(name: string, properties: readonly string[], children: readonly string[], depth: number): string {
  const inside = children.filter(Boolean);
  const head = `${name} { ${words(properties)}`;
  if (inside.length === 0) return line(depth, `${head} };`);
  return [line(depth, head), ...inside, line(depth, '};')].join('\n');
}
