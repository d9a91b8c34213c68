import assert from 'node:assert/strict';
import { checked } from './drafts';
import { firmware } from './firmware';

const notes = (rules: readonly string[]) => rules.filter((rule) => rule.startsWith('info')).length;
const graver = (rules: readonly string[]) => rules.filter((rule) => !rule.startsWith('info'));

/** What is wrong with the tables of machines that run Linux, by the specification or by what Linux says of it itself. */
const expected: Readonly<Record<keyof typeof firmware, readonly [found: readonly string[], notes: number]>> = {
  ampereAltra: [[], 0],
  // All that Linux loses is peace: it names the index at each look-up.
  nvidiaGrace: [['warning iort-smmuv3-index-range'], 1],
  // Counts of IDs are one too high throughout, which Linux has its workaround for; the memory properties contradict each other.
  hisiliconHip08: [
    [
      ...Array.from({ length: 3 }, () => 'error iort-mapping-off-by-one'),
      'error iort-mem-attributes',
      ...Array.from({ length: 7 }, () => 'warning iort-mapping-count-suspect'),
      'warning iort-nc-padding',
    ],
    5,
  ],
  hisiliconHip07: [
    ['warning iort-mapping-count-suspect', 'warning iort-mapping-count-suspect', 'warning iort-nc-padding'],
    5,
  ],
  nxpLx2160: [['warning iort-nc-padding', 'warning iort-nc-padding'], 3],
  armRdN2: [
    ['error iort-mem-attributes', 'error iort-mem-attributes', 'warning iort-identifier', 'warning iort-nc-padding'],
    2,
  ],
  // Linux does not find these names, nor the IDs of mappings that are not single.
  qualcommSc7180: [['error iort-nc-name', 'warning iort-nc-range-mapping'], 1],
  cixSky1: [['warning iort-identifier'], 11],
  qemuSbsa: [[], 0],
  qemuNested: [['warning iort-rmr-doorbell'], 4],
};

describe('tables of published firmware', () => {
  for (const [name, draft] of Object.entries(firmware)) {
    it(`${name}: what is wrong, and nothing else`, () => {
      const { rules } = checked(draft, { preserveBootConfiguration: true });
      const [found, count] = expected[name as keyof typeof firmware];
      assert.deepEqual(graver(rules), [...found].sort());
      assert.equal(notes(rules), count, rules.join());
    });
  }
});
