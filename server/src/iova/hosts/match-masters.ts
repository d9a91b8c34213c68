// Which master of one host is which of another: as the user says, else by path, PCI address or compatible. Between a devicetree and
// ACPI tables, which have no names in common, by a map from nodes to objects, or by the IOMMU and the stream IDs there.
import { attachGroup, type VfioResult } from '../vfio/attach-group';
import type { DmaMaster } from '../../topology/model';
import { findDevice } from '../find-device';
import type { PredictedDevice, PredictedGroup } from '../prediction';
import type { DescribedHost } from './locate';

export interface ComparedHost extends DescribedHost {
  /** As the user names it. */
  readonly label: string;
  /** The module parameter of the machine; undefined where it is not known, which is taken for no. */
  readonly allowUnsafeInterrupts: boolean | undefined;
  /** Of a devicetree: what ACPI calls its nodes, by their paths. */
  readonly objects?: ReadonlyMap<string, string>;
}

/** One device of the guest: a master on each host that has one like it. */
export interface Subject {
  readonly name: string;
  readonly matchedBy: 'given' | Way | 'nothing';
  /** By host; undefined where it has none. */
  readonly on: readonly (SubjectOnHost | undefined)[];
}

type Way = 'path' | 'map' | 'pci-address' | 'stream-ids' | 'compatible';

export interface SubjectOnHost {
  readonly path: string;
  readonly master: DmaMaster | undefined;
  /** Undefined for a master that the kernel puts in no group; `reason` says why. */
  readonly group: PredictedGroup | undefined;
  readonly reason: string | undefined;
  /** Attaching its group; undefined without one. */
  readonly vfio: VfioResult | undefined;
}

export interface Matching {
  readonly subjects: readonly Subject[];
  /** Masters without a counterpart on every other host. */
  readonly unmatched: readonly { readonly host: number; readonly path: string; readonly notOn: readonly number[] }[];
}

/** `name` on every host, or one name for each; undefined where there is none for that host. */
export interface WantedDevice {
  readonly names: readonly (string | undefined)[];
}

/** The devices that the user names; an error in one line where a host does not have one. */
export function givenSubjects(
  hosts: readonly ComparedHost[],
  wanted: readonly WantedDevice[],
): readonly Subject[] | { readonly error: string } {
  const subjects: Subject[] = [];
  for (const { names } of wanted) {
    const on: (SubjectOnHost | undefined)[] = [];
    for (const [at, host] of hosts.entries()) {
      const name = names[at];
      if (name === undefined) {
        on.push(undefined);
        continue;
      }
      const found = findDevice(host.topology, host.prediction, host.names, name);
      if (found.kind === 'missing') return { error: `${host.label}: ${found.message}` };
      const master = found.group?.devices.find(({ path }) => path === found.path)?.master ?? masterAt(host, found.path);
      on.push(onHost(host, found.path, master, found.group, found.reason));
    }
    subjects.push({
      name: [...new Set(names.filter((name) => name !== undefined))].join(' = '),
      matchedBy: 'given',
      on,
    });
  }
  return subjects;
}

function masterAt({ topology }: DescribedHost, path: string): DmaMaster | undefined {
  return topology.masters.find((master) => master.path === path);
}

function onHost(
  host: ComparedHost,
  path: string,
  master: DmaMaster | undefined,
  group: PredictedGroup | undefined,
  reason: string | undefined,
): SubjectOnHost {
  const options = { allowUnsafeInterrupts: host.allowUnsafeInterrupts === true };
  const vfio = group && attachGroup(host.topology, host.prediction, group, options);
  return { path, master, group, reason, vfio };
}

interface Candidate {
  readonly device: PredictedDevice;
  readonly group: PredictedGroup;
}

