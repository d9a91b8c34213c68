// What every layer says of a problem. Plain data: the faces turn it into LSP, text, JSON or SARIF.
import type { SourceFile, SourceRange } from './source-file';

export type Severity = 'error' | 'warning' | 'info' | 'hint';

/** A place that the diagnostic's claim rests on, and what it contributes. */
export interface Evidence {
  readonly range: SourceRange;
  readonly message: string;
}

export interface TextEdit {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

/** What a fix changes: sources, and keys of the `doorbell.json` that governs the file (created if there is none). */
export interface Change {
  readonly edits: readonly TextEdit[];
  /** Values to set in doorbell.json, by key path: `[['msiWindow', 'base'], '0x9000000']`. */
  readonly settings?: readonly (readonly [path: readonly string[], value: unknown])[];
}

export interface Fix {
  readonly title: string;
  /** The fix an editor may apply without asking which one. */
  readonly isPreferred?: boolean;
  /** Computed when the user asks for it, never while checking. */
  readonly change: () => Change;
}

export interface Diagnostic {
  /** Stable id, documented in docs/rules. */
  readonly rule: string;
  readonly severity: Severity;
  /** Undefined where no source exists, as for a binary tree. */
  readonly range: SourceRange | undefined;
  /** Path of the node it is about. */
  readonly node?: string | undefined;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
  readonly fixes?: readonly Fix[];
}
