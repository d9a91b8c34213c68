// What programs read in sysfs of a group's reserved regions, where there are too many.
import { typeWord, type PredictedGroup } from '../../iova/prediction';
import { count, formatRange, hex, humanSize } from '../numbers';
import { evidenceAt, hasGuests, type Rule } from '../rule';
import { deviceNames } from './devices';

export const reservedRegionsCut: Rule = {
  id: 'reserved-regions-cut',
  severity: 'info',
  summary: 'A group has more reserved regions than its file in sysfs can show',
  docs: {
    effect:
      '`reserved_regions` of the group ends after one page, perhaps within a line. Programs that read it do not see the last regions: kvmtool puts RAM there, and VFIO refuses to map it. The kernel itself and VFIO’s own list of usable ranges know all regions. (A warning where `doorbell.json` names a guest of kvmtool.)',
    why: 'A file of sysfs is one page of the host, and a line takes 42 to 56 bytes: 4 KiB hold about 87 `reserved` lines.',
    fix: 'Join regions that touch, or reserve the space between them with them.',
    kernels: 'Linux 6.3 and later',
    sources: [
      'Linux drivers/iommu/iommu.c iommu_group_show_resv_regions (sysfs_emit_at)',
      'kvmtool vfio/core.c vfio_configure_reserved_regions',
    ],
    example: {
      failing: `#define HOLE(n) <&dma 0x0 (0x90000000 + (n) * 0x2000) 0x0 0x1000>
#define HOLES4(n) HOLE(n), HOLE((n) + 1), HOLE((n) + 2), HOLE((n) + 3)
#define HOLES16(n) HOLES4(n), HOLES4((n) + 4), HOLES4((n) + 8), HOLES4((n) + 12)

&{/reserved-memory} {
	holes: holes {
		iommu-addresses = HOLES16(0), HOLES16(16), HOLES16(32), HOLES16(48), HOLES16(64), HOLES16(80);
	};
};

&dma {
	memory-region = <&holes>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0xc0000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  *check(input) {
    const { prediction, kernel, settings } = input;
    for (const group of prediction.groups) {
      const [device] = group.devices;
      const cut = shownInFull(group, kernel.sysfsLimit);
      const first = group.regions[cut];
      if (device === undefined || first === undefined) continue;
      const part = first.parts[0]?.region;
      const isRead = hasGuests(input) && (settings.guests ?? []).some(({ strict }) => strict);
      yield {
        about: `${device.path} reserved_regions`,
        range: part?.source ?? device.master.source,
        node: part?.reservation?.node.path ?? device.path,
        ...(isRead ? { severity: 'warning' as const } : {}),
        message: `reserved_regions of the group of ${deviceNames(group.devices)} does not show ${group.regions.length - cut} of ${count(group.regions.length, 'region')}, from ${formatRange(first.range)} on: Linux ends the file after one page (${humanSize(kernel.sysfsLimit)}). The kernel and VFIO keep to all of them, but programs that read the file, as kvmtool does, put RAM at ${hex(first.range.start)} and fail. Join regions.`,
        evidence: evidenceAt([device.master.source, 'The device']),
      };
    }
  },
};

/** `0x`, 16 digits, a blank, twice; the type and the line's end. */
const lineLength = (word: string): number => 2 * 19 + word.length + 1;

/** How many regions stand in the file with their whole line; its last byte is the terminating NUL. */
function shownInFull({ regions }: PredictedGroup, limit: bigint): number {
  let left = Number(limit) - 1;
  const cut = regions.findIndex(({ type }) => {
    left -= lineLength(typeWord(type));
    return left < 0;
  });
  return cut < 0 ? regions.length : cut;
}
