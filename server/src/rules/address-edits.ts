// Fixes that change sources: cells of `iommu-addresses`, and properties of nodes.
import { properRam } from '../iova/guests/layout';
import type { DeviceRegion, PredictedDevice } from '../iova/prediction';
import type { Change, Fix } from '../text/diagnostic';
import type { SourceRange } from '../text/source-file';
import { lineEndAt, lineStarts, positionAt } from '../text/source-file';
import type { AddressRange, Reservation, WrittenReservation } from '../topology/model';
import type { DtNode } from '../tree/model';
import { formatRange, hex } from './numbers';
import { intersect, nearestFree, subtract, union } from '../iova/ranges';
import type { MachineInput } from './rule';

/** The entry that a reservation was read from, unless it was read from the midst of another one. */
export function writtenEntry({ entry, source }: Reservation): WrittenReservation | undefined {
  return source === undefined ? undefined : entry;
}

/** Of a group: more are no board's, and looking for room among them for each of them would take minutes. */
const mostRegions = 500;

/**
 * Moves a reservation to the nearest IOVA that is free for all of its group, and in no guest's RAM. Not for one that has its physical region at
 * the same address: that one must stay where it is.
 */
export function moveReservationFix(
  { prediction, settings }: MachineInput,
  device: PredictedDevice,
  { reservation, range, type, source }: DeviceRegion,
): Fix[] {
  const entry = reservation && writtenEntry(reservation);
  if (reservation === undefined || entry === undefined || type !== 'reserved') return [];
  const place = cellsAfterReference(entry);
  if (place === undefined || entry.cells.length !== entry.addressCells + entry.sizeCells) return [];
  const group = prediction.groups.find(({ devices }) => devices.includes(device))?.devices ?? [device];
  if (group.reduce((count, { regions }) => count + regions.length, 0) > mostRegions) return [];
  const taken = group.flatMap((each) =>
    each.regions
      .filter((region) => region.source !== source || region.type === 'software-msi')
      .map((region) => region.range),
  );
  const ram = (settings.guests ?? []).flatMap(properRam);
  const shift = range.start - reservation.writtenStart;
  const moved = freePlace(reservation, entry, shift, [...taken, ...ram], device);
  if (moved === undefined) return [];
  const cells = cellsOf(moved, reservation.size, entry.cells, entry.addressCells, entry.sizeCells);
  const target = formatRange({ start: moved + shift, end: moved + shift + reservation.size - 1n });
  return [
    {
      title: `Move the reservation to the nearest free IOVA, ${target}`,
      isPreferred: true,
      change: () => replace(place, ` ${cells}`),
    },
  ];
}

/** The start, as written, of the nearest place for the reservation. */
function freePlace(
  { writtenStart, size, node }: Reservation,
  { addressCells }: WrittenReservation,
  shift: bigint,
  taken: readonly AddressRange[],
  { master, iommu }: PredictedDevice,
): bigint | undefined {
  const last = addressCells === 1 ? (1n << 32n) - 1n : (1n << 64n) - 1n;
  const { windows } = master.inbound;
  const sameShift = windows?.filter(({ device, memory }) => memory.start - device.start === shift) ?? [];
  const reached =
    windows === undefined ? [{ start: 0n, end: last }] : union<bigint>(sameShift.map(({ device }) => device));
  // The windows and all that is taken are IOVAs, what is written lies before the shift.
  const unshifted = ({ start, end }: AddressRange) => ({ start: start - shift, end: end - shift });
  const inside = intersect(
    [{ start: 0x1000n, end: last }],
    [unshifted(iommu.driver.aperture ?? { start: 0n, end: last })],
  );
  // Moved onto its own physical region, it would become direct, which VFIO refuses.
  const kept = node.physical === undefined ? taken : [...taken, node.physical];
  const free = subtract(intersect(inside, reached), kept.map(unshifted));
  return nearestFree(free, writtenStart, size, alignmentOf(writtenStart));
}

/** What the address is a multiple of, up to 1 MiB: a reservation at a round address stays at one. */
function alignmentOf(address: bigint): bigint {
  const most = 0x100000n;
  if (address === 0n) return most;
  const lowestBit = address & -address;
  return lowestBit > most ? most : lowestBit;
}

/** An address and a size in a bus's cells, as text; the flags cell of PCI is taken over. */
function cellsOf(
  address: bigint,
  size: bigint,
  written: readonly number[],
  addressCells: number,
  sizeCells: number,
): string {
  const flags = addressCells === 3 ? [hexCell(written[0] ?? 0)] : [];
  return [...flags, ...split(address, addressCells === 3 ? 2 : addressCells), ...split(size, sizeCells)].join(' ');
}

function split(value: bigint, count: number): string[] {
  const cells: string[] = [];
  for (let index = count - 1; index >= 0; index--) cells.push(hex(BigInt.asUintN(32, value >> BigInt(32 * index))));
  return cells;
}

