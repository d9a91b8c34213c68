// Trees with values that no author means: whatever the bytes are, there is a topology and a prediction.
import assert from 'node:assert/strict';
import path from 'node:path';
import { kernelProfiles } from '../../server/src/iova/kernel-profile';
import { windowCandidates } from '../../server/src/iova/msi-window';
import { predictRegions } from '../../server/src/iova/predict';
import { attachGroup } from '../../server/src/iova/vfio/attach-group';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { DeviceTree } from '../../server/src/tree/model';
import { readFdt } from '../../server/src/tree/fdt-read';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { treeOf, treeOfFile } from './trees';

const folder = path.join(import.meta.dirname, '../fixtures/truth/dt');
const names = ['d13-cells', 'd33-bridge-group', 'd43-iommu-map-two-ranges', 'd55-dma-ranges-1to1', 'd26-platform'];

describe('hostile values', () => {
  for (const name of names) {
    it(`are survived: ${name}`, () => {
      const blob = writeFdt(treeOfFile(path.join(folder, `${name}.dts`)));
      const random = numbers(20261121);
      let readable = 0;
      for (let round = 0; round < 200; round++) {
        const tree = readFdt(mutated(blob, random));
        if (!('tree' in tree)) continue;
        readable++;
        examine(tree.tree);
      }
      assert.ok(readable > 50, `${readable} of 200 blobs can still be read`);
    });
  }

  it('are survived in great numbers', () => {
    const entries = Array.from({ length: 5000 }, (_, i) => `<&dev 0 0x${(i * 0x3000 + 0x1000).toString(16)} 0 0x1000>`);
    const map = Array.from({ length: 5000 }, (_, i) => `<${i} &smmu ${i} 1>`);
    const functions = Array.from(
      { length: 1000 },
      (_, i) => `f${i}@0 { reg = <${i << 8} 0 0 0 0>; memory-region = <&r>; };`,
    );
    const source = `/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
      smmu: smmu { compatible = "arm,smmu-v3"; #iommu-cells = <1>; };
      r: r { iommu-addresses = ${entries.join(', ')}; };
      dev: dev { compatible = "test,device"; iommus = <&smmu 0x7fff>; memory-region = <&r>; };
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = ${map.join(', ')}; ${functions.join('\n')} }; };`;
    const tree = treeOf(source);
    examine(tree);
    assert.equal(topologyFromTree(tree).masters.length, 1002);
  });
});

function examine(tree: DeviceTree): void {
  const topology = topologyFromTree(tree);
  for (const kernel of Object.values(kernelProfiles)) {
    const prediction = predictRegions(topology, kernel);
    for (const group of prediction.groups) attachGroup(topology, prediction, group);
    windowCandidates(prediction);
  }
}

/** The blob with some cells of its structure block replaced by awkward numbers. */
function mutated(blob: Uint8Array, random: (limit: number) => number): Uint8Array {
  const copy = blob.slice();
  const view = new DataView(copy.buffer);
  const [start, size] = [view.getUint32(8), view.getUint32(36)];
  for (let count = 1 + random(4); count > 0; count--) {
    const at = start + 4 * random(size / 4);
    // Tokens, lengths and names keep their small values, so that the blob stays readable more often than not.
    if (view.getUint32(at) < 16 && random(3) > 0) continue;
    view.setUint32(at, awkward[random(awkward.length)]!);
  }
  return copy;
}

const awkward = [0, 1, 2, 3, 4, 5, 0x10, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x2000000, 0x8002, 0x8003, 0x8004];

/** Repeatable numbers from 0 to below `limit` (a linear congruence). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
