// Text that is being written: a value that cannot be read, or whose line is not there yet, is compiled as some number, so that
// the rest of the table keeps its place. What rules would say of that number, nobody has written.
import type { IortNode } from '../../acpi/iort/model';
import type { TableDocument } from '../../acpi/text/document';
import { lastAtOrBefore } from '../../text/in-order';
import type { SourceRange } from '../../text/source-file';
import type { Finding } from '../rule';

/** What says that a value of the text is none. */
const unread: ReadonlySet<string> = new Set(['table-number', 'table-number-range', 'table-string-unclosed']);

/** Lines that fit nowhere: their node is not what its author means, and those behind it lie elsewhere. */
const misplaced = 'table-line-unexpected';

/** Rules about what begins where a reference leads. */
const ofReferences: ReadonlySet<string> = new Set([
  'iort-ref-not-node',
  'iort-ref-type',
  'iort-ref-loop',
  'iort-pmcg-ref',
]);

/** Whether what a rule's finding is about stands in the text. */
export function knownValues({
  origin,
  diagnostics,
  iort,
  placeOf,
}: TableDocument): (finding: Finding, rule: string) => boolean {
  if (origin !== 'text') return () => true;
  const placesOf = (is: (rule: string) => boolean): SourceRange[] =>
    diagnostics.flatMap(({ rule, range }) => (range !== undefined && is(rule) ? [range] : []));
  const unreadPlaces = placesOf((rule) => unread.has(rule));
  const misplacedLines = placesOf((rule) => rule === misplaced);
  const hasMissing = diagnostics.some(({ rule }) => rule === 'table-line-missing');
  if (unreadPlaces.length === 0 && misplacedLines.length === 0 && !hasMissing) return () => true;

  const beginnings = misplacedLines.length === 0 ? [] : beginningsOf(iort?.nodes ?? [], placeOf);
  const nodeAround = (offset: number): number =>
    lastAtOrBefore(beginnings.length, (index) => beginnings[index]!, offset);
  const misread = new Set(misplacedLines.map(({ start }) => nodeAround(start)).filter((index) => index >= 0));
  return ({ range, isElsewhere }, rule) => {
    if (misplacedLines.length > 0 && ofReferences.has(rule)) return false;
    if (isElsewhere === true) return !hasMissing;
    if (range === undefined) return true;
    if (misread.size > 0 && misread.has(nodeAround(range.start))) return false;
    return !unreadPlaces.some(({ start, end }) => range.start < end && start < range.end);
  };
}

/** Where the nodes begin in the text. */
function beginningsOf(nodes: readonly IortNode[], placeOf: TableDocument['placeOf']): readonly number[] {
  return nodes.flatMap(({ header }) => placeOf(header.type, 'line')?.start ?? []);
}
