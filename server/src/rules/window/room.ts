// Whether doorbells can be mapped in the window at all: its size, its alignment, and who can write there.
import type { WindowDemand } from '../../iova/window-demands';
import { alignDown, alignUp, sizeOf, subtract } from '../../iova/ranges';
import { hostAperture } from '../../iova/vfio/address-space';
import type { Fix } from '../../text/diagnostic';
import type { AddressRange, Doorbell, Iommu } from '../../topology/model';
import { concerned, mostNeeded, neededPart, onePerPath, windowDemandsOf } from '../masters';
import { count, formatRange, hex, humanSize, list, withSize } from '../numbers';
import { evidenceAt, type MachineRule, type MachineInput } from '../rule';

const attachFunction = 'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group (iommu_get_msi_cookie)';
const pageFunction =
  'Linux drivers/iommu/dma-iommu.c iommu_dma_get_msi_page, iommu_dma_alloc_iova (IOMMU_DMA_MSI_COOKIE)';

export const msiWindowTooSmall: MachineRule = {
  id: 'msi-window-too-small',
  severity: 'warning',
  summary: 'The doorbells behind one IOMMU need more pages than the MSI window has',
  docs: {
    effect:
      'When devices with that many different doorbells are given to one guest, the last doorbells are mapped behind the window’s end, at addresses that VFIO offers to the guest: either the guest’s memory is in the way and the device gets no MSIs, or the doorbell is in the way and mapping the memory fails.',
    why: 'Each doorbell page gets the next page of the host’s size from the start of the window upwards. No kernel compares them with the window’s end, which only keeps the user out. With pages of 64 KiB the usual window of 1 MiB has room for 16 doorbells.',
    fix: 'Use a kernel or VMM whose window is larger and say so in `doorbell.json` (`msiWindow.size`), or give devices with different MSI controllers to different guests.',
    sources: [pageFunction, 'Linux drivers/iommu/io-pgtable-arm.c arm_lpae_init_pte (EEXIST)'],
    example: {
      failing: `&gic {
	its2: msi-controller@2f040000 {
		compatible = "arm,gic-v3-its";
		reg = <0x0 0x2f040000 0x0 0x20000>;
		#msi-cells = <1>;
		msi-controller;
	};
};

&pcie {
	msi-map = <0x0 &its 0x0 0x8000>, <0x8000 &its2 0x0 0x8000>;
};`,
      settings: { pageSize: '64K', msiWindow: { base: '0x8000000', size: '0x10000' } },
      corrected: `&gic {
	its2: msi-controller@2f040000 {
		compatible = "arm,gic-v3-its";
		reg = <0x0 0x2f040000 0x0 0x20000>;
		#msi-cells = <1>;
		msi-controller;
	};
};

&pcie {
	msi-map = <0x0 &its 0x0 0x8000>, <0x8000 &its2 0x0 0x8000>;
};`,
      correctedSettings: { pageSize: '64K', msiWindow: { base: '0x8000000', size: '0x100000' } },
    },
  },
  prerequisites: ['msi-window-misaligned'],
  *check(input) {
    const { pageSize, msiWindow } = input.kernel;
    // One that runs past 2^64 is beyond what the IOMMU translates.
    if (msiWindow.end < msiWindow.start) return;
    if (mostNeeded(input).end <= msiWindow.end) return;
    const size = sizeOf(msiWindow);
    for (const [iommu, doorbells] of doorbellsByIommu(input)) {
      const needed = pageSize * BigInt(Math.max(doorbells.length, 1));
      if (needed <= size) continue;
      const room = size / pageSize;
      const lastPage = msiWindow.start + needed - 1n;
      yield {
        about: 'msiWindow',
        range: settingsPlace(input, 'size') ?? iommu.source,
        node: iommu.path,
        message:
          `The MSI window ${formatRange(msiWindow)} has room for ${count(Number(room), 'doorbell page')} of ${humanSize(pageSize)}, but devices behind ${iommu.path} have ${doorbells.length <= 1 ? 'one doorbell' : `${doorbells.length} different doorbells`}. ` +
          `VFIO maps them one after the other and never looks at the window's end: given to one guest, the rest run up to ${hex(lastPage)}, over addresses that the guest may use, and either its memory or the interrupts cannot be mapped. ` +
          `A kernel or VMM with a window of ${withSize(needed)} or more makes it work.`,
        evidence: evidenceAt(
          ...doorbells.slice(0, 20).map(({ source }) => [source, 'A doorbell that takes a page'] as const),
          [input.settings.place?.(['pageSize']), `The host's pages have ${humanSize(pageSize)}`],
        ),
        fixes: sizeFix(input, needed),
      };
    }
  },
};

