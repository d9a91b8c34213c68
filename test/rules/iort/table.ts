// Tables made of amendments of docs/rules/iort.dsl, through the rules.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { documentOfBinary, documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { kernelProfile, type KernelVersion } from '../../../server/src/iova/kernel-profile';
import { predictRegions } from '../../../server/src/iova/predict';
import { checkTableRules } from '../../../server/src/rules/check';
import type { TableMachine } from '../../../server/src/rules/table-rule';
import type { Diagnostic, Fix } from '../../../server/src/text/diagnostic';
import { sourceFile } from '../../../server/src/text/source-file';
import { topologyFromAcpi } from '../../../server/src/topology/from-acpi';

const documentation = path.join(import.meta.dirname, '../../../docs/rules');
export const exampleTable = readFileSync(path.join(documentation, 'iort.dsl'), 'utf8');
const exampleMadt = documentOfText(
  sourceFile('/doorbell-test-table/madt.dsl', readFileSync(path.join(documentation, 'madt.dsl'), 'utf8')),
);

interface Section {
  readonly name: string;
  lines: string[];
}

/** `// SMMUv3, at 48h` begins what is called SMMUv3. */
function sectionsOf(text: string): Section[] {
  const sections: Section[] = [];
  for (const line of text.split('\n')) {
    const name = /^\/\/ ([^,]+)/.exec(line)?.[1];
    if (name !== undefined && !line.includes('The table that') && !line.startsWith('// devices')) {
      sections.push({ name, lines: [line] });
    } else sections.at(-1)?.lines.push(line);
  }
  return sections;
}

function labelOf(line: string): string | undefined {
  return /^ *(.+?) :/.exec(line)?.[1];
}

/**
 * The example's table with the lines of an amendment in place of its own. Each part of it begins with a comment that names
 * a node; a line takes the place of the next one of that name, or goes behind the one before where there is none. A part
 * that begins with `Type` is the whole node. A name that the table does not have is a new node at its end.
 */
export function amendTable(amendment: string, table = exampleTable): string {
  const sections = sectionsOf(table);
  for (const { name, lines: given } of sectionsOf(amendment)) {
    const lines = given.slice(1);
    const section = sections.find((each) => each.name === name);
    if (section === undefined) {
      sections.push({ name, lines: ['', ...given] });
      continue;
    }
    if (labelOf(lines[0] ?? '') === 'Type') {
      section.lines = [section.lines[0]!, ...lines, ''];
      continue;
    }
    let cursor = 0;
    for (const line of lines) {
      const label = labelOf(line);
      if (label === undefined) continue;
      const found = section.lines.findIndex((own, index) => index > cursor && labelOf(own) === label);
      assert.ok(found >= 0 || labelOf(section.lines[cursor]!) !== undefined, `${label}: no line before it`);
      if (found >= 0) cursor = found;
      else cursor++;
      section.lines.splice(cursor, found >= 0 ? 1 : 0, line);
    }
  }
  return `${sections.map(({ lines }) => lines.join('\n')).join('\n')}\n`;
}

export interface CheckOptions {
  readonly kernel?: KernelVersion;
  readonly preserveBootConfiguration?: boolean;
  readonly madt?: TableDocument | undefined;
}

export function textDocument(text: string): TableDocument {
  return documentOfText(sourceFile('/doorbell-test-table/iort.dsl', text));
}

export function binaryDocument(bytes: Uint8Array): TableDocument {
  return documentOfBinary('/doorbell-test-table/iort.aml', bytes);
}

/** The findings of the rules about a table. */
export function checkTable(document: TableDocument, options: CheckOptions = {}): Diagnostic[] {
  return checkTableRules(tableInput(document, options));
}

/** What the rules are given of it. */
export function tableInput(document: TableDocument, options: CheckOptions = {}): TableMachine {
  const { preserveBootConfiguration = false } = options;
  const madt = 'madt' in options ? options.madt : exampleMadt;
  const table = document.iort;
  assert.ok(table !== undefined);
  const placedMadt = madt?.madt === undefined ? undefined : { table: madt.madt, placeOf: madt.placeOf };
  const topology = topologyFromAcpi({ table, placeOf: document.placeOf }, placedMadt, { preserveBootConfiguration });
  const kernel = kernelProfile(options.kernel === undefined ? {} : { kernel: options.kernel });
  return {
    document,
    table,
    madt: madt?.madt,
    topology,
    prediction: predictRegions(topology, kernel),
    kernel,
    settings: { preserveBootConfiguration },
  };
}

/** `error iort-checksum` for each finding of that severity or a graver one, in order. */
export function ruleIds(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ rule, severity }) => `${severity} ${rule}`)
    .sort();
}

/** The text with a fix applied; what it writes into doorbell.json is given apart. */
export function applyFix(document: TableDocument, fix: Fix): { readonly text: string; readonly settings: object } {
  const { edits, settings = [] } = fix.change();
  let { text } = document.file;
  for (const { file, start, end, newText } of [...edits].sort((a, b) => b.start - a.start)) {
    assert.equal(file, document.file);
    text = text.slice(0, start) + newText + text.slice(end);
  }
  return { text, settings: Object.fromEntries(settings.map(([key, value]) => [key.join('.'), value])) };
}
