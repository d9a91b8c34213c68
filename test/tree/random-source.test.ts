// dtc and this project agree on sources that nobody would write.
import assert from 'node:assert/strict';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { parseUnit } from '../../server/src/syntax/parse';
import { sourceFile } from '../../server/src/text/source-file';
import { buildTree } from '../../server/src/tree/build';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { compiled } from '../oracle/reference';
import { describeWithDtc } from '../oracle/suite';
import { type RandomSource, randomSource } from './random-source';

const sources = Number(process.env.RANDOM_SOURCES ?? 300);
const firstSource = Number(process.env.FIRST_SOURCE ?? 1);

describeWithDtc('random sources', (dtc) => {
  it(`${sources} sources are accepted or refused as by dtc, and give the same blob`, async function () {
    this.timeout(600_000);
    let accepted = 0;
    for (let number = firstSource; number < firstSource + sources; number++) {
      const source = randomSource(number);
      const reference = await compiled(dtc, Buffer.from(source.text), { symbols: source.symbols });
      const { blob, errors } = compile(source);
      const about = `source ${number}${source.symbols ? ' with -@' : ''}:\n${source.text}`;
      assert.equal(
        errors.length === 0,
        reference.ok,
        `${about}\nours: ${errors.join('; ')}\ndtc: ${reference.messages}`,
      );
      if (!reference.ok) continue;
      accepted++;
      assert.ok(Buffer.from(blob).equals(reference.output), `another blob than dtc's for ${about}`);
    }
    assert.ok(accepted > sources / 5, `only ${accepted} of ${sources} are good`);
  });
});

function compile({ text, symbols }: RandomSource): { blob: Uint8Array; errors: string[] } {
  const host = { read: () => ({ error: 'no such file' }) };
  const { tokens } = preprocess(sourceFile('/random.dts', text), { includePaths: [], defines: {} }, host);
  const syntax = parseUnit(tokens);
  const { tree, diagnostics } = buildTree(syntax, { symbols, readBinary: () => ({ error: 'no such file' }) });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return { blob: writeFdt(tree), errors: [...syntax.errors, ...errors].map(({ message }) => message) };
}
