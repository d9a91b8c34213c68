// Random tables whose nodes are put in, cut, pasted elsewhere and grown, in a row: the fix leads every reference that is still
// about something to what it was about.
import assert from 'node:assert/strict';
import { referencesOf } from '../../../server/src/acpi/iort/edit';
import type { IortTable } from '../../../server/src/acpi/iort/model';
import { printTable } from '../../../server/src/acpi/text/print';
import { movedDiagnostics, settle, type SettledTable } from '../../../server/src/features/iort/moved-references';
import { generateTable } from '../../acpi/generate-table';
import { random } from '../../fuzz/random';
import { applyFix } from '../../rules/iort/table';
import { tableOf } from './table';

/** `3.0 → 7`: the references of nodes by their identifiers, in order, to the identifiers of what they lead to. */
function ways(table: IortTable): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of table.nodes) {
    const id = node.header.identifier.value;
    for (const [index, { value }] of referencesOf(node).entries()) {
      const target = table.nodeAt(Number(value));
      if (target !== undefined) found.set(`${id}.${index}`, target.header.identifier.value.toString());
    }
  }
  return found;
}

/** The header, and the lines of each node. */
function partsOf(text: string): string[] {
  return text.split(/\n+(?= +Type : )/);
}

const group = (id: number): string =>
  [
    'Type : 00',
    'Length : 0018',
    'Revision : 01',
    `Identifier : ${id.toString(16)}`,
    'Mapping Count : 0',
    'Mapping Offset : 0',
    'ItsCount : 1',
    `Identifiers : ${id.toString(16)}`,
  ]
    .map((line) => `  ${line}`)
    .join('\n');

describe('references that keep up with random edits', () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`seed ${seed}`, () => {
      const numbers = random(seed);
      const bytes = generateTable(seed, { revision: 6, iasl: 'current', mostNodes: 10, types: [0, 1, 2, 3, 4, 5, 6] });
      const printed = printTable(bytes, { style: 'current' })
        .split('Raw Table Data')[0]!
        .replace(/^\[[^\]\n]*\] */gm, '   ');
      const [header = '', ...nodes] = partsOf(printed);
      const expected = ways(tableOf(printed).iort!);
      let settled: SettledTable | undefined;
      let document = tableOf(printed);
      const see = (): void => {
        document = tableOf(`${[header, ...nodes].join('\n\n')}\n`);
        assert.ok(!document.diagnostics.some(({ severity }) => severity === 'error'), document.file.text);
        settled = settle(settled, document);
      };
      const mend = (): void => {
        const [first] = movedDiagnostics(document, settled!);
        if (first === undefined) return;
        nodes.splice(0, nodes.length, ...partsOf(applyFix(document, first.fixes![0]!).text.trimEnd()).slice(1));
        see();
        assert.deepEqual(movedDiagnostics(document, settled!), []);
      };
      see();
      for (let edit = 0; edit < 6; edit++) {
        const at = numbers.below(nodes.length);
        const kind = numbers.below(4);
        if (kind === 0) nodes.splice(at, 0, group(0x100 + edit));
        if (kind === 1) {
          const [cut] = nodes.splice(at, 1);
          if (nodes.length > 0) see();
          nodes.splice(numbers.below(nodes.length + 1), 0, cut!);
        }
        if (kind === 2) nodes.push(...nodes.splice(at, 1));
        if (kind === 3) mend();
        see();
      }
      mend();
      const found = ways(document.iort!);
      for (const [reference, target] of expected)
        assert.equal(found.get(reference), target, `${reference}\n${document.file.text}`);
    });
  }
});
