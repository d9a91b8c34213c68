// A device of a running machine to its place in the prediction.
import type { Topology } from '../../topology/model';
import { findDevice, type DeviceLookup, type DeviceNames } from '../find-device';
import type { RegionPrediction } from '../prediction';
import type { RecordedDevice } from './recorded';

/** How names of a machine lead into the sources. */
export interface HostNames extends DeviceNames {
  /** The path of the node that the kernel makes a device of that name of: `fd600000.usb`. */
  readonly ofDevice: (name: string) => string | undefined;
}

/** A description of a machine with what a kernel makes of it. */
export interface DescribedHost {
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
  readonly names: HostNames;
}

const pciFunction = /^([0-9a-f]{4,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i;

/** Whether the kernel's name of a device is a PCI address. */
export function isPciFunction(name: string): boolean {
  return pciFunction.test(name);
}

/** The group that a recorded device should be in: by its tree node, its PCI address, or its name. */
export function locate(host: DescribedHost, device: RecordedDevice): DeviceLookup {
  const { topology, prediction, names } = host;
  if (device.node?.startsWith('/') === true && names.resolve(device.node) !== undefined) {
    return findDevice(topology, prediction, names, device.node);
  }
  const address = pciFunction.exec(device.name);
  if (address !== null) {
    const segment = segmentOf(host, device) ?? address[1]!;
    return findDevice(topology, prediction, names, `${segment}:${address[2]!}`);
  }
  const path = device.node ?? names.ofDevice(device.name);
  if (path === undefined) return { kind: 'missing', message: `no node makes a device ${device.name}` };
  return findDevice(topology, prediction, names, path);
}

/** The machine's own segment numbers may be others than the ones that we count: the path tells which bridge it is. */
function segmentOf({ topology, names }: DescribedHost, { path }: RecordedDevice): string | undefined {
  const parent = path === undefined ? undefined : /(?:^|\/)([^/]+)\/pci[0-9a-f]{4,8}:[0-9a-f]{2}\//.exec(path)?.[1];
  const bridgePath = parent === undefined ? undefined : names.ofDevice(parent);
  return topology.hostBridges.find((bridge) => bridge.path === bridgePath)?.segment.toString(16);
}
