// This project's way from a source to a blob, as plain as can be: no workspace, no cache but the files'.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type FileHost, preprocess } from '../../server/src/preprocess/preprocess';
import { parseUnit } from '../../server/src/syntax/parse';
import type { Diagnostic } from '../../server/src/text/diagnostic';
import { type SourceFile, sourceFile } from '../../server/src/text/source-file';
import { buildTree } from '../../server/src/tree/build';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { syntaxDiagnostics } from '../../server/src/workspace/syntax-diagnostics';

export interface CompileOptions {
  readonly includePaths: readonly string[];
  /** Where dtc's own inclusion looks besides; the root file's folder is always searched. */
  readonly dtcIncludePaths?: readonly string[];
  readonly symbols?: boolean;
}

export interface Compiled {
  readonly blob: Uint8Array;
  readonly errors: readonly Diagnostic[];
}

export function compileSource(root: string, options: CompileOptions, host: FileHost = diskHost()): Compiled {
  const file = host.read(root);
  if ('error' in file) throw new Error(`${root}: ${file.error}`);
  const { includePaths, dtcIncludePaths = [], symbols = false } = options;
  const unit = preprocess(file, { includePaths, dtcIncludePaths, defines: {} }, host);
  const syntax = parseUnit(unit.tokens);
  const folders = [path.dirname(root), ...dtcIncludePaths];
  const { tree, diagnostics } = buildTree(syntax, {
    symbols,
    readBinary: (name, from) => readBinary(name, from, folders),
  });
  const all = [...unit.diagnostics, ...syntaxDiagnostics(syntax), ...diagnostics];
  return { blob: writeFdt(tree), errors: all.filter((diagnostic) => diagnostic.severity === 'error') };
}

/** Files of the disk, each read once. */
export function diskHost(): FileHost {
  const files = new Map<string, SourceFile | { readonly error: string }>();
  return {
    read(name) {
      let file = files.get(name);
      if (file === undefined) {
        file = readSource(name);
        files.set(name, file);
      }
      return file;
    },
  };
}

function readSource(name: string): SourceFile | { readonly error: string } {
  try {
    return decodeSource(name, readFileSync(name));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Bytes as text: UTF-8, or Latin-1 where they are no UTF-8. */
export function decodeSource(name: string, bytes: Uint8Array): SourceFile {
  try {
    return sourceFile(name, new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), 'utf8');
  } catch {
    return sourceFile(name, Buffer.from(bytes).toString('latin1'), 'latin1');
  }
}

function readBinary(name: string, from: string, folders: readonly string[]): Uint8Array | { readonly error: string } {
  for (const folder of [path.dirname(from), ...folders]) {
    try {
      return readFileSync(path.resolve(folder, name));
    } catch {
      continue;
    }
  }
  return { error: `no such file: ${name}` };
}
