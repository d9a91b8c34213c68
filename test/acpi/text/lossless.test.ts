// Any bytes that begin like a table come back from their text, whatever is wrong with them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { sourceFile } from '../../../server/src/text/source-file';
import { random, type Random } from '../../fuzz/random';
import { generateTable } from '../generate-table';
import { buildIort, type NodeDraft } from '../../../server/src/acpi/iort/build';

const recorded = path.join(__dirname, '../../fixtures/truth/iort');

function assertComesBack(bytes: Uint8Array, name: string): string {
  let printed = '';
  for (const style of ['20200925', 'current'] as const) {
    printed = printTable(bytes, { style });
    const document = documentOfText(sourceFile('table.dsl', printed, 'latin1'));
    assert.equal(Buffer.from(document.bytes).toString('hex'), Buffer.from(bytes).toString('hex'), `${name}, ${style}`);
  }
  return printed;
}

function mangled(table: Uint8Array, numbers: Random): Uint8Array {
  let bytes = table.slice();
  for (let round = numbers.below(6); round >= 0; round--) {
    const at = 4 + numbers.below(bytes.length - 4);
    switch (numbers.below(4)) {
      case 0:
        bytes[at] = numbers.below(256);
        break;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << numbers.below(8));
        break;
      case 2:
        bytes[at] = numbers.pick([0, 1, 0x20, 0x22, 0x5c, 0xff]);
        break;
      case 3:
        bytes = bytes.slice(0, Math.max(5, bytes.length - numbers.below(40)));
    }
  }
  return bytes;
}

const its: NodeDraft = { kind: 'its-group', revision: 1, identifiers: [0] };

function table(revision: number, ...nodes: NodeDraft[]): Uint8Array {
  const built = buildIort({ revision, nodes });
  assert.ok('bytes' in built);
  return built.bytes;
}

describe('text of any binary table', () => {
  it('gives odd layouts back', () => {
    for (let seed = 0; seed < 60; seed++) assertComesBack(generateTable(seed, { isOdd: true }), `seed ${seed}`);
  });

  it('gives mangled tables back', () => {
    const madt = fs.readFileSync(path.join(recorded, 'qemu-madt.aml'));
    for (let seed = 0; seed < 200; seed++) {
      const numbers = random(seed);
      const whole = seed % 8 === 0 ? madt : generateTable(seed, { mostNodes: 5, isOdd: seed % 2 === 0 });
      assertComesBack(mangled(whole, numbers), `seed ${seed}`);
    }
  });

  it('gives every beginning of a table back', () => {
    const whole = generateTable(11, { mostNodes: 4 });
    for (let length = 4; length < whole.length; length += 1 + (length >> 5)) {
      assertComesBack(whole.subarray(0, length), `${length} bytes`);
    }
  });

  it('keeps a name that its mappings follow directly, which iasl cannot show', () => {
    const mappings = [{ inputBase: 0, count: 0, outputBase: 1, target: 0, flags: 1 }];
    const name = { kind: 'named-component', revision: 4, name: '\\_SB_.DEV0', padding: new Uint8Array() } as const;
    const text = assertComesBack(table(5, its, { ...name, mappings }), 'no padding');
    assert.doesNotMatch(text, /Padding/);
    assert.doesNotMatch(text, /^\/\/doorbell/m);
  });

  it('keeps the flags of a root complex, which no iasl knows', () => {
    const complex: NodeDraft = { kind: 'root-complex', revision: 4, fields: { flags: 1, pasidCapabilities: 0x14 } };
    assert.match(assertComesBack(table(6, its, complex), 'flags'), /^\/\/doorbell +Flags : 00000001$/m);
  });

  it('keeps fields that the node is too old for away', () => {
    const pmcg: NodeDraft = { kind: 'pmcg', revision: 0, fixedSize: 0x20, fields: { page0Base: 0x1000n } };
    assert.match(assertComesBack(table(0, its, pmcg), 'short'), /^\/\/doorbell +Body ends : 0020$/m);
  });

  it('keeps computed values that are wrong, and marks them', () => {
    const counted = fs.readFileSync(path.join(recorded, 'a34-node-count.aml'));
    assert.match(assertComesBack(counted, 'count'), /Node Count : 00000009 {2}\/\/doorbell as written$/m);
    const summed = Uint8Array.from(counted);
    summed[9]!++;
    const checksum = /Checksum : 04 {5}\/\* Incorrect checksum, should be 03 \*\/ {2}\/\/doorbell as written$/m;
    assert.match(assertComesBack(summed, 'checksum'), checksum);
  });

  it('keeps padding whose characters end a comment', () => {
    const padding = Buffer.from('a*/\\*/');
    const name = { kind: 'named-component', revision: 4, name: '\\_SB_.DEV0', padding } as const;
    for (const nodes of [[its, name], [its]]) {
      const built = buildIort({ revision: 5, nodes, ...(nodes.length === 1 ? { padding } : {}) });
      assert.ok('bytes' in built);
      const text = assertComesBack(built.bytes, 'padding');
      assert.doesNotMatch(text, /\/\/doorbell/);
      assert.match(text, /Padding : 61 2A 2F 5C 2A 2F +\/\* a\*\.\\\*\. \*\//);
    }
  });

  it('keeps what a string cannot say', () => {
    const bytes = Uint8Array.from(table(0, its));
    bytes.set([0x41, 0, 0x42, 0x22, 0xe9, 0x5c], 0x0a);
    assert.match(assertComesBack(bytes, 'OEM ID'), /Oem ID : "A" {2}\/\/doorbell bytes 41 00 42 22 E9 5C$/m);
  });
});
