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
import { readLayout, readOwnBytes } from './read-fields';
import { skipUnexpected } from './recover-lines';

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
  } else if (!assembler.nextIsOwn(madtEntryBytes.label)) {
    const message = `Entries of type 0x${type.toString(16)} are none of Arm’s: their fields are not read.`;
    assembler.report('table-node-unknown', typeLine, 'value', message);
    while (assembler.peek() >= 0 && !assembler.nextHasName('Subtable Type')) skipUnexpected(assembler, 'an entry');
  }
  readOwnBytes(assembler);
  assembler.close(entry);
  assembler.set(slots, 'subtable-length', assembler.size - start);
}
