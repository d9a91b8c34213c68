// Where SMMUs have their registers, and what lies over them.
import { readNumber } from '../../acpi/bytes';
import { nodeHeaderSize } from '../../acpi/iort/decode-node';
import { contentOf } from '../../acpi/iort/decoded-node';
import type { IortNode, IortTable, Smmuv3Node } from '../../acpi/iort/model';
import { rmrDescriptorLayout } from '../../acpi/layout/iort-nodes';
import { smmuv3Layout } from '../../acpi/layout/iort-smmu';
import { fieldOffset } from '../../acpi/structure-values';
import { oncePer } from '../../text/once';
import { formatRange, hex, list, withSize } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableRule } from '../table-rule';
import { finding, nodeKey, nodesOf, placeOf, theNode } from './finding';
import { descriptorSight } from './rmr';
import { amendment, linux, specification } from './sources';

const cavium = 2n;

interface Registers {
  readonly node: IortNode;
  readonly start: bigint;
  readonly end: bigint;
}

/** The registers that a node's driver claims: Linux takes 128 KiB of an SMMUv3, 64 KiB of a CN99xx. */
function registersOf(node: IortNode): Registers[] {
  if (node.kind === 'smmuv3') {
    const base = node.values.base?.value ?? 0n;
    const size = node.values.model?.value === cavium ? 0x10000n : 0x20000n;
    return base === 0n ? [] : [{ node, start: base, end: base + size - 1n }];
  }
  if (node.kind === 'smmu') {
    const { base, span } = node.values;
    if (base === undefined || span === undefined || span.value === 0n) return [];
    return [{ node, start: base.value, end: base.value + span.value - 1n }];
  }
  return [];
}

/** Ranges that RMR nodes keep for devices. */
function reservedRanges(node: IortNode): Registers[] {
  if (node.kind !== 'rmr') return [];
  return node.descriptors.flatMap(({ base, length }) =>
    length.value === 0n ? [] : [{ node, start: base.value, end: base.value + length.value - 1n }],
  );
}

/** Counters in the register pages themselves are usual; at an SMMU's own registers they cannot be. */
function counterPages(node: IortNode): Registers[] {
  if (node.kind !== 'pmcg') return [];
  const pages = [node.values.page0Base?.value ?? 0n, node.values.page1Base?.value ?? 0n].filter((base) => base !== 0n);
  return pages.map((start) => ({ node, start, end: start + 0xfffn }));
}

/** All by which a node says where it has addresses. */
function addressSight(node: IortNode): string | undefined {
  switch (node.kind) {
    case 'smmuv3':
      return `${node.values.base?.value} ${node.values.model?.value}`;
    case 'smmu':
      return `${node.values.base?.value} ${node.values.span?.value}`;
    case 'pmcg':
      return `${node.values.page0Base?.value} ${node.values.page1Base?.value}`;
    case 'rmr':
      return descriptorSight(node);
    default:
      return undefined;
  }
}

/** All that a node has addresses for. */
const claims = oncePer((node: IortNode): readonly Registers[] => [
  ...registersOf(node),
  ...reservedRanges(node),
  ...counterPages(node),
]);

/** Where the bytes say that every SMMUv3 has a place and that nothing lies over anything, no values need be made of them. */
function haveAddressesOfTheirOwn(table: IortTable): boolean {
  const { bytes, problems } = table;
  if (problems.length > 0 || nodesOf(table, 'smmu', 'pmcg').length > 0) return false;
  const read = (at: number): number => readNumber(bytes, at, 4)! + readNumber(bytes, at + 4, 4)! * 2 ** 32;
  const ranges: (readonly [start: number, end: number])[] = [];
  for (const { offset } of nodesOf(table, 'smmuv3')) {
    const base = read(offset + nodeHeaderSize + baseAt);
    if (base === 0 || base % 0x10000 !== 0) return false;
    ranges.push([base, base + 0x20000]);
  }
  for (const node of nodesOf(table, 'rmr')) {
    for (const { start, count } of contentOf(node).places.arrays) {
      for (let at = start; at < start + count * rmrDescriptorLayout.size; at += rmrDescriptorLayout.size) {
        const base = read(at + reservedBaseAt);
        ranges.push([base, base + read(at + reservedLengthAt)]);
      }
    }
  }
  ranges.sort(([a], [b]) => a - b);
  // Up to 2^53 numbers are exact.
  return ranges.every(
    ([start, end], at) => end <= Number.MAX_SAFE_INTEGER && (at === 0 || ranges[at - 1]![1] <= start),
  );
}