/** Doorbells of all devices behind each IOMMU, one for each page of the host: one guest's devices may share the window. */
function doorbellsByIommu(input: MachineInput): Map<Iommu, Doorbell[]> {
  const byPage = new Map<Iommu, Map<bigint, Doorbell>>();
  for (const { device, doorbells } of windowDemandsOf(input.prediction)) {
    const known = byPage.get(device.iommu) ?? new Map<bigint, Doorbell>();
    byPage.set(device.iommu, known);
    for (const doorbell of doorbells) known.set(doorbell.address / input.kernel.pageSize, doorbell);
  }
  return new Map([...byPage].map(([iommu, found]) => [iommu, [...found.values()]]));
}

/** What doorbell.json says is corrected there; the kernel's own constant is not ours to change. */
function sizeFix({ kernel, settings }: MachineInput, needed: bigint): Fix[] {
  if (kernel.msiWindowOrigin !== 'settings' || settings.msiWindowSource === undefined) return [];
  return [
    {
      title: `Set the size of the MSI window to ${withSize(needed)}: true only for a kernel or VMM that has it so`,
      change: () => ({ edits: [], settings: [[['msiWindow', 'size'], hex(needed)]] }),
    },
  ];
}

/** The place of a key of `msiWindow`, or of all of it. */
function settingsPlace({ settings }: MachineInput, key: 'base' | 'size') {
  return settings.place?.(['msiWindow', key]) ?? settings.msiWindowSource;
}

export const msiWindowMisaligned: MachineRule = {
  id: 'msi-window-misaligned',
  severity: 'warning',
  summary: 'The MSI window of doorbell.json starts inside a page of the host',
  docs: {
    effect:
      'No MSI of a passed-through device can be set up: mapping its doorbell fails (“unaligned: iova …”), and enabling interrupts from the guest with it.',
    why: 'Doorbells are mapped from the start of the window upwards in pages of the host’s size, and an IOMMU maps whole pages only. A window that is right for pages of 4 KiB need not be for 16 or 64 KiB.',
    fix: 'Start the window at a multiple of the host’s page size; 64 KiB suits all hosts.',
    sources: ['Linux drivers/iommu/iommu.c __iommu_map', pageFunction, attachFunction],
    example: {
      failing: '',
      settings: { pageSize: '64K', msiWindow: { base: '0x9001000', size: '0x100000' } },
      corrected: '',
      correctedSettings: { pageSize: '64K', msiWindow: { base: '0x9000000', size: '0x100000' } },
    },
  },
  *check(input) {
    const { kernel, settings, prediction } = input;
    const { pageSize, msiWindow } = kernel;
    if (msiWindow.start % pageSize === 0n) return;
    const [demand] = windowDemandsOf(prediction);
    if (demand === undefined) return;
    const places = [...new Set([alignDown(msiWindow.start, pageSize), alignUp(msiWindow.start, pageSize)])];
    yield {
      about: 'msiWindow',
      range: settingsPlace(input, 'base'),
      node: undefined,
      message: `The MSI window starts at ${hex(msiWindow.start)}, inside a page of the host, which has pages of ${humanSize(pageSize)}: mapping a doorbell there fails (“unaligned: iova”), so no passed-through device of the board gets MSIs. Start it at a multiple of ${withSize(pageSize)}; 64 KiB suits hosts of any page size.`,
      evidence: evidenceAt([settings.place?.(['pageSize']), `The host's pages have ${humanSize(pageSize)}`]),
      fixes: places.map((start) => ({
        title: `Start the MSI window at ${withSize(start)}: true only for a kernel or VMM that has it there`,
        change: () => ({ edits: [], settings: [[['msiWindow', 'base'], hex(start)]] }),
      })),
    };
  },
};

