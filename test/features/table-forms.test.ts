// A binary table as an editor shows and saves it.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { lineEdits, type LineEdit } from '../../server/src/features/line-edits';
import { newTable, savedEdits, tableBytes, tableText } from '../../server/src/features/table-forms';

const recorded = path.join(import.meta.dirname, '../fixtures/truth/iort');
const qemu = readFileSync(path.join(recorded, '00-qemu.aml'));

describe('a binary table as text', () => {
  it('comes back byte by byte when it is saved as it is', () => {
    const binaries = readdirSync(recorded).filter((name) => name.endsWith('.aml'));
    assert.ok(binaries.length > 10);
    binaries.push('a17-viot/VIOT');
    for (const name of binaries) {
      const bytes = readFileSync(path.join(recorded, name));
      const saved = tableBytes(textOf(bytes));
      assert.equal(saved.bytes, bytes.toString('base64'), name);
      assert.equal(saved.errors, 0, name);
      assert.deepEqual(savedEdits(textOf(bytes)), { edits: [], hasOwnComments: false }, name);
    }
  });

  it('keeps bytes that no field has, and a checksum that is wrong', () => {
    const bytes = Buffer.concat([qemu, Buffer.from([1, 2, 3])]);
    bytes[9] = 0;
    bytes[0x61] = 0xff;
    assert.equal(tableBytes(textOf(bytes)).bytes, bytes.toString('base64'));
  });

  it('takes an edit, and computes what follows from it', () => {
    const edited = textOf(qemu).replace('ID Count : 00000100', 'ID Count : 000000FF');
    const { bytes, summary, errors } = tableBytes(edited);
    const saved = Buffer.from(bytes, 'base64');
    assert.deepEqual([saved.readUInt32LE(0xc8), errors], [0xff, 0]);
    assert.equal(
      saved.reduce((sum, byte) => (sum + byte) & 0xff, 0),
      0,
    );
    assert.equal(summary, 'IORT, revision 3, 3 nodes, 236 bytes');
    const viot = textOf(readFileSync(path.join(recorded, 'a17-viot/VIOT'))).replace(
      'PCI BDF end : 00FF',
      'PCI BDF end : 0FFF',
    );
    const other = tableBytes(viot);
    assert.equal(Buffer.from(other.bytes, 'base64').readUInt16LE(0x4e), 0xfff);
    assert.equal(other.summary, 'VIOT, revision 0, 2 nodes, 88 bytes');
  });

  it('says where the first error is, and what it is', () => {
    const edited = textOf(qemu).replace('ID Count : 00000100', 'ID Count : zzz');
    const { errors, firstError } = tableBytes(edited);
    assert.equal(errors, 1);
    assert.equal(edited.split('\n')[firstError!.line - 1]?.includes('zzz'), true);
    assert.match(firstError!.message, /no integer/);
  });

  it('is no text of another table, or of none', () => {
    for (const text of ['', 'hello\n', 'Signature : "FACP"\nTable Length : 0\n']) {
      const { errors, firstError, summary } = tableBytes(text);
      assert.ok(errors > 0, text);
      assert.equal(typeof firstError?.message, 'string');
      assert.equal(summary, '');
    }
  });

  it('tells comments of somebody’s from those that are printed', () => {
    const wrong = Buffer.from(qemu);
    wrong[9] = 0;
    const text = textOf(wrong);
    assert.match(text, /Incorrect checksum/);
    assert.equal(savedEdits(text).hasOwnComments, false);
    assert.equal(savedEdits(text.replace('Node Count', '/* three */ Node Count')).hasOwnComments, true);
    assert.equal(savedEdits(text.replace('Raw Table', '// end\nRaw Table')).hasOwnComments, true);
  });

  it('becomes what is read of it, line by line, where it is saved', () => {
    const text = textOf(qemu);
    const typed = text
      .replace('ID Count : 00000100', 'ID Count : FF // not a number of IDs')
      .replace(/(\n\[044h.*)/, '$1\nIdentifiers : 1');
    const { edits, hasOwnComments } = savedEdits(typed);
    assert.equal(hasOwnComments, true);
    const saved = textOf(Buffer.from(tableBytes(typed).bytes, 'base64'));
    assert.equal(applied(typed, edits), saved);
    assert.match(saved, /0072 004h\] +Identifiers : 00000001\n/);
    // Lines that have moved keep their values, and a cursor in them its place.
    assert.ok(edits.every(({ start, end }) => !typed.slice(start, end).includes('Memory Size Limit : 40')));
    assert.deepEqual(savedEdits(saved).edits, []);
    assert.deepEqual(savedEdits(typed.replace('FF //', 'zz //')).edits, []);
  });

  it('is found in what acpidump printed', () => {
    const dump = `${dumped('APIC', Buffer.from('APIC'))}\n${dumped('IORT', qemu)}`;
    assert.deepEqual(tableText(Buffer.from(dump), undefined), tableText(qemu, undefined));
    assert.equal(kindOf(tableText(Buffer.from(dump), 'APIC')), 'APIC');
    assert.deepEqual(tableText(Buffer.from(dump), 'FACP'), { error: 'a dump without the table FACP' });
  });

  it('is not made of anything else', () => {
    const facp = Buffer.from(qemu);
    facp.write('FACP', 0, 'latin1');
    assert.deepEqual(tableText(facp, undefined), { error: 'the table FACP; IORT, APIC (MADT) and VIOT are shown' });
    assert.deepEqual(tableText(Buffer.from('\x7fELF...'), undefined), { error: 'no ACPI table' });
    assert.deepEqual(tableText(Buffer.alloc(0), undefined), { error: 'no ACPI table' });
  });
});

