// Quick fixes: from the fixes that diagnostics carry to the editor's actions. What a fix changes is computed when it is
// asked for, on the texts of that moment.
import type { CodeActionKind, TextEdit as LspTextEdit, WorkspaceEdit } from 'vscode-languageserver';
import type { Change, Diagnostic, Fix, TextEdit } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import { tableScheme } from '../protocol';
import { identity, lspRange } from './diagnostics';

/** A fix with what it belongs to, as found on one board. */
export interface OfferedFix {
  readonly diagnostic: Diagnostic;
  readonly fix: Fix;
  readonly id: FixId;
}

/** Finds a fix again on a later analysis. Plain data: it travels through the client. */
export interface FixId {
  readonly uri: string;
  readonly root: string;
  readonly diagnostic: string;
  readonly title: string;
}

export interface WorkspaceEditOptions {
  readonly documentChanges: boolean;
  readonly createsFiles: boolean;
  readonly uriOf: (path: string) => string;
  /** Version of an open document, null for a file on the disk. */
  readonly versionOf: (path: string) => number | null;
  /** Files outside the workspace are read, never written. */
  readonly isWritable: (path: string) => boolean;
  /** The edit of the doorbell.json that governs the board. */
  readonly settingsEdit: (
    settings: NonNullable<Change['settings']>,
  ) => { readonly file: SourceFile; readonly isNew: boolean; readonly edit: TextEdit } | { readonly error: string };
}

/** `quickfix` of LSP. */
export const quickFixKind: CodeActionKind = 'quickfix';

/** Whether a client that asks for these kinds wants quick fixes; kinds are hierarchical, an absent list means all. */
export function wantsQuickFixes(only: readonly string[] | undefined): boolean {
  return only?.some((kind) => kind === '' || kind === quickFixKind) ?? true;
}

/** The fixes of the diagnostics that touch a part of a file. */
export function fixesAt(
  diagnostics: readonly Diagnostic[],
  span: { readonly start: number; readonly end: number },
  place: { readonly uri: string; readonly root: string },
): readonly OfferedFix[] {
  return diagnostics
    .filter(({ range }) => range !== undefined && range.start <= span.end && span.start <= range.end)
    .flatMap((diagnostic) =>
      fixesIn(diagnostic, place.uri).map((fix) => ({
        diagnostic,
        fix,
        id: { ...place, diagnostic: identity(diagnostic), title: fix.title },
      })),
    );
}

/** The fix that an id was made for, if the diagnostic is still there. */
export function findFix(diagnostics: readonly Diagnostic[], id: FixId): Fix | undefined {
  const found = diagnostics.find((diagnostic) => identity(diagnostic) === id.diagnostic);
  return found && fixesIn(found, id.uri).find(({ title }) => title === id.title);
}

/** A binary that is shown as text has no place for comments: what they would say is said in doorbell.json. */
function fixesIn({ rule, fixes = [] }: Diagnostic, uri: string): readonly Fix[] {
  if (!uri.startsWith(`${tableScheme}:`)) return fixes;
  return fixes.map((fix) =>
    fix.isComment === true
      ? {
          title: `Turn ${rule} off in doorbell.json`,
          change: () => ({ edits: [], settings: [[['rules', rule], 'off']] }),
        }
      : fix,
  );
}

/** The same fix from two boards is offered once. */
export function withoutRepeats(offers: readonly OfferedFix[]): readonly OfferedFix[] {
  const seen = new Set<string>();
  return offers.filter(({ id }) => {
    const key = `${id.diagnostic} ${id.title}`;
    const isFirst = !seen.has(key);
    seen.add(key);
    return isFirst;
  });
}

/** What a fix does as an edit of the client's documents and files, or why it cannot be done. */
export function workspaceEdit(
  change: Change,
  options: WorkspaceEditOptions,
): WorkspaceEdit | { readonly error: string } {
  const edits = [...change.edits];
  const created: SourceFile[] = [];
  if (change.settings !== undefined && change.settings.length > 0) {
    const found = options.settingsEdit(change.settings);
    if ('error' in found) return found;
    edits.push(found.edit);
    if (found.isNew) created.push(found.file);
  }
  const byPath = new Map<string, LspTextEdit[]>();
  for (const edit of edits) {
    const { path } = edit.file;
    if (!options.isWritable(path)) return { error: `${path} lies outside the workspace and is not changed` };
    const ofFile = byPath.get(path) ?? [];
    ofFile.push({ range: lspRange(edit), newText: edit.newText });
    byPath.set(path, ofFile);
  }
  // Without leave to create files, the edit of a file that is not there yet is still understood by most clients.
  if (!options.documentChanges || (created.length > 0 && !options.createsFiles)) {
    return { changes: Object.fromEntries(Array.from(byPath, ([path, each]) => [options.uriOf(path), each])) };
  }
  return {
    documentChanges: [
      ...created.map(({ path }) => ({
        kind: 'create' as const,
        uri: options.uriOf(path),
        options: { ignoreIfExists: true },
      })),
      ...Array.from(byPath, ([path, each]) => ({
        textDocument: { uri: options.uriOf(path), version: options.versionOf(path) },
        edits: each,
      })),
    ],
  };
}

export function isFixId(data: unknown): data is FixId {
  const { uri, root, diagnostic, title } = (data ?? {}) as Partial<Record<keyof FixId, unknown>>;
  return [uri, root, diagnostic, title].every((value) => typeof value === 'string');
}
