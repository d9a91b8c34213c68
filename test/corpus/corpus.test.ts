// Boards of Linux compile to dtc's tree, without an error of ours. A fixed sample of 60; `npm run test:corpus` takes them all.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createFileStore } from '../../server/src/workspace/files';
import { describeWithLinux } from '../oracle/suite';
import { compareBoard } from './compare';
import { linuxReference } from './expected';

const sample = readFileSync(path.join(__dirname, 'sample.txt'), 'utf8').trim().split('\n');

describeWithLinux('boards of Linux are what cpp | dtc makes of them', (linux, dtc) => {
  const files = createFileStore();
  const options = { linux, dtc, symbols: false };
  const reference = linuxReference(linux, dtc, false);

  for (const board of sample) {
    it(board, async () => {
      const { outcome, details, errors } = await compareBoard(board, options, files, reference);
      assert.deepEqual({ outcome, details, errors }, { outcome: 'same', details: '', errors: [] });
    });
  }

  it('tells another tree from the one that is due', async () => {
    const [one, other] = [sample[0]!, sample[1]!];
    const swapped = { expected: () => reference.expected(other) };
    const { outcome, details } = await compareBoard(one, options, files, swapped);
    assert.equal(outcome, 'different');
    assert.match(details, /^in \//);
  });
});
