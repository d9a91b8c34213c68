// Tables for the tests of editor features: a machine of eight nodes, with changes, and a place in it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { positionAt, sourceFile } from '../../../server/src/text/source-file';
import { analyse, type Snapshot } from '../../../server/src/workspace/analysis';
import { contextOf } from '../../../server/src/workspace/contexts';
import { createFileStore } from '../../../server/src/workspace/files';

/** ITS group at 30h, SMMUv3 48h, MMU-500 A0h, root complex 108h, two components, PMCG and RMR node behind them. */
export const exampleTable = readFileSync(path.join(import.meta.dirname, 'table.dsl'), 'utf8');

export function tableOf(text: string): TableDocument {
  return documentOfText(sourceFile('/doorbell-test-table/iort.dsl', text));
}

/** The text without its mark `‸`, and where that was. */
export function marked(text: string): { readonly document: TableDocument; readonly offset: number } {
  const offset = text.indexOf('‸');
  if (offset < 0) throw new Error('no mark ‸ in the text');
  return { document: tableOf(text.replace('‸', '')), offset };
}

/** The example with a mark in front of the value of a line: the `which`-th one of that name, from 0. */
export function markedAt(label: string, which = 0, text = exampleTable): ReturnType<typeof marked> {
  const lines = text.split('\n');
  const found = lines.flatMap((line, index) => (line.trim().startsWith(`${label} :`) ? [index] : []));
  const index = found[which];
  if (index === undefined) throw new Error(`no line ${which} of the name ${label}`);
  lines[index] = lines[index]!.replace(' : ', ' : ‸');
  return marked(lines.join('\n'));
}

/** The whole analysis of a table alone in its folder, and the document as it is there. */
export function analysed({ file }: TableDocument): { readonly document: TableDocument; readonly analysis: Snapshot } {
  const files = createFileStore();
  const opened = files.open(file.path, file.text);
  const analysis = analyse(contextOf(opened.path, files), files);
  return { document: analysis.acpi!.document, analysis };
}

/** `12: Node Count` for what lies in a line, counted from 1. */
export function lineText({ file }: TableDocument, offset: number): string {
  const { line } = positionAt(file, offset);
  return `${line + 1}: ${file.text.split('\n')[line]!.trim()}`;
}
