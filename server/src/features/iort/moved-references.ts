// References that keep up: after nodes were put in, taken out, grown or moved, those that still name where a node was.
import type { ReferenceChange } from '../../acpi/iort/edit';
import type { IortNode, Value } from '../../acpi/iort/model';
import { follow, type FollowedTable, type LostReference } from '../../acpi/iort/moved-references';
import type { TableDocument } from '../../acpi/text/document';
import { printedDigits } from '../../acpi/text/print-lines';
import type { Diagnostic, Fix, TextEdit } from '../../text/diagnostic';
import { count, hex } from '../../text/numbers';
import { nodeLabel } from './names';

/** Documented with the workspace's rules: it compares two moments of a text. */
const rule = 'iort-reference-moved';

/** The last table of a text that was whole, and what its references mean. */
export interface SettledTable {
  readonly followed: FollowedTable;
  /** References of the present text that the nodes have moved away from. */
  readonly changes: readonly ReferenceChange[];
  /** Those to nodes that were taken out, and whose places others have now. */
  readonly lost: readonly LostReference[];
}

/** A text with errors says nothing of where nodes belong: what is written is not whole yet. */
export function settle(before: SettledTable | undefined, document: TableDocument): SettledTable | undefined {
  const { iort, diagnostics } = document;
  if (iort === undefined || iort.nodes.length === 0) return before;
  if (diagnostics.some(({ severity }) => severity === 'error')) return before && { ...before, changes: [], lost: [] };
  return before === undefined
    ? { followed: { table: iort, history: undefined }, changes: [], lost: [] }
    : follow(before.followed, iort);
}

/** One warning for each reference that was left behind, with the fix that rewrites all that have somewhere to go. */
export function movedDiagnostics(document: TableDocument, { changes, lost }: SettledTable): readonly Diagnostic[] {
  const all: Fix = {
    title: `Update ${count(changes.length, 'reference')} to nodes that have moved`,
    isPreferred: true,
    change: () => ({ edits: referenceEdits(document, changes) }),
  };
  const found: Diagnostic[] = [];
  const warn = (node: IortNode, value: Value, message: string, fixes: readonly Fix[]): void => {
    const range = document.placeOf(value);
    if (range === undefined) return;
    found.push({ rule, severity: 'warning', range, node: nodeLabel(node), offset: value.offset, message, fixes });
  };
  for (const { value, right, node } of changes) {
    const target = right === undefined ? undefined : document.iort?.nodeAt(Number(right));
    if (target === undefined) continue;
    const now = document.iort?.nodeAt(Number(value.value));
    const instead = now === undefined ? 'no node begins there any more' : `that is ${nodeLabel(now)} now`;
    const moved = `${nodeLabel(target)} was at ${hex(value.value)} and is at ${hex(right!)} now`;
    warn(node, value, `${moved}; this reference still says ${hex(value.value)}, and ${instead}`, [all]);
  }
  for (const { value, node, meant, instead } of lost) {
    const gone = `${nodeLabel(meant)} was at ${hex(value.value)} and was taken out`;
    warn(node, value, `${gone}; this reference to it leads to ${nodeLabel(instead)} now, which has moved there`, []);
  }
  return found;
}

/**
 * All findings. Where it is known which node a reference means, other rules' guesses by what is near are still offered, but
 * an editor must not take one of them by itself. What is an error anyway is said again only with a fix.
 */
export function besideMoved(others: readonly Diagnostic[], moved: readonly Diagnostic[]): readonly Diagnostic[] {
  if (moved.length === 0) return others;
  const places = new Set(moved.map(({ range }) => range?.start));
  const shown = others.map((each) =>
    each.range !== undefined && places.has(each.range.start) && each.fixes?.some(({ isPreferred }) => isPreferred)
      ? { ...each, fixes: each.fixes.map((fix) => ({ ...fix, isPreferred: false })) }
      : each,
  );
  const wrong = new Set(others.flatMap(({ severity, range }) => (severity === 'error' && range ? [range.start] : [])));
  return [...shown, ...moved.filter(({ range, fixes }) => fixes?.length !== 0 || !wrong.has(range!.start))];
}

/** The numbers of references as they must be now. */
export function referenceEdits(document: TableDocument, changes: readonly ReferenceChange[]): readonly TextEdit[] {
  return changes.flatMap(({ value, right }) => {
    const place = document.placeOf(value);
    if (place === undefined || right === undefined) return [];
    return [{ ...place, newText: printedDigits(right, 2 * value.size) }];
  });
}