const baseAt = fieldOffset(smmuv3Layout, 'base')!;
const reservedBaseAt = fieldOffset(rmrDescriptorLayout, 'base')!;
const reservedLengthAt = fieldOffset(rmrDescriptorLayout, 'length')!;

export const iortSmmuv3Base: TableRule = {
  id: 'iort-smmuv3-base',
  severity: 'error',
  summary: 'An SMMUv3’s registers are nowhere, unaligned, or over something else',
  docs: {
    effect:
      'The driver maps and resets whatever is there: “unknown” hardware, a hang, or two SMMUs that fight over one set of registers. No device behind it has an IOMMU.',
    why: 'An SMMUv3 has two register pages of 64 KiB (one in a Cavium CN99xx), so its base is a multiple of 64 KiB. Counter groups may lie in the pages’ free parts, but not where the SMMU’s own registers are.',
    fix: 'Give the address that the hardware has.',
    sources: [
      linux('arm_smmu_v3_init_resources, arm_smmu_v3_resource_size'),
      specification('SMMUv3 node'),
      'Arm IHI0070 (SMMUv3), chapter 6',
    ],
    example: {
      failing: amendment('SMMUv3', 'Base Address : 000000002B408000'),
      corrected: amendment('SMMUv3', 'Base Address : 000000002B400000'),
    },
  },
  prerequisites: ['iort-rmr-no-descriptor', 'iort-node-too-short'],
  sight: addressSight,
  *check(input) {
    if (haveAddressesOfTheirOwn(input.table)) return;
    const overlapping = overlaps(nodesOf(input, 'smmuv3', 'smmu', 'rmr', 'pmcg').flatMap(claims));
    for (const node of nodesOf(input, 'smmuv3')) {
      const { base } = node.values;
      if (base === undefined) continue;
      if (base.value === 0n) {
        yield finding(input, base, node, `${theNode(node)} has the base address 0: there are no registers`);
        continue;
      }
      if (base.value % 0x10000n !== 0n) {
        const message = `The registers of ${theNode(node)} begin at ${withSize(base.value)}, no multiple of 64 KiB`;
        yield finding(input, base, node, message);
      } else if (registersOf(node)[0]!.end >= 1n << 64n) {
        yield finding(input, base, node, `The registers of ${theNode(node)} go past the end of 64-bit addresses`);
      }
      const found = overlapping.get(node);
      if (found === undefined) continue;
      const { own } = found;
      const over = found.others.filter((other) => isForeign(node, other, own));
      if (over.length === 0) continue;
      const message = `The registers of ${theNode(node)}, ${formatRange(own)}, overlap ${list(over.map((other) => `${formatRange(other)} of ${theNode(other.node)}`))}`;
      const evidence = evidenceAt([placeOf(input, over[0]!.node.header.type), theNode(over[0]!.node)]);
      yield finding(input, base, node, message, { restsOn: over.map((other) => nodeKey(other.node)), evidence });
    }
  },
};

function isForeign(node: Smmuv3Node, other: Registers, own: Registers): boolean {
  if (other.node === node) return false;
  if (other.node.kind === 'pmcg') return other.start === own.start || other.start === own.start + 0x10000n;
  // Of two SMMUv3 at one place each is told once.
  return other.node.kind !== 'smmuv3' || other.node.index < node.index;
}

