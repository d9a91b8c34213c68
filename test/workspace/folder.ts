// Temporary folders with files, for what has to be on a disk.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Folder {
  readonly root: string;
  /** Absolute path of a file in it. */
  readonly at: (name: string) => string;
  readonly write: (name: string, content: string | Uint8Array) => string;
}

/**
 * A folder with the files of a fixture, until `removeFolders`:
 * ```
 * //- board.dts
 * /dts-v1/;
 * //- include/soc.dtsi
 * / { };
 * ```
 * A name that ends in `/` makes an empty directory; `name -> target` a symbolic link.
 */
export function folderWith(fixture: string): Folder {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'doorbell-')));
  temporary.push(root);
  const folder: Folder = {
    root,
    at: (name) => path.join(root, name),
    write(name, content) {
      const file = path.join(root, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, content);
      return file;
    },
  };
  for (const part of fixture.split(/^[ \t]*\/\/- /m).slice(1)) {
    const end = part.indexOf('\n');
    const [name = '', target] = part.slice(0, end).trim().split(' -> ');
    if (target !== undefined) {
      fs.mkdirSync(path.dirname(folder.at(name)), { recursive: true });
      fs.symlinkSync(target, folder.at(name));
    } else if (name.endsWith('/')) fs.mkdirSync(folder.at(name), { recursive: true });
    else folder.write(name, dedent(part.slice(end + 1)));
  }
  return folder;
}

/** Takes away the indentation of the first line, which the fixture has from the test around it. */
function dedent(text: string): string {
  const indent = /^[ \t]*/.exec(text)?.[0] ?? '';
  return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '').replace(/\n[ \t]*$/, '\n');
}

const temporary: string[] = [];

export function removeFolders(): void {
  for (const root of temporary.splice(0)) fs.rmSync(root, { recursive: true, force: true });
}
