// The RAM of the guests in doorbell.json, piece by piece, with its place there.
import type { GuestLayout, GuestRam } from '../../iova/guests/layout';
import type { SourceRange } from '../../text/source-file';
import { formatRange } from '../numbers';
import type { MachineInput } from '../rule';

export interface RamPiece {
  readonly guest: GuestLayout;
  readonly index: number;
  readonly ram: GuestRam;
  readonly place: SourceRange | undefined;
}

/** Every range, those that wrap included, in the order given. */
export function ramPieces({ settings }: Pick<MachineInput, 'settings'>): RamPiece[] {
  return (settings.guests ?? []).flatMap((guest) =>
    guest.ram.map((ram, index) => {
      const place = settings.place?.(['guests', guest.name, 'ram', index]);
      return { guest, index, ram, place };
    }),
  );
}

/** What findings about one range know each other by. */
export function ramKey({ guest, index }: RamPiece): string {
  return `guest ${guest.name} ram[${index}]`;
}

/** `RAM 0x80000000–0xbfffffff (1 GiB at 2 GiB) of guest "mine"`, with the VMM's name where it is a preset. */
export function ramText({ guest, ram }: RamPiece): string {
  const vmm = guest.preset === undefined ? '' : ` (${guest.title})`;
  return `RAM ${formatRange(ram)} of guest "${guest.name}"${vmm}`;
}

/** What the guest's VMM can move, as sentences to append; empty for layouts that are the user's own. */
export function knobsText(guests: Iterable<GuestLayout>): string {
  const presets = [...new Set(guests)].filter(({ preset }) => preset !== undefined);
  return presets.map(({ name, knobs }) => ` Of guest "${name}": ${knobs.join('; ')}.`).join('');
}

export function isProper({ ram }: RamPiece): boolean {
  return ram.start <= ram.end;
}
