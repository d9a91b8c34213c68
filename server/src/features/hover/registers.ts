// Hovers on `reg`, `ranges` and `dma-ranges`: what an entry covers, and where it ends up above its bus.
import { formatRange, hex, withSize } from '../../rules/numbers';
import type { AddressRange } from '../../topology/model';
import {
  addressSpace,
  busKind,
  readRanges,
  translate,
  translateReg,
  type RangesEntry,
  type Translation,
} from '../../tree/addresses';
import { strings } from '../../tree/cells';
import { addressCells, nodePath, sizeCells } from '../../tree/navigate';
import { bullets, code, contains, nodeText, overlaps, rangeText, type CellSubject, type Text } from './subject';
import { physicalNeighbours } from './touches';

export function regText(subject: CellSubject): readonly Text[] {
  const { node, values, cell } = subject;
  const bus = node.parent;
  if (bus === undefined) return [];
  const each = addressCells(bus) + sizeCells(bus);
  if (each === 0) return [`${nodeText(bus)} has neither address nor size cells: ${code('reg')} means nothing here.`];
  const total = Math.floor(values.length / each);
  if (cell === undefined) {
    const shown = Array.from({ length: Math.min(total, 8) }, (_, index) => regEntry(subject, index).join(' '));
    return [`${code('reg')} of ${nodeText(node)}`, bullets(shown), remainder(values.length % each, each)];
  }
  const index = Math.floor(cell / each);
  const within = cell % each;
  if (index >= total) return [remainder(values.length % each, each)];
  const role =
    within < addressCells(bus)
      ? part('address', within, addressCells(bus))
      : part('size', within - addressCells(bus), sizeCells(bus));
  return [
    `${code('reg')} entry ${index}${entryName(subject, index)} of ${nodeText(node)}: ${role}`,
    pciFunction(subject, index * each),
    ...regEntry(subject, index),
    regNeighbours(subject, index),
  ];
}

export function rangesText(subject: CellSubject): readonly Text[] {
  const { node, property, cell } = subject;
  const name = property.name === 'ranges' ? 'ranges' : 'dma-ranges';
  const found = readRanges(node, name);
  const meaning =
    name === 'ranges'
      ? `how CPUs reach what is below ${nodeText(node)}`
      : `which DMA from below ${nodeText(node)} gets out, and to where`;
  if (found.kind === 'missing') return [];
  if (found.kind === 'identity') return [`${code(name)}: ${meaning}. Empty: every address passes unchanged.`];
  if (found.kind === 'malformed') return [`${code(name)} cannot be read: ${found.reason}.`];
  if (cell === undefined) {
    const lines = found.entries.slice(0, 12).map((entry) => entryLine(subject, entry, name));
    return [
      `${code(name)}: ${meaning}`,
      bullets(lines),
      found.rest === 0 ? undefined : `${found.rest} cells are left over; the kernel does not read them.`,
    ];
  }
  const entry = found.entries.findLast(({ firstCell }) => firstCell <= cell);
  const length = found.entries.length === 0 ? 0 : (property.data.bytes.length / 4 - found.rest) / found.entries.length;
  if (entry === undefined || cell >= entry.firstCell + length)
    return [`Left over: no whole entry begins here, the kernel does not read it.`];
  return [
    `${code(name)} entry ${entry.index} of ${nodeText(node)}: ${rangesRole(subject, entry, cell)}`,
    entryLine(subject, entry, name),
    name === 'dma-ranges' ? inboundNeighbours(subject, entry) : outboundNeighbours(subject, entry),
  ];
}

/** `address, high half` */
function part(name: string, at: number, count: number): string {
  if (count <= 1) return name;
  return count === 2 ? `${name}, ${at === 0 ? 'high' : 'low'} half` : `${name}, cell ${at + 1} of ${count}`;
}

function remainder(rest: number, each: number): Text {
  return rest === 0 ? undefined : `${rest} of ${each} cells of an entry: the kernel does not read it.`;
}

