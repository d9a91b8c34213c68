// The cases of fixtures/truth as something to boot. Their first lines give the options of the oracle that recorded them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProfileSettings } from '../../../server/src/iova/kernel-profile';
import type { Machine, VfioTrial } from './boot';
import { smmuMachine, twoFunctions } from './boot';

export interface FixedCase {
  readonly name: string;
  readonly file: string;
  readonly source: string;
  readonly machine: Machine;
  readonly announced: ProfileSettings['virtioIommuRegions'];
}

const folder = path.join(import.meta.dirname, '../../fixtures/truth/dt');

/** What QEMU's virtio-iommu announces on a machine with an ITS: its doorbell page. */
const qemuAnnounces: ProfileSettings['virtioIommuRegions'] = [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }];

/** All whose tree is a source. */
export function fixedCases(): FixedCase[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dts'))
    .map((name) => {
      const file = path.join(folder, name);
      const source = readFileSync(file, 'utf8');
      const machine = machineOf(/^\/\/ args: *(.*)$/m.exec(source)?.[1] ?? '');
      const announced = machine.devices.some((device) => device.startsWith('virtio-iommu')) ? qemuAnnounces : undefined;
      return { name: path.basename(name, '.dts'), file, source, machine, announced };
    });
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
