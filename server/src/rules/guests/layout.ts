// Guests in doorbell.json that no host could map, and guests that no device of the board can be given to.
import type { PredictedDevice } from '../../iova/prediction';
import { overlaps } from '../../iova/ranges';
import { rangeOf } from '../../topology/address';
import { attachGroup } from '../../iova/vfio/attach-group';
import { unsafeParameters } from '../../iova/vfio/msi-isolation';
import { bootFlag } from '../boot-arguments';
import { formatRange, hex, humanSize, withSize } from '../numbers';
import { evidenceAt, hasGuests, type MachineRule } from '../rule';
import { deviceNames } from '../vfio/devices';
import { isProper, ramKey, ramPieces, ramText } from './ram';

const mapFunction = 'Linux drivers/vfio/vfio_iommu_type1.c vfio_dma_do_map';

export const guestRamMisaligned: MachineRule = {
  id: 'guest-ram-misaligned',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json is no whole number of the host’s pages',
  docs: {
    effect: 'Mapping the RAM for a device fails with EINVAL, and the VMM gives up.',
    why: 'An IOMMU maps whole pages, at least of the host’s size: start and size of a map must be multiples of it. A layout that is right for hosts with pages of 4 KiB need not be for 16 or 64 KiB.',
    fix: 'Round start and size to the host’s page size; 64 KiB suits all hosts, 2 MiB and more makes large blocks possible.',
    sources: [mapFunction],
    example: {
      failing: '',
      settings: { pageSize: '64K', guests: { mine: { ram: [{ start: '0x80000000', size: '0x3ffff000' }] } } },
      corrected: '',
      correctedSettings: { pageSize: '64K', guests: { mine: { ram: [{ start: '0x80000000', size: '0x3fff0000' }] } } },
    },
  },
  *check(input) {
    const { pageSize } = input.kernel;
    for (const piece of ramPieces(input)) {
      const { start, size } = piece.ram;
      if ((start | size) % pageSize === 0n) continue;
      const part = start % pageSize === 0n ? `its size ${hex(size)}` : `its start ${hex(start)}`;
      yield {
        about: ramKey(piece),
        range: piece.place,
        node: undefined,
        message: `The ${ramText(piece)} is no whole number of pages of the host, which have ${humanSize(pageSize)}: ${part} is no multiple of ${hex(pageSize)}, and VFIO refuses to map it with EINVAL. 64 KiB suits hosts of any page size.`,
        evidence: evidenceAt([input.settings.place?.(['pageSize']), `The host's pages have ${humanSize(pageSize)}`]),
      };
    }
  },
};

export const guestRamOverlap: MachineRule = {
  id: 'guest-ram-overlap',
  severity: 'warning',
  summary: 'Two ranges of RAM of one guest in doorbell.json overlap',
  docs: {
    effect: 'Mapping the second one fails with EEXIST, and the VMM gives up.',
    why: 'An IOVA can be mapped once.',
    fix: 'Make the ranges disjoint.',
    sources: [`${mapFunction}, vfio_find_dma`],
    example: {
      failing: '',
      settings: {
        guests: {
          mine: {
            ram: [
              { start: '0x80000000', size: '0x40000000' },
              { start: '0xa0000000', size: '0x40000000' },
            ],
          },
        },
      },
      corrected: '',
      correctedSettings: {
        guests: {
          mine: {
            ram: [
              { start: '0x80000000', size: '0x20000000' },
              { start: '0xa0000000', size: '0x40000000' },
            ],
          },
        },
      },
    },
  },
  *check(input) {
    const pieces = ramPieces(input).filter(isProper);
    for (const [at, piece] of pieces.entries()) {
      const other = pieces.slice(0, at).find(({ guest, ram }) => guest === piece.guest && overlaps(ram, piece.ram));
      if (other === undefined) continue;
      yield {
        about: ramKey(piece),
        range: piece.place,
        node: undefined,
        message: `The ${ramText(piece)} overlaps ${formatRange(other.ram)} of the same guest: VFIO refuses to map it with EEXIST. Make the ranges disjoint.`,
        evidence: evidenceAt([other.place, 'The range that is mapped before']),
      };
    }
  },
};

