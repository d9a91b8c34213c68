// Colours of ACPI tables before the server is up.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import * as iort from '../../server/src/acpi/layout/iort';
import * as madt from '../../server/src/acpi/layout/madt';
import * as nodes from '../../server/src/acpi/layout/iort-nodes';
import * as smmus from '../../server/src/acpi/layout/iort-smmu';
import { flagLines, textStyles, type Field, type StructureLayout } from '../../server/src/acpi/layout/field';
import { markedScope, printScopes, tokenize } from './tokenize';

describe('colours of ACPI tables', () => {
  it('are as recorded for every construct (UPDATE_EXPECTED=1 records anew)', async () => {
    const source = readFileSync(new URL('fixtures/table.dsl', import.meta.url), 'utf8');
    const recorded = new URL('fixtures/table.scopes', import.meta.url);
    const scopes = printScopes(source, await tokenize('acpi-data-table', source));
    if (process.env.UPDATE_EXPECTED === '1') writeFileSync(recorded, scopes);
    assert.equal(scopes, readFileSync(recorded, 'utf8'));
  });

  // Text with the part of interest between ‹ and ›, and the innermost scope that it must have.
  const cases: readonly [string, string][] = [
    ['‹[034h 0052 004h]›                  Identifier : 00000003', 'comment.block.offset'],
    ['[034h 0052   4]                  ‹Identifier› : 00000003', 'variable.other.property'],
    ['[0030] [ours] ‹Identifier› : 3', 'variable.other.property'],
    ['[0C0h 0192 001h]                        ‹Type› : 04', 'entity.name.tag.structure'],
    ['              ‹Subtable Type› : 0F', 'entity.name.tag.structure'],
    ['Interrupt ‹Type› : 0F', 'variable.other.property'],
    ['‹Input base› : 0', 'entity.name.tag.structure'],
    ['Flags ‹(decoded below)› : 00000001', 'variable.other.property'],
    ['                             ‹COHACC Override› : 1', 'variable.other.enummember'],
    ['  Model ‹:› 0', 'punctuation.separator.key-value'],
    ['Signature : "IORT"    ‹[IO Remapping Table]›', 'comment.block.note'],
    ['Device Name : "‹\\_SB_.VR05›"', 'entity.name.namespace'],
    ['Device Name : ‹"›no end', 'punctuation.definition.string.begin'],
    ['Device Name : "no end\n‹Type› : 01', 'entity.name.tag.structure'],
    ['ID Count : ‹0000FFFF›', 'constant.numeric.hex'],
    ['ID Count : ‹0xFF›', 'constant.numeric.hex'],
    ['ID Count : (1 ‹<<› 4) | 3', 'keyword.operator.bitwise.shift'],
    ['ID Count : ‹$L1› + 18', 'variable.other.label'],
    ['Label : ‹L1›', 'entity.name.label'],
    ['GUID : ‹01234567-89AB-CDEF-0123-456789ABCDEF›', 'constant.other.guid'],
    ['Padding : 00 00 ‹\\›', 'punctuation.separator.continuation'],
    ['Padding : 00 00 \\\n ‹11› 22', 'constant.numeric.hex'],
    ['Padding : 00 00 // \\\n‹Type› : 01', 'entity.name.tag.structure'],
    ['Padding : 00 ‹/*› one\ntwo */ 11', 'comment.block'],
    ['Padding : 00 /* one\ntwo */ ‹11›', 'constant.numeric.hex'],
    ['‹this line says nothing›', 'comment.line.ignored'],
    ['Identifier ‹// ours›', 'comment.line.double-slash'],
    ['‹//doorbell› Bytes : 00 1F', 'keyword.other.annotation'],
    ['//doorbell Bytes : 00 ‹1F›', 'constant.numeric.hex'],
    ['Checksum : 00  //doorbell ‹as written›', 'keyword.other.annotation'],
    ['Checksum : 00  //doorbell bytes‹ 1F 2F›', 'constant.numeric.hex'],
    ['‹Raw Table Data: Length 236 (0xEC)›', 'comment.block.raw-table-data'],
    ['Raw Table Data: Length 236 (0xEC)\n\n‹    0000: 49›', 'comment.block.raw-table-data'],
    ['// Raw Table Data comes later\n‹Type› : 01', 'entity.name.tag.structure'],
  ];
  it('know the lines of flags', async () => {
    for (const label of flagLabels()) {
      assert.equal(
        await markedScope('acpi-data-table', `  ‹${label}› : 1`),
        'variable.other.enummember.acpi-table',
        label,
      );
    }
  });
  for (const [marked, scope] of cases) {
    it(JSON.stringify(marked), async () => {
      assert.equal(await markedScope('acpi-data-table', marked), `${scope}.acpi-table`);
    });
  }
});

/** The flags that have a line of their own in either form of the text. */
function flagLabels(): string[] {
  const exported = [nodes, smmus, iort, madt].flatMap((module): unknown[] => Object.values(module));
  const fields = exported.flatMap((each) => (isLayout(each) ? each.fields : isField(each) ? [each] : []));
  const lines = fields.flatMap((field) => textStyles.flatMap((style) => flagLines(field, style)));
  assert.ok(lines.length > 20);
  return [...new Set(lines.map(({ label }) => label))];
}

function isLayout(value: unknown): value is StructureLayout {
  return typeof value === 'object' && value !== null && 'fields' in value;
}

function isField(value: unknown): value is Field {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

describe('colours of a dump', () => {
  const cases: readonly [string, string][] = [
    ['‹IORT› @ 0x000000007FFE0000', 'entity.name.tag.table'],
    ['IORT @ ‹0x000000007FFE0000›', 'constant.numeric.hex.address'],
    ['    ‹0010:› 42 58 50 43 20 20 20 20 01 00 00 00 42 58 50 43  BXPC    ....BXPC', 'comment.block.offset'],
    ['    0010:‹ 42 58 50 43›  BXPC', 'constant.numeric.hex.bytes'],
    ['    0010: 42 58 50 43  ‹BXPC: 00›', 'string.unquoted.characters'],
  ];
  for (const [marked, scope] of cases) {
    it(JSON.stringify(marked), async () => {
      assert.equal(await markedScope('acpidump', marked), `${scope}.acpidump`);
    });
  }
});
