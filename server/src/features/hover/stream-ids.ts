// Hovers on `iommus`, `iommu-map`, `msi-map` and `msi-parent`: which cell it is, and which IDs lead where.
import { hex } from '../../rules/numbers';
import type { IdMap, IdMapEntry, Iommu, Link, MsiController, StreamEntry } from '../../topology/model';
import { nodePath } from '../../tree/navigate';
import { bullets, code, covers, nodeText, placeText, rangeText, type CellSubject, type Text } from './subject';
import { masterAt } from './touches';

export function iommusText(subject: CellSubject): readonly Text[] {
  const { analysis, node, part } = subject;
  const streams = masterAt(analysis, nodePath(node))?.streams ?? [];
  if (part === undefined) {
    return [
      `${code('iommus')}: the IOMMU in front of ${nodeText(node)}`,
      bullets(streams.slice(0, 12).map((entry) => streamText(subject, entry))),
    ];
  }
  const entry = streams.find(({ source }) => covers(source, part));
  if (entry === undefined) return [];
  const at = cellWithin(subject, entry);
  const role = at === 0 ? 'the IOMMU' : (specifierRole(entry, at - 1) ?? `cell ${at} of its specifier`);
  return [`${code('iommus')} of ${nodeText(node)}: ${role}`, streamText(subject, entry), sharedStream(subject, entry)];
}

export function msiParentText({ analysis, node, part }: CellSubject): readonly Text[] {
  const routing = masterAt(analysis, nodePath(node))?.msi;
  const parents = (routing?.parents ?? []).filter(({ source }) => part === undefined || covers(source, part));
  const lines = parents.map(({ controller, cells, problem }) => {
    const id = cells.length === 0 ? '' : ` with device ID ${code(cells.map(hex).join(' '))}`;
    return `MSIs of ${nodeText(node)} go to ${controllerText(controller)}${id}${problemText(problem ?? controller.problem)}`;
  });
  return lines.length === 0
    ? []
    : [`${code('msi-parent')}: where the device's message-signalled interrupts are written`, bullets(lines)];
}

export function idMapText(subject: CellSubject): readonly Text[] {
  const { analysis, node, property, part } = subject;
  const master = masterAt(analysis, nodePath(node));
  const isIommu = property.name.startsWith('iommu');
  const map: IdMap<Iommu> | IdMap<MsiController> | undefined = isIommu ? master?.iommuMap : master?.msi.map;
  if (map === undefined) return [];
  const meaning = isIommu ? 'requester ID to stream ID at an IOMMU' : 'requester ID to device ID at an MSI controller';
  if (property.name.endsWith('-mask')) {
    return [
      `${code(property.name)}: only the bits ${code(hex(map.mask))} of a requester ID are looked up in ${code(map.property)}.`,
    ];
  }
  const reading = map.readings[analysis.prediction.kernel.mapRule];
  const entries: readonly IdMapEntry<Iommu | MsiController>[] = reading.entries;
  const refusal =
    reading.problem === undefined
      ? undefined
      : `Linux ${analysis.prediction.kernel.version}: ${reading.problem.message}`;
  if (part === undefined) {
    return [
      `${code(property.name)}: ${meaning}`,
      bullets(entries.slice(0, 12).map((entry) => mapEntryText(entry, map.mask, isIommu))),
      refusal,
    ];
  }
  const entry = entries.find(({ source }) => covers(source, part));
  if (entry === undefined) return [`${code(property.name)}: ${meaning}`, refusal];
  const role = covers(entry.inputSource, part)
    ? 'first requester ID'
    : covers(entry.target.source, part)
      ? isIommu
        ? 'the IOMMU'
        : 'the MSI controller'
      : covers(entry.lengthSource, part)
        ? 'how many IDs'
        : isIommu
          ? 'first stream ID'
          : 'first device ID';
  const masked =
    map.mask === 0xffffffff
      ? undefined
      : `Looked up with the mask ${code(hex(map.mask))} (${placeText(map.maskSource)}).`;
  return [
    `${code(property.name)} of ${nodeText(node)}: ${role}`,
    mapEntryText(entry, map.mask, isIommu),
    masked,
    refusal,
  ];
}

function mapEntryText(
  { input, output, extra, length, target, problem }: IdMapEntry<Iommu | MsiController>,
  mask: number,
  isIommu: boolean,
): string {
  if (length === 0) return `covers no requester ID (length 0)${problemText(problem)}`;
  const inputs = maskedInputs(input, length, mask);
  if (inputs === undefined) {
    return `covers no requester ID: under the mask ${code(hex(mask))} none gives ${idRange(input, input + length - 1)}${problemText(problem)}`;
  }
  const from = requestersText(inputs, mask);
  const [first, last] = [inputs.first - input + output, inputs.last - input + output];
  const to = `${isIommu ? 'stream' : 'device'} ${first === last ? 'ID' : 'IDs'} ${idRange(first, last)}`;
  const more = extra.length === 0 ? '' : ` with ${code(extra.map(hex).join(' '))}`;
  const there =
    target.target !== undefined && 'doorbells' in target.target
      ? controllerText(target as Link<MsiController>)
      : nodeText(target.path ?? `phandle ${hex(target.phandle)}`);
  const verb = from.startsWith('requester IDs') ? 'become' : 'becomes';
  return `${from} ${verb} ${to}${more} of ${there}${problemText(problem ?? target.problem)}`;
}

