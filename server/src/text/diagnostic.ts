// What every layer says of a problem. Plain data: the faces turn it into LSP, text, JSON or SARIF.
import type { SourceFile, SourceRange } from './source-file';

export type Severity = 'error' | 'warning' | 'info' | 'hint';

/** A place that the diagnostic's claim rests on, and what it contributes. */
export interface Evidence {
  readonly range: SourceRange;
  /** In a binary ACPI table: the byte. */
  readonly offset?: number;
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
  /** Writes nothing but a comment: not for a binary that is shown as text, which would lose it. */
  readonly isComment?: boolean;
  /** Computed when the user asks for it, never while checking. */
  readonly change: () => Change;
}

/** Characters of one word that a message quotes. The longest path that Linux opens has 4095, a board's some 120. */
const longestWord = 400;

/** The diagnostic, and no more of what it quotes than somebody reads: a literal may have millions of digits. */
export function readable(diagnostic: Diagnostic): Diagnostic {
  const { message, evidence } = diagnostic;
  const isShort =
    message.length <= longestWord && evidence?.every((each) => each.message.length <= longestWord) !== false;
  if (isShort) return diagnostic;
  const shown = { ...diagnostic, message: shortened(message) };
  return evidence === undefined
    ? shown
    : { ...shown, evidence: evidence.map((each) => ({ ...each, message: shortened(each.message) })) };
}

function shortened(message: string): string {
  return message.replace(/\S{401,}/g, (word) => `${word.slice(0, 100)}…${word.slice(-40)} (${word.length} characters)`);
}

export interface Diagnostic {
  /** Stable id, documented in docs/rules. */
  readonly rule: string;
  readonly severity: Severity;
  /** Undefined where no source exists, as for a binary tree. */
  readonly range: SourceRange | undefined;
  /** Path of the node it is about. */
  readonly node?: string | undefined;
  /** In a binary ACPI table: the byte that it is about, from the table's start. Its range is in the text printed from it. */
  readonly offset?: number;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
  readonly fixes?: readonly Fix[];
}
