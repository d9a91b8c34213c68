// Small machines for tests of what VFIO and iommufd do with them.
import assert from 'node:assert/strict';
import type { KernelProfile, ProfileSettings } from '../../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../../server/src/iova/kernel-profile';
import { predictRegions } from '../../../server/src/iova/predict';
import type { PredictedGroup, RegionPrediction } from '../../../server/src/iova/predict';
import { sysfsAddress } from '../../../server/src/iova/print-regions';
import type { AttachResult, VfioOptions } from '../../../server/src/iova/vfio/attach-group';
import type { AddResult, Container } from '../../../server/src/iova/vfio/container';
import { addGroup, mapDma } from '../../../server/src/iova/vfio/container';
import type { AddressRange, Topology } from '../../../server/src/topology/model';
import { topologyOf } from '../../topology/trees';

export interface Machine {
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
  readonly kernel: KernelProfile;
}

/** A board with what the test adds, under one kernel. */
export function machine(nodes: string, settings: ProfileSettings = {}): Machine {
  const topology = topologyOf(nodes);
  const kernel = kernelProfile(settings);
  return { topology, prediction: predictRegions(topology, kernel), kernel };
}

export function groupOf({ prediction }: Machine, path: string): PredictedGroup {
  const group = prediction.groups.find(({ devices }) => devices.some((device) => device.path === path));
  assert.ok(group !== undefined, `${path} is in a group`);
  return group;
}

export function add(host: Machine, container: Container, path: string, options?: VfioOptions): AddResult {
  return addGroup(container, host.topology, host.prediction, groupOf(host, path), options);
}

/** `ok`, or the call and the error. */
export function answer(attach: AttachResult): string {
  return attach.result === 'ok' ? 'ok' : `${attach.step} ${attach.result}`;
}

/** Groups added in turn; what each was answered, and the container after the last. */
export function addAll(
  host: Machine,
  container: Container,
  paths: readonly string[],
): { container: Container; answers: string[] } {
  let current = container;
  const answers = paths.map((path) => {
    const added = add(host, current, path);
    current = added.container;
    return answer(added.attach);
  });
  return { container: current, answers };
}

/** A map that must be taken. */
export function withMap({ kernel }: Machine, container: Container, iova: bigint, size: bigint): Container {
  const mapped = mapDma(container, kernel, { iova, size });
  assert.equal(mapped.result.result, 'ok');
  return mapped.container;
}

export function mapAnswer({ kernel }: Machine, container: Container, iova: bigint, size: bigint): string {
  return mapDma(container, kernel, { iova, size }).result.result;
}

export function lines(ranges: readonly AddressRange[]): string[] {
  return ranges.map(({ start, end }) => `${sysfsAddress(start)} ${sysfsAddress(end)}`);
}

/** A platform device behind `smmu` with an isolated MSI. */
export function device(name: string, stream: number, properties = ''): string {
  return `${name}: ${name} { compatible = "test,device"; iommus = <&smmu ${String(stream)}>; msi-parent = <&its ${String(stream)}>; ${properties} };\n`;
}

/** Nodes below /reserved-memory. */
export function reserved(nodes: string): string {
  return `reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n${nodes}\n};\n`;
}
