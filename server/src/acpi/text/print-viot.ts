// The VIOT's fixed part and its nodes as lines (ACPICA source/common/dmtbdump3.c AcpiDmDumpViot).
import { readNumber } from '../bytes';
import { nameOfValue } from '../layout/field';
import { tableHeaderLayout } from '../layout/table-header';
import { viotBodyLayout, viotNodeHeaderLayout, viotTableLayout } from '../layout/viot';
import { fieldOffset } from '../structure-values';
import { ownBytesLabel } from './own-lines';
import { blank, ownBytesLines, type Printer } from './print-lines';
import { printLayout } from './print-structure';

const fixedSize = tableHeaderLayout.size + viotTableLayout.size;
const nodeHeaderSize = viotNodeHeaderLayout.size;

export function printViotNodes(printer: Printer): void {
  const { bytes } = printer;
  const end = Math.min(readNumber(bytes, 4, 4) ?? 0, bytes.length);
  blank(printer);
  let covered = printLayout(printer, viotTableLayout, tableHeaderLayout.size, bytes.length);
  const first = readNumber(bytes, tableHeaderLayout.size + fieldOffset(viotTableLayout, 'nodeOffset')!, 2) ?? 0;
  let offset = Math.max(first, fixedSize);
  while (offset + nodeHeaderSize <= end) {
    const length = readNumber(bytes, offset + fieldOffset(viotNodeHeaderLayout, 'length')!, 2)!;
    if (length < nodeHeaderSize || offset + length > end) break;
    ownBytesLines(printer, ownBytesLabel, covered, offset);
    blank(printer);
    covered = printNode(printer, offset, offset + length);
    offset = covered;
  }
  ownBytesLines(printer, ownBytesLabel, covered, bytes.length);
  blank(printer);
}

/** Returns where the node ends. */
function printNode(printer: Printer, offset: number, end: number): number {
  const type = printer.bytes[offset]!;
  const name = nameOfValue(viotNodeHeaderLayout.fields[0]!, BigInt(type))?.name ?? 'Unknown Subtable Type';
  const notes = new Map([['type', ` [${name}]`]]);
  let covered = printLayout(printer, viotNodeHeaderLayout, offset, end, { notes });
  const body = viotBodyLayout(type);
  if (body !== undefined) {
    blank(printer);
    covered = printLayout(printer, body, covered, end, { origin: offset });
  }
  ownBytesLines(printer, ownBytesLabel, covered, end);
  return end;
}
