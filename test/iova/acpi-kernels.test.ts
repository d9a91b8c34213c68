// What random IORTs on real kernels taught (npm run test:kernel:acpi), and what iort.c says of cases at the edges: each expectation
// is what the kernels print.
import assert from 'node:assert/strict';
import type { NodeDraft } from '../../server/src/acpi/iort/build';
import { findDevice } from '../../server/src/iova/find-device';
import { kernelProfile, type KernelVersion, type ProfileSettings } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { regionsJson, sysfsLines } from '../../server/src/iova/print-regions';
import { isolationOf, msiControllerOf } from '../../server/src/iova/vfio/msi-isolation';
import { acpiNames } from '../../server/src/workspace/acpi-names';
import {
  complex,
  component,
  its,
  itsGroup,
  range,
  rmr,
  single,
  smmu,
  smmuv3,
  standard,
  topologyOfNodes,
  type TableSettings,
} from '../topology/tables';

const window = '0x0000000008000000 0x00000000080fffff msi';

interface Asked extends TableSettings, ProfileSettings {}

/** The lines of a device's group; `no group` and nothing else where it has none. */
function linesOf(nodes: readonly NodeDraft[], device: string, asked: Asked = {}): string[] {
  const topology = topologyOfNodes(nodes, asked);
  const prediction = predictRegions(topology, kernelProfile(asked));
  const found = findDevice(topology, prediction, acpiNames(topology), device);
  assert.ok(found.kind === 'found', `${device} exists`);
  return found.group === undefined ? ['no group'] : sysfsLines(found.group, undefined);
}

const kernels: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];

