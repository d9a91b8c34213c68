// Regions in words.
import assert from 'node:assert/strict';
import { explainRegion } from '../../server/src/iova/explain-region';
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
  const region = groups
    .filter(({ devices }) => devices[0]!.path === '\\_SB_.VR00')
    .flatMap(({ regions }) => regions)
    .find(({ parts }) => parts[0]!.region.origin === 'rmr')!;
  return explainRegion(region, profile).join(' ');
}

describe('a region in words', () => {
  it('says which RMR made it, for whom, and what VFIO makes of it on a kernel', () => {
    const text = wordsOf(0, 0x70000000n, 0x10000n, '6.12');
    assert.match(text, /reserved memory range of the IORT \(rmr@70000000\).*for \\_SB_\.VR00\./);
    assert.match(text, /Linux 6\.12 does not give the group to VFIO/);
    assert.match(wordsOf(0, 0x70000000n, 0x10000n, '6.1'), /Linux 6\.1 gives the group to VFIO/);
    assert.match(wordsOf(1, 0x70000000n, 0x10000n, '6.12'), /VFIO takes no notice/);
  });

  it('says when it is not where it was written', () => {
    const text = wordsOf(1, 0x70001800n, 0x1000n, '6.12');
    assert.match(text, /Written as 0x70001800–0x700027ff.*rounds it outwards to its pages of 4 KiB/);
    assert.match(wordsOf(1, 0x70000000n, 0n, '6.12'), /length is 0/);
  });
});
