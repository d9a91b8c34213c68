// What VFIO said on real arm64 kernels (fixtures/truth): attaching each group alone and all in turn, what may be mapped, each map,
// and the doorbell's address in the device.
import assert from 'node:assert/strict';
import path from 'node:path';
import type { PredictedGroup } from '../../../server/src/iova/prediction';
import { sysfsAddress } from '../../../server/src/iova/print-regions';
import { pageSizeBitmap } from '../../../server/src/iova/vfio/address-space';
import type { AttachResult } from '../../../server/src/iova/vfio/attach-group';
import { addGroup, emptyContainer, mapAll, mapDma } from '../../../server/src/iova/vfio/container';
import type { AddResult, Container } from '../../../server/src/iova/vfio/container';
import type { DmaMap } from '../../../server/src/iova/vfio/dma-map';
import { msiDelivery } from '../../../server/src/iova/vfio/doorbells';
import { find, optionValues, predicted, recordedCases } from '../recorded';
import type { PredictedCase, RecordedAttach, RecordedGroup } from '../recorded';

describe('VFIO as recorded kernels answer', () => {
  for (const given of [...recordedCases('dt'), ...recordedCases('vfio'), ...recordedCases('iort')]) {
    if (!given.args.includes('--vfio') || given.recorded.crash === true) continue;
    it(`${given.name} on ${given.kernel}: ${given.title}`, () => {
      const whole = predicted(given);
      for (const group of whole.recorded.groups) checkAlone(whole, group);
      checkJoint(whole);
    });
  }
});

/**
 * What no source tells: that a driver other than vfio's keeps a device of the group, so that the group is not viable (here the
 * driver of a bridge). Alone the group says so, and to join a container it may not either (iommu_group_claim_dma_owner: EPERM).
 */
function isHeldByAnother({ vfio }: RecordedGroup): boolean {
  return vfio?.attach === 'not-viable';
}

function checkAlone(given: PredictedCase, recorded: RecordedGroup): void {
  const { vfio } = recorded;
  if (vfio === undefined || isHeldByAnother(recorded)) return;
  const group = groupOf(given, recorded);
  const { container, attach } = join(given, emptyContainer('type1'), group, recorded);
  checkAttached(container, attach, vfio);
  checkMaps(given, container, vfio);
  for (const [address, written] of Object.entries(vfio.msi_address ?? {})) {
    const expected = doorbellOf(given, container, group, address);
    // Without an MSI controller switching MSIs on fails; each kernel has another number for it, errno524 (ENOTSUPP) among them.
    const isSame = expected === written || (expected === 'none' && written.startsWith('enable '));
    assert.ok(isSame, `the doorbell of ${address} is ${written}, not ${expected}`);
  }
}

function checkJoint(given: PredictedCase): void {
  let container = emptyContainer('type1');
  for (const step of given.recorded.joint_container ?? []) {
    const recorded = given.recorded.groups.find(({ id }) => id === step.added)!;
    if (isHeldByAnother(recorded)) continue;
    const added = join(given, container, groupOf(given, recorded), recorded);
    checkAttached(added.container, added.attach, step);
    container = checkPremaps(given, added.container, step);
  }
}

function join(
  { topology, prediction, args }: PredictedCase,
  container: Container,
  group: PredictedGroup,
  { devices }: RecordedGroup,
): AddResult {
  const requesterId = requesterIdOf(path.basename(devices[0]!.path));
  return addGroup(container, topology, prediction, group, {
    allowUnsafeInterrupts: args.includes('--unsafe'),
    requesterId,
  });
}

function requesterIdOf(pciAddress: string): number {
  const [bus, device, number] = pciAddress.split(/[:.]/).slice(1) as [string, string, string];
  return (parseInt(bus, 16) << 8) | (parseInt(device, 16) << 3) | parseInt(number, 16);
}

function checkAttached(container: Container, attach: AttachResult, recorded: RecordedAttach): void {
  assert.equal(attachText(attach), recorded.attach, attach.reason);
  if (recorded.iova_ranges !== undefined) {
    const lines = container.ranges.map(({ start, end }) => `${sysfsAddress(start)} ${sysfsAddress(end)}`);
    assert.deepEqual(lines, recorded.iova_ranges);
  }
  // The page sizes of a virtio-iommu are the hypervisor's choice.
  const isVirtual = container.domains.some(({ iommu }) => iommu.driver.name === 'virtio-iommu');
  if (recorded.page_sizes === undefined || isVirtual) return;
  const sizes = container.domains.map(({ blockSizes }) => `0x${pageSizeBitmap(blockSizes).toString(16)}`);
  assert.deepEqual(new Set(sizes), new Set([recorded.page_sizes]));
}

function attachText(attach: AttachResult): string {
  if (attach.result === 'ok') return 'ok';
  // Where vfio-pci does not bind, there is no /dev/vfio/N to open.
  return attach.step === 'bind' ? 'open ENOENT' : `${attach.step} ${attach.result}`;
}

/** Each map alone: the oracle takes it out again. */
function checkMaps({ prediction, args }: PredictedCase, container: Container, { maps, attach }: RecordedAttach): void {
  if (attach === 'ok') assert.equal(maps?.length ?? 0, optionValues(args, '--map').length);
  for (const { iova, size, result } of maps ?? []) {
    const answer = mapDma(container, prediction.kernel, { iova: BigInt(iova), size: BigInt(size) });
    assert.equal(answer.result.result, result, `mapping ${iova} ${size}`);
  }
}

/** The maps that stay, made when the first group is in. */
function checkPremaps({ prediction, args }: PredictedCase, container: Container, { maps }: RecordedAttach): Container {
  if (maps === undefined) return container;
  const wanted = optionValues(args, '--premap').map(parseMap);
  const mapped = mapAll(container, prediction.kernel, wanted);
  const results = mapped.results.map(({ result }) => result);
  assert.deepEqual(
    results,
    maps.map(({ result }) => result),
  );
  return mapped.container;
}

function parseMap(text: string): DmaMap {
  const [iova, size] = text.split(':') as [string, string];
  return { iova: BigInt(iova), size: BigInt(size) };
}

/** As the oracle prints it: the address, why MSIs cannot be switched on, or `none` of a function without MSI-X. */
function doorbellOf(given: PredictedCase, container: Container, group: PredictedGroup, address: string): string {
  const found = find(given, { path: address, origin: '-', driver: '-' });
  assert.ok(found.kind === 'found');
  // The bridge's own function 00:00.0 has no MSI-X, which no source tells.
  if (address.endsWith(':00:00.0')) return 'none';
  const device = group.devices.find(({ path: each }) => each === found.path) ?? group.devices[0]!;
  const delivery = msiDelivery(container, given.prediction.kernel, group, device, requesterIdOf(address));
  switch (delivery.kind) {
    case 'mapped':
    case 'untranslated':
      return sysfsAddress(delivery.address!);
    case 'refused':
      return `enable ${delivery.error}`;
    case 'none':
      return 'none';
  }
}

function groupOf(given: PredictedCase, { devices }: RecordedGroup): PredictedGroup {
  const found = find(given, devices[0]!);
  assert.ok(found.kind === 'found' && found.group !== undefined, `${path.basename(devices[0]!.path)} is in a group`);
  return found.group;
}
