// The registers that MSIs are written to, against memory and windows that claim the same addresses.
import type { Doorbell, MemoryRange, MsiController } from '../topology/model';
import { claimedByBus, doorbells, forwarded } from './masters';
import { bootFlag } from './boot-arguments';
import { formatRange, list } from './numbers';
import { passthroughParameter } from './passthrough';
import { overlaps, subtract } from '../iova/ranges';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

const itsPage =
  'The doorbell of a GICv3 ITS is the second 64 KiB frame of its registers, that of a GICv2m frame its own page.';

function* enabledDoorbells({ topology }: RuleInput): Generator<{ controller: MsiController; doorbell: Doorbell }> {
  for (const controller of topology.msiControllers) {
    if (!controller.availability.enabled) continue;
    for (const doorbell of controller.doorbells) yield { controller, doorbell };
  }
}

function* inMemory(
  input: RuleInput,
  kinds: readonly MemoryRange['kind'][],
  message: (paths: string, pages: string, memory: MemoryRange) => string,
): Generator<Finding> {
  for (const memory of input.topology.memory) {
    if (!kinds.includes(memory.kind) || !memory.availability.enabled) continue;
    const inside = [...enabledDoorbells(input)].filter(({ doorbell }) => overlaps(memory.range, doorbell.page));
    if (inside.length === 0) continue;
    const paths = list([...new Set(inside.map(({ controller }) => controller.path))]);
    const pages = list(inside.map(({ doorbell }) => formatRange(doorbell.page)));
    yield {
      about: memory.path,
      range: memory.source ?? inside[0]?.doorbell.source,
      node: memory.path,
      message: message(paths, `MSI doorbell ${inside.length === 1 ? 'page' : 'pages'} ${pages}`, memory),
      evidence: evidenceAt(
        ...inside.map(
          ({ controller, doorbell }) =>
            [doorbell.source ?? controller.source, `The registers of ${controller.path}`] as const,
        ),
      ),
    };
  }
}

export const doorbellInMemory: Rule = {
  id: 'doorbell-in-memory',
  severity: 'warning',
  summary: 'An MSI doorbell lies inside memory',
  docs: {
    effect:
      'The kernel treats the doorbell’s page as RAM: the MSI controller’s registers cannot be mapped (ioremap of RAM is refused), or MSI writes overwrite memory. Boot loaders often write the memory node anew; then this is about what they are given.',
    why: `The \`reg\` of a memory node and the registers of the MSI controller hold the same physical addresses. ${itsPage}`,
    fix: 'Correct the memory node or the `reg` of the MSI controller.',
    sources: [
      'Linux drivers/irqchip/irq-gic-v3-its.c GITS_TRANSLATER',
      'Linux drivers/irqchip/irq-gic-v2m.c V2M_MSI_SETSPI_NS',
    ],
    example: {
      failing: `&{/memory@80000000} {
	reg = <0x0 0x20000000 0x0 0x40000000>;
};`,
      corrected: `&{/memory@80000000} {
	reg = <0x0 0x80000000 0x0 0x40000000>;
};`,
    },
  },
  check(input) {
    return inMemory(
      input,
      ['memory'],
      (paths, pages, memory) =>
        `The memory ${formatRange(memory.range)} of ${memory.path} holds the ${pages} of ${paths}: unless the boot loader writes another size of memory there, the kernel takes that for RAM, the registers cannot be mapped, or MSI writes overwrite memory. Correct one of the two.`,
    );
  },
};

export const doorbellInReservedMemory: Rule = {
  id: 'doorbell-in-reserved-memory',
  severity: 'warning',
  summary: 'An MSI doorbell lies inside a reserved-memory region',
  docs: {
    effect:
      'Whoever uses the region writes to the doorbell: interrupts come from nowhere. Where a device has the region mapped, it can raise interrupts of its choice.',
    why: `The region’s \`reg\` and the registers of the MSI controller hold the same physical addresses. ${itsPage}`,
    fix: 'Correct the region or the `reg` of the MSI controller.',
    sources: [
      'Linux drivers/irqchip/irq-gic-v3-its.c GITS_TRANSLATER',
      'Linux drivers/irqchip/irq-gic-v2m.c V2M_MSI_SETSPI_NS',
    ],
    example: {
      failing: `&{/reserved-memory} {
	buffer@2f000000 {
		reg = <0x0 0x2f000000 0x0 0x100000>;
	};
};`,
      corrected: `&{/reserved-memory} {
	buffer@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
	};
};`,
    },
  },
  check(input) {
    return inMemory(
      input,
      ['reserved', 'memreserve'],
      (paths, pages, memory) =>
        `The reserved region ${formatRange(memory.range)} of ${memory.path} holds the ${pages} of ${paths}: whoever uses the region writes to the doorbell, and interrupts come from nowhere. Correct one of the two.`,
    );
  },
};

