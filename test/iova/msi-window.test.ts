import assert from 'node:assert/strict';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { windowByPolicy, windowCandidates, windowConflicts } from '../../server/src/iova/msi-window';
import { predictRegions } from '../../server/src/iova/predict';
import { windowDemands } from '../../server/src/iova/window-demands';
import type { Iova } from '../../server/src/topology/address';
import { rangeOf } from '../../server/src/topology/address';
import { topologyOf } from '../topology/trees';

function predictionOf(nodes: string) {
  return predictRegions(topologyOf(nodes), kernelProfile());
}

/** A host bridge behind the SMMU; `more` are its properties. */
function bridge(more: string): string {
  return `pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
    iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x10000>; ${more} };`;
}

function starts(prediction: ReturnType<typeof predictionOf>): string[] {
  return windowCandidates(prediction).map(({ range }) => `${range.start.toString(16)}-${range.end.toString(16)}`);
}

describe('places for the MSI window', () => {
  it('lie where the bridge forwards writes, the top below 4 GiB first where nothing below 1 GiB is forwarded', () => {
    const prediction = predictionOf(bridge('dma-ranges = <0x2000000 0 0x80000000 0 0x80000000 0 0x80000000>;'));
    const [first, second] = starts(prediction);
    assert.deepEqual([first, second], ['fff00000-ffffffff', '80000000-800fffff']);
    const [demand] = windowDemands(prediction);
    assert.deepEqual(
      windowConflicts(demand!, demand!.window).map(({ kind }) => kind),
      ['not-forwarded'],
    );
  });

  it('keep clear of outbound windows and reserved regions, as near to the present place as can be', () => {
    const prediction = predictionOf(bridge('ranges = <0x2000000 0 0x8000000 0 0x8000000 0 0x8000000>;'));
    assert.equal(starts(prediction)[0], '7f00000-7ffffff');
    const [demand] = windowDemands(prediction);
    assert.deepEqual(
      windowConflicts(demand!, demand!.window).map(({ kind }) => kind),
      ['pci-window'],
    );
  });

  it('suit all devices together, and none that nothing can suit', () => {
    const hole = (name: string, start: string) =>
      `${name}: ${name} { iommu-addresses = <&dev ${start} 0 0x8000000>; };`;
    const prediction = predictionOf(`
      ${hole('low', '0 0x8000000')}
      dev: dev { compatible = "test,device"; iommus = <&smmu 0x20000>; };
      one { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&low>; };
      ${bridge('dma-ranges = <0x2000000 0 0 0 0 0 0x4000000>;')}`);
    for (const { range } of windowCandidates(prediction)) assert.ok(range.end < 0x4000000n, range.end.toString(16));
    assert.ok(starts(prediction).length > 0);
  });

  it('are smaller than usual where there is no room for more, and hold a page for each doorbell', () => {
    const second =
      'its2: msi@8100000 { compatible = "arm,gic-v3-its"; reg = <0 0x8100000 0 0x20000>; msi-controller; #msi-cells = <1>; };';
    const prediction = predictionOf(`${second}
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x100>, <0x100 &its2 0 0x100>;
        dma-ranges = <0x2000000 0 0x20000000 0 0x20000000 0 0x30000>; };`);
    assert.equal(windowDemands(prediction)[0]!.least, 0x20000n);
    assert.deepEqual(starts(prediction), ['20000000-2001ffff']);
  });

  it('are none without a user of the window', () => {
    assert.deepEqual(starts(predictionOf('')), []);
  });
});

describe('policies for the MSI window', () => {
  const prediction = predictionOf(`
    low: low { iommu-addresses = <&dev 0 0x8000000 0 0x1000>; };
    dev: dev { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&low>; };`);
  const [demand] = windowDemands(prediction);
  const base = 0xa000000n as Iova;

  it('fixed: stays, whatever is in the way', () => {
    assert.equal(windowByPolicy(demand!, { kind: 'fixed' })?.start, 0x8000000n);
  });
  it('fallback: takes the first base that no reserved region overlaps', () => {
    assert.equal(windowByPolicy(demand!, { kind: 'fallback', bases: [0x8000000n as Iova, base] })?.start, base);
    assert.equal(windowByPolicy(demand!, { kind: 'fallback', bases: [] }), undefined);
  });
  it('allocator: takes the top below 4 GiB', () => {
    assert.equal(windowByPolicy(demand!, { kind: 'allocator' })?.end, 0xffffffffn);
  });
  it('user: is what was asked for', () => {
    const window = rangeOf(base, 0x10000n);
    assert.deepEqual(windowByPolicy(demand!, { kind: 'user', window }), window);
  });
});
