// The outbound windows of PCI host bridges (`ranges`): against each other, against memory, and those that are lost.
import { overlaps } from '../../iova/ranges';
import type { AddressRange, HostBridge, MemoryRange, OutboundWindow } from '../../topology/model';
import { readRanges } from '../../tree/addresses';
import { nodeAt } from '../../tree/navigate';
import { count, formatRange, hex, withSize } from '../numbers';
import { evidenceAt, type Finding, type Rule, type RuleInput } from '../rule';
import { placesWindows } from './buses';

const hostBridgeRanges = 'Linux drivers/pci/of.c devm_of_pci_get_host_bridge_resources';

interface Claim {
  readonly range: AddressRange;
  readonly bridge: HostBridge;
  readonly window: OutboundWindow;
}

/** Enabled bridges whose `ranges` Linux reads as windows. */
function* enabledBridges({ topology, tree }: RuleInput): Generator<HostBridge> {
  for (const bridge of topology.hostBridges) {
    if (bridge.availability.enabled && bridge.outboundProblem === undefined && !placesWindows(tree, bridge.path)) {
      yield bridge;
    }
  }
}

/** Pairs of claims on the same addresses, each claim once as the later one. */
function* collisions(claims: readonly Claim[]): Generator<readonly [one: Claim, other: Claim]> {
  const sorted = [...claims].sort((a, b) =>
    a.range.start < b.range.start ? -1 : a.range.start > b.range.start ? 1 : 0,
  );
  let reaching: Claim | undefined;
  for (const claim of sorted) {
    if (reaching !== undefined && claim.range.start <= reaching.range.end) yield [reaching, claim];
    if (reaching === undefined || claim.range.end > reaching.range.end) reaching = claim;
  }
}

export const pciWindowOverlap: Rule = {
  id: 'pci-window-overlap',
  severity: 'warning',
  summary: 'Outbound windows of PCI host bridges overlap',
  docs: {
    effect:
      'Of two bridges whose memory windows have the same CPU addresses, the one that probes second fails (“can’t claim …: address conflict”, EBUSY), and nothing behind it exists; on PowerPC it goes on without the window. Of two I/O windows, the second is left out. A memory window over an I/O window is not noticed: what the CPU reaches there is up to the hardware. Two memory windows of one bridge with the same bus addresses let two devices get the same address.',
    why: 'A host bridge requests its memory windows as resources before it scans its bus; a range can be had once. I/O windows are registered by their CPU addresses in a table of their own.',
    fix: 'Correct address or size of one of the windows.',
    sources: [
      hostBridgeRanges,
      'Linux drivers/pci/of.c pci_parse_request_of_pci_ranges (devm_request_pci_bus_resources)',
      'Linux drivers/of/address.c of_pci_range_to_resource, lib/logic_pio.c logic_pio_register_range',
      'Linux arch/powerpc/kernel/pci-common.c pcibios_allocate_bus_resources',
    ],
    example: {
      failing: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x10000000>, <0x42000000 0x0 0x58000000 0x0 0x58000000 0x0 0x10000000>;
};`,
      corrected: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x08000000>, <0x42000000 0x0 0x58000000 0x0 0x58000000 0x0 0x08000000>;
};`,
    },
  },
  prerequisites: ['pci-window-lost'],
  *check(input) {
    const onCpu: Claim[] = [];
    for (const bridge of enabledBridges(input)) {
      const onBus: Claim[] = [];
      for (const window of bridge.outbound) {
        if (window.kind === 'configuration') continue;
        if (window.cpu !== undefined && window.cpu.start <= window.cpu.end)
          onCpu.push({ range: window.cpu, bridge, window });
        if (window.kind !== 'io') onBus.push({ range: window.bus, bridge, window });
      }
      for (const [one, other] of collisions(onBus)) yield overlapFinding(one, other, 'bus');
    }
    for (const [one, other] of collisions(onCpu)) yield overlapFinding(one, other, 'CPU');
  },
};

function overlapFinding(one: Claim, other: Claim, side: 'bus' | 'CPU'): Finding {
  const { bridge, window, range } = other;
  const isOne = one.bridge === bridge;
  const effect = side === 'bus' ? 'two devices behind it can be given the same address' : cpuEffect(one, other);
  return {
    about: `${bridge.path} ranges`,
    range: window.source ?? bridge.source,
    node: bridge.path,
    message: `The outbound window ${formatRange(range)} of ${bridge.path} (${side} addresses) overlaps ${formatRange(one.range)}${isOne ? ' of the same bridge' : ` of ${one.bridge.path}`}: ${effect}. Correct address or size of one of the two.`,
    evidence: evidenceAt([one.window.source ?? one.bridge.source, 'The other window']),
  };
}

function cpuEffect(one: Claim, other: Claim): string {
  const isOne = one.bridge === other.bridge;
  const ports = [one, other].filter(({ window }) => window.kind === 'io').length;
  if (ports === 1) return 'Linux does not notice, and which of the two the CPU reaches is up to the hardware';
  if (ports === 2) {
    return isOne
      ? 'Linux takes the first of them alone'
      : 'whichever of the two bridges probes second has no I/O ports';
  }
  return isOne
    ? 'Linux can claim only one of them, and the bridge fails to probe (on PowerPC it loses one of the windows)'
    : 'Linux can claim only one of them, and whichever of the two bridges probes second fails (EBUSY; on PowerPC it loses the window)';
}

