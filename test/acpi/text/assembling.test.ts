// Who decides what of a table: padding, labels, names, arrays; the same in both versions of iasl.
import assert from 'node:assert/strict';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { buildIort, type NodeDraft } from '../../../server/src/acpi/iort/build';
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { sourceFile } from '../../../server/src/text/source-file';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';

const mapping = { inputBase: 0, count: 0, outputBase: 1, target: 0, flags: 1 };
const its: NodeDraft = { kind: 'its-group', revision: 0, identifiers: [0, 1] };
const component: NodeDraft = {
  kind: 'named-component',
  revision: 2,
  name: '\\_SB_.DEV0',
  fields: { memorySizeLimit: 0x40 },
  padding: new Uint8Array(4),
  mappings: [mapping],
};
const smmu: NodeDraft = {
  kind: 'smmu',
  revision: 1,
  contextInterrupts: [0x10, 0x1_0000_0011n],
  pmuInterrupts: [0x12],
  mappings: [mapping],
};

interface Case {
  readonly title: string;
  readonly nodes: readonly NodeDraft[];
  readonly edit: (text: string) => string;
  /** Bytes somewhere in the result, as hex; or the id of a problem for which iasl writes nothing. */
  readonly gives: string;
  /** iasl refuses what gives a table here. */
  readonly isRefused?: true;
}

const noPadding = (text: string) => text.replace(/^.* Padding : [^]*?\n\n/m, '');
const mappingOffset = (value: string) => (text: string) =>
  text.replace(/(Type : 01[^]*?Mapping Offset :) .*/, `$1 ${value}`);
const beforeNodes = (lines: string) => (text: string) => text.replace(/(\n.*Type : 00)/, `\n${lines}\n$1`);
/** `\_SB_.DEV0` and its NUL. */
const name = '5c5f53425f2e4445563000';

const cases: readonly Case[] = [
  {
    title: 'a line Padding',
    nodes: [its, component],
    edit: (text) => text.replace(/(Padding :).*/, '$1 AA BB CC'),
    gives: `${name}aabbcc`,
  },
  {
    title: 'a line Padding overrides the mapping offset',
    nodes: [its, component],
    edit: mappingOffset('99'),
    gives: `2c000000`,
  },
  {
    title: 'without Padding, zeros up to the mapping offset',
    nodes: [its, component],
    edit: (text) => mappingOffset('30')(noPadding(text)),
    gives: `${name}0000000000000000` + '00000000',
  },
  {
    title: 'without Padding, the exact offset',
    nodes: [its, component],
    edit: (text) => mappingOffset('28')(noPadding(text)),
    gives: `${name}00000000`,
  },
  {
    title: 'without Padding, an offset inside the name',
    nodes: [its, component],
    edit: (text) => mappingOffset('0')(noPadding(text)),
    gives: '28000000',
    isRefused: true,
  },
  {
    title: 'without Padding or mappings, behind others',
    nodes: [its, { ...component, mappings: [] }, its],
    edit: (text) => mappingOffset('30')(noPadding(text)),
    gives: `${name}0000000000000000` + '001c',
  },
  {
    title: 'without Padding or mappings, at the end',
    nodes: [its, { ...component, mappings: [] }],
    edit: (text) => mappingOffset('30')(noPadding(text)).replace(/Raw Table[^]*/, ''),
    gives: name,
    isRefused: true,
  },
  {
    title: 'a name is text up to its quote',
    nodes: [its, component],
    edit: (text) => text.replace('DEV0"', 'D" x'),
    gives: '5c5f53425f2e4400',
  },
  {
    title: 'an empty name',
    nodes: [its, component],
    edit: (text) => text.replace('"\\_SB_.DEV0"', '""'),
    gives: '400000000000',
  },
  {
    title: 'bytes without a blank',
    nodes: [its, component],
    edit: (text) => text.replace(/(Padding :).*/, '$1 AABB'),
    gives: 'table-bytes',
  },
  {
    title: 'bytes of one digit',
    nodes: [its, component],
    edit: (text) => text.replace(/(Padding :).*/, '$1 A BB'),
    gives: 'table-bytes',
  },
  {
    title: 'bytes with commas',
    nodes: [its, component],
    edit: (text) => text.replace(/(Padding :).*/, '$1 AA, BB'),
    gives: `${name}aabb`,
  },
  {
    title: 'bytes with commas',
    nodes: [its, component],
    edit: (text) => text.replace(/(Padding :).*/, '$1 AA,BB'),
    gives: 'table-bytes',
  },
  {
    title: 'Optional Padding',
    nodes: [its],
    edit: beforeNodes('Optional Padding : 01 02 03 04'),
    gives: '3400000000000000' + '01020304',
  },
  {
    title: 'generic fields as padding',
    nodes: [its],
    edit: beforeNodes('UINT8 : 1\nUINT16 : 203\nUINT24 : 40506\nBuffer : 07 08'),
    gives: '01' + '0302' + '060504' + '0708' + '001c',
  },
  {
    title: 'wide generic fields',
    nodes: [its],
    edit: beforeNodes('UINT32 : 1\nUINT40 : 2\nUINT48 : 3\nUINT56 : 4\nUINT64 : 5'),
    gives: '0100000002000000000300000000000400000000000005',
  },
  {
    title: 'a string as padding',
    nodes: [its],
    edit: beforeNodes('String : "AB"\nDevicePath : "C"'),
    gives: '4142004300',
  },
  { title: 'a Unicode string', nodes: [its], edit: beforeNodes('Unicode : "AB"'), gives: '410042000000' },
  {
    title: 'a GUID',
    nodes: [its],
    edit: beforeNodes('GUID : 11223344-5566-7788-99AA-BBCCDDEEFF00'),
    gives: '443322116655887799aabbccddeeff00',
  },
  {
    title: 'a label names its place',
    nodes: [its, component],
    edit: (text) =>
      beforeNodes('UINT8 : 1\nLabel : L1\nUINT8 : 2\nLabel : L2')(text).replace(
        /(Output Reference :).*/,
        '$1 $$L2 + ($$L1 << 8)',
      ),
    gives: '32310000',
  },
  {
    title: 'an underscore ends a label',
    nodes: [its, component],
    edit: (text) => beforeNodes('Label : L_1')(text).replace(/(Output Reference :).*/, '$1 $$L_1'),
    gives: 'table-label-unknown',
  },
  {
    title: 'a label inside a node',
    nodes: [its, component],
    edit: (text) => text.replace(/\n(.*Input base)/, '\nLabel : L1\n$1'),
    gives: 'table-line-unexpected',
  },
  { title: 'another generic name', nodes: [its], edit: beforeNodes('UINT12 : 1'), gives: 'table-line-unexpected' },
  {
    title: 'identifiers are counted',
    nodes: [its],
    edit: (text) => text.replace(/\n(.*Identifiers : .*)/, '\n$1\n$1\n$1'),
    gives: '04000000',
  },
  {
    title: 'an ITS group may have mappings',
    nodes: [its, component],
    edit: (text) =>
      text
        .replace(/(\n\n.*Input base[^]*?\n)(?=\n)/, '$1')
        .replace(
          /(Identifiers : 00000001\n)/,
          '$1Input base : 1\nID Count : 2\nOutput Base : 3\nOutput Reference : 30\nFlags (decoded below) : 0\nSingle Mapping : 0\n',
        ),
    gives: '0100000002000000030000003000000000000000',
  },
  {
    title: 'interrupts of a context are 64 bits',
    nodes: [its, smmu],
    edit: (text) => text,
    gives: '1000000000000000' + '1100000001000000',
  },
  {
    title: 'counts and offsets of an SMMU',
    nodes: [its, smmu],
    edit: (text) => text.replace(/(Interrupt (?:Count|Offset) :).*/g, '$1 0'),
    gives: '3c000000' + '02000000' + '4c000000' + '01000000' + '5c000000',
  },
  {
    title: 'an array without elements begins where the one before ends',
    nodes: [its, { ...smmu, contextInterrupts: [] }],
    edit: (text) => text,
    gives: '3c000000' + '00000000' + '4c000000' + '01000000' + '4c000000',
  },
  {
    title: 'a global interrupt is missing',
    nodes: [its, smmu],
    edit: (text) => text.replace(/^.*NSgIrpt : .*\n/m, ''),
    gives: 'table-line-missing',
  },
  {
    title: 'global interrupts twice',
    nodes: [its, smmu],
    edit: (text) => text.replace(/(\n\n.* NSgIrpt : [^]*?)(?=\n.* Context Interrupt : )/, '$1$1'),
    gives: 'table-line-unexpected',
  },
  {
    title: 'context interrupts behind those of the PMU',
    nodes: [its, smmu],
    edit: (text) => text.replace(/((?:.* Context Interrupt : .*\n)+)(.* PMU Interrupt : .*\n)/, '$2$1'),
    gives: '02000000' + '54000000' + '01000000' + '4c000000',
    isRefused: true,
  },
];