/** Every master with a group, matched over all hosts. What has no counterpart on one of them is in `unmatched`. */
export function matchMasters(hosts: readonly ComparedHost[]): Matching {
  const candidates = hosts.map(candidatesOf);
  const [first = [], ...others] = candidates;
  const pairings = others.map((other, at) => pair(first, other, keysOf(hosts[0]!, hosts[at + 1]!)));
  const subjects: Subject[] = [];
  const unmatched: { host: number; path: string; notOn: number[] }[] = [];
  const add = (host: number, candidate: Candidate, partners: readonly (Partner | undefined)[]): void => {
    const { path } = candidate.device;
    const notOn = partners.flatMap((partner, at) => (partner === undefined ? [at] : []));
    if (notOn.length > 0) {
      unmatched.push({ host, path, notOn });
      return;
    }
    const matchedBy = partners.find((partner) => partner?.by !== 'path')?.by ?? 'path';
    const on = partners.map((partner, at) => candidateOn(hosts[at]!, partner!.candidate));
    subjects.push({ name: path, matchedBy, on });
  };
  for (const candidate of first) {
    const found = pairings.map(
      (pairing, at) => pairing.get(candidate) ?? standIn(hosts[at + 1]!, hosts[0]!, candidate),
    );
    add(0, candidate, [{ candidate, by: 'path' }, ...found]);
  }
  others.forEach((list, at) => {
    const taken = new Set([...pairings[at]!.values()].map(({ candidate }) => candidate));
    const host = at + 1;
    for (const candidate of list.filter((each) => !taken.has(each))) {
      const found = hosts.map((other, index): Partner | undefined =>
        index === host ? { candidate, by: 'path' } : standIn(other, hosts[host]!, candidate),
      );
      // One that the hosts before this one describe has been added with theirs.
      if (!isKnown(subjects, host, candidate)) add(host, candidate, found);
    }
  });
  return { subjects, unmatched };
}

function isKnown(subjects: readonly Subject[], host: number, { device }: Candidate): boolean {
  return !device.standsForUndescribed && subjects.some(({ on }) => on[host]?.path === device.path);
}

/** A PCI function that only one of the hosts describes: on the other, its bridge's map says what becomes of it. */
function standIn(
  { topology, prediction, names }: ComparedHost,
  from: ComparedHost,
  { device }: Candidate,
): Partner | undefined {
  const { kind, hostBridge, requesterId } = device.master;
  if (kind !== 'pci-function' || hostBridge === undefined || requesterId === undefined) return undefined;
  const bridge =
    topology.hostBridges.find(({ path }) => path === hostBridge.path) ??
    (topology.hostBridges.length === 1 && from.topology.hostBridges.length === 1 ? topology.hostBridges[0] : undefined);
  if (bridge === undefined) return undefined;
  const part = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  const address = `${part(bridge.segment, 4)}:${part(requesterId >> 8, 2)}:${part((requesterId >> 3) & 0x1f, 2)}.${requesterId & 7}`;
  const found = findDevice(topology, prediction, names, address);
  if (found.kind === 'missing' || found.group === undefined) return undefined;
  const stand = found.group.devices.find(({ path }) => path === found.path) ?? found.group.devices[0]!;
  return { candidate: { device: stand, group: found.group }, by: 'pci-address' };
}

/** Every master of every host by itself: for hosts that have nothing in common. */
export function separateSubjects(hosts: readonly ComparedHost[]): Subject[] {
  return hosts.flatMap((host, at) =>
    candidatesOf(host).map((candidate): Subject => {
      const on = hosts.map((_, other) => (other === at ? candidateOn(host, candidate) : undefined));
      return { name: candidate.device.path, matchedBy: 'nothing', on };
    }),
  );
}

function candidateOn(host: ComparedHost, { device, group }: Candidate): SubjectOnHost {
  return onHost(host, device.path, device.master, group, undefined);
}

