import assert from 'node:assert/strict';
import type { Reservation } from '../../server/src/topology/model';
import { masterAt, problemList, textAt, topologyOf } from './trees';

const hex = (value: bigint): string => value.toString(16);

/** `start-end type`, or the kind of outcome, by both rules where they differ. */
function outcomes(reservations: readonly Reservation[]): string[] {
  return reservations.map(({ outcomes: each }) => {
    const [old, later] = [each['inherited-cells'], each['own-cells']].map((outcome) =>
      outcome.kind === 'region'
        ? `${hex(outcome.range.start)}-${hex(outcome.range.end)} ${outcome.type}`
        : outcome.kind,
    );
    return old === later ? old! : `${old!}, later ${later!}`;
  });
}

function device(more = ''): string {
  return `dev: dev { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&r>; ${more} };`;
}

function pcie(more: string): string {
  return `pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
    iommu-map = <0 &smmu 0 0x10000>; ${more} dev: dev@1,0 { reg = <0x800 0 0 0 0>; memory-region = <&r>; }; };`;
}

describe('iommu-addresses', () => {
  it('are direct only where start and end equal those of reg, and reg has more than one byte', () => {
    const region = (reg: string, addresses: string) =>
      outcomes(
        masterAt(
          topologyOf(`r: r@70000000 { reg = <${reg}>; iommu-addresses = <&dev ${addresses}>; }; ${device()}`),
          '/dev',
        ).reservations,
      );
    assert.deepEqual(region('0 0x70000000 0 0x1000', '0 0x70000000 0 0x1000'), ['70000000-70000fff direct']);
    assert.deepEqual(region('0 0x70000000 0 0x2000', '0 0x70000000 0 0x1000'), ['70000000-70000fff reserved']);
    assert.deepEqual(region('0 0x70000000 0 1', '0 0x70000000 0 1'), ['70000000-70000000 reserved']);
    assert.deepEqual(region('0 0x70000000 0 0', '0 0x70000000 0 0x1000'), ['70000000-70000fff reserved']);
  });

  it('take the cells of the device’s bus, and point at what was written', () => {
    const topology = topologyOf(`r: r { iommu-addresses = <&dev 0x2000000 0 0x10000000 0 0x1000>; }; ${pcie('')}`);
    const [reservation] = masterAt(topology, '/pcie/dev@1,0').reservations;
    assert.deepEqual(outcomes([reservation!]), ['10000000-10000fff reserved']);
    assert.equal(textAt(reservation!.source), '&dev 0x2000000 0 0x10000000 0 0x1000');
    assert.equal(textAt(reservation!.addressSource), '0x2000000 0 0x10000000');
    assert.equal(textAt(reservation!.sizeSource), '0 0x1000');
    assert.equal(reservation!.writtenStart, 0x10000000n);
  });

  it('crash the kernel where dma-ranges do not cover the address, or name another space', () => {
    const window = 'dma-ranges = <0x2000000 0 0x40000000 0 0x40000000 0 0x40000000>;';
    const results = ['0x2000000 0 0x10000000', '0 0 0x40000000', '0x3000000 0 0x40000000'].map((address) =>
      outcomes(
        masterAt(topologyOf(`r: r { iommu-addresses = <&dev ${address} 0 0x1000>; }; ${pcie(window)}`), '/pcie/dev@1,0')
          .reservations,
      ),
    );
    assert.deepEqual(results, [['oops'], ['oops'], ['40000000-40000fff reserved']]);
  });

  it('end at the entry that crashes', () => {
    const window = 'dma-ranges = <0x2000000 0 0x40000000 0 0x40000000 0 0x40000000>;';
    const entries = '<&dev 0x2000000 0 0 0 0x1000>, <&dev 0x2000000 0 0x40000000 0 0x1000>';
    const topology = topologyOf(`r: r { iommu-addresses = ${entries}; }; ${pcie(window)}`);
    assert.deepEqual(outcomes(masterAt(topology, '/pcie/dev@1,0').reservations), ['oops']);
  });

  it('crash newer kernels on a bus without #address-cells of its own', () => {
    const topology = topologyOf(`r: r { iommu-addresses = <&dev 0 0x10000000 0 0x1000>; }; bus { ${device()} };`);
    assert.deepEqual(outcomes(masterAt(topology, '/bus/dev').reservations), ['10000000-10000fff reserved, later oops']);
  });

  it('are found by accident where a cell of another entry equals the phandle', () => {
    const topology = topologyOf(`
      r: r { iommu-addresses = <&other 0 0x10000000 0 0x1000>, <&other 0 0x20000000 0 0x3000>; };
      other: other { compatible = "test,device"; iommus = <&smmu 2>; memory-region = <&r>; };
      ${device('phandle = <0x1000>;')}`);
    const found = masterAt(topology, '/dev').reservations;
    assert.deepEqual(
      found.map(({ accidental }) => accidental),
      [true],
    );
    assert.deepEqual(
      masterAt(topology, '/other').reservations.map(({ accidental }) => accidental),
      [false, false],
    );
  });

  it('that end inside an entry take the next token of the flattened tree for a cell, while that can be told', () => {
    const topology = (cells: string) => topologyOf(`r: r { iommu-addresses = <&dev ${cells}>; }; ${device()}`);
    const [one] = masterAt(topology('0 0x10000000 0'), '/dev').reservations;
    assert.deepEqual(outcomes([one!]), ['10000000-10000002 reserved'], 'a property follows: the phandle');
    assert.equal(problemList(topology('0 0x10000000 0')).includes('/r iommu-addresses bad-length'), true);
    assert.deepEqual(outcomes(masterAt(topology('0'), '/dev').reservations), ['unknown']);
  });

  it('of size 0 are ignored, and those of a node whose reg does not translate as well', () => {
    const zero = topologyOf(
      `r: r { iommu-addresses = <&dev 0 0x10000000 0 0>, <&dev 0 0x20000000 0 1>; }; ${device()}`,
    );
    assert.deepEqual(outcomes(masterAt(zero, '/dev').reservations), ['ignored', '20000000-20000000 reserved']);
    const lost = topologyOf(`bus { #address-cells = <2>; #size-cells = <2>;
      r: r@10000000 { reg = <0 0x10000000 0 0x1000>; iommu-addresses = <&dev 0 0x10000000 0 0x1000>; }; }; ${device()}`);
    assert.deepEqual(outcomes(masterAt(lost, '/dev').reservations), ['ignored']);
    assert.match(lost.reservationNodes[0]?.physicalProblem?.message ?? '', /no ranges/);
  });

  it('are lost where reg is no resource: the first of three address cells holds flags, and must say memory', () => {
    const region = (flags: string) =>
      topologyOf(`bus { #address-cells = <3>; #size-cells = <2>; ranges;
        r: r@10000000 { reg = <${flags} 0 0x10000000 0 0x1000>; iommu-addresses = <&dev 0 0x10000000 0 0x1000>; }; };
        ${device()}`);
    const found = (flags: string) => outcomes(masterAt(region(flags), '/dev').reservations);
    assert.deepEqual(found('0'), ['ignored']);
    assert.deepEqual(found('0x2000000'), ['ignored'], 'flags of PCI mean something else here');
    assert.deepEqual(found('0x200'), ['10000000-10000fff direct']);
    assert.deepEqual(found('0x300'), ['10000000-10000fff direct'], 'memory counts first');
    assert.deepEqual(found('0x100'), ['unknown'], 'host bridges number I/O ports');
    assert.match(region('0').reservationNodes[0]?.physicalProblem?.message ?? '', /0x0 says neither memory/);
    assert.match(region('0x100').reservationNodes[0]?.physicalProblem?.message ?? '', /I\/O space/);
  });

  it('are lost in the node of a PCI function: its reg is a place in configuration space', () => {
    const topology = topologyOf(
      pcie('fn: fn@2,0 { reg = <0x1000 0 0 0 0>; iommu-addresses = <&dev 0x2000000 0 0x10000000 0 0x1000>; };').replace(
        '<&r>',
        '<&fn>',
      ),
    );
    assert.deepEqual(outcomes(masterAt(topology, '/pcie/dev@1,0').reservations), ['ignored']);
  });

  it('are lost on newer kernels with a reg below a bus without #address-cells of its own', () => {
    const topology = topologyOf(`reserved-memory { ranges;
      r: r@10000000 { reg = <0 0x10000000 0 0x1000>; iommu-addresses = <&dev 0 0x10000000 0 0x1000>; }; }; ${device()}`);
    assert.deepEqual(outcomes(masterAt(topology, '/dev').reservations), ['10000000-10000fff direct, later ignored']);
  });

  it('wrap as the kernel’s sums do', () => {
    const topology = topologyOf(`r: r { iommu-addresses = <&dev 0xffffffff 0xfffff000 0 0x1000>; }; ${device()}`);
    assert.deepEqual(outcomes(masterAt(topology, '/dev').reservations), ['fffffffffffff000-ffffffffffffffff reserved']);
  });

  it('are kept as written, with the device’s cell counts and whether it lists the node', () => {
    const topology = topologyOf(`
      r: r { iommu-addresses = <&dev 0 0x10000000 0 0x1000>, <&other 0x20000000 0x1000>, <0xdead 1 2>; };
      other: other { compatible = "test,device"; iommus = <&smmu 2>; }; ${device()}`);
    const [node] = topology.reservationNodes;
    const entries = node!.entries.map(({ devicePath, cells, addressCells, sizeCells, listed, problem, source }) => [
      devicePath,
      cells.length,
      addressCells + sizeCells,
      listed,
      problem?.code,
      textAt(source),
    ]);
    assert.deepEqual(entries, [
      ['/dev', 4, 4, true, undefined, '&dev 0 0x10000000 0 0x1000'],
      ['/other', 5, 4, false, 'bad-length', '&other 0x20000000 0x1000>, <0xdead 1 2'],
    ]);
  });
});