function entryName({ node }: CellSubject, index: number): string {
  const names = node.properties.get('reg-names');
  const name = names && strings(names)?.[index];
  return name === undefined ? '' : ` (“${name}”)`;
}

/** First cell of a `reg` below a PCI bus: which function it names. */
function pciFunction({ node, values }: CellSubject, first: number): Text {
  if (node.parent === undefined || busKind(node.parent) !== 'pci') return undefined;
  const high = values[first]!;
  const function_ = `${hexDigits((high >>> 16) & 0xff)}:${hexDigits((high >>> 11) & 0x1f)}.${(high >>> 8) & 7}`;
  return `PCI function ${code(function_)}, ${spaceOf(high)} space, register ${hex(high & 0xff)}; requester ID ${code(hex((high >>> 8) & 0xffff))} where the bus number holds.`;
}

function regEntry({ analysis, node, values }: CellSubject, index: number): Text[] {
  const bus = node.parent!;
  const found = translateReg(analysis.tree, node, index);
  if (sizeCells(bus) === 0) {
    const value = values[index * addressCells(bus)];
    return [
      value === undefined ? undefined : `${code(hex(value))}, a number on ${nodeText(bus)} and no address of memory.`,
    ];
  }
  if (found === undefined) return [undefined];
  const { translation, size } = found;
  const written = writtenAddress(
    values,
    index * (addressCells(bus) + sizeCells(bus)),
    addressCells(bus),
    busKind(bus) !== 'plain',
  );
  if (size === 0n) return [`${code(withSize(written))}, size 0`];
  const own: AddressRange = { start: written, end: written + size - 1n };
  return [rangeText(own), translationText(translation, own, 'CPU address')];
}

function regNeighbours({ analysis, node }: CellSubject, index: number): Text {
  const found = translateReg(analysis.tree, node, index);
  if (found?.translation.ok !== true || found.size === 0n) return undefined;
  const start = found.translation.address;
  return physicalNeighbours(analysis, { start, end: start + found.size - 1n }, nodePath(node));
}

function translationText(translation: Translation, own: AddressRange, what: string): string {
  if (!translation.ok) return `No ${what}: ${translation.message}.`;
  const through = translation.steps.filter(({ entry }) => entry !== undefined).map(({ bus }) => nodeText(bus));
  const end = translation.address + (own.end - own.start);
  if (through.length === 0) return `${what} the same.`;
  const cut =
    translation.contiguous !== undefined && translation.contiguous <= own.end - own.start
      ? ` Only the first ${code(withSize(translation.contiguous))} translate like this.`
      : '';
  const result: AddressRange = { start: translation.address, end };
  return translation.address === own.start
    ? `${what} the same, through ${through.join(', ')}.${cut}`
    : `${what} ${rangeText(result)} through ${through.join(', ')}.${cut}`;
}

/** The number in address cells, without the flags cell in front. */
function writtenAddress(values: Uint32Array, at: number, count: number, hasFlags: boolean): bigint {
  let address = 0n;
  for (let index = at + (hasFlags ? 1 : 0); index < at + count; index++)
    address = (address << 32n) | BigInt(values[index]!);
  return address;
}

function rangesRole({ node, values }: CellSubject, entry: RangesEntry, cell: number): string {
  const child = addressCells(node);
  const parent = addressCells(node.parent ?? node);
  const within = cell - entry.firstCell;
  if (within === 0 && busKind(node) === 'pci') return `flags ${code(hex(values[cell]!))}: ${flagsText(values[cell]!)}`;
  const skipped = busKind(node) === 'plain' ? 0 : 1;
  if (within < child) return part('address on this bus', within - skipped, child - skipped);
  if (within < child + parent) return part('address on the bus above', within - child, parent);
  return part('size', within - child - parent, sizeCells(node));
}

