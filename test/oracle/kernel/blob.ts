// From a source to the blob that is booted, by other tools than ours: gcc's preprocessor and dtc.
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findDtc } from '../paths';
import { compiled, preprocessed } from '../reference';
import { withFiles } from '../scratch-folder';

/** The blob of a source; `file` is where its includes are looked for. Throws when the tools refuse it. */
export async function blobOf(source: string, file = path.join(tmpdir(), 'case.dts')): Promise<Uint8Array> {
  const text = source.includes('#include') ? await included(source, path.dirname(file)) : Buffer.from(source);
  const blob = await compiled(findDtc() ?? 'dtc', text);
  if (!blob.ok) throw new Error(`dtc: ${blob.messages}`);
  return blob.output;
}

function included(source: string, folder: string): Promise<Buffer> {
  return withFiles([['case.dts', source]], async (scratch) => {
    const text = await preprocessed(path.join(scratch, 'case.dts'), [folder]);
    if (!text.ok) throw new Error(`gcc: ${text.messages}`);
    return text.output;
  });
}