export const doorbellInPciWindow: Rule = {
  id: 'doorbell-in-pci-window',
  severity: 'warning',
  summary: 'An MSI doorbell lies inside an outbound PCI window',
  docs: {
    effect:
      'An MSI that is written untranslated goes to other PCI devices instead of the MSI controller; and the CPU reaches PCI where it should reach the registers.',
    why: `CPU addresses inside the host bridge’s windows go to PCI. Bus addresses inside them are routed between PCI devices behind a switch (reported as info only, since many root ports pass such writes on). ${itsPage}`,
    fix: 'Correct `ranges` of the host bridge or the `reg` of the MSI controller.',
    sources: [
      'Linux drivers/iommu/dma-iommu.c iova_reserve_pci_windows',
      'Linux drivers/irqchip/irq-gic-v3-its.c GITS_TRANSLATER',
    ],
    example: {
      failing: `&pcie {
	ranges = <0x02000000 0x0 0x20000000 0x0 0x20000000 0x0 0x20000000>;
};`,
      corrected: `&pcie {
	ranges = <0x02000000 0x0 0x10000000 0x0 0x10000000 0x0 0x10000000>;
};`,
    },
  },
  *check(input) {
    for (const master of input.topology.masters) {
      if (master.kind !== 'pci-host' || !master.availability.enabled) continue;
      const used = new Set(doorbells(master, input.kernel).map(({ page }) => page.start));
      // Behind an IOMMU the bus carries an IOVA, not the doorbell's own address.
      const isTranslated = input.prediction.groups.some(({ devices }) =>
        devices.some((device) => device.master.hostBridge === master.hostBridge),
      );
      for (const window of claimedByBus(master)) {
        for (const { controller, doorbell } of enabledDoorbells(input)) {
          const { page } = doorbell;
          const isOnBus = !isTranslated && used.has(page.start) && overlaps(window.bus, page);
          const onCpu = window.cpu !== undefined && overlaps(window.cpu, page) ? window.cpu : undefined;
          const isOnCpu = onCpu !== undefined;
          if (!isOnBus && !isOnCpu) continue;
          const claimed = onCpu ?? window.bus;
          const effect = isOnCpu
            ? 'the CPU reaches PCI there instead of the registers'
            : 'behind a switch, an MSI of a function can be taken for traffic between PCI devices, and then never leaves the bus';
          yield {
            about: `${master.path} ranges`,
            range: window.source ?? master.source,
            node: master.path,
            ...(isOnCpu ? {} : { severity: 'info' as const }),
            message: `The outbound window ${formatRange(claimed)} of ${master.path} (${isOnCpu ? 'CPU' : 'bus'} addresses) holds the MSI doorbell page ${formatRange(page)} of ${controller.path}: ${effect}. Correct ranges, or the reg of the MSI controller.`,
            evidence: evidenceAt([doorbell.source ?? controller.source, `The registers of ${controller.path}`]),
          };
        }
      }
    }
  },
};

export const doorbellNotForwarded: Rule = {
  id: 'doorbell-not-forwarded',
  severity: 'warning',
  summary: 'The dma-ranges of a host bridge without IOMMU do not forward its MSI doorbell',
  docs: {
    effect:
      'MSIs of the functions behind the bridge are written to an address that the bridge does not pass on, and never arrive.',
    why: 'Without an IOMMU, or with `iommu.passthrough=1` in the boot arguments, a function writes its MSIs to the doorbell’s own address. `dma-ranges` list what the bridge forwards.',
    fix: 'Add the doorbell’s page to `dma-ranges`, if the hardware forwards it.',
    sources: [
      'Linux drivers/irqchip/irq-gic-v3-its.c its_irq_compose_msi_msg',
      'Linux drivers/irqchip/irq-gic-v2m.c gicv2m_compose_msi_msg',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ iommu-map;
	dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x40000000>;
};`,
      corrected: `&pcie {
	/delete-property/ iommu-map;
	dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x40000000>,
		     <0x02000000 0x0 0x2f000000 0x0 0x2f000000 0x0 0x01000000>;
};`,
    },
  },
  *check(input) {
    const passthrough = bootFlag(input.tree, passthroughParameter);
    for (const master of input.topology.masters) {
      if (master.kind !== 'pci-host' || !master.availability.enabled) continue;
      const isTranslated = master.iommuMap !== undefined;
      if (isTranslated && passthrough?.isOn !== true) continue;
      const { windows } = master.inbound;
      if (forwarded(master) === undefined || windows === undefined || windows.length === 0) continue;
      const memory = windows.filter(({ kind }) => kind !== 'io').map((window) => window.memory);
      const missing = doorbells(master, input.kernel).filter(({ page }) => subtract([page], memory).length > 0);
      const [first] = missing;
      if (first === undefined) continue;
      yield {
        about: `${master.path} dma-ranges`,
        range: master.inbound.levels[0]?.source ?? master.source,
        node: master.path,
        message: `${isTranslated ? `With ${passthroughParameter} in the boot arguments, MSIs of the host are not translated: the` : 'The'} dma-ranges above ${master.path} do not forward the MSI doorbell page ${formatRange(first.page)}: by them, MSIs of the functions behind it never arrive. They forward ${list(memory.map(formatRange))}. Add the page if the hardware forwards it.`,
        evidence: evidenceAt(
          ...missing.map(({ source }) => [source, 'The doorbell'] as const),
          [master.msi.source, 'Where the MSIs are meant to go'],
          [isTranslated ? passthrough?.source : undefined, 'Takes the host past the IOMMU'],
        ),
      };
    }
  },
};