describe('IORTs on real kernels', () => {
  it('a direct region that the IOMMU cannot map costs the device its group from 6.12 on; 6.1 goes on without the map', () => {
    const nodes = standard(
      component('\\_SB_.VR07', [single(0x400, smmu)]),
      rmr([range(0, 0, 0x400, smmu)], [[0xffff_ffff_f000n, 0x20000n]]),
    );
    const far = '0x0000fffffffff000 0x000100000001efff direct';
    assert.deepEqual(linesOf(nodes, '\\_SB_.VR07', { kernel: '6.1' }), [window, far]);
    for (const kernel of ['6.12', '7.2'] as const)
      assert.deepEqual(linesOf(nodes, '\\_SB_.VR07', { kernel }), ['no group']);
  });

  it('a function that joins a group keeps its place although its direct region cannot be mapped; whether it does, no source tells', () => {
    const nodes = standard(rmr([range(0, 2, 0xd, smmu)], [[0x1_0000_0000_0000n, 0x10000n]], 1));
    const unknownOf = (kernel: KernelVersion, device: string) => {
      const topology = topologyOfNodes(nodes);
      const prediction = predictRegions(topology, kernelProfile({ kernel }));
      const found = findDevice(topology, prediction, acpiNames(topology), device);
      return found.kind === 'found' ? found.group?.unknown.join(' ') : undefined;
    };
    assert.match(
      unknownOf('6.12', '0000:00:01.5') ?? '',
      /^0000:00:01\.5-0000:00:01\.7 is in this group only where it joins one/,
    );
    assert.equal(unknownOf('6.12', '0000:00:01.0'), '');
    const far = '0x0001000000000000 0x000100000000ffff direct-relaxable';
    assert.deepEqual(linesOf(nodes, '0000:00:01.5', { kernel: '6.12' }), [window, far]);
    const all = standard(rmr([range(0, 7, 8, smmu)], [[0x1_0000_0000_0000n, 0x10000n]], 1));
    assert.deepEqual(linesOf(all, '0000:00:01.5', { kernel: '6.12' }), ['no group']);
  });

  it('whether a direct region beyond 44 bits can be mapped depends on how many the SMMU puts out', () => {
    const nodes = standard(
      component('\\_SB_.VR16', [single(0x2000, smmu)]),
      component('\\_SB_.VR17', [single(0x2001, smmu)]),
      rmr([range(0, 0, 0x2000, smmu)], [[0x1000_0000_0000n, 0x10000n]], 1),
    );
    const unknownOn = (kernel: KernelVersion, name: string) => {
      const { groups } = predictRegions(topologyOfNodes(nodes), kernelProfile({ kernel }));
      const group = groups.find(({ devices }) => devices[0]!.path === name);
      return group?.unknown.filter((text) => text.includes('44 bits')).join() ?? 'no group';
    };
    const far =
      /^If smmuv3@9050000 puts out addresses of 44 bits or less .* cannot map the direct region of rmr@100000000000/;
    assert.match(unknownOn('6.12', '\\_SB_.VR16'), far);
    assert.equal(unknownOn('6.12', '\\_SB_.VR17'), '');
    assert.equal(unknownOn('6.1', '\\_SB_.VR16'), '');
  });

  it('functions of one root complex whose mappings make the same stream ID contest it, and others do not', () => {
    const nodes = [
      itsGroup(0),
      smmuv3([range(0, 0xffff, 0, its)]),
      complex([range(0, 0xff, 0, smmu), range(0x100, 7, 8, smmu)]),
    ];
    const topology = topologyOfNodes(nodes);
    for (const kernel of kernels) {
      const prediction = predictRegions(topology, kernelProfile({ kernel }));
      const unknownOf = (device: string) => {
        const found = findDevice(topology, prediction, acpiNames(topology), device);
        return found.kind === 'found' ? found.group?.unknown.join(' ') : undefined;
      };
      for (const device of ['0000:00:01.0', '0000:00:01.7', '0000:01:00.0'])
        assert.match(unknownOf(device) ?? '', /^Other functions have the stream IDs of 0000:0/, device);
      for (const device of ['0000:00:00.0', '0000:00:02.0']) assert.equal(unknownOf(device), '', device);
    }
  });

  it('functions that fare alike are found by the name that their group is printed with', () => {
    const nodes = standard(rmr([range(0, 0, 8, smmu), range(0, 9, 0x10, smmu)], [[0x70000000n, 0x10000n]], 1));
    const { groups } = predictRegions(topologyOfNodes(nodes), kernelProfile());
    const names = groups.flatMap(({ devices }) => devices.map(({ path }) => path));
    assert.deepEqual(names, ['pci0000', '0000:00:01.0,0000:00:02.0-0000:00:03.1']);
    const lines = [window, '0x0000000070000000 0x000000007000ffff direct-relaxable'];
    for (const name of [names[1]!, '0000:00:01.0', '0000:00:02.0-0000:00:03.1']) {
      assert.deepEqual(linesOf(nodes, name), lines, name);
    }
  });

  it('programs get all functions that fare alike, however many ranges they come in', () => {
    const every16th = Array.from({ length: 9 }, (_, index) => range(0, 0, 0x100 + 16 * index, smmu));
    const nodes = standard(rmr(every16th, [[0x70000000n, 0x10000n]], 1));
    const { groups } = regionsJson(predictRegions(topologyOfNodes(nodes), kernelProfile()));
    const functions = every16th.map((_, index) => `0000:01:${(2 * index).toString(16).padStart(2, '0')}.0`);
    assert.deepEqual(
      groups.map(({ devices }) => devices),
      [['pci0000'], functions],
    );
  });

  it('two direct regions at address 0 cost the device its group: a page mapped to 0 looks like one that is not mapped', () => {
    const of = (...ranges: (readonly [bigint, bigint])[]): NodeDraft[] =>
      standard(component('\\_SB_.VR26', [single(0x400, smmu)]), rmr([range(0, 0, 0x400, smmu)], ranges, 1));
    const twice = of([0n, 0x10000n], [0n, 0x10000n]);
    const region = '0x0000000000000000 0x000000000000ffff direct-relaxable';
    assert.deepEqual(linesOf(twice, '\\_SB_.VR26', { kernel: '6.12' }), ['no group']);
    assert.deepEqual(linesOf(twice, '\\_SB_.VR26', { kernel: '6.1' }), [region, window]);
    assert.deepEqual(linesOf(of([0n, 0x10000n]), '\\_SB_.VR26', { kernel: '6.12' }), [region, window]);
  });

  it('a region that would lose the whole SMMU for one function of which nobody knows whether it exists is said to be in doubt', () => {
    const nodes = standard(rmr([range(0, 0, 0x701, smmu)], [[0x1_0000_0000_0000n, 0x10000n]]));
    const topology = topologyOfNodes(nodes);
    const { groups } = predictRegions(topology, kernelProfile({ kernel: '7.2' }));
    assert.deepEqual(
      groups.map(({ devices }) => devices.map(({ path }) => path)),
      [['pci0000']],
    );
    assert.match(groups[0]!.unknown.join(), /^If there is a function 0000:07:00\.1, Linux 7\.2 fails to register/);
    assert.deepEqual(linesOf(nodes, '0000:07:00.1', { kernel: '7.2' }), ['no group']);
    assert.deepEqual(linesOf(nodes, '0000:00:01.0', { kernel: '6.12' }), [window]);
  });

  it('of named components with one stream ID, the namespace decides which has a group: that is said to be unknown', () => {
    const nodes = standard(
      component('\\_SB_.VR20', [single(0xffff, smmu)]),
      component('\\_SB_.VR00', [single(0xffff, smmu)]),
    );
    const topology = topologyOfNodes(nodes);
    const { groups } = predictRegions(topology, kernelProfile());
    const contested = groups.filter(({ unknown }) => unknown.length > 0).flatMap(({ devices }) => devices);
    assert.deepEqual(
      contested.map(({ path }) => path),
      ['\\_SB_.VR20', '\\_SB_.VR00'],
    );
    for (const { devices, unknown } of groups.filter((group) => group.devices[0]!.path.startsWith('\\')))
      assert.match(unknown.join('\n'), /^Stream ID 0xffff is that of .* as well/m, devices[0]!.path);
  });

  it('a function with the stream ID of a named component has it first before 7.2; whether there is one, no table tells', () => {
    const nodes = standard(component('\\_SB_.VR22', [single(0x10, smmu)]));
    const unknownOn = (kernel: KernelVersion) => {
      const { groups } = predictRegions(topologyOfNodes(nodes), kernelProfile({ kernel }));
      return groups.flatMap(({ devices, unknown }) => (devices[0]!.path === '\\_SB_.VR22' ? unknown : []));
    };
    const reason =
      'If there is a function 0000:00:02.0, it has stream ID 0x10 as soon as its driver binds, and \\_SB_.VR22 has no group.';
    assert.deepEqual(unknownOn('6.1'), [reason]);
    assert.deepEqual(unknownOn('6.12'), [reason]);
    assert.deepEqual(unknownOn('7.2'), []);
    assert.deepEqual(linesOf(nodes, '\\_SB_.VR22', { kernel: '6.12' }), [window]);
  });

  it('an RMR is for the functions whose stream IDs it names, and others behind the same root complex have nothing of it', () => {
    const nodes = standard(rmr([range(0, 7, 8, smmu)], [[0x70000000n, 0x10000n]]));
    const region = '0x0000000070000000 0x000000007000ffff direct';
    assert.deepEqual(linesOf(nodes, '0000:00:01.0'), [window, region]);
    assert.deepEqual(linesOf(nodes, '0000:00:01.7'), [window, region]);
    assert.deepEqual(linesOf(nodes, '0000:00:02.0'), [window]);
    assert.deepEqual(linesOf(nodes, '0000:00:01.0', { preserved: false }), [window]);
    assert.deepEqual(linesOf(nodes, '0000:00:01.0', { revision: 3 }), [window]);
  });

  it('a range of all stream IDs is taken, one of a million and one makes the kernel give the RMR up', () => {
    const all = standard(rmr([range(0, 0xffffffff, 0, smmu)], [[0x70000000n, 0x10000n]], 1));
    assert.deepEqual(linesOf(all, 'pci0000'), [window, '0x0000000070000000 0x000000007000ffff direct-relaxable']);
    const many = standard(rmr([range(0, 0x100000, 0, smmu)], [[0x70000000n, 0x10000n]], 1));
    assert.deepEqual(linesOf(many, 'pci0000'), [window]);
    const fitting = standard(rmr([range(0, 0xfffff, 0, smmu)], [[0x70000000n, 0x10000n]], 1));
    assert.deepEqual(linesOf(fitting, 'pci0000'), [window, '0x0000000070000000 0x000000007000ffff direct-relaxable']);
  });

  it('what is no multiple of 64 KiB is rounded to the pages of the host', () => {
    const nodes = standard(
      component('\\_SB_.VR00', [single(0x400, smmu)]),
      rmr([range(0, 0, 0x400, smmu)], [[0x70001800n, 0x1000n]], 1),
    );
    const lines = (pageSize: bigint): string[] => linesOf(nodes, '\\_SB.VR00', { pageSize });
    assert.deepEqual(lines(0x1000n), [window, '0x0000000070001000 0x0000000070002fff direct-relaxable']);
    assert.deepEqual(lines(0x4000n), [window, '0x0000000070000000 0x0000000070003fff direct-relaxable']);
  });

  it('stream IDs of a named component come from single mappings alone, up to the first that is none', () => {
    const of = (...mappings: NodeDraft['mappings'] & object): string[] =>
      linesOf(standard(component('\\_SB_.VR00', mappings)), '\\_SB_.VR00');
    assert.deepEqual(of(single(0x400, smmu), range(0, 3, 0x500, smmu)), [window]);
    assert.deepEqual(of(range(0, 3, 0x500, smmu), single(0x400, smmu)), ['no group']);
    assert.deepEqual(of(single(0x400, its), single(0x400, smmu)), ['no group']);
    assert.deepEqual(of(single(0x400, smmu), range(0, 0, 0x400, its)), [window]);
    assert.deepEqual(of(single(0x400, { offset: 0 })), ['no group']);
    assert.deepEqual(of(single(0x400, { offset: 0x4000 })), ['no group']);
  });

  it('names are compared byte for byte, and of two named components of one name the first counts', () => {
    const nodes = standard(
      component('\\_SB.VR00', [single(0x400, smmu)]),
      component('\\_SB_.VR01', [single(0x401, its)]),
      component('\\_SB_.VR01', [single(0x402, smmu)]),
    );
    assert.deepEqual(linesOf(nodes, '\\_SB.VR00'), ['no group']);
    assert.deepEqual(linesOf(nodes, '\\_SB_.VR01'), ['no group']);
  });

  it('the last ID of a mapping that the next one begins with belongs to the next one, in either order', () => {
    const first = range(0, 0x100, 0, smmu);
    const second = range(0x100, 0xfeff, 0x100, its);
    for (const mappings of [
      [first, second],
      [second, first],
    ]) {
      const nodes = [itsGroup(0), smmuv3([range(0, 0xffff, 0, its)]), complex(mappings)];
      assert.deepEqual(linesOf(nodes, '0000:00:1f.7'), [window]);
      assert.deepEqual(linesOf(nodes, '0000:01:00.0'), ['no group']);
    }
  });

  it('a first mapping without a reference makes all of the root complex’s mappings worthless', () => {
    const nodes = [
      itsGroup(0),
      smmuv3([range(0, 0xffff, 0, its)]),
      complex([range(0, 7, 0, { offset: 0 }), range(8, 0xff, 8, smmu)]),
    ];
    assert.deepEqual(linesOf(nodes, '0000:00:01.0'), ['no group']);
    const behind = [
      itsGroup(0),
      smmuv3([range(0, 0xffff, 0, its)]),
      complex([range(8, 0xff, 8, smmu), range(0, 7, 0, { offset: 0 })]),
    ];
    assert.deepEqual(linesOf(behind, '0000:00:01.0'), [window]);
  });

  it('an SMMU whose place another one has taken serves nobody', () => {
    const nodes = [
      itsGroup(0),
      smmuv3([range(0, 0xffff, 0, its)]),
      smmuv3([range(0, 0xffff, 0, its)]),
      complex([range(0, 0xf, 0, 1), range(0x10, 0xffef, 0x10, 2)]),
    ];
    for (const kernel of kernels) {
      assert.deepEqual(linesOf(nodes, '0000:00:01.0', { kernel }), [window]);
      assert.deepEqual(linesOf(nodes, '0000:00:02.0', { kernel }), ['no group']);
    }
  });

  it('a named component whose second stream ID leads to an SMMU that does not come up has a group by its first, from 7.2 on', () => {
    const both = component('\\_SB_.VR00', [single(0x400, 1), single(0x401, 2)]);
    const nodes = [itsGroup(0), smmuv3([]), smmuv3([]), both];
    for (const kernel of ['6.1', '6.12'] as const)
      assert.deepEqual(linesOf(nodes, '\\_SB_.VR00', { kernel }), ['no group']);
    assert.deepEqual(linesOf(nodes, '\\_SB_.VR00', { kernel: '7.2' }), [window]);
  });

  it('before 6.2 a named component’s MSIs, too, miss the mapping that its SMMUv3 seems to keep for itself', () => {
    const nodes = [
      itsGroup(0),
      smmuv3([range(0, 0xffff, 0, its)], { eventGsiv: 0 }, 5),
      component('\\_SB_.VR00', [single(0x400, smmu)]),
    ];
    const topology = topologyOfNodes(nodes);
    const controllerOn = (kernel: KernelVersion) => msiControllerOf(topology.masters[0]!, kernelProfile({ kernel }));
    assert.equal(controllerOn('6.1'), undefined);
    assert.equal(controllerOn('6.12')?.path, 'its-0');
  });

  it('a function below a bridge that no mapping leads to an ITS has the MSI controller of the bridge, which no table has', () => {
    const nodes = [itsGroup(0), smmuv3([range(0, 0xff, 0, its)]), complex([range(0, 0xffff, 0, smmu)])];
    const topology = topologyOfNodes(nodes);
    const kernel = kernelProfile({ kernel: '7.2' });
    const { groups } = predictRegions(topology, kernel);
    const isolated = (requesterId: number) => isolationOf(topology, kernel, groups[0]!, requesterId).isolated;
    assert.equal(isolated(0x08), true);
    assert.equal(isolated(0x200), undefined);
    const none = topologyOfNodes([itsGroup(0), smmuv3([]), complex([range(0, 0xffff, 0, smmu)])]);
    const alone = predictRegions(none, kernel).groups[0]!;
    assert.equal(isolationOf(none, kernel, alone, 0x200).isolated, false);
  });

  it('root complexes go round in a circle: that is seen, and not followed', () => {
    const nodes = [
      itsGroup(0),
      smmuv3([]),
      complex([range(0, 0xffff, 0, 3)]),
      complex([range(0, 0xffff, 0, 2)], { segment: 1 }),
    ];
    assert.deepEqual(linesOf(nodes, '0000:00:01.0'), ['no group']);
  });
});
