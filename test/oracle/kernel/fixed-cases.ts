// The cases of fixtures/truth as something to boot. Their first lines give the options of the oracle that recorded them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProfileSettings } from '../../../server/src/iova/kernel-profile';
import type { Machine, VfioTrial } from './boot';
import { smmuMachine, twoFunctions } from './boot';

export interface FixedCase {
  readonly name: string;
  /** Undefined for QEMU's own tree of the machine. */
  readonly source: { readonly text: string; readonly file: string } | undefined;
  readonly machine: Machine;
  /** What the machine's virtio-iommu announces, which no source tells. */
  readonly announced: ProfileSettings['virtioIommuRegions'];
}

const folder = path.join(import.meta.dirname, '../../fixtures/truth/dt');

/** What QEMU's virtio-iommu announces by default: the doorbell page of the ITS, or that of the GICv2m frame. */
const doorbells: Readonly<Record<string, Announced>> = {
  'gic-version=3': [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
  'gic-version=2': [{ start: 0x8020000n, size: 0x1000n, type: 'msi' }],
};

type Announced = NonNullable<ProfileSettings['virtioIommuRegions']>;

/** All cases but those of ACPI. */
export function fixedCases(): FixedCase[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dts') || name.endsWith('.args'))
    .map((name) => {
      const file = path.join(folder, name);
      const text = readFileSync(file, 'utf8');
      const machine = machineOf(/^\/\/ args: *(.*)$/m.exec(text)?.[1] ?? '');
      const source = name.endsWith('.dts') ? { text, file } : undefined;
      return { name: path.parse(name).name, source, machine, announced: announcedBy(machine) };
    });
}

/** QEMU's `reserved-regions[N]=START:END:TYPE`, type 1 being MSI; the default without any. */
function announcedBy({ options, devices }: Machine): Announced | undefined {
  const device = devices.find((each) => each.startsWith('virtio-iommu'));
  if (device === undefined) return undefined;
  const given = Array.from(device.matchAll(/reserved-regions\[\d+\]=(\w+):(\w+):(\d)/g), ([, start, end, type]) => ({
    start: BigInt(start!),
    size: BigInt(end!) - BigInt(start!) + 1n,
    type: type === '1' ? ('msi' as const) : ('reserved' as const),
  }));
  return given.length > 0 ? given : doorbells[options];
}

function machineOf(text: string): Machine {
  const words = text.split(/ +/).filter(Boolean);
  const after = (option: string): string[] => words.flatMap((word, at) => (words[at - 1] === option ? [word] : []));
  const maps = (option: string): VfioTrial['maps'] =>
    after(option).map((map) => map.split(':').map(BigInt) as [bigint, bigint]);
  const devices = after('-device');
  return {
    options: after('--machine')[0]?.replace(/^virt,/, '') ?? smmuMachine,
    append: after('--append').join(' '),
    devices: devices.length > 0 ? devices : twoFunctions,
    vfio: words.includes('--vfio')
      ? { unsafe: words.includes('--unsafe'), maps: maps('--map'), premaps: maps('--premap') }
      : undefined,
  };
}
