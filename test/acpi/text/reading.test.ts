// How a text is read, row by row: what each writing comes to here, and that both versions of iasl say the same.
import assert from 'node:assert/strict';
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { newIort } from '../../../server/src/acpi/text/template';
import { sourceFile } from '../../../server/src/text/source-file';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';

type Edit = (text: string) => string;

interface Reading {
  readonly title: string;
  readonly edit: Edit;
  /** A field's value afterwards, or the id of the error. */
  readonly gives: string | bigint;
  /** Of which field; of `VATOS Address` where absent. */
  readonly field?: string;
  /** Where iasl reports success and writes nothing, or cut the table off: nothing to compare with. */
  readonly isLost?: true;
  /** The versions of iasl that take it; both where absent. */
  readonly styles?: readonly TextStyle[];
}

/** Replaces the value of the first line of that name. */
function value(name: string, written: string): Edit {
  return (text) => text.replace(new RegExp(`(${name} :) .*`), (_, head: string) => `${head} ${written}`);
}

/** Replaces the first line of that name. */
function line(name: string, written: string): Edit {
  return (text) => text.replace(new RegExp(`^.* ${name} : .*$`, 'm'), () => written);
}

function vatos(title: string, written: string, gives: string | bigint): Reading {
  return {
    title: `${title}: \`${JSON.stringify(written).slice(1, -1)}\``,
    edit: value('VATOS Address', written),
    gives,
  };
}

function oemId(title: string, written: string, gives: string): Reading {
  const edit = value('Oem ID', written);
  return { title: `${title}: \`${JSON.stringify(written).slice(1, -1)}\``, edit, gives, field: 'Oem ID' };
}

