// A description as a source and as the machine that it is for.
import { baseTree } from './base-tree';
import type { Machine } from './boot';
import { smmuMachine } from './boot';
import type {
  BusDescription,
  EntryDescription,
  FunctionDescription,
  MapEntryDescription,
  MasterDescription,
  RangeDescription,
  RegionDescription,
  StreamDescription,
  Target,
  TreeDescription,
} from './description';
import { address, cells, hex, line, list, nodeText, property, words } from './render-text';

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
    busOf(tree, tree.smmu.bus) === undefined ? smmuNode(tree) : '',
    secondSmmu(tree),
    hostNode(tree),
    ...tree.masters.filter(({ bus }) => busOf(tree, bus) === undefined).map((master) => masterNode(tree, master)),
    ...tree.buses.filter(({ parent }) => busOf(tree, parent) === undefined).map((bus) => busNode(tree, bus)),
    ...tree.regions
      .filter((region) => placeOf(tree, region) === 'root')
      .map((region) => regionNode(tree, region, rootCounts)),
    reservedMemory(tree),
  ].filter(Boolean);
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

/** The machine's SMMU where it is: at the root, or on a bus. */
function smmuNode(tree: TreeDescription, depth = 1): string {
  const { smmu } = tree;
  const bus = busOf(tree, smmu.bus);
  const properties = [
    'compatible = "arm,smmu-v3";',
    `reg = <${register(tree, bus, 0x9050000n, 0x20000n)}>;`,
    'interrupts = <0 74 1>, <0 75 1>, <0 76 1>, <0 77 1>;',
    'interrupt-names = "eventq", "priq", "cmdq-sync", "gerror";',
    smmu.cells === undefined ? '' : `#iommu-cells = <${String(smmu.cells)}>;`,
    smmu.incoherent === true ? '' : 'dma-coherent;',
    status(smmu),
  ];
  return line(depth, `smmu: smmuv3@9050000 { ${words(properties)} };`);
}

function secondSmmu({ smmu }: TreeDescription): string {
  if (smmu.second === undefined) return '';
  const registers = smmu.second === 'disabled' ? 'reg = <0 0x9080000 0 0x20000>; status = "disabled";' : '';
  return line(1, `smmu2: smmuv3-2 { compatible = "arm,smmu-v3"; #iommu-cells = <1>; dma-coherent; ${registers} };`);
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
    ...hostMaps(tree),
    dmaRanges(host.dmaRanges, pciCounts, rootCounts),
    memoryRegion(tree, host.memoryRegion ?? []),
  ].filter(Boolean);
  const children = [
    host.describesRoot === true ? line(2, 'dev@0,0 { reg = <0 0 0 0 0>; };') : '',
    ...functions
      .filter(({ behind }) => !functions.some(({ name }) => name === behind))
      .map((each) => functionNode(tree, each, 2)),
  ];
  return [
    line(1, 'pcie: pcie@10000000 {'),
    ...properties.map((text) => line(2, text)),
    ...children.filter(Boolean),
    line(1, '};'),
  ].join('\n');
}

function hostMaps(tree: TreeDescription): string[] {
  const { iommuMap, iommuMapMask, msiMap, msiMapMask, msiParentCells } = tree.host;
  return [
    iommuMap
      ? property(
          'iommu-map',
          iommuMap.map((entry) => mapEntry(tree, entry, '&smmu')),
        )
      : '',
    iommuMapMask === undefined ? '' : `iommu-map-mask = <${hex(iommuMapMask)}>;`,
    msiMap
      ? property(
          'msi-map',
          msiMap.map((entry) => mapEntry(tree, entry, '&its')),
        )
      : '',
    msiMapMask === undefined ? '' : `msi-map-mask = <${hex(msiMapMask)}>;`,
    msiParentCells === undefined ? '' : `msi-parent = <&its${' 0'.repeat(msiParentCells)}>;`,
  ];
}

function mapEntry(
  tree: TreeDescription,
  { input, target, output, length }: MapEntryDescription,
  right: string,
): string {
  return `<${[hex(input), reference(tree, target, right), ...output.map(hex), hex(length)].join(' ')}>`;
}

