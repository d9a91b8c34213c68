// Regions in words.
import assert from 'node:assert/strict';
import { effectsText, roundingText } from '../../server/src/iova/explain-region';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { component, range, rmr, single, smmu, standard, topologyOfNodes } from '../topology/tables';

function wordsOf(flags: number, base: bigint, length: bigint, kernel: '6.1' | '6.12'): string {
  const nodes = standard(
    component('\\_SB_.VR00', [single(0x400, smmu)]),
    rmr([range(0, 0, 0x400, smmu)], [[base, length]], flags),
  );
  const profile = kernelProfile({ kernel });
  const { groups } = predictRegions(topologyOfNodes(nodes), profile);
  const regions = groups
    .flatMap(({ devices }) => devices)
    .filter(({ path }) => path === '\\_SB_.VR00')
    .flatMap((device) => device.regions)
    .filter(({ origin }) => origin === 'rmr');
  return [effectsText(regions, profile), ...regions.map((region) => roundingText(region, profile) ?? '')].join(' ');
}

describe('a region in words', () => {
  it('says what VFIO makes of it on a kernel', () => {
    assert.match(wordsOf(0, 0x70000000n, 0x10000n, '6.12'), /Linux 6\.12 does not give the group to VFIO/);
    assert.match(wordsOf(0, 0x70000000n, 0x10000n, '6.1'), /Linux 6\.1 gives the group to VFIO/);
    assert.match(wordsOf(1, 0x70000000n, 0x10000n, '6.12'), /VFIO takes no notice/);
  });

  it('says when it is not where it was written', () => {
    const text = wordsOf(1, 0x70001800n, 0x1000n, '6.12');
    assert.match(text, /Written as 0x70001800–0x700027ff.*rounds it outwards to its pages of 4 KiB/);
    assert.match(wordsOf(1, 0x70000000n, 0n, '6.12'), /length is 0/);
  });
});