const readings: readonly Reading[] = [
  vatos('a number is hexadecimal', '10', 0x10n),
  vatos('with 0x', '0x1F', 0x1fn),
  vatos('with 0X', '0X1f', 0x1fn),
  vatos('no decimal prefix', '0d16', 0xd16n),
  vatos('leading zeros', '00000000000000000000000012', 0x12n),
  vatos('digits behind the sixteenth are lost', '12345678901234567', 0x1234567890123456n),
  vatos('0x without digits', '0x', 0n),
  vatos('quotes do not matter', '"12"', 0x12n),
  vatos('a note ends it', '0 [note] 5', 0n),
  vatos('a second colon ends it', '0 : 3', 0n),
  vatos('junk ends it', '10h', 0x10n),
  vatos('junk ends it', '10;', 0x10n),
  vatos('junk ends it', '5 ? 1', 5n),
  vatos('junk ends it', '1_0', 1n),
  vatos('a single = ends it', '1 = 2', 1n),
  vatos('a tab behind', '12\t', 0x12n),
  vatos('a tab before', '\t12', 0x12n),
  vatos('two numbers', '10 20', 'table-number'),
  vatos('a word behind', '10 decimal', 'table-number'),
  vatos('a sign', '-1', 'table-number'),
  vatos('no number', 'zz', 'table-number'),
  vatos('an empty string is a value', '""', 'table-number'),
  vatos('an empty value is no line', '', 'table-line-missing'),
  vatos('a note alone is no value', '[note]', 'table-line-missing'),
  vatos('the character before a note is lost', '5[note]', 'table-line-missing'),
  vatos('addition', '10 + 2', 0x12n),
  vatos('precedence', '1 + 2 * 3', 7n),
  vatos('precedence', '6 & 3 == 3', 0n),
  vatos('parentheses', '(1 + 2) * 3', 9n),
  vatos('from left to right', '2 - 1 - 1', 0n),
  vatos('wraps at 64 bits', '1 - 2', 0xffff_ffff_ffff_ffffn),
  vatos('complement', '~0', 0xffff_ffff_ffff_ffffn),
  vatos('not', '!5', 0n),
  vatos('shift', '1 << 3F', 1n << 63n),
  vatos('a shift by 64 is none', '1 << 40', 1n),
  vatos('shift right', '80 >> 4', 8n),
  vatos('comparison', '1 < 2 < 3', 1n),
  vatos('logic', '0 || 3', 1n),
  vatos('logic', '1 && 2', 1n),
  vatos('modulo', '17 % 10', 7n),
  vatos('division by zero', '10 / 0', 'table-division-by-zero'),
  vatos('an operand is missing', '1 +', 'table-number'),
  vatos('a parenthesis is missing', '(1', 'table-number'),
  vatos('a label that is not defined', '$L1', 'table-label-unknown'),
  vatos('a comment behind', '12 // note', 0x12n),
  vatos('a comment inside', '1 /* c */ + 2', 3n),
  vatos('a comment over lines', '1 /* c\n c */ + 2', 3n),
  vatos('a continued line', '1 \\\n + 2', 3n),
  vatos('a backslash before a blank continues nothing', '1 \\ ', 1n),
  { title: 'too large for the field', edit: value('Model', '1FFFFFFFF'), gives: 'table-number-range' },
  { title: 'the complement of zero has 64 bits', edit: value('Model', '~0'), gives: 'table-number-range' },
  { title: 'a computed field is computed', edit: value('Node Count', '7'), gives: 3n, field: 'Node Count' },
  { title: 'but must parse', edit: value('Table Length', 'zzz'), gives: 'table-number' },
  { title: 'and must fit', edit: value('Checksum', '100'), gives: 'table-number-range' },
  { title: 'a mapping offset is computed', edit: value('Mapping Offset', '99'), gives: 0n, field: 'Mapping Offset' },
  { title: 'flag lines are not read', edit: value('COHACC Override', '0'), gives: 1n, field: 'COHACC Override' },
  { title: 'flag lines may be garbage', edit: value('HTTU Override', 'zz'), gives: 0n, field: 'HTTU Override' },
  {
    title: 'the integer above flag lines is compiled',
    edit: (text) => text.replace(/(Base Address : .*\n.*Flags \(decoded below\) :) .*/, '$1 FF'),
    gives: 0xffn,
    field: 'Flags (decoded below)',
  },
  {
    title: 'an output reference is trusted',
    edit: value('Output Reference', '999'),
    gives: 0x999n,
    field: 'Output Reference',
  },
  oemId('a string', '"ABC"', 'ABC\0\0\0'),
  oemId('without quotes', 'ABC', 'ABC\0\0\0'),
  oemId('with blanks inside', 'A B', 'A B\0\0\0'),
  oemId('blanks behind go', 'AB   ', 'AB\0\0\0\0'),
  oemId('blanks in quotes stay', '"AB  "', 'AB  \0\0'),
  oemId('a bracket in quotes', '"A[B"', 'A[B\0\0\0'),
  oemId('no escapes', '"A\\"B"', 'A\\\0\0\0\0'),
  oemId('an empty string', '""', '\0\0\0\0\0\0'),
  oemId('a blank alone', '" "', ' \0\0\0\0\0'),
  oemId('comments in quotes are none', '"//A"', '//A\0\0\0'),
  oemId('a comment behind', '"A" // x', 'A\0\0\0\0\0'),
  oemId('anything behind the quote', '"A" junk : 5', 'A\0\0\0\0\0'),
  oemId('quotes inside stay', 'x"A"', 'x"A\0\0\0'),
  oemId('single quotes are none', "'AB'", "'AB'\0\0"),
  oemId('too long', '"ABCDEFG"', 'table-string-length'),
  {
    title: 'a string that is not closed takes the next line',
    edit: value('Oem ID', '"OEM'),
    gives: 'table-string-unclosed',
  },
  { title: 'a name with its prefixes', edit: line('VATOS Address', '[1] [2]  VATOS Address : 5'), gives: 5n },
  { title: 'no prefix', edit: line('VATOS Address', 'VATOS Address:5'), gives: 5n },
  { title: 'a tab before the name', edit: line('VATOS Address', '\tVATOS Address : 5'), gives: 5n },
  { title: 'quotes around the name', edit: line('VATOS Address', '"VATOS Address" : 5'), gives: 5n },
  { title: 'a tab behind the name', edit: line('VATOS Address', 'VATOS Address\t: 5'), gives: 'table-line-unexpected' },
  {
    title: 'two blanks in the name',
    edit: line('VATOS Address', 'VATOS  Address : 5'),
    gives: 'table-line-unexpected',
  },
  { title: 'lower case', edit: line('VATOS Address', 'vatos address : 5'), gives: 'table-line-unexpected' },
  {
    title: 'a colon in the prefix',
    edit: line('VATOS Address', '[0:4] VATOS Address : 5'),
    gives: 'table-line-unexpected',
  },
  { title: 'a line is missing', edit: line('VATOS Address', ''), gives: 'table-line-missing' },
  {
    title: 'a line too many',
    edit: line('VATOS Address', 'Extra : 1\nVATOS Address : 5'),
    gives: 'table-line-unexpected',
  },
  { title: 'a line without a colon', edit: line('VATOS Address', 'anything\nVATOS Address : 5'), gives: 5n },
  {
    title: 'a slash at a line’s end joins the next',
    edit: line('VATOS Address', '/\nVATOS Address : 5'),
    gives: 'table-line-unexpected',
  },
  { title: 'CR LF', edit: (text) => text.replaceAll('\n', '\r\n'), gives: 0n },
  { title: 'CR LF in a continued line', edit: value('VATOS Address', '1 \\\r\n + 2\r'), gives: 3n },
  { title: 'no newline at the end', edit: (text) => text.slice(0, text.indexOf('Raw Table')).trimEnd(), gives: 0n },
  { title: 'the end inside a comment is none', edit: (text) => `// Raw Table Data\n${text}`, gives: 0n },
  {
    title: 'the end inside a name',
    edit: line('Span|VATOS Address', 'x Raw Table Data : 1'),
    gives: 'table-line-missing',
  },
  { title: 'a form feed', edit: (text) => `\f\n${text}`, gives: 0n },
  { title: 'letters of no ASCII in a comment', edit: (text) => `/* é */ // é\n${text}`, gives: 0n },
  { title: 'a byte order mark', edit: (text) => `\ufeff${text}`, gives: 'table-not-text', isLost: true },
  { title: 'a letter in a note', edit: value('VATOS Address', '5 [é]'), gives: 'table-not-text', isLost: true },
  { title: 'a control character', edit: (text) => `\u0001\n${text}`, gives: 'table-not-text', isLost: true },
  { title: 'a letter behind the raw data', edit: (text) => `${text}é\n`, gives: 'table-not-text', isLost: true },
  { title: 'a letter in a comment behind the raw data', edit: (text) => `${text}// é\n/* é */\n`, gives: 0n },
  { title: 'a lone CR', edit: (text) => `x\rx\n${text}`, gives: 'table-lone-return', isLost: true },
  { title: 'a CR at the very end', edit: (text) => `${text.slice(0, text.indexOf('Raw Table'))}\r`, gives: 0n },
  {
    title: 'what makes it a source of ASL, in a comment',
    edit: (text) => `// not a Definitionblock\n${text}`,
    gives: 'table-definition-block',
  },
  {
    title: 'what makes it a source of ASL, in a line without a colon',
    edit: (text) => `DefinitionBlock\n${text}`,
    gives: 'table-definition-block',
  },
  {
    title: 'what makes it a source of ASL, behind the raw data',
    edit: (text) => `${text}// DefinitionBlock\n`,
    gives: 'table-definition-block',
  },
  {
    title: 'the same on two lines of a comment does not',
    edit: (text) => `/* Definition\nBlock */\n${text}`,
    gives: 0n,
  },
  { title: 'a signature in lower case', edit: value('Signature', '"iort"'), gives: 'table-signature' },
  { title: 'a signature that nobody knows', edit: value('Signature', '"IROT"'), gives: 'table-signature' },
  { title: 'a signature too long', edit: value('Signature', '"IORT "'), gives: 'table-string-length' },
  { title: 'no signature', edit: line('Signature', ''), gives: 'table-signature' },
  { title: 'a comment that is not closed', edit: (text) => `${text}/*`, gives: 0n },
  {
    title: 'a comment that is not closed swallows the rest',
    edit: (text) => text.replace(/\n(.* Type : 02)/, '\n/* $1'),
    gives: 'table-comment-unclosed',
    isLost: true,
  },
  {
    title: 'a reserved field is set to zero; a current iasl refuses it',
    edit: reserved('1'),
    gives: 0n,
    field: 'Reserved',
    styles: ['20200925'],
  },
  { title: 'an unknown type', edit: value('Type', '09'), gives: 'table-node-unknown' },
];

