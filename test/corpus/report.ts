// The comparison of many boards, in words.
import type { Comparison } from './compare';

/** Prints what is to be looked at, then the counts; true where nothing is. */
export function report(comparisons: readonly Comparison[]): boolean {
  const having = (outcome: Comparison['outcome']): Comparison[] =>
    comparisons.filter((comparison) => comparison.outcome === outcome);
  const accepted = [...having('same'), ...having('different')];
  const falseErrors = accepted.flatMap(({ board, errors }) => errors.map((error) => ({ board, ...error })));

  for (const { board, outcome, details } of comparisons) {
    if (outcome === 'different' || outcome === 'crash') console.log(`${board}: ${outcome}\n${details}\n`);
  }
  for (const { board, details } of having('missed')) console.log(`${board}: dtc refuses it, we do not:\n${details}\n`);
  reportErrors(falseErrors);

  for (const [name, group] of [
    ['boards', comparisons.filter(({ board }) => board.endsWith('.dts'))],
    ['overlays', comparisons.filter(({ board }) => board.endsWith('.dtso'))],
  ] as const) {
    const count = (outcome: Comparison['outcome']): number =>
      group.filter((comparison) => comparison.outcome === outcome).length;
    const taken = count('same') + count('different');
    const identical = group.filter(({ isIdentical }) => isIdentical).length;
    console.log(
      `${name}: ${group.length}; dtc takes ${taken}: ${count('same')} equal (${identical} byte for byte), ` +
        `${count('different')} different; dtc refuses ${count('refused') + count('missed')}, we ${count('refused')} of them; ` +
        `${count('crash')} crashes`,
    );
  }
  console.log(`errors of ours on what dtc takes: ${falseErrors.length}`);
  return having('different').length + having('missed').length + having('crash').length + falseErrors.length === 0;
}

function reportErrors(errors: readonly { board: string; rule: string; text: string }[]): void {
  const byRule = new Map<string, typeof errors>();
  for (const error of errors) byRule.set(error.rule, [...(byRule.get(error.rule) ?? []), error]);
  for (const [rule, found] of byRule) {
    const texts = new Map<string, string[]>();
    for (const { text, board } of found) texts.set(text, [...(texts.get(text) ?? []), board]);
    console.log(`error ${rule}: ${found.length} on boards that dtc takes`);
    for (const [text, boards] of texts) console.log(`  ${text} (${boards.length} boards, ${boards[0]!})`);
  }
}
