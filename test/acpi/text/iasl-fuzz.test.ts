// Texts with random changes: where an iasl compiles one, Doorbell gives the same bytes; where it does not, Doorbell says why.
import assert from 'node:assert/strict';
import { describeWithIasl } from '../../oracle/suite';
import { compareWithIasl } from './compare-with-iasl';

describeWithIasl('texts with random changes', function (iasl) {
  this.timeout(180_000);

  for (const style of ['20200925', 'current'] as const) {
    it(`are compiled as iasl ${style} compiles them`, async () => {
      const counts = new Map<string, number>();
      for (let seed = 0; seed < 150; seed++) {
        const { kind, detail } = await compareWithIasl(style, iasl[style], seed);
        assert.notEqual(kind, 'differs', `seed ${seed}: ${detail}`);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      assert.ok(counts.get('same')! > 40 && counts.get('both refuse')! > 40, JSON.stringify([...counts]));
    });
  }
});
