// What the reference says of a source: gcc's preprocessor, then Linux's dtc, called as Linux's scripts/Makefile.lib does it.
import { execFile } from 'node:child_process';
import path from 'node:path';

/** Options of gcc that make it the preprocessor of device trees. */
export const preprocessorOptions = ['-E', '-nostdinc', '-undef', '-D__DTS__', '-x', 'assembler-with-cpp'];

/** Folders that boards of a Linux tree include from. */
export function linuxIncludePaths(linux: string): string[] {
  return [path.join(linux, 'scripts/dtc/include-prefixes')];
}

export interface ToolResult {
  readonly ok: boolean;
  readonly output: Buffer;
  /** What it wrote to stderr; for a tool that was killed, by which signal. */
  readonly messages: string;
}

/** `gcc -E` of a file. `depends`: a file to write the make rule with all included files to. */
export function preprocessed(file: string, includePaths: readonly string[], depends?: string): Promise<ToolResult> {
  const folders = includePaths.flatMap((folder) => ['-I', folder]);
  const rule = depends === undefined ? [] : ['-MD', '-MF', depends];
  return tool('gcc', [...preprocessorOptions, ...folders, ...rule, file], { cwd: path.dirname(file) });
}

export interface DtcOptions {
  /** For `/include/` and `/incbin/`; the folder of the file that was preprocessed goes first. */
  readonly includePaths?: readonly string[];
  readonly symbols?: boolean;
  readonly cwd?: string;
  /** A file to write the make rule with all included files to. */
  readonly depends?: string;
}

/** dtc from source text to a blob. */
export function compiled(dtc: string, source: Uint8Array, options: DtcOptions = {}): Promise<ToolResult> {
  const folders = (options.includePaths ?? []).flatMap((folder) => ['-i', folder]);
  const symbols = options.symbols === true ? ['-@'] : [];
  const rule = options.depends === undefined ? [] : ['-d', options.depends];
  const args = ['-q', '-I', 'dts', '-O', 'dtb', ...folders, ...symbols, ...rule, '-'];
  return tool(dtc, args, { input: source, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
}

/** dtc from a blob to source with sorted nodes and properties: what two blobs are compared by. */
export function decompiled(dtc: string, blob: Uint8Array): Promise<ToolResult> {
  return tool(dtc, ['-q', '-I', 'dtb', '-O', 'dts', '-s', '-'], { input: blob });
}

function tool(
  command: string,
  args: readonly string[],
  options: { input?: Uint8Array; cwd?: string },
): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { cwd: options.cwd, encoding: 'buffer', maxBuffer: 1 << 28 },
      (error, output, errors) => {
        const signal = error?.signal ? `killed by ${error.signal}\n` : '';
        resolve({ ok: error === null, output, messages: signal + errors.toString('latin1') });
      },
    );
    child.stdin?.on('error', () => undefined); // a tool that stops early closes its input; its status says why
    child.stdin?.end(options.input);
  });
}
