// The VIOT as text and back, and as the iasl that knows it has it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checksumOf } from '../../../server/src/acpi/table-header';
import { documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { decodeViot } from '../../../server/src/acpi/viot';
import { sourceFile } from '../../../server/src/text/source-file';
import { random, type Random } from '../../fuzz/random';
import { compileText, decompileTable } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';

const qemus = readFileSync(path.join(import.meta.dirname, '../../fixtures/truth/iort/a17-viot/VIOT'));
const headerSize = 48;
const nodeSizes = [24, 24, 16, 16];
/** Fields that must be zero, in the node of each type. */
const reserved = [
  [18, 24],
  [18, 24],
  [8, 16],
  [4, 8],
];

function bytesBelow(count: number, numbers: Random): number[] {
  return Array.from({ length: count }, () => numbers.below(256));
}

function node(type: number, numbers: Random): number[] {
  const size = nodeSizes[type - 1]!;
  const bytes = [type, 0, size, 0, ...bytesBelow(size - 4, numbers)];
  const [from, to] = reserved[type - 1]!;
  return bytes.fill(0, from, to);
}

function viot(types: readonly number[], numbers: Random): Buffer {
  const bytes = Buffer.concat([
    qemus.subarray(0, headerSize),
    Buffer.from(types.flatMap((type) => node(type, numbers))),
  ]);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt16LE(types.length, 36);
  bytes.writeUInt8(checksumOf(bytes), 9);
  return bytes;
}

function tables(count: number): Buffer[] {
  return Array.from({ length: count }, (_, seed) => {
    const numbers = random(seed);
    return viot(
      Array.from({ length: numbers.below(8) }, () => 1 + numbers.below(4)),
      numbers,
    );
  });
}

const read = (text: string): TableDocument => documentOfText(sourceFile('viot.dsl', text, 'latin1'));
const hexOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');
const fieldsOf = (text: string) => text.slice(text.search(/^\[/m));

describe('a VIOT as text', () => {
  it('is the table that the binary is', () => {
    for (const bytes of [qemus, ...tables(50)]) {
      const text = printTable(bytes, { style: 'current' });
      assert.doesNotMatch(text, /\/\/doorbell/);
      const document = read(text);
      assert.deepEqual([document.diagnostics, hexOf(document.bytes)], [[], hexOf(bytes)]);
      assert.deepEqual(document.viot, decodeViot(bytes));
      assert.deepEqual([document.iort, document.madt], [undefined, undefined]);
    }
  });

  it('has its lengths, counts and offsets computed', () => {
    const wrong = printTable(qemus, { style: 'current' })
      .replace(/(Table Length :) .*/, '$1 1')
      .replace(/(Checksum :) .*/, '$1 1')
      .replace(/(Node count :) .*/, '$1 9')
      .replace(/(Node offset :) .*/, '$1 44')
      .replaceAll(/( Length :) 00../g, '$1 0099')
      .replace('Type : 03', 'Type : 1 + 2');
    assert.equal(hexOf(read(wrong).bytes), hexOf(qemus));
  });

  it('says what is wrong with it, and is read as far as it goes', () => {
    const text = printTable(qemus, { style: 'current' });
    const rules = (changed: string) => read(changed).diagnostics.map(({ rule }) => rule);
    assert.deepEqual(rules(text.replace('Type : 01', 'Type : 07')), ['table-node-unknown']);
    assert.deepEqual(rules(text.replace(/.*PCI BDF end.*\n/, '')), ['table-line-missing']);
    assert.deepEqual(rules(text.replace('Output node : 0030', 'Output node : zz')), ['table-number']);
    const withoutRange = read(text.slice(0, text.indexOf('[040h')));
    assert.deepEqual([withoutRange.diagnostics, withoutRange.viot?.problems], [[], []]);
  });

  it('comes back whatever its bytes are', () => {
    for (let seed = 0; seed < 300; seed++) {
      const numbers = random(seed);
      const bytes = Buffer.from(viot([3, 1, 4, 2, 1], numbers));
      for (let change = numbers.below(6); change >= 0; change--)
        bytes[4 + numbers.below(bytes.length - 4)] = numbers.below(256);
      const table = bytes.subarray(0, numbers.below(3) === 0 ? 36 + numbers.below(bytes.length - 36) : bytes.length);
      for (const style of ['current', '20200925'] as const) {
        assert.equal(hexOf(read(printTable(table, { style })).bytes), hexOf(table), `seed ${seed}`);
      }
    }
  });
});

describeWithIasl('a VIOT and iasl', function (iasl) {
  this.timeout(60_000);

  it('is compiled to the same bytes', async () => {
    for (const bytes of [qemus, ...tables(20)]) {
      const { output, messages } = await compileText(iasl.current, printTable(bytes, { style: 'current' }));
      assert.equal(hexOf(output), hexOf(bytes), messages);
    }
  });

  it('is printed alike, and read from what iasl prints', async () => {
    for (const bytes of [qemus, ...tables(20)]) {
      const { output } = await decompileTable(iasl.current, bytes);
      const theirs = output?.toString('latin1') ?? '';
      assert.equal(fieldsOf(printTable(bytes, { style: 'current' })), fieldsOf(theirs));
      assert.equal(hexOf(read(theirs).bytes), hexOf(bytes));
    }
  });
});
