import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const lab = 'examples/lab-board.dts';
const truth = path.join(import.meta.dirname, '../fixtures/truth/dt');

interface PlanJson {
  kernel: string;
  guests: { name: string; ram: { start: string; end: string; what: string }[]; problems?: string[] }[];
  plans: {
    device: string;
    verdict: string;
    attach: { result: string; reason: string | null; step: string | null; conflicts: ConflictJson[] };
    ranges: { start: string; end: string }[];
    maps: {
      start: string;
      end: string;
      result: string;
      conflicts: ConflictJson[];
      blocks: { without: number; with: number; holes: { text: string }[] };
    }[];
    window: {
      start: string;
      end: string;
      fits: boolean;
      reasons: string[];
      candidates: { start: string; end: string; fits: boolean; reasons: string[] }[];
      policies: { policy: string; start: string | null; fits: boolean }[];
    } | null;
    isolation: { isolated: boolean | null; devices: { chain: { path: string; source: object | null }[] }[] };
    unreached: { start: string; reason: string; source: { file: string } | null }[];
    remedies: { steps: { kind: string; title: string }[] }[];
  }[];
}

interface ConflictJson {
  kind: string;
  start: string;
  end: string;
  type: string;
  origin: string | null;
  source: { file: string; line: number; column: number } | null;
}

function planJson(args: readonly string[], cwd?: string): { status: number | null; json: PlanJson; stderr: string } {
  const { status, stdout, stderr } = doorbell(['plan', '--format', 'json', ...args], cwd);
  assert.notEqual(stdout, '', stderr);
  return { status, json: JSON.parse(stdout) as PlanJson, stderr };
}

