// The VIOT's nodes from their lines (ACPICA source/compiler/dttable2.c DtCompileViot); iasl 20200925 knows no VIOT.
import type { Computed } from '../layout/field';
import { viotNodeHeaderLayout, viotNodeLayout, viotTableLayout } from '../layout/viot';
import type { Assembler, Slot } from './assembler';
import { evaluate } from './expression';
import { valueOfLine } from './lines';
import { ownBytesLabel } from './own-lines';
import { readLayout, readOwnBytes, takeEndOfBody } from './read-fields';
import { skipUnexpected } from './recover-lines';

type Slots = Map<Computed, Slot>;

/** `slots` gets the computed fields of the table's fixed part. */
export function assembleViot(assembler: Assembler, slots: Slots): void {
  const body = assembler.open('table-body', viotTableLayout);
  const reached = readLayout(assembler, viotTableLayout, slots);
  assembler.close(body);
  assembler.set(slots, 'node-offset', assembler.size);
  readOwnBytes(assembler);
  if (reached === 'end of text') return;
  let nodes = 0;
  while (assembler.peek() >= 0) {
    if (!assembler.nextHasName('Type')) {
      skipUnexpected(assembler, '“Type”, which begins a node,');
      continue;
    }
    assembleNode(assembler);
    nodes++;
  }
  assembler.set(slots, 'node-count', nodes);
}

function assembleNode(assembler: Assembler): void {
  const slots: Slots = new Map();
  const typeLine = assembler.peek();
  const start = assembler.size;
  const type = evaluate(valueOfLine(assembler.lines, typeLine), assembler.labels);
  const layout = type.kind === 'value' ? viotNodeLayout(Number(type.value)) : undefined;
  const node = assembler.open('viot-node', layout ?? viotNodeHeaderLayout);
  readLayout(assembler, layout ?? viotNodeHeaderLayout, slots);
  if (layout === undefined && !takeEndOfBody(assembler) && !assembler.nextIsOwn(ownBytesLabel)) {
    const message = `Nobody has published nodes of this type: their fields are not read.`;
    assembler.report('table-node-unknown', typeLine, 'value', message);
    while (assembler.peek() >= 0 && !assembler.nextHasName('Type')) assembler.take();
  }
  readOwnBytes(assembler);
  assembler.close(node);
  assembler.set(slots, 'node-length', assembler.size - start);
}
