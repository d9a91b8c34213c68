import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { kernelDifferences } from '../../server/src/iova/kernel-differences';
import type { KernelProfile } from '../../server/src/iova/kernel-profile';
import { kernelProfiles } from '../../server/src/iova/kernel-profile';
import { kernelsPage } from '../../server/src/iova/kernels-page';

const root = path.join(import.meta.dirname, '../..');

describe('the table of kernels', () => {
  it('is what `npm run docs:rules` writes', () => {
    assert.equal(readFileSync(path.join(root, 'docs/kernels.md'), 'utf8'), kernelsPage());
  });

  it('has a row for each field of the profiles that differs, and none for what does not', () => {
    const profiles = Object.values(kernelProfiles);
    const names = Object.keys(profiles[0]!) as (keyof KernelProfile)[];
    const differing = names.filter(
      (name) => name !== 'version' && profiles.some((profile) => profile[name] !== profiles[0]![name]),
    );
    const described = kernelDifferences.flatMap(({ profile }) => profile ?? []);
    assert.deepEqual([...described].sort(), differing.sort());
    assert.equal(new Set(kernelDifferences.map(({ id }) => id)).size, kernelDifferences.length);
  });

  it('names a file and a function for each', () => {
    for (const { id, sources } of kernelDifferences) {
      assert.ok(sources.length > 0, id);
      for (const source of sources) assert.match(source, /^[\w./-]+\.c \w+/, id);
    }
  });
});
