// The MADT's entries from their lines (ACPICA source/compiler/dttable2.c DtCompileMadt).
import type { Computed, StructureLayout, TextStyle } from '../layout/field';
import {
  firstOemType,
  madtEntryBytes,
  madtEntryHeaderLayout,
  madtEntryLayout,
  madtTableLayout,
  writtenMadtFields,
} from '../layout/madt';
import { oemData, processorUidString } from '../layout/madt-other';
import type { Assembler, Slot } from './assembler';
import { readField, readLayout, readOwnBytes } from './read-fields';
import { skipUnexpected } from './recover-lines';

const localSapic = 7;

export function assembleMadt(assembler: Assembler): void {
  const body = assembler.open('table-body', madtTableLayout);
  const reached = readLayout(assembler, madtTableLayout);
  readOwnBytes(assembler);
  assembler.close(body);
  if (reached === 'end of text') return;
  while (assembler.peek() >= 0) {
    if (assembler.nextHasName('Subtable Type')) assembleEntry(assembler);
    else skipUnexpected(assembler, '“Subtable Type”, which begins an entry,');
  }
}

function assembleEntry(assembler: Assembler): void {
  const slots = new Map<Computed, Slot>();
  const typeLine = assembler.peek();
  const start = assembler.size;
  const entry = assembler.open('subtable', madtEntryHeaderLayout);
  readLayout(assembler, madtEntryHeaderLayout, slots);
  const type = assembler.bytes()[start]!;
  const layout = madtEntryLayout(type);
  if (layout !== undefined) {
    const written = (of: StructureLayout, style: TextStyle) => writtenMadtFields(of, style, assembler.revision);
    readLayout(assembler, layout, slots, written);
    if (assembler.nextHasName(processorUidString.label) && type === localSapic)
      readField(assembler, processorUidString);
  } else if (type >= firstOemType && assembler.nextHasName(oemData.label)) {
    readField(assembler, oemData);
  } else if (!assembler.nextIsOwn(madtEntryBytes.label)) {
    const message = `Nobody has published entries of type 0x${type.toString(16)}: their fields are not read.`;
    assembler.report('table-node-unknown', typeLine, 'value', message);
    while (assembler.peek() >= 0 && !assembler.nextHasName('Subtable Type')) skipUnexpected(assembler, 'an entry');
  }
  readOwnBytes(assembler);
  assembler.close(entry);
  assembler.set(slots, 'subtable-length', assembler.size - start);
}
