// dtc and this project agree on what a device tree source is and on what it means, construct by construct.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileSource } from '../oracle/ours';
import { compiled, decompiled, preprocessed, type ToolResult } from '../oracle/reference';
import { describeWithDtc } from '../oracle/suite';
import { type AgreementCase, readCaseFamilies } from './case-file';

const families = readCaseFamilies(path.join(__dirname, 'cases'));

describeWithDtc('agreement with dtc', (dtc) => {
  for (const { name, cases } of families) {
    describe(name, () => {
      for (const example of cases) {
        it(`${example.accepted ? 'accepts' : 'rejects'} ${example.title}`, () => agrees(dtc, example));
      }
    });
  }
});

async function agrees(dtc: string, example: AgreementCase): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-'));
  try {
    for (const [name, text] of example.files) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const root = path.join(folder, 'main.dts');
    const reference = await referenceBlob(dtc, root, example.symbols);
    assert.equal(reference.ok, example.accepted, `dtc does not do what the case says: ${reference.messages}`);

    const { blob, errors } = compileSource(root, { includePaths: [], symbols: example.symbols });
    const messages = errors.map((error) => `${error.rule}: ${error.message}`).join('\n');
    assert.equal(errors.length === 0, example.accepted, messages || 'no error found');
    if (!example.accepted) return;
    const [ours, theirs] = await Promise.all([decompiled(dtc, blob), decompiled(dtc, reference.output)]);
    assert.ok(ours.ok, `dtc cannot read our blob: ${ours.messages}`);
    assert.equal(ours.output.toString('latin1'), theirs.output.toString('latin1'));
    assert.equal(bootProcessor(blob), bootProcessor(reference.output), 'boot processor');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function referenceBlob(dtc: string, root: string, symbols: boolean): Promise<ToolResult> {
  const text = await preprocessed(root, []);
  if (!text.ok) return text;
  return compiled(dtc, text.output, { cwd: path.dirname(root), symbols });
}

/** `boot_cpuid_phys` of the header, which decompiling does not show. */
function bootProcessor(blob: Uint8Array): number {
  return new DataView(blob.buffer, blob.byteOffset).getUint32(28);
}