function textOf({ nodes, edit }: Case, style: TextStyle): string {
  const built = buildIort({ revision: 0, nodes });
  assert.ok('bytes' in built);
  const text = printTable(built.bytes, { style });
  const changed = edit(text);
  return changed;
}

function compiled(text: string) {
  return documentOfText(sourceFile('table.dsl', text));
}

describe('what text becomes', () => {
  for (const each of cases) {
    it(`${each.title}: ${each.gives}`, () => {
      for (const style of ['20200925', 'current'] as const) {
        const { bytes, diagnostics } = compiled(textOf(each, style));
        const errors = diagnostics.filter(({ severity }) => severity === 'error');
        if (each.gives.startsWith('table-')) {
          assert.ok(
            errors.some(({ rule }) => rule === each.gives),
            errors.map(({ message }) => message).join(),
          );
        } else {
          assert.deepEqual(errors, []);
          const all = Buffer.from(bytes).toString('hex');
          assert.ok(all.includes(each.gives), `${each.gives} in ${all}`);
        }
      }
    });
  }

  it('says so where iasl refuses what it compiles', () => {
    const [below] = cases.filter(({ title }) => title === 'without Padding, an offset inside the name');
    const document = compiled(textOf(below!, 'current'));
    const [found, ...others] = document.diagnostics;
    assert.deepEqual([found?.rule, others], ['table-padding', []]);
    const [edit] = found!.fixes![0]!.change().edits;
    assert.equal(edit?.newText, '00000028');
    for (const title of ['context interrupts behind those of the PMU', 'without Padding or mappings, at the end']) {
      const rules = compiled(
        textOf(
          cases.find((each) => each.title === title)!,
          'current',
        ),
      ).diagnostics;
      assert.deepEqual(
        rules.map(({ rule, severity }) => [rule, severity]),
        [[title.includes('PMU') ? 'table-array-order' : 'table-padding', 'warning']],
        title,
      );
    }
  });
});

describeWithIasl('what iasl makes of text', (iasl) => {
  for (const each of cases) {
    it(each.title, async () => {
      for (const style of ['20200925', 'current'] as const) {
        const text = textOf(each, style);
        const { output, messages } = await compileText(iasl[style], text);
        if (each.isRefused === true || each.gives.startsWith('table-')) assert.equal(output, undefined, messages);
        else assert.equal(Buffer.from(compiled(text).bytes).toString('hex'), output?.toString('hex'), messages);
      }
    });
  }
});
