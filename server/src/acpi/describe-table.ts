// A table in a line for people.
import { count } from '../text/numbers';
import { readNumber } from './bytes';
import { decodeIort } from './iort/decode';
import { decodeMadt } from './madt/decode';
import { tableSignature } from './table-header';

/** `IORT, revision 5, 3 nodes, 236 bytes`; of an IORT, a MADT or a VIOT. */
export function describeTable(bytes: Uint8Array): string {
  const signature = tableSignature(bytes);
  return `${signature}, revision ${bytes[8] ?? 0}, ${parts()}, ${count(bytes.length, 'byte')}`;

  function parts(): string {
    if (signature === 'IORT') return count(decodeIort(bytes).nodes.length, 'node');
    if (signature === 'VIOT') return count(readNumber(bytes, 36, 2) ?? 0, 'node');
    return count(decodeMadt(bytes).entries.length, 'entry', 'entries');
  }
}
