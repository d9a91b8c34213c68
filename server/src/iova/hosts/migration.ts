// What differs between hosts beside their reservations, for whoever moves a guest from one to the other.
import { formatRange, humanSize } from '../../text/numbers';
import type { ComparedHost, Subject } from './match-masters';

export interface MigrationNote {
  readonly kind: 'kernel' | 'page-size' | 'msi-window' | 'attach' | 'aperture';
  readonly message: string;
  /** By host, from 0. */
  readonly values: readonly string[];
}

/** Each thing in which the hosts differ, with what it is on each. */
export function migrationNotes(hosts: readonly ComparedHost[], subjects: readonly Subject[]): MigrationNote[] {
  const kernels = hosts.map(({ prediction: { kernel } }) => kernel);
  const notes: MigrationNote[] = [
    {
      kind: 'kernel',
      message: 'the kernels differ: what each of them reserves and refuses is judged by its own rules',
      values: kernels.map(({ version }) => version),
    },
    {
      kind: 'page-size',
      message:
        'the page sizes differ: a map must be aligned to the larger one, and a doorbell takes a page of its host',
      values: kernels.map(({ pageSize }) => humanSize(pageSize)),
    },
    {
      kind: 'msi-window',
      message:
        'the MSI windows differ: the guest must keep out of each of them, and doorbells that it has mapped itself (a guest IOMMU) move',
      values: hosts.map((_, at) => windowsOf(subjects, at)),
    },
    {
      kind: 'aperture',
      message: 'the IOMMUs translate different numbers of address bits: the smallest counts',
      values: hosts.map((_, at) => aperturesOf(subjects, at)),
    },
  ];
  return [
    ...notes.filter(({ values }) => new Set(values.filter((value) => value !== '')).size > 1),
    ...attachNotes(hosts, subjects),
  ];
}

/** Attaching that works on one host and not on another. */
function attachNotes(hosts: readonly ComparedHost[], subjects: readonly Subject[]): MigrationNote[] {
  const notes = new Map<string, MigrationNote>();
  for (const { name, on } of subjects) {
    const values = hosts.map((_, at) => attachText(on[at]));
    const known = values.filter((value) => value !== '');
    if (!known.includes('ok') || known.every((value) => value === 'ok')) continue;
    notes.set(name, { kind: 'attach', message: `${name} can be given to a guest on some hosts only`, values });
  }
  return [...notes.values()];
}

function attachText(on: Subject['on'][number]): string {
  if (on === undefined) return '';
  if (on.vfio === undefined) return `no group: ${on.reason ?? 'behind no IOMMU'}`;
  const { attach } = on.vfio;
  return attach.result === 'ok' ? 'ok' : `${attach.result}: ${attach.reason}`;
}

function windowsOf(subjects: readonly Subject[], host: number): string {
  const windows = subjects
    .flatMap(({ on }) => on[host]?.group?.regions ?? [])
    .filter(({ type }) => type === 'software-msi' || type === 'hardware-msi');
  const texts = windows.map(({ type, range }) => `${formatRange(range)}${type === 'hardware-msi' ? ', hardware' : ''}`);
  return [...new Set(texts)].join('; ');
}

function aperturesOf(subjects: readonly Subject[], host: number): string {
  const apertures = subjects.flatMap(({ on }) => on[host]?.group?.devices[0]?.iommu.driver.aperture ?? []);
  return [...new Set(apertures.map(formatRange))].join('; ');
}