describe('a new table', () => {
  it('is of an issue of the specification, and compiles', () => {
    const { issues, text } = newTable(undefined);
    assert.equal(text, undefined);
    assert.ok(issues.length >= 8);
    for (const { name, revision } of issues) {
      const { errors, summary } = tableBytes(newTable(name).text ?? '');
      assert.equal(errors, 0, name);
      assert.match(summary, new RegExp(`^IORT, revision ${revision}, 3 nodes`));
    }
    assert.equal(newTable('E.a').text, undefined);
  });
});

describe('edits of lines', () => {
  const key = (line: string): string => line.replace(/^\d+ /, '');
  const cases: readonly [string, string, string][] = [
    ['nothing', '1 a\n2 b\n', '1 a\n2 b\n'],
    ['a line that moved', '1 a\n2 b\n', '1 a\n22 b\n'],
    ['an insertion', '1 a\n2 b\n', '1 a\n2 x\n3 b\n'],
    ['a removal', '1 a\n2 x\n3 b\n', '1 a\n2 b\n'],
    ['a removal at the end', '1 a\n2 x', '1 a\n'],
    ['a change', '1 a\n2 b\n3 c', '1 a\n2 x\n3 c'],
    ['all', 'a\nb', 'c'],
    ['from nothing', '', '1 a\n2 b'],
    ['to nothing', '1 a\n2 b', ''],
    ['an end of the last line', '1 a', '1 a\n'],
  ];
  for (const [name, before, after] of cases) {
    it(name, () => {
      assert.equal(applied(before, lineEdits(before, after, key)), after);
    });
  }
  it('leave the ends of lines as they are', () => {
    assert.deepEqual(lineEdits('a\r\nb\r\n', 'a\nb\n', key), []);
    assert.equal(applied('1 a\r\n2 b\r\n', lineEdits('1 a\r\n2 b\r\n', '3 a\n2 b\n', key)), '3 a\r\n2 b\r\n');
  });
  it('are one where nothing is left', () => {
    const many = (name: string): string => Array.from({ length: 3000 }, (_, at) => `${name}${at}\n`).join('');
    assert.equal(lineEdits(many('a'), many('b'), key).length, 1);
  });
});

function applied(text: string, edits: readonly LineEdit[]): string {
  let result = '';
  let at = 0;
  for (const { start, end, newText } of edits) {
    assert.ok(start >= at && end >= start);
    result += text.slice(at, start) + newText;
    at = end;
  }
  return result + text.slice(at);
}

function textOf(bytes: Uint8Array): string {
  const shown = tableText(bytes, undefined);
  assert.ok('text' in shown);
  return shown.text;
}

function kindOf(shown: ReturnType<typeof tableText>): string {
  return 'text' in shown ? shown.signature : shown.error;
}

/** As acpidump prints a table. */
function dumped(signature: string, bytes: Uint8Array): string {
  const lines = [`${signature} @ 0x000000007FFE0000`];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Buffer.from(bytes.subarray(at, at + 16));
    const place = at.toString(16).toUpperCase().padStart(4, '0');
    lines.push(`    ${place}: ${row.toString('hex').toUpperCase().match(/../g)!.join(' ')}  ${'.'.repeat(row.length)}`);
  }
  return `${lines.join('\n')}\n`;
}
