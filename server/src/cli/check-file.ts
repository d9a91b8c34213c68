// Checks one file: what a thread of `check` does.
import path from 'node:path';
import { analyse, type Snapshot } from '../workspace/analysis';
import { contextOf } from '../workspace/contexts';
import { createFileStore, type FileStore } from '../workspace/files';
import { hostNote } from './board';
import { contextOptions, type SourceOptions } from './options';
import { isReported, reportDiagnostic, type ReportFilter, type ReportedDiagnostic } from './report';
import { displayPath } from './terminal';

export interface CheckOptions {
  readonly source: SourceOptions;
  readonly filter: ReportFilter;
}

export interface FileReport {
  readonly diagnostics: readonly ReportedDiagnostic[];
  /** Why the file could not be used. */
  readonly unusable: string | undefined;
  /** Something to know beside the result. */
  readonly note: string | undefined;
}

/** Text that a store may gather before it is given up: a whole Linux tree is more than a thread need hold. */
const storeLimit = 48 * 1024 * 1024;

export type Checker = (file: string) => FileReport;

/** A function that checks files one after the other; what boards have in common is read once. */
export function createChecker({ source, filter }: CheckOptions): Checker {
  let files: FileStore = createFileStore();
  let held = 0;
  return (given) => {
    if (held > storeLimit) {
      files = createFileStore();
      held = 0;
    }
    const file = path.resolve(given);
    try {
      const context = contextOf(file, files, contextOptions(source, files));
      const snapshot = analyse(context, files);
      held += snapshot.root.text.length * 4;
      const name = context.root === file ? given : displayPath(context.root);
      if (snapshot.unusable !== undefined) return failure(`${name}: ${snapshot.unusable}`);
      return {
        diagnostics: snapshot.diagnostics
          .filter((diagnostic) => isReported(diagnostic, filter))
          .map((diagnostic) => reportDiagnostic(diagnostic, context.root)),
        unusable: undefined,
        note: noteOf(file, name, snapshot),
      };
    } catch (error) {
      // A bug of ours on one file must not cost the others their results.
      return failure(`${displayPath(file)}: internal error: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

function noteOf(file: string, name: string, { context, host }: Snapshot): string | undefined {
  if (host !== undefined) return `${name}: ${hostNote(host, context.settings)}`;
  return context.root === file ? undefined : `${displayPath(file)}: checked as part of ${displayPath(context.root)}`;
}

function failure(reason: string): FileReport {
  return { diagnostics: [], unusable: reason, note: undefined };
}
