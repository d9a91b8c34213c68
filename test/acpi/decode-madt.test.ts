import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { decodeMadt, encodeMadt } from '../../server/src/acpi/madt/decode';
import { random } from '../fuzz/random';

const recorded = new Uint8Array(fs.readFileSync(path.join(__dirname, '../fixtures/truth/iort/qemu-madt.aml')));

function changed(...writes: readonly (readonly [offset: number, byte: number])[]): Uint8Array {
  const bytes = recorded.slice();
  for (const [offset, byte] of writes) bytes[offset] = byte;
  return bytes;
}

function problems(bytes: Uint8Array): string[] {
  const table = decodeMadt(bytes);
  assert.deepEqual(encodeMadt(table), bytes);
  return table.problems.filter(({ code }) => code !== 'checksum').map(({ code, offset }) => `${code} ${offset}`);
}

describe('decoding a MADT', () => {
  it('of QEMU', () => {
    const table = decodeMadt(recorded);
    assert.deepEqual(table.problems, []);
    const [distributor, cpu, redistributors, its] = table.entries;
    assert.ok(distributor?.kind === 'gic-distributor' && distributor.values.version?.value === 3n);
    assert.equal(distributor.values.base?.value, 0x8000000n);
    assert.ok(cpu?.kind === 'gic-cpu-interface' && cpu.values.performanceGsiv?.value === 0x17n);
    assert.equal(cpu.values.speGsiv?.offset, 0x92);
    assert.equal(cpu.values.trbeGsiv, undefined);
    assert.ok(redistributors?.kind === 'gic-redistributor' && redistributors.values.rangeLength?.value === 0xf60000n);
    assert.ok(its?.kind === 'gic-its' && its.values.itsId?.value === 0n && its.values.base?.value === 0x8080000n);
  });
  it('keeps the bytes of an entry that it does not know', () => {
    const table = decodeMadt(changed([0xa4, 0x20]));
    const last = table.entries.at(-1)!;
    assert.equal(last.kind, 'other');
    assert.deepEqual(last.gaps, [{ offset: 0xa6, end: 0xb8, kind: 'node' }]);
  });
  it('says where an entry leads nowhere', () => {
    assert.deepEqual(problems(changed([0x95, 0])), ['node-length 149']);
    assert.deepEqual(problems(changed([0x95, 1])), ['node-length 149']);
    assert.deepEqual(problems(changed([0xa5, 0x15])), ['node-past-end 165']);
    assert.deepEqual(problems(changed([4, 0xb9])), ['table-length 4']);
    assert.deepEqual(problems(recorded.slice(0, 30)), ['too-short 0']);
    assert.deepEqual(problems(changed([4, 0x2d])), ['node-truncated 44', 'bytes-after-table 45']);
  });
  it('loses no byte whatever they are', () => {
    for (let seed = 0; seed < 2000; seed++) {
      const numbers = random(seed);
      const bytes = recorded.slice(0, 20 + numbers.below(recorded.length - 19));
      for (let count = numbers.below(5); count > 0; count--) bytes[numbers.below(bytes.length)] = numbers.below(256);
      problems(bytes);
    }
  });
});
