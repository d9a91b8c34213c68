// The comparison of a machine's two boots: what ACS explains counts as one group, and nothing else does.
import assert from 'node:assert/strict';
import { treeOf } from '../../../topology/trees';
import { readConsole, type Seen } from '../console';
import { realKernel } from '../kernels';
import { compareBoots } from './both-ways';

const tree = treeOf('/dts-v1/; / { };');
const port = '0000:00:1f.0';
const behind = '0000:00:1f.0/0000:02:00.0';
const other = '0000:00:03.0';
const window = '0x0000000008000000 0x00000000080fffff msi';
const direct = '0x0000000070200000 0x0000000070200fff direct';

interface Group {
  readonly functions: readonly string[];
  readonly regions: readonly string[];
}

/** What the guest prints: below /sys/devices a tree's bridge is a platform device's child, that of ACPI is not. */
function booted(by: 'tree' | 'table', groups: readonly Group[]): Seen {
  const bridge = by === 'tree' ? 'platform/4010000000.pcie/pci0000:00' : 'pci0000:00';
  const lines = groups.flatMap(({ functions, regions }, id) => [
    `@@group ${id} DMA`,
    ...functions.map((each) => `@@device ${id} ${bridge}/${each} - -`),
    ...regions.map((each) => `@@region ${id} ${each}`),
  ]);
  return readConsole([...lines, '@@reported', '@@end'].join('\n'));
}

/** The addresses of the functions that differ. */
function differing(byTree: readonly Group[], byTable: readonly Group[], name = '6.12'): string[] {
  const found = compareBoots(tree, booted('tree', byTree), booted('table', byTable), new Map(), realKernel(name)!);
  return found.differences.map(({ device }) => device.slice(0, device.indexOf(' ')));
}

describe('a machine booted from its tree and under ACPI', () => {
  const together: Group[] = [{ functions: [port, behind], regions: [window, direct] }];
  const apart = (ofPort: readonly string[], ofOther: readonly string[]): Group[] => [
    { functions: [port], regions: ofPort },
    { functions: [behind], regions: ofOther },
  ];

  it('may have a port and what is behind it in one group, and in two where ACS was asked for in time', () => {
    assert.deepEqual(differing(together, apart([window], [window, direct])), []);
    // 6.1 has no direct regions of a tree.
    const plain = [{ functions: [port, behind], regions: [window] }];
    assert.deepEqual(differing(plain, apart([window], [window, direct]), '6.1'), []);
    const twice = [{ functions: ['0000:00:01.0', '0000:00:01.1'], regions: [window, direct] }];
    const parted = [
      { functions: ['0000:00:01.0'], regions: [window, direct] },
      { functions: ['0000:00:01.1'], regions: [window] },
    ];
    assert.deepEqual(differing(twice, parted), []);
  });

  it('differs where ACS explains nothing', () => {
    const all = [port, '0000:02:00.0'];
    // A region is missing, or too many.
    assert.deepEqual(differing(together, apart([window], [window])), all);
    assert.deepEqual(
      differing([{ functions: [port, behind], regions: [window] }], apart([window], [window, direct])),
      all,
    );
    // One of them is in no group, or in one with another function.
    assert.deepEqual(differing(together, [{ functions: [behind], regions: [window, direct] }]), [port]);
    const stranger = [
      { functions: [port, other], regions: [window] },
      { functions: [behind], regions: [window, direct] },
    ];
    assert.deepEqual(differing(together, stranger), [port]);
    // Functions of different slots share for another reason.
    const slots = [{ functions: [port, other], regions: [window, direct] }];
    const each = [
      { functions: [port], regions: [window, direct] },
      { functions: [other], regions: [window] },
    ];
    assert.deepEqual(differing(slots, each), [other]);
    // 7.2 enables ACS late enough; and under ACPI nothing is together that a tree has apart.
    assert.deepEqual(differing(together, apart([window], [window, direct]), '7.2'), [port]);
    assert.deepEqual(differing(apart([window], [window, direct]), together), [port]);
  });
});