function reference({ smmu }: TreeDescription, target: Target, right: string): string {
  if (target === 'off') return smmu.second === undefined ? nowhere : '&smmu2';
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
    ...tree.regions
      .filter((region) => placeOf(tree, region) === own.name)
      .map((region) => regionNode(tree, region, counts, depth + 1)),
    tree.smmu.bus === own.name ? smmuNode(tree, depth + 1) : '',
  ];
  const isProvider = tree.masters.some(({ dmaParent }) => dmaParent === own.name);
  const parent = baseOn(tree, busOf(tree, own.parent));
  const registers = { flags: own.flags, child: parent - own.shift, parent, size: 0x2000000n };
  const outerFlags = busOf(tree, own.parent)?.flags ?? 0;
  // Memory is where it is: for regions that lie on the bus.
  const memory = { flags: own.flags, child: 0x40000000n, parent: 0x40000000n, size: 0x40000000n };
  const properties = [
    'compatible = "simple-bus";',
    own.addressCells === undefined ? '' : `#address-cells = <${String(own.addressCells)}>;`,
    own.sizeCells === undefined ? '' : `#size-cells = <${String(own.sizeCells)}>;`,
    isProvider ? '#interconnect-cells = <0>;' : '',
    own.withoutRanges === true
      ? ''
      : `ranges = ${list([registers, memory].map((each) => range(each, counts, outer, outerFlags)))};`,
    dmaRanges(own.dmaRanges, counts, outer),
    status(own),
  ];
  return nodeText(`${own.name}: ${own.name}`, properties, children, depth);
}

/** Where on a bus the registers of the machine begin; at the root that is 0x9000000. */
function baseOn(tree: TreeDescription, bus: BusDescription | undefined): bigint {
  return bus === undefined ? 0x9000000n : baseOn(tree, busOf(tree, bus.parent)) - bus.shift;
}

/** Cells of an address among the machine's registers, as the bus has it, and of its size. */
function register(tree: TreeDescription, bus: BusDescription | undefined, base: bigint, size: bigint): string {
  const counts = countsBelow(tree, bus?.name);
  const onBus = base - 0x9000000n + baseOn(tree, bus);
  return `${address(onBus, bus?.flags ?? 0, counts.address)} ${cells(size, counts.size)}`;
}

function masterNode(tree: TreeDescription, own: MasterDescription, depth = 1): string {
  const fixed = hardware[own.kind];
  const base = own.slot === undefined ? fixed?.base : 0xa000000n + BigInt(own.slot) * 0x200n;
  const reg = base === undefined ? '' : `reg = <${register(tree, busOf(tree, own.bus), base, fixed?.size ?? 0x200n)}>;`;
  const provider = busOf(tree, own.dmaParent);
  const properties = [
    fixed?.properties ?? `compatible = "${own.kind === 'virtio' ? 'virtio,mmio' : 'doorbell,no-driver'}";`,
    reg,
    `phandle = <${hex(own.phandle)}>;`,
    'dma-coherent;',
    own.iommus.length > 0 ? `iommus = ${list(own.iommus.map((each) => stream(tree, each)))};` : '',
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

function stream(tree: TreeDescription, { target, cells: values }: StreamDescription): string {
  return `<${[reference(tree, target, '&smmu'), ...values.map(hex)].join(' ')}>`;
}

function memoryRegion(tree: TreeDescription, names: readonly string[]): string {
  const { regions, buses } = tree;
  const references = names.map((name) => {
    if (name === 'empty') return '<0>';
    const isThere = [...regions, ...buses].some((each) => each.name === name) || isDevice(tree, name);
    return isThere ? `<&${name}>` : `<${nowhere}>`;
  });
  return references.length > 0 ? `memory-region = ${list(references)};` : '';
}

function reservedMemory(tree: TreeDescription): string {
  const { addressCells, sizeCells, withoutRanges } = tree.reservedMemory;
  const inside = tree.regions.filter((region) => placeOf(tree, region) === 'reserved-memory');
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

/** Where a region's node is; `root`, `reserved-memory` or the name of a bus. */
function placeOf(tree: TreeDescription, { atRoot, bus }: RegionDescription): string {
  return atRoot === true ? 'root' : (busOf(tree, bus)?.name ?? 'reserved-memory');
}

function regionNode(tree: TreeDescription, own: RegionDescription, counts: Counts, depth = 1): string {
  const reg = own.reg?.map(
    (each) => `<${address(each.address, own.flags, counts.address)} ${cells(each.size, counts.size)}>`,
  );
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
  return `<${[isDevice(tree, device) ? `&${device}` : nowhere, ...text.slice(0, text.length - (missing ?? 0))].join(' ')}>`;
}

/** Whether a name is that of a device with a node. */
function isDevice({ masters, functions }: TreeDescription, device: string): boolean {
  return (
    masters.some(({ name }) => name === device) ||
    functions.some(({ name, described, kind }) => name === device && (described === true || kind !== 'endpoint'))
  );
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

function range({ flags, child, parent, size }: RangeDescription, inner: Counts, outer: Counts, outerFlags = 0): string {
  return `<${address(child, flags, inner.address)} ${address(parent, outerFlags, outer.address)} ${cells(size, inner.size)}>`;
}

function status({ disabled }: { readonly disabled?: true | undefined }): string {
  return disabled === true ? 'status = "disabled";' : '';
}