interface InputRange {
  readonly first: number;
  readonly last: number;
}

/** The first and last ID of an entry that a masked requester ID can be; undefined if none can. Requester IDs have 16 bits. */
function maskedInputs(input: number, length: number, mask: number): InputRange | undefined {
  const bits = mask & 0xffff;
  const end = input + length - 1;
  if (bits === 0xffff) return { first: input, last: end };
  const isLeft = (id: number): boolean => (id & ~bits) === 0;
  let first = input;
  while (first <= Math.min(end, 0xffff) && !isLeft(first)) first++;
  if (first > Math.min(end, 0xffff)) return undefined;
  let last = Math.min(end, 0xffff);
  while (!isLeft(last)) last--;
  return { first, last };
}

/** Whose requests these are, before the mask. */
function requestersText({ first, last }: InputRange, mask: number): string {
  const ignored = ~mask & 0xffff;
  if (ignored === 0xffff) return 'every requester ID';
  // Where only low bits are ignored, the IDs follow each other.
  if ((ignored & (ignored + 1)) !== 0) return `requester IDs that give ${idRange(first, last)} under the mask`;
  const highest = last > 0xffff ? last : last | ignored;
  const functions = first === highest ? functionText(first) : `${functionText(first)} to ${functionText(highest)}`;
  return `requester ${first === highest ? 'ID' : 'IDs'} ${idRange(first, highest)} (${functions})`;
}

function idRange(first: number, last: number): string {
  return code(first === last ? hex(first) : `${hex(first)}–${hex(last)}`);
}

/** `01:00.0` */
function functionText(requester: number): string {
  const digits = (value: number): string => value.toString(16).padStart(2, '0');
  return `${digits((requester >>> 8) & 0xff)}:${digits((requester >>> 3) & 0x1f)}.${requester & 7}`;
}

function streamText({ analysis, node }: CellSubject, entry: StreamEntry): string {
  const { iommu, streamId, mask, cells, problem } = entry;
  const target = nodeText(iommu.path ?? `phandle ${hex(iommu.phandle)}`);
  const driver = iommu.target?.driver.known !== true ? '' : ` (${iommu.target.driver.name})`;
  const masked =
    mask === undefined || mask === 0
      ? ''
      : `, SMR mask ${code(hex(mask))}: all IDs that differ from it only in these bits`;
  const id =
    streamId === undefined
      ? cells.length === 0
        ? ''
        : ` with ${code(cells.map(hex).join(' '))}`
      : ` with stream ID ${code(hex(streamId))}${masked}`;
  const bits = iommu.target?.driver.streamIdBits;
  const width =
    streamId === undefined || bits === undefined ? '' : `; it holds ${bits.bits} bits${bits.known ? '' : ' as a rule'}`;
  const own = masterAt(analysis, nodePath(node))?.availability;
  const off = own?.enabled === false ? `. The device is off: ${own.reason}` : '';
  return `DMA goes through ${target}${driver}${id}${width}${problemText(problem ?? iommu.problem)}${off}`;
}

function specifierRole({ iommu, cells }: StreamEntry, at: number): string | undefined {
  if (iommu.target?.driver.hasStreamIds !== true || at < 0 || at >= cells.length) return undefined;
  return at === 0 ? 'stream ID' : at === 1 ? 'SMR mask' : undefined;
}

/** Which cell of an entry the cursor is on: 0 is the reference. */
function cellWithin({ property, part }: CellSubject, { source }: StreamEntry): number {
  const { parts } = property.data;
  const first = parts.findIndex(({ source: at }) => at.file === source?.file && at.start >= source.start);
  return part === undefined ? 0 : parts.indexOf(part) - first;
}

function sharedStream({ analysis, node }: CellSubject, { iommu, streamId }: StreamEntry): Text {
  if (streamId === undefined || iommu.target === undefined) return undefined;
  const own = nodePath(node);
  const others = analysis.topology.masters.filter(
    ({ path, streams }) =>
      path !== own && streams.some((other) => other.iommu.target === iommu.target && other.streamId === streamId),
  );
  return others.length === 0
    ? undefined
    : `The same stream ID: ${others
        .slice(0, 6)
        .map(({ path }) => nodeText(path))
        .join(', ')}.`;
}

function controllerText({ target, path, phandle }: Link<MsiController>): string {
  const name = nodeText(path ?? `phandle ${hex(phandle)}`);
  if (target === undefined) return name;
  const [doorbell] = target.doorbells;
  const where =
    doorbell === undefined
      ? (target.doorbellsUnknown ?? 'doorbell unknown')
      : `doorbell ${code(hex(doorbell.address))}, page ${rangeText(doorbell.page)}`;
  return `${name} (${target.kind}; ${where})`;
}

function problemText(problem: { readonly message: string } | undefined): string {
  return problem === undefined ? '' : `. **${problem.message}**`;
}
