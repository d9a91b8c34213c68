// From the engine's diagnostics to the editor's: one set a file, over all boards that the file belongs to.
import type { Diagnostic as LspDiagnostic, DiagnosticRelatedInformation, Range } from 'vscode-languageserver';
import path from 'node:path';
import type { IncludeEdge } from '../preprocess/preprocess';
import type { Diagnostic, Evidence, Severity } from '../text/diagnostic';
import { positionAt, type SourceFile, type SourceRange } from '../text/source-file';

/** A board's findings, and what is needed to find a place for them. */
export interface BoardFindings {
  readonly root: SourceFile;
  readonly includes: readonly IncludeEdge[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface LspDiagnosticOptions {
  readonly relatedInformation: boolean;
  readonly codeDescription: boolean;
  readonly uriOf: (path: string) => string;
  readonly documentation: (rule: string) => string | undefined;
}

/** The diagnostics of one board by the file they are shown in. */
export type PlacedDiagnostics = ReadonlyMap<string, readonly Diagnostic[]>;

/**
 * Sorts a board's diagnostics by file. One in a file that is not shown (outside the workspace and not open) appears at
 * the `#include` that leads there; one without a place, at the start of the root file.
 */
export function placeDiagnostics(findings: BoardFindings, isShown: (path: string) => boolean): PlacedDiagnostics {
  const placed = new Map<string, Diagnostic[]>();
  for (const diagnostic of findings.diagnostics) {
    const shown = atShownPlace(diagnostic, findings, isShown);
    const file = shown.range.file.path;
    const ofFile = placed.get(file);
    if (ofFile === undefined) placed.set(file, [shown]);
    else ofFile.push(shown);
  }
  return placed;
}

type PlacedDiagnostic = Diagnostic & { readonly range: SourceRange };

function atShownPlace(
  diagnostic: Diagnostic,
  findings: BoardFindings,
  isShown: (path: string) => boolean,
): PlacedDiagnostic {
  const { root } = findings;
  const { range, message, evidence = [] } = diagnostic;
  if (range === undefined) return { ...diagnostic, range: { file: root, start: 0, end: 0 } };
  if (range.file === root || isShown(range.file.path)) return { ...diagnostic, range };
  const { line } = positionAt(range.file, range.start);
  const where = `${path.basename(range.file.path)}:${line + 1}`;
  return {
    ...diagnostic,
    range: includeOf(range.file, findings, isShown) ?? { file: root, start: 0, end: 0 },
    message: `In ${where}: ${message}`,
    evidence: [{ range, message: 'Found here.' }, ...evidence],
  };
}

/** The `#include` in a shown file through which another file comes in. */
function includeOf(
  file: SourceFile,
  { includes, root }: BoardFindings,
  isShown: (path: string) => boolean,
): SourceRange | undefined {
  const seen = new Set<SourceFile>();
  for (let wanted = file; !seen.has(wanted);) {
    seen.add(wanted);
    const edge = includes.find(({ to }) => to === wanted);
    if (edge === undefined) return undefined;
    if (edge.from === root || isShown(edge.from.path)) return edge.at;
    wanted = edge.from;
  }
  return undefined;
}

/**
 * One set for a file that belongs to several boards: what they agree on once, and what only some of them have with
 * their names.
 */
export function mergeBoards(
  boards: readonly { readonly name: string; readonly diagnostics: readonly Diagnostic[] }[],
): readonly Diagnostic[] {
  if (boards.length === 1) return boards[0]!.diagnostics;
  const merged = new Map<string, { readonly diagnostic: Diagnostic; readonly names: string[] }>();
  for (const { name, diagnostics } of boards) {
    for (const diagnostic of diagnostics) {
      const key = identity(diagnostic);
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { diagnostic, names: [name] });
      else if (known.names.at(-1) !== name) known.names.push(name);
    }
  }
  return Array.from(merged.values(), ({ diagnostic, names }) =>
    names.length === boards.length
      ? diagnostic
      : { ...diagnostic, message: `${diagnostic.message} (as part of ${names.join(', ')})` },
  );
}

/** Equal for the same finding on two boards, or of two analyses of one. */
export function identity({ rule, severity, range, message }: Diagnostic): string {
  return `${rule} ${severity} ${range?.start ?? ''} ${range?.end ?? ''} ${message}`;
}

/** DiagnosticSeverity of LSP. */
const severities: Readonly<Record<Severity, 1 | 2 | 3 | 4>> = { error: 1, warning: 2, info: 3, hint: 4 };

export function lspDiagnostic(diagnostic: Diagnostic, options: LspDiagnosticOptions): LspDiagnostic {
  const { rule, severity, range, message, evidence = [] } = diagnostic;
  const href = options.codeDescription ? options.documentation(rule) : undefined;
  return {
    range: range === undefined ? emptyRange : lspRange(range),
    severity: severities[severity],
    code: rule,
    ...(href === undefined ? {} : { codeDescription: { href } }),
    source: 'doorbell',
    message: options.relatedInformation ? message : [message, ...evidence.map(evidenceLine)].join('\n'),
    ...(options.relatedInformation && evidence.length > 0
      ? { relatedInformation: evidence.map((each) => related(each, options.uriOf)) }
      : {}),
  };
}

const emptyRange: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

export function lspRange({ file, start, end }: SourceRange): Range {
  return { start: positionAt(file, start), end: positionAt(file, end) };
}

function related({ range, message }: Evidence, uriOf: (path: string) => string): DiagnosticRelatedInformation {
  return { location: { uri: uriOf(range.file.path), range: lspRange(range) }, message };
}

/** For clients that show no related places. */
function evidenceLine({ range, message }: Evidence): string {
  const { line } = positionAt(range.file, range.start);
  return `${path.basename(range.file.path)}:${line + 1}: ${message}`;
}
