// Text that is being written: a value that cannot be read, or whose line is not there yet, is compiled as some number, so that
// the rest of the table keeps its place. What rules would say of that number, nobody has written.
import type { TableDocument } from '../../acpi/text/document';
import type { Finding } from '../rule';

/** What says that a value of the text is none. */
const unread: ReadonlySet<string> = new Set(['table-number', 'table-number-range', 'table-string-unclosed']);

/** Whether what a finding is about stands in the text. */
export function knownValues({ origin, diagnostics }: TableDocument): (finding: Finding) => boolean {
  if (origin !== 'text') return () => true;
  const places = diagnostics.flatMap(({ rule, range }) => (unread.has(rule) && range !== undefined ? [range] : []));
  const hasMissing = diagnostics.some(({ rule }) => rule === 'table-line-missing');
  if (places.length === 0 && !hasMissing) return () => true;
  return ({ range, isElsewhere }) => {
    if (isElsewhere === true) return !hasMissing;
    return range === undefined || !places.some(({ start, end }) => range.start < end && start < range.end);
  };
}
