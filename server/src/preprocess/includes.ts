// Which file an include means: cpp's search order for `"…"` and `<…>`, dtc's for `/include/`.
import path from 'node:path';
import type { SourceFile } from '../text/source-file';
import type { Cursor, UnitState } from './unit-state';

export interface IncludeRequest {
  readonly path: string;
  /** `"…"`: the including file's folder comes first. */
  readonly isQuoted: boolean;
  /** `#include_next`: only the folders behind the one that this file was found in. */
  readonly isNext: boolean;
  /** `#import`: not where the file was read before, and never again after. */
  readonly isOnce?: boolean;
  /** dtc's own `/include/`. */
  readonly isByDtc?: boolean;
}

export type FoundInclude =
  | { readonly file: SourceFile; readonly spelledPath: string; readonly pathIndex: number }
  | { readonly error: string; readonly isUnreadable: boolean };

/**
 * Finds an include's file. Folders are those of the paths as spelled, links not followed (libcpp/files.cc), so a file
 * that is reached through a link looks for its neighbours beside the link.
 */
export function findInclude(state: UnitState, cursor: Cursor, request: IncludeRequest): FoundInclude {
  const { includePaths, dtcIncludePaths } = state.options;
  const tried: { folder: string; pathIndex: number }[] = [];
  if (path.isAbsolute(request.path)) tried.push({ folder: '', pathIndex: -1 });
  else {
    if (request.isQuoted && !request.isNext) tried.push({ folder: path.dirname(cursor.spelledPath), pathIndex: -1 });
    if (request.isByDtc === true) {
      for (const folder of [path.dirname(state.root.path), ...(dtcIncludePaths ?? [])])
        tried.push({ folder, pathIndex: -1 });
    }
    const first = request.isNext ? cursor.pathIndex + 1 : 0;
    for (let index = first; index < includePaths.length; index++) {
      tried.push({ folder: includePaths[index]!, pathIndex: index });
    }
  }
  let unreadable: string | undefined;
  for (const { folder, pathIndex } of tried) {
    const spelledPath = folder === '' ? request.path : `${folder}/${request.path}`;
    const file = state.host.read(spelledPath);
    if (!('error' in file)) return { file, spelledPath, pathIndex };
    if (!/no such file/i.test(file.error)) unreadable ??= file.error;
  }
  if (unreadable !== undefined) return { error: `${request.path}: ${unreadable}`, isUnreadable: true };
  const folders = [...new Set(tried.map(({ folder }) => folder || '/'))];
  const where = folders.length === 0 ? 'there is no folder to search' : `searched in ${folders.join(', ')}`;
  return { error: `${request.path}: no such file (${where})`, isUnreadable: false };
}

/**
 * The operand of `#include`: `"file"`, `<file>`, or macros that make one of them.
 * @param expanded gives the text after macro expansion, asked for only where it is needed
 */
export function includeOperand(
  text: string,
  expanded: () => string,
): { readonly path: string; readonly isQuoted: boolean } | undefined {
  return namedFile(text) ?? namedFile(expanded().trim());
}

function namedFile(text: string): { path: string; isQuoted: boolean } | undefined {
  const match = /^(?:"([^"\n]+)"|<([^>\n]+)>)/.exec(text);
  return match === null ? undefined : { path: match[1] ?? match[2]!, isQuoted: match[1] !== undefined };
}