function hexCell(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** What an entry with the wrong number of cells most likely means, as cells for its device's bus; undefined when unclear. */
export interface Reinterpretation {
  readonly address: bigint;
  readonly size: bigint;
  readonly cells: string;
}

export function reinterpret(
  entry: WrittenReservation,
  dmaWindows: readonly AddressRange[] | undefined,
): Reinterpretation | undefined {
  const { cells, addressCells, sizeCells } = entry;
  const readings: Reinterpretation[] = [];
  for (const [address, size] of formsOf(cells, addressCells)) {
    const limit = 1n << BigInt(32 * Math.min(2, addressCells === 3 ? 2 : addressCells));
    if (size === 0n || address + size > limit || size >= 1n << BigInt(32 * Math.min(2, sizeCells))) continue;
    // Sizes are whole pages, and real devices emit no more than 52 bits: anything else was split at the wrong place.
    if (size % 0x100n !== 0n || address + size > 1n << 52n) continue;
    const isReached = dmaWindows?.some(({ start, end }) => address >= start && address + size - 1n <= end) ?? true;
    if (!isReached) continue;
    const flags = isPciFlags(cells[0]) && cells.length > 3 ? cells[0]! : 0x02000000;
    readings.push({ address, size, cells: cellsOf(address, size, [flags], addressCells, sizeCells) });
  }
  return readings[0];
}

/** The address and size of each way in which so many cells are usually written, likeliest first. */
function formsOf(cells: readonly number[], addressCells: number): (readonly [address: bigint, size: bigint])[] {
  const at = (index: number) => BigInt(cells[index] ?? 0);
  const pair = (index: number) => (at(index) << 32n) | at(index + 1);
  switch (cells.length) {
    case 2:
      return [[at(0), at(1)]];
    case 3:
      if (isPciFlags(cells[0]) && addressCells === 3) return [[at(1), at(2)]];
      return cells[0]! < 0x100
        ? [
            [pair(0), at(2)],
            [at(0), pair(1)],
          ]
        : [[at(0), pair(1)]];
    case 4:
      return isPciFlags(cells[0]) ? [[pair(1), at(3)]] : [[pair(0), pair(2)]];
    case 5:
      return isPciFlags(cells[0]) ? [[pair(1), pair(3)]] : [];
    default:
      return [];
  }
}

/** `phys.hi` of a memory or I/O address, with no bus or register number in it. */
function isPciFlags(cell: number | undefined): boolean {
  return (
    cell !== undefined && (cell & 0x00ffffff) === 0 && ((cell >>> 24) & 0x03) !== 0 && ((cell >>> 24) & 0x1c) === 0
  );
}

/** Replaces what follows the reference of an entry. */
export function rewriteEntry(entry: WrittenReservation, cells: string): (() => Change) | undefined {
  const place = cellsAfterReference(entry);
  return place && (() => replace(place, ` ${cells}`));
}

/** Gives an entry another address and size; the flags cell of PCI is taken over. */
export function rewriteRange(entry: WrittenReservation, start: bigint, size: bigint): (() => Change) | undefined {
  const { cells, addressCells, sizeCells } = entry;
  if (cells.length !== addressCells + sizeCells) return undefined;
  return rewriteEntry(entry, cellsOf(start, size, cells, addressCells, sizeCells));
}

/** The text of an entry behind its reference; undefined where a macro or a comment makes part of it. */
function cellsAfterReference({ referenceSource, source }: WrittenReservation): SourceRange | undefined {
  if (referenceSource === undefined || source === undefined) return undefined;
  const { file } = source;
  if (referenceSource.file !== file || referenceSource.end > source.end) return undefined;
  if (!/^[&0-9(]/.test(file.text.slice(referenceSource.start, referenceSource.end))) return undefined;
  const text = file.text.slice(referenceSource.end, source.end);
  return /^[\s\w()<>,+*|~-]*$/.test(text) ? { file, start: referenceSource.end, end: source.end } : undefined;
}

/** Makes a node refer to another one in a list of phandles; undefined where there is no place to write it. */
export function addReference(
  node: DtNode,
  name: string,
  target: DtNode,
  targetPath: string,
): (() => Change) | undefined {
  const label = target.labels[0]?.name;
  const reference = label === undefined ? `&{${targetPath}}` : `&${label}`;
  const property = node.properties.get(name);
  if (property === undefined) return insertProperty(node, `${name} = <${reference}>;`);
  const last = property.data.parts.at(-1)?.source;
  if (last === undefined || !/^[&0-9(]/.test(last.file.text.slice(last.start, last.end))) return undefined;
  return () => replace({ file: last.file, start: last.end, end: last.end }, ` ${reference}`);
}

/** Writes a property at the top of the node's last block. */
export function insertProperty(node: DtNode, text: string): (() => Change) | undefined {
  const block = node.definitions.at(-1);
  if (block === undefined) return undefined;
  const { file, end } = block.name;
  const brace = /^\s*\{/.exec(file.text.slice(end, end + 200));
  if (brace === null) return undefined;
  const at = end + brace[0].length;
  return () => {
    const lineStart = lineStarts(file)[positionAt(file, block.whole.start).line]!;
    const indent = /^[ \t]*/.exec(file.text.slice(lineStart, block.whole.start))?.[0] ?? '';
    const step = /^ +/m.test(file.text) && !file.text.includes('\n\t') ? '    ' : '\t';
    const lineEnd = lineEndAt(file.text, block.whole.start);
    return replace({ file, start: at, end: at }, `${lineEnd}${indent}${step}${text}`);
  };
}

/** The edit of one place. */
export function replace({ file, start, end }: SourceRange, newText: string): Change {
  return { edits: [{ file, start, end, newText }] };
}
