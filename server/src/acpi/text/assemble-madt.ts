// The MADT's entries from their lines (ACPICA source/compiler/dttable2.c DtCompileMadt).
import type { Computed, StructureLayout, TextStyle } from '../layout/field';
import {
  madtEntryBytes,
  madtEntryHeaderLayout,
  madtEntryLayout,
  madtTableLayout,
  writtenMadtFields,
} from '../layout/madt';
import type { Assembler, Slot } from './assembler';

export function assembleMadt(assembler: Assembler): void {
  const body = assembler.open('table-body', madtTableLayout);
  const reached = assembler.readLayout(madtTableLayout);
  assembler.readOwnBytes();
  assembler.close(body);
  if (reached === 'end of text') return;
  while (assembler.peek() >= 0) {
    if (assembler.nextHasName('Subtable Type')) assembleEntry(assembler);
    else assembler.skipUnexpected('“Subtable Type”, which begins an entry,');
  }
}

function assembleEntry(assembler: Assembler): void {
  const slots = new Map<Computed, Slot>();
  const typeLine = assembler.peek();
  const start = assembler.size;
  const entry = assembler.open('subtable', madtEntryHeaderLayout);
  assembler.readLayout(madtEntryHeaderLayout, slots);
  const type = assembler.bytes()[start]!;
  const layout = madtEntryLayout(type);
  if (layout !== undefined) {
    const written = (of: StructureLayout, style: TextStyle) => writtenMadtFields(of, style, assembler.revision);
    assembler.readLayout(layout, slots, written);
  } else if (!assembler.nextIsOwn(madtEntryBytes.label)) {
    const message = `Entries of type 0x${type.toString(16)} are none of Arm’s: their fields are not read.`;
    assembler.report('table-node-unknown', typeLine, 'value', message);
    while (assembler.peek() >= 0 && !assembler.nextHasName('Subtable Type')) assembler.skipUnexpected('an entry');
  }
  assembler.readOwnBytes();
  assembler.close(entry);
  assembler.set(slots, 'subtable-length', assembler.size - start);
}
