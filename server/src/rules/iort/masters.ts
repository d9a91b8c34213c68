// What root complexes and named components have in common: memory access properties, and limits of addresses.
import type { NamedComponentNode, RootComplexNode, Value } from '../../acpi/iort/model';
import { hex } from '../numbers';
import type { Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, nodeRevision, nodesOf, tableRevision, theNode } from './finding';
import { amendment, firmwareTestSuite, linux, specification } from './sources';

export const iortMemAttributes: TableRule = {
  id: 'iort-mem-attributes',
  severity: 'error',
  summary: 'The memory access properties contradict each other',
  docs: {
    effect:
      'fwts reports it. Linux takes coherence from `_CCA` and does not look here (7.2 reads CANWBS), other systems do: a device that is set up as coherent and is not corrupts data, the reverse costs time.',
    why: 'Cache Coherency (CCA) is 0 or 1. A fully coherent device (1) has a coherent path to memory (CPM). A path that is coherent with cacheable, shareable attributes (CPM and DACS) makes the device coherent, so CCA is 1 then.',
    fix: 'Set CPM where the device is coherent; say CCA 1, or clear DACS, where both are set.',
    sources: [firmwareTestSuite, specification('memory access properties')],
    example: {
      failing: amendment('Root complex', 'Memory Flags (decoded below) : 02', 'Coherency : 0', 'Device Attribute : 1'),
      corrected: amendment(
        'Root complex',
        'Memory Flags (decoded below) : 03',
        'Coherency : 1',
        'Device Attribute : 1',
      ),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex', 'named-component')) {
      const { cacheCoherency: cca, memoryFlags: flags } = node.values;
      if (cca === undefined || flags === undefined) continue;
      const coherentPath = (flags.value & 1n) !== 0n;
      const deviceAttributes = (flags.value & 2n) !== 0n;
      if (cca.value > 1n) {
        const message = `Cache Coherency of ${theNode(node)} is ${hex(cca.value)}: 0 (not coherent) and 1 (fully coherent) are the values`;
        const fixes = [1n, 0n].map((value) =>
          setFix(input, value === 1n ? 'Say that it is coherent (1)' : 'Say that it is not coherent (0)', [
            [cca, value],
            ...(value === 1n ? ([[flags, flags.value | 1n]] as const) : []),
          ]),
        );
        yield finding(input, cca, node, message, { fixes: value0IsFine(flags) ? fixes : fixes.slice(0, 1) });
      } else if (cca.value === 1n && !coherentPath) {
        const message = `${theNode(node)} is fully coherent (CCA 1), but its path to memory is not (Coherency, bit 0 of the memory flags, is 0)`;
        const fixes = [
          setFix(input, 'Set Coherency: the path to memory is coherent', [[flags, flags.value | 1n]], {
            isPreferred: true,
          }),
          ...(value0IsFine(flags)
            ? [setFix(input, 'Set Cache Coherency to 0: the device is not coherent', [[cca, 0n]])]
            : []),
        ];
        yield finding(input, flags, node, message, { fixes });
      } else if (cca.value === 0n && coherentPath && deviceAttributes) {
        const message = `${theNode(node)} is not coherent (CCA 0), but path and attributes of its accesses are (Coherency and Device Attribute are both 1)`;
        const fixes = [
          setFix(input, 'Set Cache Coherency to 1: the device is coherent', [[cca, 1n]], { isPreferred: true }),
          setFix(input, 'Clear Device Attribute', [[flags, flags.value & ~2n]]),
        ];
        yield finding(input, cca, node, message, { fixes });
      }
    }
  },
};

/** Whether a device with these flags may say that it is not coherent. */
function value0IsFine({ value }: Value): boolean {
  return (value & 3n) !== 3n;
}

export const iortMemBits: TableRule = {
  id: 'iort-mem-bits',
  severity: 'warning',
  summary: 'Reserved bits in the memory access properties',
  docs: {
    effect:
      'fwts reports them. A later issue may give them a meaning, as E.f did with bit 2 of the memory flags (CANWBS): in an older table Linux 7.2 reads it as “coherency is ensured” and lets VFIO count on it.',
    why: 'Allocation hints have bits 0 to 3, memory flags bits 0 and 1, and bit 2 from table revision 6 on.',
    fix: 'Clear the bits, or raise the table’s revision if CANWBS is meant.',
    sources: [firmwareTestSuite, specification('memory access properties')],
    example: {
      failing: amendment('Root complex', 'Memory Flags (decoded below) : 0B'),
      corrected: amendment('Root complex', 'Memory Flags (decoded below) : 03'),
    },
  },
  perNode: true,
  *check(input) {
    const hasEnsured = tableRevision(input) >= 6;
    for (const node of nodesOf(input, 'root-complex', 'named-component')) {
      const { hints, memoryFlags } = node.values;
      const defined: readonly (readonly [Value | undefined, bigint])[] = [
        [hints, 0xfn],
        [memoryFlags, hasEnsured ? 7n : 3n],
      ];
      for (const [value, bits] of defined) {
        if (value === undefined || (value.value & ~bits) === 0n) continue;
        const isEnsured = value === memoryFlags && (value.value & ~7n) === 0n;
        const message = isEnsured
          ? `${theNode(node)} sets CANWBS (bit 2 of the memory flags), which table revision 6 (issue E.f) brought; this table has ${tableRevision(input)}`
          : `${value === hints ? 'The allocation hints' : 'The memory flags'} of ${theNode(node)} are ${hex(value.value)}: bits outside ${hex(bits)} are reserved`;
        const fix = setFix(input, 'Clear the reserved bits', [[value, value.value & bits]], { isPreferred: true });
        const { revision } = input.table.header;
        const raise =
          isEnsured && revision !== undefined
            ? [setFix(input, 'Raise the table’s revision to 6', [[revision, 6n]])]
            : [];
        yield finding(input, value, node, message, { fixes: [fix, ...raise] });
      }
    }
  },
};

