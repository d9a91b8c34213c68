// The way of IDs through an IORT, drawn out: what comes in at a mapping, the stream IDs that it becomes, the device IDs that
// these become, and the ITS. As Linux walks it (drivers/acpi/arm64/iort.c iort_node_map_id).
import type { IdMapping, IortNode, IortTable } from '../../acpi/iort/model';
import { hex } from '../../text/numbers';
import { oncePer } from '../../text/once';
import { kernelTable, itsTypes, smmuTypes } from '../../topology/acpi/kernel-table';
import { newRouter, type Arrival, type Router, type Stop } from '../../topology/acpi/translate';
import { stopText } from '../../topology/acpi/builder';
import type { DeviceIdRule } from '../../topology/model';
import { idRange, idWords, inputIds, nodeLabel, outputIds } from './names';

const mostBranches = 8;

/** The lines of the drawing, the first one what comes in. */
export function chain(table: IortTable, node: IortNode, mapping: IdMapping, rule: DeviceIdRule): readonly string[] {
  const word = idWords(node.kind);
  const input = mapping.single ? nodeLabel(node) : `${word}s ${inputIds(mapping)}${pciRange(node, mapping)}`;
  const { target } = mapping;
  const out = (kind: string): string =>
    `${kind}${mapping.single || mapping.count.value === 0n ? '' : 's'} ${outputIds(mapping)}`;
  if (target === undefined) {
    const { value } = mapping.outputReference;
    const where = value === 0n ? 'nowhere: the output reference is 0' : `${hex(value)}, where no node begins`;
    return [input, `  → ${out('ID')} at ${where}`];
  }
  const first = `  → ${out(idWords(target.kind))} of ${nodeLabel(target)}`;
  const others = takenByOthers(table, node, mapping, rule);
  if (target.kind !== 'smmu' && target.kind !== 'smmuv3') return [input, first, ...others];
  return [input, first, ...deviceIds(table, target, mapping, rule), ...others];
}

const routed: ReadonlySet<IortNode['kind']> = new Set(['root-complex', 'smmu', 'smmuv3']);

/** IDs of a range that Linux sends through another mapping of the node: where two overlap only one counts. */
function takenByOthers(table: IortTable, node: IortNode, mapping: IdMapping, rule: DeviceIdRule): readonly string[] {
  const { kernel, routers } = walkOf(table);
  const from = kernel.nodeAt(node.offset);
  if (from === undefined || mapping.single || node.mappings.length < 2 || !routed.has(node.kind)) return [];
  const start = Number(mapping.inputBase.value);
  const end = Math.min(start + Number(mapping.count.value), 0xffffffff);
  const { arrivals } = routers[rule].route(
    from,
    start,
    end,
    node.kind === 'root-complex' ? smmuTypes | itsTypes : itsTypes,
  );
  const lines = arrivals
    .filter((arrival) => arrival.mapping !== undefined && arrival.mapping.offset !== mapping.offset)
    .map(({ first, last, mapping: taken }) => `but ${span(first, last)}: taken by mapping ${taken!.index + 1}`);
  const shown = lines.slice(0, mostBranches);
  return lines.length > shown.length ? [...shown, `… ${lines.length - shown.length} more`] : shown;
}

/** What the stream IDs become behind an SMMU. */
function deviceIds(table: IortTable, smmu: IortNode, mapping: IdMapping, rule: DeviceIdRule): string[] {
  const { kernel, routers } = walkOf(table);
  const from = kernel.nodeAt(smmu.offset);
  if (from === undefined) return [];
  const start = Number(mapping.outputBase.value);
  const end = Math.min(start + (mapping.single ? 0 : Number(mapping.count.value)), 0xffffffff);
  const { arrivals, stops } = routers[rule].route(from, start, end, itsTypes);
  const lines = [
    ...arrivals.map((arrival) => ({ at: arrival.first, text: arrivalText(table, arrival, start, end) })),
    ...stops.map((stop) => ({ at: stop.first, text: stopLine(stop, start, end) })),
  ].sort((one, other) => one.at - other.at);
  const shown = lines.slice(0, mostBranches).map(({ text }) => text);
  return lines.length > shown.length ? [...shown, `    → ${lines.length - shown.length} more`] : shown;
}

function arrivalText(table: IortTable, arrival: Arrival, start: number, end: number): string {
  const { first, last, output, single, node } = arrival;
  const group = table.nodeAt(node.offset);
  const target = group === undefined ? hex(node.offset) : `${nodeLabel(group)} at ${hex(group.offset)}`;
  const ids =
    single || first === last ? `device ID ${hex(output)}` : `device IDs ${span(output, output + last - first)}`;
  return `    → ${part(first, last, start, end)}${ids} at ${target}`;
}

function stopLine({ first, last, reason, node, mapping }: Stop, start: number, end: number): string {
  return `    → ${part(first, last, start, end)}no ITS: ${stopText(reason, node, mapping)}`;
}

/** Which of the stream IDs, where it is not all of them. */
function part(first: number, last: number, start: number, end: number): string {
  return first === start && last === end ? '' : `${span(first, last)}: `;
}

function span(first: number, last: number): string {
  return idRange(BigInt(first), BigInt(last - first));
}

/** Requester IDs as PCI addresses: `0000:00:00.0 to 0000:ff:1f.7`. */
function pciRange(node: IortNode, { inputBase, count }: IdMapping): string {
  if (node.kind !== 'root-complex') return '';
  const segment = Number(node.values.segment?.value ?? 0n);
  const last = inputBase.value + count.value;
  if (last > 0xffffn) return '';
  const first = pciAddress(segment, Number(inputBase.value));
  return count.value === 0n ? ` (${first})` : ` (${first} to ${pciAddress(segment, Number(last))})`;
}

function pciAddress(segment: number, id: number): string {
  const digits = (value: number, width: number) => value.toString(16).padStart(width, '0');
  return `${digits(segment, 4)}:${digits(id >> 8, 2)}:${digits((id >> 3) & 0x1f, 2)}.${id & 7}`;
}

interface Walk {
  readonly kernel: ReturnType<typeof kernelTable>;
  readonly routers: Readonly<Record<DeviceIdRule, Router>>;
}

const walkOf = oncePer((table: IortTable): Walk => {
  const kernel = kernelTable(table);
  return {
    kernel,
    routers: { 'by-interrupts': newRouter(kernel, 'by-interrupts'), 'by-flag': newRouter(kernel, 'by-flag') },
  };
});