describe('doorbell plan', () => {
  afterEach(removeFolders);

  it('has what scripts read: attach, ranges, maps with conflicts and blocks, the window with candidates', () => {
    const { status, json } = planJson([lab, '--guest', 'openvmm-uefi:1G', '--device', '&net']);
    assert.equal(status, 1);
    assert.equal(json.kernel, '6.12');
    const plan = json.plans[0]!;
    assert.equal(json.plans.length, 1);
    assert.deepEqual(
      [plan.device, plan.verdict, plan.attach],
      ['/pcie@40000000/ethernet@1,0', 'refused', { result: 'ok', reason: null, step: null, conflicts: [] }],
    );
    assert.deepEqual(plan.ranges, [
      { start: '0x0000000000000000', end: '0x0000000007ffffff' },
      { start: '0x0000000008200000', end: '0x0000ffffffffffff' },
    ]);
    const [map] = plan.maps;
    assert.deepEqual([map?.start, map?.end, map?.result], ['0x0000000000000000', '0x000000003fffffff', 'EINVAL']);
    assert.deepEqual(map?.conflicts, [
      {
        kind: 'region',
        start: '0x0000000008000000',
        end: '0x00000000081fffff',
        type: 'reserved',
        origin: 'iommu-addresses',
        node: '/reserved-memory/net-ring',
        source: { file: lab, line: 23, column: 23 },
      },
      {
        kind: 'region',
        start: '0x0000000008000000',
        end: '0x00000000080fffff',
        type: 'msi',
        origin: 'sw-msi',
        node: null,
        source: null,
      },
    ]);
    assert.deepEqual([map.blocks.without, map.blocks.with], [1, 511]);
    const window = plan.window!;
    assert.deepEqual([window.start, window.end, window.fits], ['0x0000000008000000', '0x00000000080fffff', false]);
    assert.equal(plan.window?.reasons.length, 2);
    const { candidates } = plan.window;
    assert.ok(candidates[0]?.fits === true && candidates.at(-1)?.fits === false);
    assert.ok(candidates.every(({ reasons }) => reasons.length > 0));
    assert.deepEqual(
      window.policies.map(({ policy }) => policy),
      ['fixed', 'fallback', 'allocator', 'user'],
    );
    assert.ok(plan.remedies[0]!.steps.length > 0);
    assert.deepEqual(
      plan.isolation.devices[0]?.chain.map((link) => link.path),
      ['/pcie@40000000/ethernet@1,0', '/pcie@40000000', '/interrupt-controller@2f000000/msi-controller@2f020000'],
    );
  });

  it('reads as text, with places in the sources and human sizes', () => {
    const { status, stdout, stderr } = doorbell(['plan', lab, '--guest', 'openvmm-uefi:1G', '--device', '&net']);
    assert.deepEqual([status, stderr], [1, '']);
    const expected = [
      /^OpenVMM with UEFI with 1 GiB of RAM, mapped through VFIO type1 by Linux 6\.12 with pages of 4 KiB$/m,
      /^\/pcie@40000000\/ethernet@1,0 {2}refused$/m,
      /^ {2}attach {6}ok$/m,
      /^ {2}interrupts {2}isolated: .* msi-map \(examples\/lab-soc\.dtsi:\d+:\d+\) → /m,
      /^ {2}usable {6}0x0000000000000000-0x0000000007ffffff {2}128 MiB at 0$/m,
      /^ {2}maps {8}0x0000000000000000-0x000000003fffffff {2}EINVAL, 1 GiB at 0$/m,
      /^ +meets 0x0000000008000000-0x00000000081fffff reserved \(2 MiB\), iommu-addresses of \/reserved-memory\/net-ring \(examples\/lab-board\.dts:23:23\)$/m,
      /^ +at 0x0000000008000000: this 2 MiB hole turns one 1 GiB block into 511 × 2 MiB$/m,
      /^ {2}window {6}0x0000000008000000-0x00000000080fffff {2}does not fit/m,
      /^ +not at .*0x3ff00000 \(the last MiB before QEMU/m,
      /^ {2}remedy {6}1\. /m,
    ];
    for (const line of expected) assert.match(stdout, line);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /\u001b|undefined|\[object/);
  });

  it('plans every master by itself where none is named, and ends with 0 if none is refused', () => {
    const { status, json } = planJson([lab, '--guest', 'qemu-virt:2G']);
    assert.equal(status, 0);
    assert.deepEqual(
      json.plans.map(({ device, attach, maps }) => [device, attach.result, maps[0]?.result]),
      [
        ['/pcie@40000000', 'ok', 'ok'],
        ['/pcie@40000000/ethernet@1,0', 'ok', 'ok'],
      ],
    );
  });

  it('takes several guests, and presets with what their VMM varies', () => {
    const guests = [
      'qemu-virt',
      'kvmtool:2G@0x100000000',
      'q35:3G,max-ram-below-4g=1G',
      'crosvm:1G,protected',
      'qemu-virt:1G,maxmem=2G',
    ];
    const { json } = planJson([lab, '--device', 'net', ...guests.flatMap((guest) => ['--guest', guest])]);
    assert.deepEqual(
      json.guests.map(({ name, ram }) => [
        name,
        ...ram.map(({ start, what }) => `${what} ${Number(start).toString(16)}`),
      ]),
      [
        ['qemu-virt:4G', 'RAM 40000000'],
        ['kvmtool:2G@0x100000000', 'RAM 100000000'],
        ['q35:3G,max-ram-below-4g=1G', 'low RAM 0', 'high RAM 100000000'],
        ['crosvm:1G,protected', 'firmware of the protected VM 7fc00000', 'RAM 80000000'],
        ['qemu-virt:1G,maxmem=2G', 'RAM 40000000', 'memory plugged in 80000000'],
      ],
    );
    assert.equal(json.plans.length, guests.length);
  });

  it('takes a guest file, and a guest of doorbell.json by name', () => {
    const folder = folderWith(
      `//- guest.json\n{ "ram": [{ "start": "0x7f00000", "size": "0x200000" }, { "start": 1073741824, "size": "4096" }] }
//- doorbell.json\n{ "guests": { "mine": { "ram": [{ "start": "0x80000000", "size": "0x10000000" }] }, "vm": { "preset": "xen:1G" } } }\n`,
    );
    const file = planJson([lab, '--guest', folder.at('guest.json'), '--device', '&net']);
    assert.deepEqual(
      file.json.plans[0]?.maps.map(({ result }) => result),
      ['EINVAL', 'ok'],
    );
    const named = planJson([lab, '--config', folder.at('doorbell.json'), '--guest', 'mine', '--device', '&net']);
    const preset = planJson([lab, '--config', folder.at('doorbell.json'), '--guest', 'vm', '--device', '&net']);
    assert.deepEqual([preset.json.guests[0]?.name, preset.json.guests[0]?.ram[0]?.start], ['vm', '0x0000000040000000']);
    assert.deepEqual([named.status, named.json.plans[0]?.maps[0]?.start], [0, '0x0000000080000000']);
  });

  it('names what contradicts itself in a layout, and judges each range by itself', () => {
    const ram = [
      { start: '0x40000000', size: '0x1000' },
      { start: '0x40000000', size: '0x2000' },
      { start: '0x50000000', size: 0 },
      { start: '0xfffffffffffff000', size: '0x2000' },
    ];
    const folder = folderWith(`//- odd.json\n${JSON.stringify({ ram })}\n//- none.json\n{ "ram": [] }\n`);
    const { status, json, stderr } = planJson([lab, '--guest', folder.at('odd.json'), '--device', '&net']);
    assert.deepEqual([status, json.plans[0]?.maps.map(({ result }) => result)], [1, ['ok', 'ok', 'EINVAL', 'EINVAL']]);
    assert.match(stderr, /ram\[2\] at 0x50000000 is empty/);
    assert.match(stderr, /ram\[3\] from 0xfffffffffffff000 of 8 KiB runs past 2\^64/);
    assert.match(stderr, /ram\[1\] .* overlaps ram\[0\]/);
    const newer = planJson([lab, '--guest', folder.at('odd.json'), '--device', '&net', '--kernel', '7.2']);
    assert.equal(newer.json.plans[0]?.maps[3]?.result, 'EOVERFLOW');
    const none = planJson([lab, '--guest', folder.at('none.json'), '--device', '&net']);
    assert.deepEqual([none.status, none.json.plans[0]?.maps], [0, []]);
    assert.match(none.stderr, /no RAM at all/);
  });

  it('tells in one line why a guest cannot be used', () => {
    const folder = folderWith(
      `//- syntax.json\n{ "ram": [\n//- key.json\n{ "ram": [{ "start": 0 }] }\n//- text.json\n{ "ram": [{ "start": "low", "size": 1 }] }
//- big.json\n{ "ram": [{ "start": "9999999999999999999", "size": "0xfffffffffffffffff" }] }\n//- list.json\n[]\n//- empty.json\n\n//- dir/x\n\n`,
    );
    const cases: Record<string, RegExp> = {
      'qemu-virtual': /no such preset or file; presets are qemu-virt, kvmtool, .*, q35$/m,
      'qemu-virt:4': /4 is no size: write 4G, 512M or 0x100000000/,
      'qemu-virt:4G@1G': /qemu-virt has no option @ADDRESS/,
      'qemu-virt:4G,fast': /there is no option fast/,
      'qemu-virt:4G,maxmem=1G': /less than the RAM/,
      'kvmtool:1G@1G': /takes RAM from 0x80000000 \(2 GiB\) upwards/,
      'firecracker:2T': /room for 1022 GiB of RAM, not for 2 TiB/,
      'qemu-virt:99E': /no size/,
      'qemu-virt:0G': /no RAM at all/,
      [folder.at('syntax.json')]: /is no JSON at line \d+, column \d+: /,
      [folder.at('key.json')]: /must have "size"/,
      [folder.at('text.json')]: /"start" must be a number/,
      [folder.at('big.json')]: /must be a number|64 bits/,
      [folder.at('list.json')]: /must be an object/,
      [folder.at('empty.json')]: /is empty/,
      [folder.at('dir')]: /is a directory/,
    };
    for (const [guest, expected] of Object.entries(cases))
      assertOneLineError(doorbell(['plan', lab, '--guest', guest]), expected);
    assertOneLineError(doorbell(['plan', lab]), /required option '--guest/);
    assertOneLineError(doorbell(['plan', lab, '--guest', 'q35', '--device', '/none']), /there is no device \/none/);
    assertOneLineError(doorbell(['plan', 'none.dts', '--guest', 'q35']), 'none.dts: no such file');
    assertOneLineError(doorbell(['plan', lab, '--guest', 'q35', '--backend', 'vdpa']), /'vdpa' is invalid/);
  });

  it('prints nothing for a device without a group', () => {
    const { status, json, stderr } = planJson([lab, '--guest', 'qemu-virt', '--device', '/cpus/cpu@0']);
    assert.deepEqual([status, json.plans], [0, []]);
    assert.match(stderr, /^doorbell: \/cpus\/cpu@0 is in no group: /);
  });

  it('plans a blob as it plans the source', () => {
    const folder = folderWith('');
    assert.equal(doorbell(['tree', '--format', 'dtb', '-o', folder.at('lab.dtb'), lab]).status, 0);
    const plansOf = (file: string) =>
      planJson([file, '--guest', 'openvmm-uefi:1G']).json.plans.map(({ device, ranges, verdict, window }) => ({
        device,
        ranges,
        verdict,
        reasons: window?.reasons,
      }));
    assert.deepEqual(plansOf(folder.at('lab.dtb')), plansOf(lab));
  });

  it('asks the maps for the very function, described or not', () => {
    const folder = folderWith(`//- board.dts
/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	its: msi-controller@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
	frame: v2m@9020000 { compatible = "arm,gic-v2m-frame"; reg = <0 0x9020000 0 0x1000>; msi-controller; };
	smmu: iommu@9050000 { compatible = "arm,smmu-v3"; reg = <0 0x9050000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
	pcie@10000000 {
		compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0 0x10000000 0 0x1000000>;
		#address-cells = <3>; #size-cells = <2>; dma-coherent;
		ranges = <0x2000000 0 0x20000000 0 0x20000000 0 0x10000000>;
		iommu-map = <0 &smmu 0 0x10000>;
		msi-map = <0 &its 0 0x100>, <0x100 &frame 0 0x100>;
	};
};
`);
    const two = ['--device', '0000:00:01.0', '--device', '0000:01:00.0'];
    const { json } = planJson([folder.at('board.dts'), '--guest', 'qemu-virt:1G', ...two]);
    assert.deepEqual(
      json.plans.map(({ device, attach, isolation }) => [device, attach.result, isolation.isolated]),
      [
        ['0000:00:01.0', 'ok', true],
        ['0000:01:00.0', 'EPERM', false],
      ],
    );
  });

  it('adds a device to a running guest with --hotplug, by either back end', () => {
    const args = [lab, '--guest', 'openvmm-uefi:1G', '--device', '&net', '--hotplug'];
    const type1 = planJson(args);
    const plan = type1.json.plans[0]!;
    assert.deepEqual([type1.status, plan.attach.result, plan.attach.step], [1, 'EINVAL', 'SET_CONTAINER']);
    assert.deepEqual(
      plan.attach.conflicts.map(({ type }) => type),
      ['reserved', 'msi'],
    );
    assert.equal(plan.maps[0]?.result, 'ok');
    assert.equal(planJson([...args, '--backend', 'iommufd']).json.plans[0]?.attach.result, 'EADDRINUSE');
    const { stdout } = doorbell(['plan', ...args]);
    assert.match(stdout, /attach {6}EINVAL from SET_CONTAINER, while the guest runs: /);
  });
});

interface RecordedVfio {
  attach: string;
  iova_ranges?: string[];
  maps?: { iova: string; size: string; result: string }[];
}

interface Recorded {
  args: string;
  kernels: Record<
    string,
    {
      same_as?: string;
      groups?: { devices: { origin: string; path: string }[]; vfio?: RecordedVfio }[];
      joint_container?: (RecordedVfio & { added: number })[];
    }
  >;
}

describe('doorbell plan, as recorded kernels answered', () => {
  afterEach(removeFolders);

  const cases = readdirSync(truth)
    .filter((name) => name.endsWith('.json'))
    .map((name) => path.basename(name, '.json'))
    .filter((name) => readdirSync(truth).includes(`${name}.dts`));

  for (const name of cases) {
    const recorded = JSON.parse(readFileSync(path.join(truth, `${name}.json`), 'utf8')) as Recorded;
    for (const [kernel, { groups = [] }] of Object.entries(recorded.kernels)) {
      for (const { devices, vfio } of groups) {
        if (vfio?.maps === undefined) continue;
        const device = nameOf(devices[0]!);
        it(`${name} on ${kernel}, ${device}: each map`, () => {
          const ram = vfio.maps!.map(({ iova, size }) => ({ start: iova, size }));
          const folder = folderWith(`//- guest.json\n${JSON.stringify({ ram })}\n`);
          const source = path.join(truth, `${name}.dts`);
          const { json } = planJson([
            source,
            '--guest',
            folder.at('guest.json'),
            '--device',
            device,
            '--kernel',
            kernel,
          ]);
          const plan = json.plans[0]!;
          assert.equal(plan.attach.result, vfio.attach);
          assert.deepEqual(
            plan.ranges.map(({ start, end }) => `${start} ${end}`),
            vfio.iova_ranges,
          );
          assert.deepEqual(
            plan.maps.map(({ result }) => result),
            vfio.maps!.map(({ result }) => result),
          );
        });
      }
    }
  }

  it('d08: the second device is refused while a map lies in what it reserves', () => {
    const folder = folderWith(`//- guest.json\n{ "ram": [{ "start": "0xa0000000", "size": "0x1000" }] }\n`);
    const args = [path.join(truth, 'd08-shared.dts'), '--guest', folder.at('guest.json'), '--hotplug'];
    const { status, json } = planJson([...args, '--device', '0000:00:01.0', '--device', '0000:00:02.0']);
    assert.equal(status, 1);
    assert.deepEqual(
      json.plans.map(({ attach }) => `${attach.step ?? ''} ${attach.result}`),
      [' ok', 'SET_CONTAINER EINVAL'],
    );
  });

  const refusals = {
    'd02-direct': 'SET_CONTAINER EINVAL',
    'd18-gicv2m': 'SET_IOMMU EPERM',
    'd20-no-msi-map': 'SET_IOMMU EPERM',
    'd57-smmu-not-coherent': 'bind EINVAL',
  };
  for (const [name, expected] of Object.entries(refusals)) {
    it(`${name}: ${expected}`, () => {
      const args = [path.join(truth, `${name}.dts`), '--guest', 'qemu-virt', '--device', '0000:00:01.0'];
      const { status, json } = planJson(args);
      const { attach } = json.plans[0]!;
      assert.deepEqual([status, `${attach.step ?? ''} ${attach.result}`], [1, expected]);
      assert.deepEqual(json.plans[0]!.ranges, []);
    });
  }

  it('d19: allow_unsafe_interrupts lets it through', () => {
    const args = [path.join(truth, 'd18-gicv2m.dts'), '--guest', 'qemu-virt', '--device', '0000:00:01.0', '--unsafe'];
    assert.deepEqual([planJson(args).status, planJson(args).json.plans[0]?.attach.result], [0, 'ok']);
  });

  it('d14: what the bridge does not forward is mapped all the same, and said', () => {
    const args = [path.join(truth, 'd14-dma-ranges.dts'), '--guest', 'qemu-virt', '--device', '0000:00:01.0'];
    const { status, json } = planJson(args);
    const plan = json.plans[0]!;
    assert.deepEqual([status, plan.verdict, plan.maps[0]?.result], [0, 'fails', 'ok']);
    assert.match(plan.unreached[0]!.reason, /forwards none of/);
    assert.match(plan.unreached[0]!.source!.file, /d14-dma-ranges\.dts$/);
  });
});

/** The tree path where there is one, else the PCI address. */
function nameOf({ origin, path: sysfsPath }: { origin: string; path: string }): string {
  return origin.startsWith('of:') ? origin.slice(3) : path.basename(sysfsPath);
}
