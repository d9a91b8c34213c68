// What `cpp | dtc` makes of a board, remembered in the cache folder for as long as the board's files and the tools are the same.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { cacheFolder } from '../oracle/paths';
import { compiled, linuxIncludePaths, preprocessed, type ToolResult } from '../oracle/reference';

export interface Expected {
  /** undefined: cpp or dtc refuses the board. */
  readonly blob: Uint8Array | undefined;
  readonly messages: string;
}

export interface Reference {
  expected(board: string): Promise<Expected>;
}

interface Remembered {
  readonly tools: string;
  /** Content hashes of all files that the tools read, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly messages: string;
  readonly blob: string | undefined;
}

/** @param symbols as dtc's -@ */
export function linuxReference(linux: string, dtc: string, symbols: boolean): Reference {
  const folder = path.join(cacheFolder(), 'corpus');
  mkdirSync(folder, { recursive: true });
  const tools = hashOf(
    Buffer.concat([readFileSync(dtc), execFileSync('gcc', ['--version']), Buffer.from(symbols ? '-@' : '')]),
  );
  const hashes = new Map<string, string>();
  const hashOfFile = (file: string): string => {
    let hash = hashes.get(file);
    if (hash === undefined) {
      hash = hashOf(readFileSync(file));
      hashes.set(file, hash);
    }
    return hash;
  };

  return {
    async expected(board) {
      const file = path.join(linux, board);
      const memory = path.join(folder, `${hashOf(Buffer.from(`${tools} ${file}`))}.gz`);
      const remembered = recall(memory);
      if (remembered !== undefined && isFresh(remembered)) return expectedOf(remembered);
      const { result, files } = await compileBoard(file);
      const found: Remembered = {
        tools,
        files: Object.fromEntries(files.map((name) => [name, hashOfFile(name)])),
        messages: result.messages,
        blob: result.ok ? result.output.toString('base64') : undefined,
      };
      remember(memory, found);
      return expectedOf(found);
    },
  };

  function isFresh({ files }: Remembered): boolean {
    try {
      return Object.entries(files).every(([name, hash]) => hashOfFile(name) === hash);
    } catch {
      return false;
    }
  }

  /** Linux scripts/Makefile.lib cmd_dtc. */
  async function compileBoard(file: string): Promise<{ result: ToolResult; files: string[] }> {
    const scratch = mkdtempSync(path.join(tmpdir(), 'doorbell-'));
    try {
      const rules = [path.join(scratch, 'cpp.d'), path.join(scratch, 'dtc.d')];
      const includePaths = linuxIncludePaths(linux);
      const text = await preprocessed(file, includePaths, rules[0]);
      if (!text.ok) return { result: text, files: [file] };
      const options = { includePaths, symbols, cwd: path.dirname(file), depends: rules[1]! };
      const result = await compiled(dtc, text.output, options);
      return { result, files: [...new Set([file, ...rules.flatMap((rule) => filesOfRule(rule, path.dirname(file)))])] };
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }
}

/** The files that a make rule depends on. */
function filesOfRule(rule: string, folder: string): string[] {
  const [, names = ''] = /:([^]*)/.exec(readFileSync(rule, 'utf8')) ?? [];
  return names
    .split(/(?:\\\n|\s)+/)
    .filter((name) => name !== '' && name !== '<stdin>')
    .map((name) => path.resolve(folder, name));
}

function recall(memory: string): Remembered | undefined {
  try {
    return JSON.parse(gunzipSync(readFileSync(memory)).toString()) as Remembered;
  } catch {
    return undefined;
  }
}

function remember(memory: string, found: Remembered): void {
  const fresh = `${memory}.${process.pid}`;
  writeFileSync(fresh, gzipSync(JSON.stringify(found), { level: 1 }));
  renameSync(fresh, memory);
}

function expectedOf({ blob, messages }: Remembered): Expected {
  return { blob: blob === undefined ? undefined : Buffer.from(blob, 'base64'), messages };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
