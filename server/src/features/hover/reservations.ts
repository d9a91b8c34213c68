// Hovers on `iommu-addresses` and `memory-region`: what a device reserves, after all translations, and what that meets.
import { effectText } from '../../iova/explain-region';
import { hex } from '../../rules/numbers';
import type { DmaMaster, Reservation, ReservationNode, WrittenReservation } from '../../topology/model';
import { translateReg } from '../../tree/addresses';
import { nodeByPhandle, nodePath } from '../../tree/navigate';
import { bullets, code, covers, nodeText, rangeText, type Analysis, type CellSubject, type Text } from './subject';
import { busNeighbours, groupNeighbours, groupOf, masterAt } from './touches';

export function iommuAddressesText(subject: CellSubject): readonly Text[] {
  const { analysis, node, part } = subject;
  const own = nodePath(node);
  const reservation = analysis.topology.reservationNodes.find(({ path }) => path === own);
  if (reservation === undefined) return [];
  const title = `${code('iommu-addresses')} of ${nodeText(node)}`;
  if (part === undefined) {
    return [
      `${title}: IOVA that is set aside for devices`,
      bullets(reservation.entries.map((entry) => writtenText(analysis, reservation, entry))),
    ];
  }
  const entry = reservation.entries.find(({ source }) => covers(source, part));
  if (entry === undefined) return [`${title}: no entry begins here; the kernel tries each cell as a phandle.`];
  return [
    `${title}: ${cellRole(subject, entry)}`,
    writtenText(analysis, reservation, entry),
    bullets(neighbours(analysis, reservation, entry)),
  ];
}

export function memoryRegionText(subject: CellSubject): readonly Text[] {
  const { analysis, node, part } = subject;
  const links = masterAt(analysis, nodePath(node))?.memoryRegions;
  if (links === undefined) return plainRegionsText(subject);
  const shown = links.filter(({ source }) => part === undefined || covers(source, part));
  const lines = shown.map(({ path, phandle, target, problem }) => {
    const place = target?.physical === undefined ? '' : ` ${rangeText(target.physical)}`;
    const reserves = target?.entries.some(({ devicePath }) => devicePath === nodePath(node)) === true;
    const iova = reserves ? ', with IOVA set aside for this device' : '';
    return `${nodeText(path ?? `phandle ${hex(phandle)}`)}${place}${iova}${problem === undefined ? '' : `. **${problem.message}**`}`;
  });
  return lines.length === 0 ? [] : [`${code('memory-region')} of ${nodeText(node)}`, bullets(lines)];
}

/** Of a device that nothing sets IOVA aside for: where its regions are. */
function plainRegionsText({ analysis, node, values, cell }: CellSubject): readonly Text[] {
  const phandles = cell === undefined ? [...values] : [values[cell]!];
  const lines = phandles.slice(0, 16).map((phandle) => {
    const target = nodeByPhandle(analysis.tree, phandle);
    if (target === undefined) return undefined;
    const reg = translateReg(analysis.tree, target, 0);
    if (reg?.translation.ok !== true || reg.size === 0n) return nodeText(target);
    const start = reg.translation.address;
    return `${nodeText(target)} ${rangeText({ start, end: start + reg.size - 1n })}`;
  });
  return [`${code('memory-region')} of ${nodeText(node)}`, bullets(lines)];
}

function cellRole({ property, part }: CellSubject, { source, addressCells, sizeCells }: WrittenReservation): string {
  const { parts } = property.data;
  const first = parts.findIndex(({ source: at }) => at.file === source?.file && at.start >= source.start);
  const at = part === undefined ? 0 : parts.indexOf(part) - first;
  if (at === 0) return 'the device';
  if (at <= addressCells) {
    // A PCI function's address begins with the cell that names the space.
    if (addressCells === 3 && at === 1) return 'IOVA, flags of the PCI address';
    return `IOVA, cell ${at} of ${addressCells}`;
  }
  if (at <= addressCells + sizeCells) return `size, cell ${at - addressCells} of ${sizeCells}`;
  return `beyond the entry, which has ${addressCells} address cells and ${sizeCells} size cells by the device's bus`;
}

function writtenText(analysis: Analysis, node: ReservationNode, entry: WrittenReservation): string {
  const device = nodeText(entry.devicePath ?? `phandle ${hex(entry.phandle)}`);
  const problem = entry.problem === undefined ? '' : ` **${entry.problem.message}**`;
  const found = reservationOf(masterOf(analysis, entry), node, entry);
  if (found === undefined) {
    const why = entry.listed ? '' : `: the device does not list this node in its ${code('memory-region')}`;
    return `Reserves nothing for ${device}${why}.${problem}`;
  }
  return `For ${device}: ${outcomeText(analysis, found)}${problem}`;
}

function outcomeText({ prediction }: Analysis, { outcomes, writtenStart, size }: Reservation): string {
  const outcome = outcomes[prediction.kernel.busRule];
  switch (outcome.kind) {
    case 'region': {
      const shifted =
        outcome.range.start === writtenStart
          ? ''
          : ` (written as ${code(hex(writtenStart))}, moved by ${code('dma-ranges')})`;
      const indirect = outcome.notDirect
        ? ' Not the same as the physical region: the kernel warns and only reserves it.'
        : '';
      const effect = effectText(outcome.type, prediction.kernel);
      return `${rangeText(outcome.range)} is \`${outcome.type}\`${shifted}.${indirect} ${effect}`;
    }
    case 'ignored':
      return `${code(hex(writtenStart))}, size ${code(hex(size))}: ignored by the kernel, ${outcome.problem.message}.`;
    case 'oops':
      return `${code(hex(writtenStart))}: **the kernel crashes here**, ${outcome.problem.message}.`;
    case 'unknown':
      return `unknown: ${outcome.problem.message}.`;
  }
}

function neighbours(analysis: Analysis, node: ReservationNode, entry: WrittenReservation): string[] {
  const master = masterOf(analysis, entry);
  const found = reservationOf(master, node, entry);
  const outcome = found?.outcomes[analysis.prediction.kernel.busRule];
  if (master === undefined || found === undefined || outcome?.kind !== 'region') return [];
  const group = groupOf(analysis, master.path);
  const inGroup =
    group === undefined
      ? [`${nodeText(master.path)} is in no IOMMU group, so nothing applies it`]
      : groupNeighbours(group, outcome.range, ({ parts }) => parts.every(({ region }) => region.reservation === found));
  const onBus = master.hostBridge === undefined ? [] : busNeighbours(master.hostBridge, outcome.range);
  return [...inGroup, ...onBus];
}

function masterOf(analysis: Analysis, { devicePath }: WrittenReservation): DmaMaster | undefined {
  return devicePath === undefined ? undefined : masterAt(analysis, devicePath);
}

function reservationOf(
  master: DmaMaster | undefined,
  node: ReservationNode,
  entry: WrittenReservation,
): Reservation | undefined {
  return master?.reservations.find(
    (each) =>
      each.node === node && each.source?.file === entry.source?.file && each.source?.start === entry.source?.start,
  );
}
