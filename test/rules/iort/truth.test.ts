import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { binaryDocument, checkTable, ruleIds, textDocument } from './table';

/** What the tables that real kernels booted with have; the others have nothing. */
const expected: Readonly<Record<string, readonly string[]>> = {
  // QEMU 7.2's own, where a bus bypasses the SMMU.
  '00-qemu': ['error iort-mapping-off-by-one'],
  'a28-root-port': ['error iort-mapping-off-by-one'],
  'a03-rmr-pci-not-preserved': ['warning iort-rmr-pci-preserve'],
  'a08-rmr-unaligned': ['error iort-rmr-align', 'error iort-rmr-align'],
  'a10-rmr-old-revision': ['error iort-rmr-table-revision'],
  'a11-rmr-bad-mapping': ['error iort-rmr-no-descriptor', 'error iort-rmr-no-mapping', 'error iort-rmr-target'],
  'a18-rmr-zero-length': ['error iort-rmr-length-zero'],
  'a31-nc-two-ids': ['warning iort-nc-range-mapping'],
  'a32-rmr-remap-pci-default': ['warning iort-rmr-pci-preserve'],
  'a34-node-count': ['error iort-node-count', 'warning iort-rmr-pci-preserve'],
  'a35-bad-reference': ['error iort-ref-not-node'],
};

const folder = path.join(import.meta.dirname, '../../fixtures/truth/iort');
const madt = binaryDocument(readFileSync(path.join(folder, 'qemu-madt.aml')));

describe('tables that kernels booted with', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.aml') && !name.endsWith('madt.aml'));
  for (const name of names.map((each) => each.replace(/\.aml$/, ''))) {
    it(`${name}: what is wrong, and nothing else, in the binary and in the text`, () => {
      const textFile = path.join(folder, `${name}.dsl`);
      const text = existsSync(textFile) ? readFileSync(textFile, 'utf8') : undefined;
      // What the recorded machine was set to stands in the text's first lines.
      const preserveBootConfiguration = /^\/\* args:.*--preserve-config/m.test(text ?? '');
      const options = { madt, preserveBootConfiguration };
      const binary = binaryDocument(readFileSync(path.join(folder, `${name}.aml`)));
      assert.deepEqual(ruleIds(checkTable(binary, options)), expected[name] ?? []);
      if (text === undefined) return;
      const document = textDocument(text);
      assert.deepEqual(document.diagnostics, []);
      assert.deepEqual(ruleIds(checkTable(document, options)), expected[name] ?? []);
    });
  }
});
