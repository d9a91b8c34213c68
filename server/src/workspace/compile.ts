// One unit from its root file to its tree, as `cpp | dtc` would compile it.
import path from 'node:path';
import { preprocess, type Unit } from '../preprocess/preprocess';
import { parseUnit } from '../syntax/parse';
import type { SyntaxTree } from '../syntax/syntax-tree';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import { buildTree } from '../tree/build';
import type { DeviceTree } from '../tree/model';
import type { Context } from './contexts';
import type { FileError, FileStore } from './files';
import { syntaxDiagnostics } from './syntax-diagnostics';

export interface CompiledUnit {
  readonly unit: Unit;
  readonly syntax: SyntaxTree;
  readonly tree: DeviceTree;
  readonly diagnostics: readonly Diagnostic[];
}

export interface CompileOptions {
  /** Nodes for symbols and fixups, as dtc's -@ makes them. */
  readonly symbols?: boolean;
}

/** Compiles a file in a context; `appended` are read behind it. Whatever is wrong is a diagnostic, and the rest is there. */
export function compile(
  root: SourceFile,
  appended: readonly string[],
  context: Context,
  files: FileStore,
  { symbols = false }: CompileOptions = {},
): CompiledUnit {
  const { includePaths, dtcIncludePaths, defines, prepended } = context;
  const unit = preprocess(root, { includePaths, dtcIncludePaths, defines, prepended, appended }, files);
  const syntax = parseUnit(unit.tokens);
  const readBinary = (name: string, fromFile: string) => readIncbin(name, fromFile, context, files);
  const { tree, diagnostics } = buildTree(syntax, { symbols, readBinary });
  const ofContent = unit.isRefused ? [] : [...syntaxDiagnostics(syntax), ...diagnostics];
  return { unit, syntax, tree, diagnostics: [...unit.diagnostics, ...ofContent] };
}

/** Paths of the files that a unit was made of. */
export function filesOfUnit({ tokens, includes }: Unit): readonly string[] {
  return [tokens.root.path, ...includes.flatMap(({ to }) => (to === undefined ? [] : [to.path]))];
}

/** dtc srcpos.c srcfile_relative_open: beside the file, then the directories of -i. */
function readIncbin(name: string, fromFile: string, context: Context, files: FileStore): Uint8Array | FileError {
  const directories = [path.dirname(fromFile), path.dirname(context.root), ...context.dtcIncludePaths];
  const candidates = directories.map((directory) => path.resolve(directory, name));
  return files.readBytes(candidates.find(files.isFile) ?? candidates[0]!);
}