export const guestRamWraps: MachineRule = {
  id: 'guest-ram-wraps',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json runs past the end of the address space',
  docs: {
    effect: 'Mapping the RAM fails, with EINVAL on Linux 6.12 and EOVERFLOW from 7.0 on, and the VMM gives up.',
    why: 'Start and size together exceed 2^64. A digit too many in the start or the size is the usual reason.',
    fix: 'Correct start and size.',
    sources: [mapFunction],
    example: {
      failing: '',
      settings: { guests: { mine: { ram: [{ start: '0xffffffff80000000', size: '0x100000000' }] } } },
      corrected: '',
      correctedSettings: { guests: { mine: { ram: [{ start: '0x80000000', size: '0x100000000' }] } } },
    },
  },
  *check(input) {
    for (const piece of ramPieces(input)) {
      const { start, size } = piece.ram;
      if (isProper(piece) || size === 0n) continue;
      yield {
        about: ramKey(piece),
        range: piece.place,
        node: undefined,
        message: `RAM of guest "${piece.guest.name}" from ${hex(start)} on, ${withSize(size)} of it, runs past the end of the address space (2^64) up to ${hex(rangeOf(start, size).end)}: VFIO refuses to map it with ${input.kernel.wrapError} on Linux ${input.kernel.version}. Correct start and size.`,
      };
    }
  },
};

export const guestNothingToPass: MachineRule = {
  id: 'guest-nothing-to-pass',
  severity: 'warning',
  summary: 'doorbell.json names guests, and no device of the board can be passed through',
  docs: {
    effect: 'A guest on this board gets no device: each one is refused by VFIO, or has no IOMMU.',
    why: 'A device must be in an IOMMU group, its IOMMU must be cache-coherent as Linux sees it, no region of the group may be direct, some IOVA must be left, and interrupts must be isolated. What is in the way of each is said in the message, and by rules of its own at the place in the source.',
    fix: 'See the reasons: often a disabled IOMMU, a missing `iommu-map` or a missing `dma-coherent`. Not reported for boards without any IOMMU that could serve VFIO.',
    sources: [
      'Linux drivers/vfio/vfio_main.c __vfio_register_dev',
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group',
    ],
    example: {
      failing: `&smmu {
	/delete-property/ dma-coherent;
};`,
      settings: { guests: { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } } },
      corrected: `&smmu {
	dma-coherent;
};`,
    },
  },
  *check(input) {
    if (!hasGuests(input)) return;
    const { topology, prediction, tree } = input;
    // Boards without an IOMMU for it are no hosts, and settings may be those of many boards.
    if (!topology.iommus.some(({ driver }) => driver.vfio !== 'never' && driver.vfio !== 'unknown')) return;
    const options = {
      allowUnsafeInterrupts: tree !== undefined && bootFlag(tree, unsafeParameters.type1)?.isOn === true,
    };
    const reasons = new Map<string, PredictedDevice[]>();
    for (const group of prediction.groups) {
      const { attach } = attachGroup(topology, prediction, group, options);
      if (attach.result === 'ok') return;
      const known = reasons.get(attach.reason) ?? [];
      known.push(...group.devices);
      reasons.set(attach.reason, known);
    }
    const wanting = prediction.ungrouped.filter(({ master }) => master.availability.enabled);
    const why =
      prediction.groups.length > 0
        ? [...reasons].map(([reason, devices]) => `${deviceNames(devices)}: ${reason}`)
        : wanting.map(({ path, reason }) => `${path}: ${reason}`);
    const off = topology.iommus.filter(({ availability }) => !availability.enabled);
    const detail = why.length === 0 ? 'none has an IOMMU' : inClauses(why);
    yield {
      about: 'guests',
      range: input.settings.place?.(['guests']),
      node: undefined,
      message: `doorbell.json names guests, but VFIO can give them no device of this board on Linux ${input.kernel.version}: ${detail}.`,
      evidence: evidenceAt(
        ...off.slice(0, 8).map(({ source, path }) => [source, `${path} is not enabled`] as const),
        ...[...new Set(prediction.groups.flatMap(({ devices }) => devices.map(({ iommu }) => iommu)))]
          .slice(0, 8)
          .map(({ source }) => [source, 'An IOMMU of the board'] as const),
      ),
    };
  },
};

/** Clauses with commas of their own; the first four. */
function inClauses(clauses: readonly string[]): string {
  const more = clauses.length - 4;
  return `${clauses.slice(0, 4).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
