// The prediction against what real arm64 kernels printed (fixtures/truth): every case, every recorded kernel, line by line.
import assert from 'node:assert/strict';
import { sysfsLines } from '../../server/src/iova/print-regions';
import { find, predicted, recordedCases } from './recorded';
import type { PredictedCase, RecordedDevice, RecordedGroup } from './recorded';

describe('reserved regions as recorded kernels print them', () => {
  for (const given of [...recordedCases('dt'), ...recordedCases('vfio'), ...recordedCases('iort')]) {
    it(`${given.name} on ${given.kernel}: ${given.title}`, () => {
      checkCase(predicted(given));
    });
  }
});

function checkCase(given: PredictedCase): void {
  const { prediction, recorded } = given;
  const oopses = prediction.groups.filter(({ oops }) => oops !== undefined);
  assert.equal(oopses.length > 0, recorded.crash === true, 'the kernel crashes');
  if (recorded.crash === true) return;
  for (const group of recorded.groups) {
    for (const device of group.devices) checkDevice(given, device, group);
  }
  for (const device of recorded.ungrouped) checkUngrouped(given, device);
}

function checkDevice(given: PredictedCase, device: RecordedDevice, { reserved_regions }: RecordedGroup): void {
  const found = find(given, device);
  assert.ok(found.kind === 'found', `${device.path} exists`);
  assert.ok(found.group !== undefined, `${device.path} is in a group, although ${found.reason ?? ''}`);
  assert.deepEqual(sysfsLines(found.group, given.prediction.kernel.sysfsLimit), reserved_regions, device.path);
}

function checkUngrouped(given: PredictedCase, device: RecordedDevice): void {
  // Before 7.2 groups form when a driver binds, and no source tells which devices a driver claims.
  if (given.prediction.kernel.groupsFormAt === 'bind' && device.driver === '-') return;
  const found = find(given, device);
  assert.ok(found.kind === 'found', `${device.path} exists`);
  assert.equal(found.group, undefined, `${device.path} is in no group`);
}
