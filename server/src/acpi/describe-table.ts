// A table in a line for people.
import { count } from '../text/numbers';
import { decodeIort } from './iort/decode';
import { decodeMadt } from './madt/decode';
import { tableSignature } from './table-header';

/** `IORT, revision 5, 3 nodes, 236 bytes`; of an IORT or a MADT. */
export function describeTable(bytes: Uint8Array): string {
  const signature = tableSignature(bytes);
  const parts =
    signature === 'IORT'
      ? count(decodeIort(bytes).nodes.length, 'node')
      : count(decodeMadt(bytes).entries.length, 'entry', 'entries');
  return `${signature}, revision ${bytes[8] ?? 0}, ${parts}, ${count(bytes.length, 'byte')}`;
}
