// A MADT from its bytes, by the same promises as the IORT: any bytes give a table, nothing is lost.
import { madtEntryHeaderLayout, madtEntryLayout, madtTableLayout } from '../layout/madt';
import { tableHeaderLayout } from '../layout/table-header';
import { byName, gapsBetween, inOrder, structureValues } from '../structure-values';
import { decodeHeader } from '../table-header';
import { copyGaps, writeValues } from '../iort/encode';
import { hex } from '../../text/numbers';
import type { TableProblem, Value } from '../iort/model';
import type { MadtEntry, MadtEntryKind, MadtTable } from './model';

/** Bytes of the table before its first entry. */
export const madtFixedSize = tableHeaderLayout.size + madtTableLayout.size;

/** The table in some bytes, whether or not they are one. The signature is not looked at; never throws. */
export function decodeMadt(bytes: Uint8Array): MadtTable {
  const decoded = decodeHeader(bytes, madtFixedSize);
  const problems = [...decoded.problems];
  const { header, end } = decoded;
  const fixed = structureValues({ bytes }, madtTableLayout, tableHeaderLayout.size, end);
  const entries: MadtEntry[] = [];
  let offset = fixed.length === madtTableLayout.fields.length ? madtFixedSize : end;
  while (offset < end) {
    const entry = decodeEntry(bytes, offset, end, entries.length, problems);
    if (entry === undefined) break;
    entries.push(entry);
    offset = entry.end;
    if (entry.length < madtEntryHeaderLayout.size) break;
  }
  const fixedValues = [...decoded.values, ...fixed];
  const covered = entries.map((entry) => ({ offset: entry.offset, size: entry.end - entry.offset }));
  const gaps = gapsBetween([...inOrder(fixedValues), ...covered], 0, end, (at) =>
    entries.length > 0 && at >= offset ? 'rest' : 'table',
  );
  return {
    bytes,
    end,
    header,
    ...byName<'localAddress' | 'flags'>(fixed),
    entries,
    gaps: [...gaps, ...decoded.tail],
    problems: problems.sort((a, b) => a.offset - b.offset),
  } as MadtTable;
}

/** The table's bytes, written anew from its values and gaps. */
export function encodeMadt(table: MadtTable): Uint8Array {
  const bytes = new Uint8Array(table.bytes.length);
  writeValues(bytes, [...Object.values(table.header), table.localAddress, table.flags].filter(isThere));
  copyGaps(bytes, table.bytes, table.gaps);
  for (const entry of table.entries) {
    writeValues(bytes, entry.all);
    copyGaps(bytes, table.bytes, entry.gaps);
  }
  return bytes;
}

const kinds: ReadonlyMap<number, MadtEntryKind> = new Map<number, MadtEntryKind>([
  [0x0b, 'gic-cpu-interface'],
  [0x0c, 'gic-distributor'],
  [0x0d, 'gic-msi-frame'],
  [0x0e, 'gic-redistributor'],
  [0x0f, 'gic-its'],
]);

function decodeEntry(
  bytes: Uint8Array,
  offset: number,
  tableEnd: number,
  index: number,
  problems: TableProblem[],
): MadtEntry | undefined {
  const [type, lengthValue] = structureValues({ bytes }, madtEntryHeaderLayout, offset, tableEnd);
  const name = `entry ${index} at ${hex(offset)}`;
  if (type === undefined || lengthValue === undefined) {
    const message = `${name}: one byte is too few for an entry's header`;
    problems.push({ code: 'node-truncated', offset, size: tableEnd - offset, message });
    return undefined;
  }
  const headerSize = madtEntryHeaderLayout.size;
  const length = Number(lengthValue.value);
  const end = Math.min(offset + Math.max(length, headerSize), tableEnd);
  const report = (code: TableProblem['code'], message: string) => {
    problems.push({ code, offset: lengthValue.offset, size: lengthValue.size, message });
  };
  if (length < headerSize) report('node-length', `${name} has a length of ${length}, less than its header's 2 bytes`);
  else if (offset + length > tableEnd)
    report('node-past-end', `${name} has a length of ${length}, past the table's end`);
  const layout = madtEntryLayout(Number(type.value));
  const values = layout === undefined ? [] : structureValues({ bytes }, layout, offset + headerSize, end);
  const all = [type, lengthValue, ...values];
  return {
    kind: kinds.get(Number(type.value)) ?? 'other',
    index,
    offset,
    length,
    end,
    type,
    lengthValue,
    values: byName(values),
    all,
    gaps: gapsBetween(all, offset, end, () => 'node'),
  };
}

function isThere(value: Value | undefined): value is Value {
  return value !== undefined;
}
