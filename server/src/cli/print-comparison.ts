// The results of `compare` as text and as JSON. Hosts are numbered from 1, by the order of the files.
import { guestArgument } from '../iova/guests/guest-spec';
import type { ComparedLayout, Comparison, Proof } from '../iova/hosts/compare';
import type { Subject, SubjectOnHost } from '../iova/hosts/match-masters';
import type { Placement } from '../iova/guests/placement';
import type { Reason, UnitedRange } from '../iova/hosts/reservations';
import { typeWord } from '../iova/prediction';
import { sysfsAddress } from '../iova/print-regions';
import { count, formatRange, humanSize, list } from '../text/numbers';
import { positionAt } from '../text/source-file';
import type { AddressRange } from '../topology/model';
import type { Snapshot } from '../workspace/analysis';
import { displayPath } from './terminal';

export interface NamedHost {
  readonly label: string;
  readonly snapshot: Snapshot;
}

export function printComparison(hosts: readonly NamedHost[], comparison: Comparison): string {
  const { interrupts, ranges, layouts, proof, migration, topology, unknown } = comparison;
  const sections: (readonly [string, readonly string[]])[] = [
    ['', hosts.map(hostLine)],
    ['Devices', deviceLines(comparison)],
    ['Interrupts that never arrive', interrupts.map(lostText)],
    ['Reserved on any host', comparison.reservations.flatMap(unitedLines)],
    ['Not reached by DMA', comparison.unreached.map(reasonText)],
    ['Usable on all hosts', ranges.map((range) => `${addresses(range)}    ${humanSize(range.end - range.start + 1n)}`)],
    // Without a device, no layout says anything.
    ['Guests', proof?.kind === 'no-device' ? [] : layouts.flatMap(layoutLines)],
    ['Why none suits', proofLines(comparison)],
    ['For migration', migration.flatMap(({ message, values }) => [message, ...byHost(values)])],
    ['Topology differs', topology.flatMap(({ path, what, values }) => [`${path}: ${what}`, ...byHost(values)])],
    ['Unknown', unknown.map(({ host, reason }) => `${number(host)} ${reason}`)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(
      ([title, lines]) =>
        `${title === '' ? '' : `\n${title}\n`}${lines.map((line) => `${title === '' ? '' : '  '}${line}\n`).join('')}`,
    )
    .join('');
}

function number(host: number): string {
  return `[${host + 1}]`;
}

function lostText({ host, device, reason }: Comparison['interrupts'][number]): string {
  return `${number(host)} ${device}, in any guest: ${reason}`;
}

function hostLine({ label, snapshot: { kernel, host } }: NamedHost, at: number): string {
  const recorded = host?.release === undefined ? '' : `, recorded on ${host.release}`;
  return `${number(at)} ${label}: Linux ${kernel.version}${recorded}, pages of ${humanSize(kernel.pageSize)}`;
}

/** Devices that all hosts can give away in one line; each of the others in its own. */
function deviceLines({ subjects, refused, unmatched }: Comparison): string[] {
  const good = subjects.filter((subject) => !refused.includes(subject));
  const apart = subjects.some(({ matchedBy }) => matchedBy === 'nothing');
  const lines: string[] = [];
  if (apart) lines.push('no master of one host is on the others: each counts by itself');
  if (good.length > 0)
    lines.push(`${count(good.length, 'device')} can be given to a guest: ${list(good.map(subjectText), 12)}`);
  for (const subject of refused) {
    lines.push(`${subjectText(subject)} cannot:`);
    subject.on.forEach((on, host) => {
      if (on !== undefined) lines.push(`  ${number(host)} ${attachText(on)}`);
    });
  }
  for (const { host, path, notOn } of apart ? [] : unmatched) {
    lines.push(`${number(host)} ${path} has no counterpart on ${notOn.map(number).join(' ')}`);
  }
  return lines.length > 0 ? lines : ['there are none behind an IOMMU'];
}

function subjectText({ name, matchedBy, on }: Subject): string {
  const paths = new Set(on.map((each) => each?.path));
  if (matchedBy === 'path' || paths.size === 1) return name;
  const each = on.flatMap((one, host) => (one === undefined ? [] : [`${number(host)} ${one.path}`]));
  return `${each.join(' = ')}${matchedBy === 'given' ? '' : `, by ${matchWords[matchedBy]}`}`;
}

const matchWords = {
  path: 'path',
  map: 'the map',
  'pci-address': 'pci address',
  'stream-ids': 'stream IDs',
  compatible: 'compatible',
  nothing: 'nothing',
};

function attachText({ vfio, reason }: SubjectOnHost): string {
  if (vfio === undefined) return `in no group: ${reason ?? 'it is behind no IOMMU'}`;
  const { attach } = vfio;
  return attach.result === 'ok' ? 'ok' : `${attach.result} at ${attach.step}: ${attach.reason}`;
}

function unitedLines({ range, reasons }: UnitedRange): string[] {
  const hosts = [...new Set(reasons.map(({ host }) => number(host)))].join(' ');
  return [`${addresses(range)}    ${hosts}`, ...reasons.map((reason) => `  ${reasonText(reason)}`)];
}

function reasonText(reason: Reason): string {
  const { host, device, kind, range } = reason;
  if (kind === 'unreached') return `${number(host)} ${reason.text ?? `DMA of ${device} does not arrive`}`;
  if (kind === 'aperture') return `${number(host)} beyond what the IOMMU of ${device} translates`;
  const place = placeOf(reason);
  const where = place === null ? '' : `, ${place.file}:${place.line}:${place.column}`;
  const node = reservationNode(reason);
  return `${number(host)} ${typeWord(kind)} ${addresses(range)} of ${device}${node === undefined ? '' : `, ${node}`}${where}`;
}

function reservationNode({ region }: Reason): string | undefined {
  return region?.parts.find((part) => part.region.reservation !== undefined)?.region.reservation?.node.path;
}

function placeOf({ region }: Reason) {
  const source = region?.parts.find((part) => part.region.source !== undefined)?.region.source;
  if (source === undefined) return null;
  const { line, character } = positionAt(source.file, source.start);
  return { file: displayPath(source.file.path), line: line + 1, column: character + 1 };
}

function layoutLines({ guest, fits, conflicts, largest, placement, noRoom, unreached }: ComparedLayout): string[] {
  // What is not reached is told of the guest's own RAM below.
  const met = conflicts.filter(({ reasons }) => reasons.some(({ kind }) => kind !== 'unreached'));
  const lines = met.slice(0, 8).map(({ range, reasons }) => {
    const hosts = [...new Set(reasons.map(({ host }) => number(host)))].join(' ');
    return `meets ${formatRange(range)} ${hosts}`;
  });
  if (met.length > 8) lines.push(`and ${met.length - 8} more`);
  for (const { host, text } of unreached) lines.push(`${number(host)} ${text}`);
  if (noRoom !== undefined) {
    const ranges = noRoom.map(({ range }) => formatRange(range));
    lines.push(`and has no room elsewhere: ${list(ranges, 8)} leave none`);
  }
  if (placement !== undefined) lines.push(...placementLines(placement));
  const verdict = verdictText(fits, placement !== undefined, largest);
  return [`${guest.title}: ${verdict}`, ...lines.map((line) => `  ${line}`)];
}

function verdictText(fits: boolean, isPlaced: boolean, largest: bigint | undefined): string {
  const most = largest === undefined ? undefined : largest === 0n ? 'no RAM at all' : `up to ${humanSize(largest)}`;
  if (fits) return `suits all hosts${most === undefined ? '' : `; ${most} does`}`;
  if (isPlaced)
    return `suits all hosts only when placed as below${most === undefined ? '' : `; as it is, ${most} would`}`;
  return `does not suit${most === undefined ? '' : `; ${most} would`}`;
}

function placementLines({ ram, command, libvirt, notes }: Placement): string[] {
  return [
    `RAM ${ram.map(formatRange).join(', ')}`,
    ...(command === undefined ? [] : [command]),
    ...(libvirt ?? []),
    ...notes,
  ];
}

function proofLines({ proof, subjects }: Comparison): string[] {
  switch (proof?.kind) {
    case undefined:
      return [];
    case 'no-device':
      return [
        subjects.length === 0
          ? 'no host has a device that can be given away'
          : 'there is no device that all hosts can give to a guest',
      ];
    case 'refused':
      return [`a host does not give away ${list(proof.subjects.map(({ name }) => name))}`];
    case 'ranges': {
      const what =
        proof.ranges.length === 1 ? 'this range alone rules' : `these ${proof.ranges.length} ranges together rule`;
      return [`${what} out every layout${proof.isExact ? ', no fewer do' : ''}:`, ...proof.ranges.flatMap(unitedLines)];
    }
  }
}

function byHost(values: readonly string[]): string[] {
  return values.flatMap((value, at) => (value === '' ? [] : [`  ${number(at)} ${value}`]));
}

function addresses({ start, end }: AddressRange): string {
  return `${sysfsAddress(start)} ${sysfsAddress(end)}`;
}

/** Addresses and sizes are hex strings; hosts are numbers from 1. */
export function comparisonJson(hosts: readonly NamedHost[], comparison: Comparison): object {
  const { subjects, unmatched, interrupts, reservations, unreached } = comparison;
  const { ranges, layouts, proof, migration, topology, unknown } = comparison;
  return {
    hosts: hosts.map(({ label, snapshot: { kernel, host } }) => ({
      file: label,
      kernel: kernel.version,
      release: host?.release ?? null,
      pageSize: `0x${kernel.pageSize.toString(16)}`,
    })),
    devices: subjects.map(({ name, matchedBy, on }) => ({
      name,
      matchedBy,
      on: on.map((each) => (each === undefined ? null : deviceJson(each))),
    })),
    unmatched: unmatched.map(({ host, path, notOn }) => ({
      host: host + 1,
      device: path,
      notOn: notOn.map((other) => other + 1),
    })),
    interrupts: interrupts.map(({ host, device, reason }) => ({ host: host + 1, device, reason })),
    reservations: reservations.map(unitedJson),
    unreached: unreached.map(({ host, device, range, text }) => ({
      host: host + 1,
      device,
      ...rangeJson(range),
      reason: text ?? null,
    })),
    ranges: ranges.map(rangeJson),
    layouts: layouts.map(layoutJson),
    proof: proof === undefined ? null : proofJson(proof),
    migration,
    topology,
    unknown: unknown.map(({ host, reason }) => ({ host: host + 1, reason })),
  };
}

function deviceJson({ path, group, reason, vfio }: SubjectOnHost): object {
  return {
    device: path,
    group: group?.id ?? null,
    attach:
      vfio === undefined
        ? { result: 'none', reason: reason ?? 'it is behind no IOMMU' }
        : { result: vfio.attach.result, reason: vfio.attach.reason ?? null },
    msiBase: vfio?.msiBase === undefined ? null : sysfsAddress(vfio.msiBase),
  };
}

function rangeJson({ start, end }: AddressRange): { readonly start: string; readonly end: string } {
  return { start: sysfsAddress(start), end: sysfsAddress(end) };
}

function unitedJson({ range, reasons }: UnitedRange): object {
  return {
    ...rangeJson(range),
    hosts: [...new Set(reasons.map(({ host }) => host + 1))],
    reasons: reasons.map((reason) => ({
      host: reason.host + 1,
      device: reason.device,
      type: reason.kind === 'aperture' || reason.kind === 'unreached' ? reason.kind : typeWord(reason.kind),
      ...(reason.text !== undefined && { text: reason.text }),
      origin: reason.region?.parts[0]?.region.origin ?? null,
      region: rangeJson(reason.range),
      node: reservationNode(reason) ?? null,
      source: placeOf(reason),
    })),
  };
}

function layoutJson({ guest, fits, conflicts, largest, placement, noRoom, unreached }: ComparedLayout): object {
  return {
    guest: guestArgument(guest) ?? guest.name,
    title: guest.title,
    fits,
    ram: guest.ram.map(rangeJson),
    conflicts: conflicts.map(unitedJson),
    largest: largest === undefined ? null : `0x${largest.toString(16)}`,
    placement:
      placement === undefined
        ? null
        : {
            ram: placement.ram.map(rangeJson),
            command: placement.command ?? null,
            libvirt: placement.libvirt ?? null,
            notes: placement.notes,
          },
    noRoom: noRoom?.map(unitedJson) ?? null,
    unreached: unreached.map(({ host, text }) => ({ host: host + 1, reason: text })),
  };
}

function proofJson(proof: Proof): object {
  switch (proof.kind) {
    case 'refused':
      return { kind: proof.kind, devices: proof.subjects.map(({ name }) => name) };
    case 'no-device':
      return { kind: proof.kind };
    case 'ranges':
      return { kind: proof.kind, minimal: proof.isExact, ranges: proof.ranges.map(unitedJson) };
  }
}