/** Masters that can be given away: bridges are not, what stands for functions behind them is. A path once. */
function candidatesOf({ prediction }: ComparedHost): Candidate[] {
  const byPath = new Map<string, Candidate>();
  for (const group of prediction.groups) {
    for (const device of group.devices) {
      if (!device.master.isBridge && !byPath.has(device.path)) byPath.set(device.path, { device, group });
    }
  }
  return [...byPath.values()];
}

interface Partner {
  readonly candidate: Candidate;
  readonly by: Way;
}

/** What two candidates have in common if they are the same: what the first host's are asked, and the second's. */
type Key = (candidate: Candidate) => string | undefined;
type Keys = readonly (readonly [by: Way, ofOnes: Key, ofOthers: Key])[];

function keysOf(one: ComparedHost, other: ComparedHost): Keys {
  const alike = (by: Way, key: Key) => [by, key, key] as const;
  const path: Key = ({ device }) => device.path;
  const compatible: Key = ({ device }) => device.master.compatible.join(' ') || undefined;
  const [first, last] = [alike('path', path), alike('pci-address', pciAddress)];
  if (one.topology.firmware === other.topology.firmware) return [first, last, alike('compatible', compatible)];
  const object =
    ({ topology, objects }: ComparedHost): Key =>
    ({ device }) =>
      topology.firmware === 'acpi' ? device.path : objects?.get(device.path);
  return [['map', object(one), object(other)], last, ['stream-ids', numbered(streamKey), numbered(streamKey)]];
}

/** Devices that share their stream IDs are told apart by their order. */
function numbered(key: Key): Key {
  const counts = new Map<string, number>();
  return (candidate) => {
    const value = key(candidate);
    if (value === undefined) return undefined;
    const count = counts.get(value) ?? 0;
    counts.set(value, count + 1);
    return `${value} #${count}`;
  };
}

/** Where an IOMMU is, and the IDs by which it knows a platform device. */
function streamKey({ device: { master, iommu, streamIds, standsForUndescribed } }: Candidate): string | undefined {
  const [registers] = iommu.registers;
  if (master.kind !== 'platform' || standsForUndescribed || registers === undefined || streamIds.length === 0)
    return undefined;
  return `${registers.start} ${[...streamIds].sort((one, another) => one - another).join(' ')}`;
}

function pair(ones: readonly Candidate[], others: readonly Candidate[], keys: Keys): Map<Candidate, Partner> {
  const partners = new Map<Candidate, Partner>();
  const free = new Set(others);
  for (const [by, ofOnes, ofOthers] of keys) {
    const left = ones.filter((one) => !partners.has(one));
    const mine = single(left, ofOnes);
    const theirs = single([...free], ofOthers);
    for (const [value, candidate] of mine) {
      const partner = theirs.get(value);
      if (partner === undefined) continue;
      partners.set(candidate, { candidate: partner, by });
      free.delete(partner);
    }
  }
  return partners;
}

/** By key, those that are alone with theirs. */
function single(candidates: readonly Candidate[], key: Key) {
  const found = new Map<string, Candidate>();
  const doubles = new Set<string>();
  for (const candidate of candidates) {
    const value = key(candidate);
    if (value === undefined) continue;
    if (found.has(value)) doubles.add(value);
    found.set(value, candidate);
  }
  for (const value of doubles) found.delete(value);
  return found;
}

/** Of a function, described or alone in its class; of what is behind a host bridge, the segment. */
function pciAddress({ device: { path, master, standsForUndescribed, functions } }: Candidate): string | undefined {
  const { kind, hostBridge } = master;
  if (hostBridge === undefined) return undefined;
  const [first, ...more] = functions ?? [];
  const isAlone = first !== undefined && first.first === first.last && more.length === 0;
  const requesterId = isAlone && path !== master.path ? first.first : master.requesterId;
  if (requesterId !== undefined) return `${hostBridge.segment} ${requesterId}`;
  return kind === 'pci-host' && standsForUndescribed && path === master.path ? `${hostBridge.segment}` : undefined;
}
