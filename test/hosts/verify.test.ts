// Predictions against recorded machines: equal under their own kernel, and explained under another.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { DescribedHost } from '../../server/src/iova/hosts/locate';
import type { GroupDump, RecordedDevice } from '../../server/src/iova/hosts/recorded';
import { noDriver } from '../../server/src/iova/hosts/recorded';
import { verifyHost, type Verification } from '../../server/src/iova/hosts/verify';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { hostNames } from '../../server/src/workspace/host-names';
import { completeSettings, settingsProfile } from '../../server/src/workspace/settings';
import { settingsFromObject } from '../../server/src/workspace/settings-file';
import { announcedRegions, truthCases, truthTree, type RecordedTruthDevice, type TruthCase } from './truth';

describe('verify says equal of every recorded kernel', () => {
  for (const given of truthCases()) {
    it(`${given.name} on ${given.version}, with all that an archive tells`, () => {
      assertEqual(verifyHost(hostOf(given), dumpOf(given, 'archive')));
    });
    it(`${given.name} on ${given.version}, by the names of the devices`, () => {
      assertEqual(verifyHost(hostOf(given), dumpOf(given, 'names')));
    });
    it(`${given.name} on ${given.version}, by lines alone`, () => {
      const { groups } = verifyHost(hostOf(given), dumpOf(given, 'lines'));
      assert.deepEqual(
        groups.filter(({ isEqual }) => !isEqual),
        [],
      );
    });
  }
});

describe('verify with the rules of another kernel', () => {
  it('finds each difference that the recorded kernels have, and nothing where they have none', () => {
    const found = truthCases().map((given) => {
      const others = (['6.1', '6.12', '7.2'] as const).filter((version) => version !== given.version);
      const different = others.filter((other) => !verifyHost(hostOf(given, other), dumpOf(given, 'archive')).isEqual);
      return `${given.name} on ${given.version}: ${different.join(' ') || 'none'}`;
    });
    const expected = fs.readFileSync(path.join(__dirname, 'other-kernels.txt'), 'utf8').trim().split('\n');
    assert.deepEqual(found, expected);
  });
});

function assertEqual({ groups, absent, isEqual }: Verification): void {
  const different = groups.filter((group) => !group.isEqual);
  assert.deepEqual(
    different.map(({ recorded, missing, extra, strangers }) => ({ recorded, missing, extra, strangers })),
    [],
  );
  assert.deepEqual(
    absent.filter(({ isExpected }) => !isExpected).map(({ group, reason }) => [group.devices[0]?.path, reason]),
    [],
  );
  assert.ok(isEqual);
}

function hostOf(given: TruthCase, kernel: KernelVersion = given.version): DescribedHost {
  const tree = truthTree(given.name);
  const topology = topologyFromTree(tree);
  const virtioIommuRegions = announcedRegions[given.name];
  const settings = completeSettings(
    settingsFromObject({ kernel, ...(virtioIommuRegions && { virtioIommuRegions }) }),
    '/',
  );
  return { topology, prediction: predictRegions(topology, settingsProfile(settings)), names: hostNames(tree) };
}

function dumpOf({ recorded }: TruthCase, knows: 'archive' | 'names' | 'lines'): GroupDump {
  const device = ({ path, origin, driver }: RecordedTruthDevice): RecordedDevice => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    path: knows === 'archive' ? path : undefined,
    node: knows === 'archive' && origin.startsWith('of:') ? origin.slice(3) : undefined,
    driver: knows === 'archive' ? (driver === '-' ? noDriver : driver) : undefined,
  });
  return {
    groups: recorded.groups.map(({ id, type, devices, reserved_regions }) => ({
      id: String(id),
      type,
      devices: knows === 'lines' ? undefined : devices.map(device),
      lines: reserved_regions,
    })),
    ungrouped: knows === 'archive' ? recorded.ungrouped.map(device) : undefined,
  };
}
