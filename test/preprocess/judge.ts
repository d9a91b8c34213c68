// What gcc says of a case, and what this project makes of it.
import path from 'node:path';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { TokenKind, tokenText } from '../../server/src/preprocess/token-stream';
import { diskHost } from '../oracle/ours';
import { preprocessed } from '../oracle/reference';
import { withFiles } from '../oracle/scratch-folder';
import { frame, framed, type PreprocessCase, rootName } from './case-file';
import type { ReferenceToken } from './dtc-lexer';

export interface Verdict {
  readonly isError: boolean;
  readonly messages: string;
}

type Files = Iterable<readonly [name: string, content: string | Uint8Array]>;

/** What gcc prints for a case's source, its line markers and blank lines left out. */
export function judgedByGcc(example: PreprocessCase): Promise<Verdict & { readonly text: string }> {
  return withFiles(filesOf(example), async (folder) => {
    const { ok, output, messages } = await gccText(folder);
    return { isError: !ok, messages, text: ok ? body(example, output) : '' };
  });
}

/** The tokens that this project makes of files of which `main.dts` is the root. */
export function judgedByUs(files: Files): Promise<Verdict & { readonly tokens: ReferenceToken[] }> {
  return withFiles(files, (folder) => {
    const host = diskHost();
    const root = host.read(path.join(folder, rootName));
    if ('error' in root) throw new Error(root.error);
    const { tokens, diagnostics } = preprocess(root, { includePaths: searchPath(folder), defines: {} }, host);
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    return {
      isError: errors.length > 0,
      messages: errors.map(({ rule, message }) => `${rule}: ${message}`).join('\n'),
      tokens: Array.from({ length: tokens.count }, (_, token) => ({
        kind: tokens.shape[token]!,
        text: tokenText(tokens, token).replaceAll(`${folder}/`, ''),
        touches: false,
      })),
    };
  });
}

export function filesOf(example: PreprocessCase): [string, string][] {
  return [[rootName, framed(example, example.source)], ...example.files];
}

/** gcc's text for `main.dts` in a folder, without line markers. */
export async function gccText(folder: string): Promise<{ ok: boolean; output: string; messages: string }> {
  const { ok, output, messages } = await preprocessed(path.join(folder, rootName), searchPath(folder));
  const text = output.toString('utf8').replaceAll(`${folder}/`, '');
  return { ok, output: text.replace(/^# \d+ ".*"(?: \d)*\n/gm, ''), messages };
}

function searchPath(folder: string): string[] {
  return [path.join(folder, 'sys'), path.join(folder, 'sys2')];
}

function body({ isMembers }: PreprocessCase, text: string): string {
  const { before, after } = frame(isMembers);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(before.split('\n').length - 1, lines.length - after.split('\n').length + 1).join('\n');
}

/**
 * Tokens as one line each, to be compared. A word without meaning counts as one token, however it was cut;
 * `expected` says how.
 */
export function shown(tokens: readonly ReferenceToken[], expected: readonly ReferenceToken[]): string[] {
  const lines: string[] = [];
  let at = 0;
  for (const word of expected) {
    if (at >= tokens.length) break;
    let { text, kind } = tokens[at]!;
    let end = at + 1;
    if (word.kind === TokenKind.unknown) {
      while (text.length < word.text.length && end < tokens.length) text += tokens[end++]!.text;
      if (tokens.slice(at, end).some((token) => token.kind === TokenKind.unknown)) kind = TokenKind.unknown;
    }
    lines.push(`${kind} ${text}`);
    at = end;
  }
  for (const rest of tokens.slice(at)) lines.push(`${rest.kind} ${rest.text}`);
  return lines;
}
