// dtc and this project agree on what a device tree source is and on what it means, construct by construct.
import assert from 'node:assert/strict';
import path from 'node:path';
import { compileSource, type Compiled } from '../oracle/ours';
import { compiled, decompiled, preprocessed, type ToolResult } from '../oracle/reference';
import { withFiles } from '../oracle/scratch-folder';
import { describeWithDtc } from '../oracle/suite';
import { type AgreementCase, readCaseFamilies } from './case-file';

const families = readCaseFamilies(path.join(__dirname, 'cases'));

describeWithDtc('agreement with dtc', (dtc) => {
  for (const { name, cases } of families) {
    describe(name, () => {
      const judged = new Map<AgreementCase, Judgement>();
      before(() => judgeAll(dtc, cases, judged));
      for (const example of cases) {
        if (name === 'known-differences') {
          it(example.title);
          continue;
        }
        it(`${example.accepted ? 'accepts' : 'rejects'} ${example.title}`, () =>
          agrees(dtc, example, judged.get(example)!));
      }
    });
  }
});

interface Judgement {
  readonly ours: Compiled;
  readonly theirs: ToolResult;
}

/** Asks both, a few at a time: most of it is waiting for gcc to start. */
async function judgeAll(
  dtc: string,
  cases: readonly AgreementCase[],
  judged: Map<AgreementCase, Judgement>,
): Promise<void> {
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let example = waiting.shift(); example !== undefined; example = waiting.shift()) {
      judged.set(example, await judge(dtc, example));
    }
  };
  await Promise.all([work(), work(), work()]);
}

function judge(dtc: string, { files, symbols }: AgreementCase): Promise<Judgement> {
  return withFiles(files, async (folder) => {
    const root = path.join(folder, 'main.dts');
    const text = await preprocessed(root, []);
    const theirs = text.ok ? await compiled(dtc, text.output, { cwd: folder, symbols }) : text;
    return { ours: compileSource(root, { includePaths: [], symbols }), theirs };
  });
}

async function agrees(dtc: string, { accepted }: AgreementCase, { ours, theirs }: Judgement): Promise<void> {
  assert.equal(theirs.ok, accepted, `dtc does not do what the case says: ${theirs.messages}`);
  const messages = ours.errors.map(({ rule, message }) => `${rule}: ${message}`).join('\n');
  assert.equal(ours.errors.length === 0, accepted, messages || 'no error found');
  if (!accepted || Buffer.compare(ours.blob, theirs.output) === 0) return;
  const [blob, expected] = await Promise.all([decompiled(dtc, ours.blob), decompiled(dtc, theirs.output)]);
  assert.ok(blob.ok, `dtc cannot read our blob: ${blob.messages}`);
  assert.equal(blob.output.toString('latin1'), expected.output.toString('latin1'));
  assert.equal(bootProcessor(ours.blob), bootProcessor(theirs.output), 'boot processor');
}

/** `boot_cpuid_phys` of the header, which decompiling does not show. */
function bootProcessor(blob: Uint8Array): number {
  return new DataView(blob.buffer, blob.byteOffset).getUint32(28);
}
