// What of a table's text can be folded away: nodes, their mappings and ranges, comments, and the raw data at the end.
import type { TableDocument } from '../../acpi/text/document';
import { rawTableData } from '../../acpi/text/scan';
import type { TextStructure } from '../../acpi/text/table-text';
import { lineStarts, positionAt } from '../../text/source-file';

export interface Fold {
  /** Lines from 0, both included. */
  readonly startLine: number;
  readonly endLine: number;
  readonly kind: 'comment' | 'region' | undefined;
}

export function folds({ file, syntax }: TableDocument): readonly Fold[] {
  const found: Fold[] = [];
  const add = (start: number, end: number, kind: Fold['kind']): void => {
    const startLine = positionAt(file, start).line;
    const endLine = positionAt(file, end).line;
    if (endLine > startLine) found.push({ startLine, endLine, kind });
  };
  const addStructure = (structure: TextStructure): void => {
    const last = structure.children.reduce((most, child) => Math.max(most, child.end), structure.end);
    add(structure.start, last, undefined);
    structure.children.forEach(addStructure);
  };
  syntax.structures.filter(({ kind }) => kind !== 'padding').forEach(addStructure);
  for (const { start, end } of syntax.comments) add(start, Math.max(start, end - 1), 'comment');
  const raw = file.text.indexOf(rawTableData, Math.max(0, syntax.end - 200));
  if (raw >= 0) {
    const starts = lineStarts(file);
    const isLastEmpty = starts.at(-1) === file.text.length && starts.length > 1;
    const endLine = starts.length - (isLastEmpty ? 2 : 1);
    const startLine = positionAt(file, raw).line;
    if (endLine > startLine) found.push({ startLine, endLine, kind: 'region' });
  }
  return found;
}