export const iortSmmuSpan: TableRule = {
  id: 'iort-smmu-span',
  severity: 'error',
  summary: 'The registers of an SMMUv1 or v2 are nowhere, have no length, no whole pages, or overlap another SMMU’s',
  docs: {
    effect:
      'With a span of 0 the registers end before they begin: the driver cannot map them, and no device behind has an IOMMU. The same holds where there are none, at address 0. Two drivers cannot claim the same registers: the second SMMU does not probe.',
    why: 'Linux takes base and base + span − 1 for the registers. They are pages of 4 or 64 KiB, half of them global, half context banks.',
    fix: 'Give the address and the length that the hardware has.',
    sources: [
      linux('arm_smmu_init_resources'),
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_device_probe',
      specification('SMMUv1 or SMMUv2 node'),
    ],
    example: {
      failing: amendment('MMU-500', 'Span : 0000000000000000'),
      corrected: amendment('MMU-500', 'Span : 0000000000010000'),
    },
  },
  sight: (node) => (node.kind === 'smmu' ? addressSight(node) : undefined),
  *check(input) {
    const overlapping = overlaps(nodesOf(input, 'smmu').flatMap(registersOf));
    for (const node of nodesOf(input, 'smmu')) {
      const { base, span } = node.values;
      if (base === undefined || span === undefined) continue;
      if (base.value === 0n || base.value % 0x1000n !== 0n) {
        const what =
          base.value === 0n
            ? 'has the base address 0: there are no registers'
            : `has its registers at ${hex(base.value)}, no multiple of 4 KiB`;
        yield finding(input, base, node, `${theNode(node)} ${what}`);
      }
      if (span.value === 0n) {
        yield finding(
          input,
          span,
          node,
          `${theNode(node)} has a span of 0: there are no registers, Linux cannot use it`,
        );
        continue;
      }
      const own = registersOf(node)[0]!;
      if (span.value % 0x1000n !== 0n) {
        const message = `The span of ${theNode(node)}, ${withSize(span.value)}, is no multiple of 4 KiB`;
        yield finding(input, span, node, message);
      } else if (own.end >= 1n << 64n) {
        yield finding(input, span, node, `The registers of ${theNode(node)} go past the end of 64-bit addresses`);
      }
      const over = overlapping.get(node)?.others.find((other) => other.node.index < node.index);
      if (over === undefined) continue;
      const message = `The registers of ${theNode(node)}, ${formatRange(own)}, overlap those of ${theNode(over.node)}, ${formatRange(over)}`;
      const evidence = evidenceAt([placeOf(input, over.node.header.type), theNode(over.node)]);
      yield finding(input, base, node, message, { evidence });
    }
  },
};

function byStart(a: Registers, b: Registers): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : a.node.index - b.node.index;
}

/** Ranges over one place that are compared: machines have two by mistake, hostile tables a hundred thousand. */
const mostOpen = 64;

interface Overlap {
  readonly own: Registers;
  readonly others: readonly Registers[];
}

/** What has addresses in common with the registers of SMMUs, by their nodes. */
function overlaps(all: readonly Registers[]): ReadonlyMap<IortNode, Overlap> {
  const found = new Map<IortNode, { own: Registers; others: Registers[] }>();
  const note = (own: Registers, other: Registers) => {
    if (own.node.kind !== 'smmu' && own.node.kind !== 'smmuv3') return;
    const known = found.get(own.node);
    if (known === undefined) found.set(own.node, { own, others: [other] });
    else if (known.others.length < mostOpen) known.others.push(other);
  };
  let open: Registers[] = [];
  for (const range of [...all].sort(byStart)) {
    open = open.filter(({ end }) => end >= range.start).slice(-mostOpen);
    for (const other of open) {
      note(range, other);
      note(other, range);
    }
    open.push(range);
  }
  return found;
}
