// Devices behind a virtio-iommu under ACPI, by the VIOT.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { decodeViot } from '../../server/src/acpi/viot';
import { findDevice } from '../../server/src/iova/find-device';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { withViot } from '../../server/src/topology/with-viot';
import { acpiNames } from '../../server/src/workspace/acpi-names';
import { complex, its, itsGroup, range, smmu, smmuv3, topologyOfNodes } from './tables';

const qemus = fs.readFileSync(path.join(import.meta.dirname, '../fixtures/truth/iort/a17-viot/VIOT'));

interface Node {
  readonly type: number;
  readonly length?: number;
  /** Offset from the node's start, size, value. */
  readonly values: readonly (readonly [offset: number, size: number, value: number])[];
}

function viot(nodes: readonly Node[], count = nodes.length): Buffer {
  const parts = nodes.map(({ type, length = type <= 2 ? 24 : 16, values }) => {
    const node = Buffer.alloc(Math.max(length, 4));
    node.writeUInt8(type, 0);
    node.writeUInt16LE(length, 2);
    for (const [offset, size, value] of values) node.writeUIntLE(value, offset, size);
    return node;
  });
  const header = Buffer.from(qemus.subarray(0, 48));
  const table = Buffer.concat([header, ...parts]);
  table.writeUInt32LE(table.length, 4);
  table.writeUInt16LE(count, 36);
  return table;
}

const pciIommu = (requesterId: number): Node => ({ type: 3, values: [[6, 2, requesterId]] });
const mmioIommu = (base: number): Node => ({ type: 4, values: [[8, 4, base]] });
const functions = (first: number, last: number, endpoint: number, target: number, segments = 0): Node => ({
  type: 1,
  values: [
    [4, 4, endpoint],
    [10, 2, segments],
    [12, 2, first],
    [14, 2, last],
    [16, 2, target],
  ],
});
const device = (base: number, endpoint: number, target: number): Node => ({
  type: 2,
  values: [
    [4, 4, endpoint],
    [8, 4, base],
    [16, 2, target],
  ],
});
/** Nodes behind the first one, an IOMMU. */
const first = 48;

function machine(table: Buffer, nodes = [itsGroup(0), smmuv3([range(0, 0xffff, 0, its)]), complex([])]) {
  const topology = withViot(topologyOfNodes(nodes), decodeViot(table)!);
  const prediction = predictRegions(topology, kernelProfile({ kernel: '7.2' }));
  return {
    topology,
    of: (name: string): string => {
      const found = findDevice(topology, prediction, acpiNames(topology), name);
      if (found.kind === 'missing') return found.message;
      const stand = found.group?.devices[0];
      return stand === undefined ? `none: ${found.reason ?? ''}` : `behind ${stand.iommu.path}`;
    },
  };
}

describe('a VIOT', () => {
  it('puts PCI functions behind its virtio-iommu, but not that itself', () => {
    const { of } = machine(viot([pciIommu(0x20), functions(0, 0xff, 0, first)]));
    assert.equal(of('0000:00:01.0'), 'behind virtio-iommu@0000:00:04.0');
    assert.equal(of('0000:00:04.0'), 'none: virtio-iommu@0000:00:04.0 does not translate for itself');
    assert.match(of('0000:01:00.0'), /^none: no ID mapping of its root complex covers requester ID 0x100/);
  });

  it('counts for what the IORT has no SMMU for', () => {
    const behindSmmu = complex([range(0, 0xf, 0, smmu)]);
    const nodes = [itsGroup(0), smmuv3([range(0, 0xffff, 0, its)]), behindSmmu];
    const { of } = machine(viot([pciIommu(0x20), functions(0, 0xffff, 0, first)]), nodes);
    assert.equal(of('0000:00:01.0'), 'behind smmuv3@9050000');
    assert.equal(of('0000:00:02.0'), 'behind virtio-iommu@0000:00:04.0');
  });

  it('is looked through from its last node to its first; further segments have endpoints of their own', () => {
    const table = viot([
      pciIommu(0x20),
      mmioIommu(0xa000000),
      functions(0, 0xff, 0, first),
      functions(8, 8, 0x500, first + 16, 1),
    ]);
    const { of, topology } = machine(table);
    assert.equal(of('0000:00:01.0'), 'behind virtio-iommu@a000000');
    assert.equal(of('0000:00:02.0'), 'behind virtio-iommu@0000:00:04.0');
    assert.equal(of('0001:00:01.0'), 'behind virtio-iommu@a000000');
    const { iommuMap } = topology.masters.find(({ path }) => path === 'pci0001')!;
    assert.deepEqual(
      iommuMap!.readings['four-cells'].entries.map(({ input, length, output }) => [input, length, output]),
      [[8, 1, 0x10500]],
    );
  });

  it('platform devices go by where their registers are', () => {
    const { of } = machine(viot([mmioIommu(0xa000000), device(0xa003e00, 7, first), device(0xa000000, 8, first)]));
    assert.equal(of('mmio@a003e00'), 'behind virtio-iommu@a000000');
    assert.match(of('mmio@a000000'), /no device/);
  });

  it('ends for Linux at the first node that makes no sense; nodes without an IOMMU do not count', () => {
    const short = { ...functions(0, 0xff, 0, first), length: 20 };
    const of = (nodes: readonly Node[], count?: number) => decodeViot(viot(nodes, count))!;
    assert.deepEqual(of([short, functions(0, 0xff, 0, first)]).problems, [
      'the node at 0x30 is too short for its type',
    ]);
    assert.equal(of([pciIommu(0x20), functions(0, 1, 0, first)], 99).ranges.length, 1);
    assert.deepEqual(of([pciIommu(0x20), functions(0, 1, 0, 0x99)]).ranges, []);
    assert.deepEqual(of([{ type: 9, values: [] }, pciIommu(0)]).problems.length, 1);
    assert.equal(decodeViot(Buffer.from('IORT')), undefined);
  });

  it('is read from any bytes', () => {
    for (let length = 0; length <= qemus.length; length++) decodeViot(qemus.subarray(0, length));
    for (let at = 4; at < qemus.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(qemus);
        changed[at] = value;
        const table = decodeViot(changed);
        if (table !== undefined) predictRegions(withViot(topologyOfNodes([complex([])]), table), kernelProfile());
      }
    }
  });
});
