import assert from 'node:assert/strict';
import { lookUp } from '../../server/src/topology/id-maps';
import type { MapRule } from '../../server/src/topology/model';
import { masterAt, problemList, textAt, topologyOf } from './trees';

const twoCells =
  'v2: iommu@a000000 { compatible = "arm,mmu-500"; reg = <0 0xa000000 0 0x10000>; #iommu-cells = <2>; };';

function mapOf(map: string, nodes = '') {
  const topology = topologyOf(`${nodes} pcie { compatible = "pci-host-ecam-generic"; device_type = "pci";
    #address-cells = <3>; #size-cells = <2>; ${map} };`);
  return { topology, map: masterAt(topology, '/pcie').iommuMap! };
}

/** `target id` for each requester ID, or why not. */
function results(map: ReturnType<typeof mapOf>['map'], rule: MapRule, ids: readonly number[]): string[] {
  return ids.map((id) => {
    const found = lookUp(map, rule, id);
    if (found.kind === 'none') return found.problem?.code ?? 'none';
    return [found.entry.target.path, found.id.toString(16), ...found.extra.map((cell) => `+${cell.toString(16)}`)].join(
      ' ',
    );
  });
}

describe('iommu-map', () => {
  it('gives the first entry that covers the masked ID', () => {
    const { map } = mapOf(
      'iommu-map-mask = <0xff>; iommu-map = <0x10 &smmu 0x210 8>, <0 &smmu 0x100 0x20>, <0x10 &smmu 0x310 8>;',
    );
    assert.deepEqual(results(map, 'four-cells', [0x112, 0x1f, 0x18, 0x20]), [
      '/iommu@9000000 212',
      '/iommu@9000000 11f',
      '/iommu@9000000 118',
      'none',
    ]);
    assert.equal(map.readings['four-cells'].entries[2]?.problem?.code, 'hidden-entry');
  });

  it('ends at an entry with bits outside the mask', () => {
    const { map } = mapOf(
      'iommu-map-mask = <0xff>; iommu-map = <0 &smmu 0 8>, <0x100 &smmu 0x100 8>, <0x10 &smmu 0x10 8>;',
    );
    assert.deepEqual(results(map, 'four-cells', [4, 0x10]), ['/iommu@9000000 4', 'outside-mask']);
  });

  it('has an entry whose end does not fit 32 bits cover nothing to 7.1, and all that is meant from 7.2 on', () => {
    const { map } = mapOf('iommu-map = <0x100 &smmu 0x100 0xffffffff>;');
    assert.deepEqual(results(map, 'four-cells', [0x100]), ['none']);
    assert.deepEqual(results(map, 'target-cells', [0x100]), ['/iommu@9000000 100']);
  });

  it('is refused by older kernels and read by newer ones when its entries have five cells', () => {
    const { map } = mapOf('iommu-map = <0 &v2 0x10 0x7f 1>, <8 &v2 0x20 0 1>;', twoCells);
    assert.deepEqual(results(map, 'four-cells', [0]), ['bad-length']);
    assert.equal(map.readings['four-cells'].unusable, true);
    assert.deepEqual(results(map, 'target-cells', [0, 8]), ['/iommu@a000000 10 +7f', '/iommu@a000000 20 +0']);
  });

  it('is taken as meant by newer kernels when every four-cell entry to a two-cell target has length 1', () => {
    const { map } = mapOf('iommu-map = <0 &v2 0x10 1>, <8 &v2 0x20 1>;', twoCells);
    assert.deepEqual(results(map, 'target-cells', [8]), ['/iommu@a000000 20']);
  });

  it('breaks on newer kernels when four-cell entries lead to a two-cell target', () => {
    const { map, topology } = mapOf('iommu-map = <0 &v2 0 0x10000>;', twoCells);
    assert.deepEqual(results(map, 'four-cells', [8]), ['/iommu@a000000 8']);
    assert.deepEqual(results(map, 'target-cells', [8]), ['bad-length']);
    assert.deepEqual(problemList(topology), ['/pcie iommu-map bad-length']);
  });

  it('keeps good entries before a cut one on newer kernels', () => {
    const { map } = mapOf('iommu-map = <0 &smmu 0 8>, <8 &smmu 8>;');
    assert.deepEqual(results(map, 'target-cells', [1, 8]), ['/iommu@9000000 1', 'bad-length']);
    assert.deepEqual(results(map, 'four-cells', [1]), ['bad-length']);
  });

  it('covers one ID only in an entry with several target cells', () => {
    const { map } = mapOf('iommu-map = <0 &v2 0x10 0x7f 2>;', twoCells);
    assert.deepEqual(results(map, 'target-cells', [0]), ['bad-cells']);
  });

  it('reports dangling, wrong and disabled targets once, at the reference', () => {
    const nodes = 'off: iommu@b000000 { compatible = "arm,smmu-v3"; #iommu-cells = <1>; status = "reserved"; };';
    const { map, topology } = mapOf('iommu-map = <0 0xdead 0 8>, <8 &its 0 8>, <0x10 &off 0 8>;', nodes);
    assert.deepEqual(problemList(topology), [
      '/pcie iommu-map unresolved',
      '/pcie iommu-map wrong-target',
      '/pcie iommu-map disabled-target',
    ]);
    const targets = map.readings['four-cells'].entries.map(({ target }) => [
      textAt(target.source),
      target.problem?.message,
    ]);
    assert.deepEqual(targets, [
      ['0xdead', 'no node has phandle 0xdead'],
      ['&its', '/msi@8080000 is no IOMMU'],
      ['&off', '/iommu@b000000 is not enabled: status = "reserved"'],
    ]);
  });

  it('says which output the IOMMU cannot hold, for requester IDs that exist', () => {
    const { topology } = mapOf('iommu-map = <0 &smmu 0 0x20000>;');
    assert.deepEqual(problemList(topology), []);
    const outside = mapOf('iommu-map = <8 &smmu 0x10000 8>;');
    assert.deepEqual(problemList(outside.topology), ['/pcie iommu-map stream-id-range']);
  });
});
