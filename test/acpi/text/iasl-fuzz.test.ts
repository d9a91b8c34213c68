// Texts with random changes: where an iasl compiles one, Doorbell gives the same bytes; where it does not, Doorbell says why.
import assert from 'node:assert/strict';
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { sourceFile } from '../../../server/src/text/source-file';
import { random, type Random } from '../../fuzz/random';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';
import { generateTable } from '../generate-table';

const values = [
  ...['0', '1F', '(1+2)*3', '~0 & FF', '10 // x', '/* a */ 7', '5 [n]', '0x10', 'FFFFFFFF', '123456789', '1\t'],
  ...['"AB"', '"a" b', '\\_SB_.X', '00 01 02', '', '[x]', '1 \\\n + 2'],
];
const between = ['', '// c', '/* c\n c */', 'no colon', '    ', '[1] ', 'Padding :', '\t'];
const behind = ['', ' ', '  ', ' // e', ' /* f */', '[g]', '\r'];

/** The lines of a text up to the raw data, with one to three changes. */
function changed(text: string, numbers: Random): string {
  const lines = text.slice(0, text.indexOf('Raw Table Data')).split('\n');
  for (let round = 1 + numbers.below(3); round > 0; round--) {
    const at = 7 + numbers.below(Math.max(1, lines.length - 8));
    const line = lines[at] ?? '';
    const colon = line.indexOf(' : ');
    const isArray = /Identifiers|Interrupt :|Padding/.test(line);
    switch (numbers.below(5)) {
      case 0:
      case 1:
        if (colon > 0) lines[at] = line.slice(0, colon + 3) + numbers.pick(values);
        break;
      case 2:
        lines.splice(at, 0, numbers.pick(between));
        break;
      case 3:
        if (isArray) lines.splice(at, numbers.below(2), line);
        else if (numbers.below(3) === 0) lines.splice(at, 1);
        break;
      case 4:
        if (colon > 0) {
          const divider = numbers.pick([':', ' :', '   :   ', ' : \t']);
          lines[at] = line.slice(0, colon) + divider + line.slice(colon + 3) + numbers.pick(behind);
        }
    }
  }
  return lines.join('\n');
}

function typesFor(style: TextStyle): readonly number[] {
  return style === 'current' ? [0, 1, 2, 3, 4, 5, 6] : [0, 1, 2, 3, 4, 5];
}

describeWithIasl('texts with random changes', function (iasl) {
  this.timeout(120_000);

  for (const style of ['20200925', 'current'] as const) {
    it(`are compiled as iasl ${style} compiles them`, async () => {
      let compiled = 0;
      for (let seed = 0; seed < 60; seed++) {
        const bytes = generateTable(seed, { iasl: style, mostNodes: 4, types: typesFor(style) });
        const text = changed(printTable(bytes, { style }), random(seed));
        const { output, messages } = await compileText(iasl[style], text);
        const document = documentOfText(sourceFile(`/${seed}.dsl`, text, 'latin1'));
        const errors = document.diagnostics
          .filter(({ severity }) => severity === 'error')
          .map(({ message }) => message);
        if (output === undefined) {
          assert.notDeepEqual(document.diagnostics, [], `seed ${seed}: ${messages}`);
        } else {
          compiled++;
          const ours = Buffer.from(document.bytes).toString('hex');
          assert.deepEqual([ours, errors], [output.toString('hex'), []], `seed ${seed}`);
        }
      }
      assert.ok(compiled > 20);
    });
  }
});
