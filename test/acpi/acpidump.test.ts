import assert from 'node:assert/strict';
import { isAcpiDump, readAcpiDump } from '../../server/src/acpi/acpidump';

const dump = `APIC @ 0x000000007C1F0000
    0000: 41 50 49 43 B8 00 00 00 04 C1 42 4F 43 48 53 20  APIC......BOCHS${' '}
    0010: 42 58 50 43 20 20 20 20 01 00 00 00 42 58 50 43  BXPC    ....BXPC
    0020: 01 00 00 00                                      ....

IORT @ 0x000000007C1E0000
    0000: 49 4F 52 54 30 20 41 41 20 42 42                 IORT0 AA BB
`;

function bytesOf(text: string): string[] {
  return readAcpiDump(text).tables.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
}

describe('the text of acpidump', () => {
  it('has its tables', () => {
    const { tables, problems } = readAcpiDump(dump);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      tables.map(({ signature, address, bytes }) => [signature, address, bytes.length]),
      [
        ['APIC', 0x7c1f0000n, 36],
        ['IORT', 0x7c1e0000n, 11],
      ],
    );
    assert.equal(dump.slice(tables[1]!.start, tables[1]!.end), dump.slice(dump.indexOf('IORT @')).trimEnd());
  });
  it('ends its bytes where the characters begin, though they look like bytes', () => {
    assert.equal(bytesOf(dump)[1], '494f525430204141204242');
  });
  it('has the ends of lines of any system', () => {
    assert.deepEqual(bytesOf(dump.replaceAll('\n', '\r\n')), bytesOf(dump));
  });
  it('is read in the forms that acpidump had, and as mails quote it', () => {
    const old = dump
      .replace(/0x0+7/g, '0x7')
      .replace(
        /^ {4}(\d{4}: )([0-9A-F ]+?) {2}/gm,
        (_, place: string, digits: string) => `  ${place}${digits.toLowerCase()}  `,
      );
    for (const text of [
      old,
      old.replace(/0x[0-9A-F]+$/gm, '(nil)'),
      dump.replace(/^/gm, '> '),
      dump.replace(/^(?=.)/gm, '>>\t'),
      dump.replace(/^( +\d{4}:) /gm, '$1'),
      dump.replace(/^( +\d{4}:) /gm, '$1\t'),
    ]) {
      assert.ok(isAcpiDump(text), text);
      assert.deepEqual([bytesOf(text), readAcpiDump(text).problems], [bytesOf(dump), []], text);
    }
    assert.equal(readAcpiDump(old.replace(/0x[0-9A-F]+$/gm, '(nil)')).tables[0]!.address, undefined);
  });
  it('takes lines that fill what was missing before them', () => {
    const misplaced = dump.replace('    0010:', '    0120:');
    const { tables, problems } = readAcpiDump(misplaced);
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['272 bytes before 0120 are missing in the dump'],
    );
    assert.deepEqual([tables[0]!.bytes.length, tables[0]!.bytes[0x20], tables[0]!.bytes[0x120]], [0x130, 1, 0x42]);
  });
  it('is known by its first lines', () => {
    assert.ok(isAcpiDump(dump));
    assert.ok(isAcpiDump(`# acpidump of a server\n${dump}`));
    assert.ok(!isAcpiDump('IORT @ 0x10\nnothing'));
    assert.ok(!isAcpiDump('[000h 0000   4]                    Signature : "IORT"'));
  });
  it('says where bytes are missing, and keeps the others at their places', () => {
    const without = dump.replace(/ +0010:.*\n/, '');
    const { tables, problems } = readAcpiDump(without);
    assert.deepEqual(
      problems.map(({ start, end, message }) => [without.slice(start, end).trim().slice(0, 10), message]),
      [['0020: 01 0', '16 bytes before 0020 are missing in the dump']],
    );
    assert.deepEqual([...tables[0]!.bytes.subarray(16, 33)], [...Array<number>(16).fill(0), 1]);
  });
  it('says which lines make no sense', () => {
    const broken = dump
      .replace('    0010: 42', '    0010: 4X')
      .replace('    0020:', '    0000: 01\n    FFFFFFF0: 00\n    0020:');
    assert.deepEqual(
      readAcpiDump(broken).problems.map(({ message }) => message),
      [
        'this line of the dump has no bytes',
        'the bytes at 0000 are given twice',
        'FFFFFFF0 is no place in this table',
        '16 bytes before 0020 are missing in the dump',
      ],
    );
  });
  it('asks for no more memory than the text has', () => {
    const { tables, problems } = readAcpiDump('IORT @ 0x10\n    000100: 00\n'.repeat(1000));
    assert.ok(tables.reduce((sum, { bytes }) => sum + bytes.length, 0) < 32000);
    assert.equal(problems.at(-1)?.message, '000100 is no place in this table');
  });
});