function entryLine({ analysis, node, values }: CellSubject, entry: RangesEntry, name: 'ranges' | 'dma-ranges'): string {
  if (entry.size === 0n) return `${code(hex(entry.child))}, size 0: covers nothing`;
  const child: AddressRange = { start: entry.child, end: entry.child + entry.size - 1n };
  const above: AddressRange = { start: entry.parent, end: entry.parent + entry.size - 1n };
  const childCells = addressCells(node);
  const parentCells = addressCells(node.parent ?? node);
  const first = entry.firstCell + childCells;
  const translation = translate(analysis.tree, node, Array.from(values.subarray(first, first + parentCells)), name);
  const space = busKind(node) === 'pci' ? ` (${flagsText(entry.flags)})` : '';
  const there = entry.child === entry.parent ? 'the same' : code(formatRange(above));
  const last =
    node.parent?.parent === undefined
      ? ''
      : ` ${translationText(translation, above, name === 'ranges' ? 'CPU address' : 'In memory')}`;
  return `${rangeText(child)}${space} is ${there} on the bus above.${last}`;
}

function inboundNeighbours({ analysis, node }: CellSubject, { child, parent, size }: RangesEntry): Text {
  if (size === 0n) return undefined;
  const device: AddressRange = { start: child, end: child + size - 1n };
  const memory: AddressRange = { start: parent, end: parent + size - 1n };
  const bus = nodePath(node);
  const window = analysis.prediction.kernel.msiWindow;
  // The window is for what is behind an IOMMU; the bus need not be an ancestor (an interconnect called dma-mem).
  const isForWindow = analysis.topology.masters.some(
    ({ inbound, streams, iommuMap }) =>
      (streams.length > 0 || iommuMap !== undefined) && inbound.levels.some((level) => level.bus === bus),
  );
  const forwarded = contains(device, window)
    ? 'forwards'
    : overlaps(device, window)
      ? 'forwards only part of'
      : 'does not forward';
  const doorbells = analysis.topology.msiControllers
    .flatMap(({ path, doorbells: all }) => all.map(({ page }) => ({ path, page })))
    .filter(({ page }) => contains(memory, page))
    .map(({ path, page }) => `forwards the MSI doorbell page ${rangeText(page)} of ${nodeText(path)}`);
  const ofWindow = isForWindow ? [`${forwarded} the software MSI window ${rangeText(window)}`] : [];
  return bullets([...ofWindow, ...doorbells.slice(0, 6)]);
}

function outboundNeighbours({ analysis, node, values }: CellSubject, entry: RangesEntry): Text {
  const childCells = addressCells(node);
  const parentCells = addressCells(node.parent ?? node);
  const first = entry.firstCell + childCells;
  const translation = translate(analysis.tree, node, Array.from(values.subarray(first, first + parentCells)), 'ranges');
  if (!translation.ok || entry.size === 0n) return undefined;
  const range: AddressRange = { start: translation.address, end: translation.address + entry.size - 1n };
  const window = analysis.prediction.kernel.msiWindow;
  const own: AddressRange = { start: entry.child, end: entry.child + entry.size - 1n };
  const isBridge = analysis.topology.hostBridges.some(({ path }) => path === nodePath(node));
  const hidden =
    isBridge && addressSpace('pci', entry.flags) === 'memory' && overlaps(own, window)
      ? `- its bus addresses hold the software MSI window ${rangeText(window)}: MSIs to it never leave the bus`
      : undefined;
  const neighbours = physicalNeighbours(analysis, range, nodePath(node));
  return [hidden, neighbours].filter((line) => line !== undefined).join('\n') || undefined;
}

/** `phys.hi` of a PCI `ranges` entry: IEEE 1275 PCI bus binding, section 2.2.1.1. */
function flagsText(flags: number): string {
  return `${spaceOf(flags)}${(flags & 0x40000000) === 0 ? '' : ', prefetchable'}`;
}

function spaceOf(flags: number): string {
  return ['configuration', 'I/O', '32-bit memory', '64-bit memory'][(flags >>> 24) & 3]!;
}

function hexDigits(value: number): string {
  return value.toString(16).padStart(2, '0');
}