type Limited = NamedComponentNode | RootComplexNode;

/** What Linux makes of a limit: none of 0, a shift that C does not define above 64, less memory for everybody below 32. */
function* wrongLimits(input: TableInput, nodes: readonly Limited[], message0: string): Generator<Finding> {
  for (const node of nodes) {
    const limit = node.values.memorySizeLimit;
    if (limit === undefined || (limit.value >= 32n && limit.value <= 64n)) continue;
    const whole = setFix(input, 'Say 64 bits: no limit', [[limit, 64n]], { isPreferred: limit.value > 64n });
    if (limit.value > 0n && limit.value < 32n) {
      const message = `${theNode(node)} reaches ${limit.value} bits of addresses: Linux keeps its ZONE_DMA, for the whole machine, below ${hex(1n << limit.value)}`;
      yield finding(input, limit, node, message, { severity: 'warning', fixes: [whole] });
      continue;
    }
    const { value } = limit;
    const message =
      value === 0n
        ? `${theNode(node)} has a memory address size limit of 0: Linux prints “${message0} missing memory address limit” and applies none`
        : `${theNode(node)} has a memory address size limit of ${value} bits; addresses have 64 at most (the field is in hexadecimal: 40 is 64). Linux sizes ZONE_DMA ${value % 64n === 0n ? 'by a shift that C does not define' : `on arm64 as if it were ${value % 64n}`}`;
    // What is mapped to an ITS alone may be a generator of interrupts, which does no DMA.
    const isQuiet =
      value === 0n && node.mappings.length > 0 && node.mappings.every(({ target }) => target?.kind === 'its-group');
    const isNote = isQuiet && node.kind === 'named-component';
    const note = isNote ? `, if the device does DMA at all: its mappings lead to an ITS alone` : '';
    yield finding(input, limit, node, message + note, { ...(isNote ? { severity: 'info' } : {}), fixes: [whole] });
  }
}

const limitWhy =
  'The field is the number of address bits that the device drives, 1 to 64. Linux makes its DMA mask and bus limit of it, unless the namespace has a `_DMA` method; the smallest one of the table that is not 0 also caps ZONE_DMA. In the text it is hexadecimal: 40 is 64 bits.';

export const iortNcLimit: TableRule = {
  id: 'iort-nc-limit',
  severity: 'error',
  summary: 'A named component’s address size limit is 0, above 64, or caps ZONE_DMA',
  docs: {
    effect:
      'With 0 Linux prints “Named component missing memory address limit” and the device has no limit. One that has mappings to an ITS alone need not do DMA, as HiSilicon’s interrupt generators: then nothing is printed (a note). One above 64 is none to the device, but Linux shifts by it to size ZONE_DMA, and on arm64 a shift counts modulo 64: 65 bits leave the machine no ZONE_DMA. A limit below 32 bits makes the memory of ZONE_DMA small for all devices of the machine (a warning).',
    why: limitWhy,
    fix: 'Say how many address bits the device has.',
    sources: [linux('nc_dma_get_range, acpi_iort_dma_get_max_cpu_address')],
    example: {
      failing: amendment('Named component DMA0', 'Memory Size Limit : 00'),
      corrected: amendment('Named component DMA0', 'Memory Size Limit : 28'),
    },
  },
  perNode: true,
  check: (input) => wrongLimits(input, nodesOf(input, 'named-component'), 'Named component'),
};

export const iortRcLimit: TableRule = {
  id: 'iort-rc-limit',
  severity: 'error',
  summary: 'A root complex’s address size limit is 0, above 64, or caps ZONE_DMA',
  docs: {
    effect:
      'With 0 Linux prints “Root complex missing memory address limit” for each function and applies none. One above 64 is none to the functions, but Linux shifts by it to size ZONE_DMA, and on arm64 a shift counts modulo 64. A limit below 32 bits makes ZONE_DMA small for all devices of the machine (a warning).',
    why: `${limitWhy} A root complex of node revision 0 has no such field.`,
    fix: 'Say 64 (40 in the text) where all addresses pass.',
    sources: [linux('rc_dma_get_range, acpi_iort_dma_get_max_cpu_address')],
    example: {
      failing: amendment('Root complex', 'Memory Size Limit : 00'),
      corrected: amendment('Root complex', 'Memory Size Limit : 40'),
    },
  },
  perNode: true,
  check: (input) =>
    wrongLimits(
      input,
      nodesOf(input, 'root-complex').filter((node) => nodeRevision(node) >= 1),
      'Root complex',
    ),
};
