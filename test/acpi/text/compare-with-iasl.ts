// One changed text through an iasl and through Doorbell: whether they agree, as far as they are meant to.
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { newIort } from '../../../server/src/acpi/text/template';
import { sourceFile } from '../../../server/src/text/source-file';
import { random } from '../../fuzz/random';
import { compileText } from '../../oracle/iasl/iasl';
import { generateTable } from '../generate-table';
import { mutatedText } from './mutate-text';

/** `lost`: where Doorbell is stricter or more lenient than iasl on purpose, and says so. */
export type Outcome = 'same' | 'both refuse' | 'lost' | 'differs';

/** iasl compiles these, and loses a part of the text, or follows an expression of hundreds of parentheses. */
const strictHere = new Set(['table-comment-unclosed', 'table-string-unclosed', 'table-lone-return', 'table-directive']);
/** iasl refuses these; here they are warnings. */
const lenientHere = new Set([
  'table-reserved',
  'table-padding',
  'table-empty',
  'table-array-order',
  'table-signature-missing',
]);
/** 20200925 crashes on a note directly behind the colon, and on a colon in a line's prefix. */
const crashes = /:\[|\[[^\]\n]*:/;

export function textOfSeed(style: TextStyle, seed: number): string {
  const numbers = random(seed);
  const revision = style === '20200925' ? 0 : numbers.pick([0, 3, 5, 6, 7]);
  const types = style === '20200925' ? [0, 1, 2, 3, 4, 5] : [0, 1, 2, 3, 4, 5, 6];
  const isNew = numbers.below(5) === 0;
  const text = isNew
    ? newIort(revision, style)
    : printTable(generateTable(seed, { iasl: style, mostNodes: 4, types }), { style });
  return mutatedText(text, numbers);
}

export async function compareWithIasl(
  style: TextStyle,
  iasl: string,
  seed: number,
): Promise<{ readonly kind: Outcome; readonly detail: string }> {
  const text = textOfSeed(style, seed);
  const { output, messages } = await compileText(iasl, Buffer.from(text, 'latin1'));
  const { bytes, diagnostics } = documentOfText(sourceFile(`/${style}-${seed}.dsl`, text, 'latin1'));
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const detail = `${messages.trim().slice(-600)}\n${diagnostics.map(({ message }) => message).join('\n')}`;
  if (output === undefined) {
    if (errors.length > 0) return { kind: 'both refuse', detail };
    const isCrash = style === '20200925' && messages === '' && crashes.test(text);
    const isTold = diagnostics.some(({ rule }) => lenientHere.has(rule));
    // A rule about the table tells that.
    const isWithdrawn = messages.includes('IORT table revision');
    return { kind: isCrash || isTold || isWithdrawn ? 'lost' : 'differs', detail };
  }
  if (errors.length === 0) return { kind: Buffer.from(bytes).equals(output) ? 'same' : 'differs', detail };
  const isDeep = errors.some(({ message }) => message.includes('nests deeper'));
  return { kind: isDeep || errors.some(({ rule }) => strictHere.has(rule)) ? 'lost' : 'differs', detail };
}
