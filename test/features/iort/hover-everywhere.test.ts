// Every line of every structure, in both forms of the text, has a hover with all its parts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { textStyles } from '../../../server/src/acpi/layout/field';
import { bodyLayout, idMappingLayout } from '../../../server/src/acpi/layout/iort';
import { rmrDescriptorLayout } from '../../../server/src/acpi/layout/iort-nodes';
import { globalInterruptLayout } from '../../../server/src/acpi/layout/iort-smmu';
import { printTable } from '../../../server/src/acpi/text/print';
import type { TextField } from '../../../server/src/acpi/text/table-text';
import { plainText } from '../../../server/src/features/hover';
import { tableHover } from '../../../server/src/features/iort/hover';
import { generateTable } from '../../acpi/generate-table';
import { analysed, tableOf } from './table';

const madt = readFileSync(path.join(import.meta.dirname, '../../fixtures/truth/iort/qemu-madt.aml'));
const tables = [
  ...Array.from({ length: 24 }, (_, seed) => generateTable(seed + 1, { mostNodes: 10 })),
  generateTable(1, { revision: 7, types: [7] }),
  madt,
];

/** What is missing in a hover. */
function missing(text: TextField, said: string): string[] {
  const { field, flag, compiled, line } = text;
  const parts: [name: string, isThere: boolean][] = [
    ['name', said.includes(flag?.label ?? field.label)],
    ['meaning', said.includes(plainText(flag?.meaning ?? field.meaning))],
    [
      'specification',
      (line.isOwn && field.specification === '') ||
        (field.specification !== '' && said.includes(plainText(field.specification))),
    ],
  ];
  if (flag === undefined && field.kind !== 'heading') {
    parts.push(['offset', said.includes(`Offset 0x${text.offset.toString(16)}`)]);
  }
  if (flag !== undefined) {
    parts.push(['bits', new RegExp(`bits? ${flag.bit}\\b`).test(said)]);
    if (compiled !== undefined && flag.width === 1) parts.push(['state', /: (?:set|clear)/.test(said)]);
  } else if (field.kind === 'integer' || field.kind === 'flags') {
    if (compiled === undefined) return ['a value'];
    parts.push(['value', said.includes(`0x${compiled.toString(16)}`)]);
    for (const each of field.flags ?? []) parts.push([`bit ${each.bit}`, said.includes(each.label)]);
    if (field.units !== undefined) parts.push(['units', said.includes(field.units)]);
    if (field.values?.some(({ value }) => value === compiled)) {
      parts.push(['its name', said.includes(field.values.find(({ value }) => value === compiled)!.name)]);
    }
  } else if (field.kind === 'name' || field.kind === 'characters') {
    parts.push(['text', said.includes(line.value)]);
  }
  return parts.filter(([, isThere]) => !isThere).map(([name]) => name);
}

describe('hover everywhere', () => {
  const seen = new Set<unknown>();

  for (const style of textStyles) {
    it(`says what each line is, in texts of iasl ${style}`, () => {
      for (const bytes of tables) {
        const { document, analysis } = analysed(tableOf(printTable(bytes, { style }).split('Raw Table Data')[0]!));
        for (const text of document.syntax.fields) {
          const found = tableHover(document, analysis, text.line.valueStart);
          const where = `${text.structure?.layout.title ?? ''}: ${text.line.name}`;
          assert.ok(found !== undefined, where);
          const said = plainText(found.markdown);
          assert.deepEqual(missing(text, said), [], `${where}\n${said}`);
          seen.add(text.flag ?? text.field);
          // Not every flag has a line: the integer tells of the others.
          for (const flag of text.field.flags ?? []) if (said.includes(plainText(flag.meaning))) seen.add(flag);
        }
      }
    });
  }

  it('has met every field and flag of an IORT', () => {
    const layouts = [
      ...Array.from({ length: 8 }, (_, type) => bodyLayout(type)!),
      idMappingLayout,
      rmrDescriptorLayout,
      globalInterruptLayout,
    ];
    for (const { title, fields } of layouts) {
      for (const field of fields) {
        assert.ok(seen.has(field), `${title}: ${field.label}`);
        for (const flag of field.flags ?? []) assert.ok(seen.has(flag), `${title}: ${flag.label}`);
      }
    }
  });
});