export const msiWindowOutsideAperture: MachineRule = {
  id: 'msi-window-outside-aperture',
  severity: 'warning',
  summary: 'The MSI window lies beyond the addresses that an IOMMU translates',
  docs: {
    effect:
      'Mapping a doorbell there fails (ERANGE, with a warning and a stack trace of the page table code), so a passed-through device gets no MSIs.',
    why: 'VFIO takes the start of the window as it is. The aperture limits only what the user may map.',
    fix: 'Use a kernel or VMM whose window lies inside the aperture, below 4 GiB if it can be.',
    sources: ['Linux drivers/iommu/io-pgtable-arm.c arm_lpae_map_pages', attachFunction],
    example: {
      failing: '',
      settings: { msiWindow: { base: '0x1000000000000', size: '0x100000' } },
      corrected: '',
      correctedSettings: { msiWindow: { base: '0xfee00000', size: '0x100000' } },
    },
  },
  prerequisites: ['msi-window-misaligned'],
  *check(input) {
    const most = mostNeeded(input);
    if (input.topology.iommus.every(({ driver: { aperture } }) => aperture === undefined || holds(aperture, most)))
      return;
    const seen = new Set<Iommu>();
    for (const demand of windowDemandsOf(input.prediction)) {
      const { iommu } = demand.device;
      if (seen.has(iommu)) continue;
      seen.add(iommu);
      const { range, known } = hostAperture(iommu);
      const needed = neededPart(demand);
      if (!known || subtract([needed], [range]).length === 0) continue;
      yield {
        about: 'msiWindow',
        range: settingsPlace(input, 'base') ?? iommu.source,
        node: iommu.path,
        message: `The MSI window ${windowText(input)} lies beyond what ${iommu.path} translates, ${formatRange(range)}: mapping a doorbell there fails (ERANGE), and devices passed through behind it get no MSIs. Put it inside, below 4 GiB if it can be.`,
        evidence: evidenceAt([iommu.source, 'The IOMMU']),
      };
    }
  },
};

function holds(outer: AddressRange, inner: AddressRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/** A window may run past 2^64. */
function windowText({ kernel }: MachineInput): string {
  const { start, end } = kernel.msiWindow;
  return end < start ? `from ${hex(start)} on, past 2^64,` : formatRange({ start, end });
}

export const msiWindowAbove4G: MachineRule = {
  id: 'msi-window-above-4g',
  severity: 'info',
  summary: 'The MSI window lies above 4 GiB, which functions with 32-bit MSI addresses cannot write to',
  docs: {
    effect:
      'A passed-through PCI function whose MSI capability has no 64-bit address gets no MSI: the kernel refuses to write an address above 4 GiB into it (“arch assigned 64-bit MSI address … but device only supports 32 bits”, EIO). MSI-X always has 64 bits.',
    why: 'The MSI capability says by a bit whether it has a register for the upper half of the address. Many simple functions do not.',
    fix: 'Put the window below 4 GiB, unless all functions that are passed through have MSI-X or 64-bit MSIs.',
    sources: ['PCI Local Bus Specification 3.0, 6.8.1.3 Message Control for MSI', pageFunction],
    example: {
      failing: '',
      settings: { msiWindow: { base: '0x100000000', size: '0x100000' } },
      corrected: '',
      correctedSettings: { msiWindow: { base: '0xfee00000', size: '0x100000' } },
    },
  },
  prerequisites: ['msi-window-misaligned', 'msi-window-outside-aperture'],
  *check(input) {
    if (mostNeeded(input).end < 1n << 32n) return;
    const behindBridges = windowDemandsOf(input.prediction).filter(({ device }) => isPci(device.master.kind));
    const high = onePerPath(behindBridges.filter((demand) => neededPart(demand).end >= 1n << 32n));
    if (high.length === 0) return;
    const whom = list(high.map(({ device }) => concerned(device.master)));
    yield {
      about: 'msiWindow',
      range: settingsPlace(input, 'base'),
      node: undefined,
      message: `The MSI window ${windowText(input)} lies above 4 GiB: functions whose MSI capability has only 32 address bits get no MSIs when they are passed through (${whom}); the kernel refuses to write such an address into it. MSI-X and 64-bit MSIs are not affected.`,
      evidence: evidenceAt(
        ...high
          .slice(0, 8)
          .map(({ device }) => [device.master.source, 'Its functions may have such a capability'] as const),
      ),
    };
  },
};

function isPci(kind: WindowDemand['device']['master']['kind']): boolean {
  return kind === 'pci-host' || kind === 'pci-function';
}