export const pciWindowOverMemory: Rule = {
  id: 'pci-window-over-memory',
  severity: 'warning',
  summary: 'An outbound window of a PCI host bridge has the CPU addresses of memory',
  docs: {
    effect:
      'The bridge cannot claim the window (memory has the addresses already) and fails to probe; an I/O window is taken all the same. Where the hardware decides for PCI, part of memory does not exist. Boot loaders often write the memory node anew; then this is about what they are given.',
    why: 'A CPU address leads to one thing.',
    fix: 'Correct `ranges` of the bridge or the memory node.',
    sources: [hostBridgeRanges, 'Linux drivers/of/fdt.c early_init_dt_scan_memory'],
    example: {
      failing: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0xb0000000 0x0 0x10000000>;
};`,
      corrected: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x10000000>;
};`,
    },
  },
  prerequisites: ['pci-window-lost'],
  *check(input) {
    const memory = input.topology.memory.filter(({ kind, availability }) => kind === 'memory' && availability.enabled);
    if (memory.length === 0) return;
    for (const bridge of enabledBridges(input)) {
      for (const window of bridge.outbound) {
        const { cpu } = window;
        if (cpu === undefined || window.kind === 'configuration') continue;
        const inside = memory.find(({ range }) => overlaps(range, cpu));
        if (inside !== undefined) yield overMemory(bridge, window, cpu, inside);
      }
    }
  },
};

function overMemory(bridge: HostBridge, window: OutboundWindow, cpu: AddressRange, memory: MemoryRange): Finding {
  const effect =
    window.kind === 'io'
      ? 'Linux does not notice, and which of the two the CPU reaches is up to the hardware'
      : 'the bridge cannot claim its window and does not probe';
  return {
    about: `${bridge.path} ranges`,
    range: window.source ?? bridge.source,
    node: bridge.path,
    message: `The CPU addresses ${formatRange(cpu)} of this outbound window of ${bridge.path} overlap the memory ${formatRange(memory.range)} of ${memory.path}: unless the boot loader writes another size of memory there, ${effect}. Correct one of the two.`,
    evidence: evidenceAt([memory.source, 'The memory']),
  };
}

export const pciWindowLost: Rule = {
  id: 'pci-window-lost',
  severity: 'warning',
  summary: 'An entry of a host bridge’s ranges that Linux skips, or that is not whole',
  docs: {
    effect:
      'The window does not exist: devices whose BARs need it get no address (“can’t assign; no space”), and their drivers do not probe.',
    why: 'Entries of size 0, entries whose CPU addresses run past 2^64 and entries whose CPU address does not translate through the buses above are skipped with no more than an info; cells at the end that make no whole entry are not read.',
    fix: 'Correct the entry: three cells for the PCI address, those of the parent bus for the CPU address, two for the size. Or complete `ranges` of the bus above.',
    sources: [hostBridgeRanges, 'Linux drivers/of/address.c of_pci_range_parser_one'],
    example: {
      failing: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x0>;
};`,
      corrected: `&pcie {
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x10000000>;
};`,
    },
  },
  *check(input) {
    for (const bridge of input.topology.hostBridges) {
      if (!bridge.availability.enabled || placesWindows(input.tree, bridge.path)) continue;
      const { path, outboundProblem } = bridge;
      if (outboundProblem !== undefined) {
        yield {
          about: `${path} ranges`,
          range: outboundProblem.source ?? bridge.source,
          node: path,
          message: `${outboundProblem.message}: Linux does not read them, and if a cell is missing further up, the windows behind it are wrong too. An entry has three cells for the PCI address, those of the parent bus for the CPU address, and two for the size.`,
        };
        continue;
      }
      yield* lostEntries(input, bridge);
    }
  },
};

function* lostEntries(input: RuleInput, { path, outbound, source }: HostBridge): Generator<Finding> {
  const node = nodeAt(input.tree, path);
  const ranges = node && readRanges(node, 'ranges');
  if (ranges?.kind !== 'entries') return;
  for (const entry of ranges.entries) {
    if (entry.size > 0n) {
      if (entry.child + entry.size > endOfSpace)
        yield wrappingEntry(path, entry.child, entry.size, entry.source ?? source);
      continue;
    }
    yield {
      about: `${path} ranges`,
      range: entry.source ?? source,
      node: path,
      message: `This entry of ranges (bus address ${hex(entry.child)}) has size 0: Linux skips it, and devices that need the window get no address. Write the size with two cells.`,
    };
  }
  for (const { cpu, bus, source: place } of outbound) {
    if (cpu !== undefined && cpu.end < cpu.start) {
      yield wrappingEntry(path, cpu.start, bus.end - bus.start + 1n, place ?? source);
    }
  }
  const untranslated = outbound.filter(({ cpu }) => cpu === undefined);
  const [first] = untranslated;
  if (first === undefined) return;
  yield {
    about: `${path} ranges`,
    range: first.source ?? source,
    node: path,
    message: `The CPU address of ${untranslated.length === 1 ? 'this window' : `${count(untranslated.length, 'window')}, the first of them this one`} of ${path} (bus addresses ${formatRange(first.bus)}) does not translate through the ranges of the buses above: Linux skips it, and devices that need it get no address. Complete ranges of the bus above, or correct the address.`,
    evidence: evidenceAt([
      node?.parent?.properties.get('ranges')?.definitions.at(-1)?.whole,
      'The ranges of the bus above',
    ]),
  };
}

const endOfSpace = 1n << 64n;

function wrappingEntry(path: string, address: bigint, size: bigint, range: Finding['range']): Finding {
  return {
    about: `${path} ranges`,
    range,
    node: path,
    message: `This entry of ranges (${withSize(size)} from ${hex(address)} on) runs past 2^64: Linux skips a window whose CPU addresses wrap, and what lies behind the end of the bus addresses reaches no device. Write the size that is meant.`,
  };
}