function reserved(written: string): Edit {
  return (text) => text.replace(/(Node Offset : .*\n.*Reserved :) .*/, `$1 ${written}`);
}

function documentFor(style: TextStyle, edit: Edit): TableDocument {
  return documentOfText(sourceFile('table.dsl', edit(newIort(0, style))));
}

function outcome(document: TableDocument, { gives, field = 'VATOS Address' }: Reading): string | bigint | undefined {
  const errors = document.diagnostics.filter(({ severity }) => severity === 'error');
  if (typeof gives === 'string' && gives.startsWith('table-')) {
    return errors.some(({ rule }) => rule === gives) ? gives : (errors[0]?.rule ?? 'no error');
  }
  if (errors[0] !== undefined) return errors[0].message;
  const found = document.syntax.fields.find(
    (each) =>
      (each.flag?.label ?? each.field.label) === field && (field !== 'Flags (decoded below)' || each.size === 4),
  );
  if (typeof gives === 'bigint') return found?.compiled;
  return found && Buffer.from(document.bytes.subarray(found.offset, found.offset + found.size)).toString('latin1');
}

describe('how a text is read', () => {
  for (const reading of readings) {
    it(reading.title, () => {
      for (const style of ['20200925', 'current'] as const) {
        assert.equal(outcome(documentFor(style, reading.edit), reading), reading.gives, style);
      }
    });
  }
});

describeWithIasl('how iasl reads a text', (iasl) => {
  for (const reading of readings.filter(({ isLost }) => isLost !== true)) {
    it(reading.title, async () => {
      for (const style of reading.styles ?? (['20200925', 'current'] as const)) {
        const document = documentFor(style, reading.edit);
        const { output, messages } = await compileText(iasl[style], reading.edit(newIort(0, style)));
        if (typeof reading.gives === 'string' && reading.gives.startsWith('table-')) {
          assert.equal(output, undefined, messages);
        } else {
          assert.equal(Buffer.from(document.bytes).toString('hex'), output?.toString('hex'), `${style}: ${messages}`);
        }
      }
    });
  }
});
