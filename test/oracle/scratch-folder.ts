// Files of a test case on the disk, where gcc and dtc can read them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Writes the files into a new folder, calls `use` with it, and removes it. */
export async function withFiles<T>(
  files: Iterable<readonly [name: string, content: string | Uint8Array]>,
  use: (folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-'));
  try {
    for (const [name, content] of files) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
