// ID mappings as such: where they lie, and the ranges of IDs that they take.
import type { IdMapping, IortNode } from '../../acpi/iort/model';
import type { StructureLayout } from '../../acpi/layout/field';
import { bodyLayout } from '../../acpi/layout/iort';
import { oncePer } from '../../text/once';
import { count, hex } from '../numbers';
import { evidenceAt, type Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { rewriteFix, setFix } from './edits';
import { finding, mappingKey, mappingName, nodeKey, placeOf, rangeText, theNode } from './finding';
import { amendment, firmwareTestSuite, linux, specification } from './sources';
import { isDeviceIdMapping, rangeMappings, type InputRange } from './translation';

export const iortMappingOutsideNode: TableRule = {
  id: 'iort-mapping-outside-node',
  severity: 'error',
  summary: 'The ID mappings lie outside their node, or over its fields',
  docs: {
    effect:
      'Linux reads mappings from wherever offset and count lead: other fields, the next node, or memory behind the table become ID ranges and references, which it follows blindly. With offset 0 it takes the node to have no mappings.',
    why: 'Mapping Offset counts from the start of the node; the count says how many of 20 bytes follow. Linux checks neither against the node’s length.',
    fix: 'Set the offset to the end of the node’s fields and arrays, and the count to what the node holds.',
    sources: [linux('iort_node_map_id'), firmwareTestSuite],
    example: { failing: '', corrected: '', bytes: [[0x110, 0x02]] },
  },
  prerequisites: ['iort-node-length', 'iort-its-mappings'],
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      const { mappingCount, mappingOffset, type } = node.header;
      if (mappingCount.value === 0n) continue;
      const layout = bodyLayout(Number(type.value));
      const body = headerSize + (layout === undefined ? 0 : fixedSize(layout));
      const offset = mappingOffset.value;
      const room = node.end - node.offset - Number(offset);
      const fit = offset < 16n ? 0 : Math.max(0, Math.floor(room / 20));
      if (isInName(input, node)) {
        const message = `The ID mappings of the named component at ${hex(node.offset)} would begin at ${hex(offset)} of the node, in the middle of its name`;
        yield finding(input, mappingOffset, node, message);
      } else if (offset === 0n) {
        const message = `${theNode(node)} counts ${count(Number(mappingCount.value), 'ID mapping')}, but the offset is 0: Linux takes it to have none`;
        yield finding(input, mappingOffset, node, message);
      } else if (offset < BigInt(body)) {
        const message = `The ID mappings of ${theNode(node)} would begin at ${hex(offset)} of the node, over its own fields (${hex(body)} bytes)`;
        yield finding(input, mappingOffset, node, message);
      } else if (mappingCount.value > BigInt(fit)) {
        const message = `${theNode(node)} counts ${count(Number(mappingCount.value), 'ID mapping')}, of which ${fit} ${fit === 1 ? 'fits' : 'fit'} in it: Linux reads the others from what lies behind`;
        // With none left the node would lead nowhere.
        const fixes = fit === 0 ? [] : [rewriteFix(input, `Set the count to ${fit}`, [[mappingCount, BigInt(fit)]])];
        yield finding(input, mappingCount, node, message, { fixes });
      }
    }
  },
};

/** Whether a component's name goes on where its mappings would begin. */
function isInName({ table }: TableInput, node: IortNode): boolean {
  const name = node.kind === 'named-component' ? node.values.deviceName : undefined;
  const start = node.offset + Number(node.header.mappingOffset.value);
  if (name === undefined || start !== name.offset + name.size) return false;
  return /[A-Z0-9_.]/.test(String.fromCharCode(table.bytes[start] ?? 0));
}

const headerSize = 16;

/** Bytes of a body's fields that every revision has. */
const fixedSize = oncePer(({ fields }: StructureLayout): number =>
  fields.reduce(
    (sum, { sinceNode, kind, size }) => sum + (sinceNode === undefined && kind !== 'heading' ? size : 0),
    0,
  ),
);

export const iortFlagBits: TableRule = {
  id: 'iort-flag-bits',
  severity: 'warning',
  summary: 'Reserved bits in the flags of a mapping, of an SMMUv1 or v2, or of its interrupts',
  docs: {
    effect: 'Nothing today; fwts reports it as a failure. A later issue may give the bits a meaning.',
    why: 'Bit 0 of a mapping’s flags is Single Mapping, bit 0 of an interrupt’s says that it is edge triggered; an SMMUv1 or v2 has DVM and coherent walk in bits 0 and 1. The others must be zero.',
    fix: 'Clear the bits.',
    sources: [firmwareTestSuite, specification('ID mapping format; SMMUv1 or SMMUv2 node')],
    example: {
      failing: amendment('Root complex', 'Input base : 00000000', 'Flags (decoded below) : 00000002'),
      corrected: amendment('Root complex', 'Input base : 00000000', 'Flags (decoded below) : 00000000'),
    },
  },
  prerequisites: ['iort-smmu-irq-arrays'],
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      for (const mapping of node.mappings) {
        if (mapping.flags.value <= 1n) continue;
        const what = `The flags of ${mappingName(node, mapping)} of ${theNode(node)}`;
        yield reservedBits(input, node, mapping.flags, what, 1n, mappingKey(mapping));
      }
      if (node.kind !== 'smmu') continue;
      const { flags: own } = node.values;
      if (own !== undefined && own.value > 3n)
        yield reservedBits(input, node, own, `The flags of ${theNode(node)}`, 3n);
      const { globalInterrupts: global, contextInterrupts, pmuInterrupts } = node;
      for (const flags of global === undefined ? [] : [global.flags, global.configFlags]) {
        if (flags.value <= 1n) continue;
        yield reservedBits(input, node, flags, `${flags.field.label.replace(/ \(.*/, '')} of ${theNode(node)}`, 1n);
      }
      for (const interrupt of [...contextInterrupts, ...pmuInterrupts]) {
        if (interrupt.value >> 33n === 0n) continue;
        const what = `The flags (the high half) of a ${interrupt.field.label.toLowerCase()} of ${theNode(node)}`;
        yield reservedBits(input, node, interrupt, what, 0x1_ffff_ffffn);
      }
    }
  },
};

function reservedBits(
  input: TableInput,
  node: IortNode,
  value: IdMapping['flags'],
  what: string,
  defined: bigint,
  about = nodeKey(node),
): Finding {
  const message = `${what} are ${hex(value.value)}: bits outside ${hex(defined)} are reserved and must be 0`;
  const fix = setFix(input, 'Clear the reserved bits', [[value, value.value & defined]], { isPreferred: true });
  return finding(input, value, node, message, { about, fixes: [fix] });
}

/** Pairs of mappings that take some ID both, the earlier one first; the whole in time that sorting takes. */
function* overlappingPairs(ranges: readonly InputRange[]): Generator<readonly [first: InputRange, second: InputRange]> {
  const sorted = [...ranges].sort((a, b) =>
    a.start < b.start ? -1 : a.start > b.start ? 1 : a.mapping.index - b.mapping.index,
  );
  let longest = sorted[0];
  for (const range of sorted.slice(1)) {
    if (longest !== undefined && range.start <= longest.end) {
      yield longest.mapping.index < range.mapping.index ? [longest, range] : [range, longest];
    }
    if (longest === undefined || range.end > longest.end) longest = range;
  }
}

/** Of two ranges, the one whose last ID is the other's first; undefined where they share more, or otherwise. */
function offByOne(first: InputRange, second: InputRange): readonly [ends: InputRange, begins: InputRange] | undefined {
  const isOne = (ends: InputRange, begins: InputRange) =>
    ends.end === begins.start && ends.start < ends.end && begins.start > ends.start;
  if (isOne(first, second)) return [first, second];
  return isOne(second, first) ? [second, first] : undefined;
}

export const iortMappingOverlap: TableRule = {
  id: 'iort-mapping-overlap',
  severity: 'error',
  summary: 'Two mappings of a node take the same IDs',
  docs: {
    effect:
      'The first mapping wins for the IDs that both take, in silence. What the second one says of them (another SMMU, another stream ID, another ITS) never happens.',
    why: 'Linux goes through the mappings in order and stops at the first that takes the ID. The specification asks for ranges that do not overlap.',
    fix: 'Cut one of the ranges. ID Count is the number of IDs minus 1.',
    sources: [linux('iort_node_map_id, iort_id_map'), specification('ID mapping format')],
    example: {
      failing: amendment(
        'Root complex',
        ...['Input base : 00000000', 'ID Count : 00001FFF', 'Output Base : 00000000'],
        ...['Output Reference : 00000048', 'Flags (decoded below) : 00000000', 'Single Mapping : 0', ''],
        ...['Input base : 00001000', 'ID Count : 0000EFFF', 'Output Base : 00011000'],
        ...['Output Reference : 00000048', 'Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      if (node.mappings.length < 2) continue;
      for (const [first, second] of overlappingPairs(rangeMappings(input, node))) {
        if (offByOne(first, second) !== undefined) continue;
        const shared = {
          start: first.start > second.start ? first.start : second.start,
          end: first.end < second.end ? first.end : second.end,
        };
        const isSame = sameOutput(first, second);
        const message =
          `Mappings ${first.mapping.index + 1} and ${second.mapping.index + 1} of ${theNode(node)} both take the input IDs ${rangeText(shared)}: ` +
          (isSame
            ? 'they say the same of them, one of them need not'
            : 'Linux uses the first, what the second says of them never happens');
        const evidence = evidenceAt([
          placeOf(input, first.mapping.inputBase),
          `Mapping ${first.mapping.index + 1} takes ${rangeText(first)}`,
        ]);
        yield finding(input, second.mapping.inputBase, node, message, {
          about: mappingKey(second.mapping),
          ...(isSame ? { severity: 'warning' } : {}),
          evidence,
        });
      }
    }
  },
};

function sameOutput({ mapping: a }: InputRange, { mapping: b }: InputRange): boolean {
  const isSameNode = a.outputReference.value === b.outputReference.value;
  return isSameNode && a.outputBase.value - a.inputBase.value === b.outputBase.value - b.inputBase.value;
}

export const iortMappingOffByOne: TableRule = {
  id: 'iort-mapping-off-by-one',
  severity: 'error',
  summary: 'The last ID of a mapping is the first of another: ID Count holds the number of IDs, not that minus 1',
  docs: {
    effect:
      'Linux gives the ID that both take to the range that begins with it: with “conflicting mapping for input ID” and “applying workaround.” in the log at each look-up where that one stands behind the other, without a word where it stands first. Other readers take the first mapping. QEMU before 9.1 writes such a table where a bus has no IOMMU.',
    why: 'ID Count is the number of IDs in the range minus 1. Who writes the number itself makes each range one ID too long.',
    fix: 'Subtract 1 from the count of the range that is too long.',
    sources: [linux('iort_id_map, iort_node_map_id (check_overlap)'), specification('ID mapping format')],
    example: {
      failing: amendment(
        'Root complex',
        ...['Input base : 00000000', 'ID Count : 00000100', 'Output Base : 00000000'],
        ...['Output Reference : 00000048', 'Flags (decoded below) : 00000000', 'Single Mapping : 0', ''],
        ...['Input base : 00000100', 'ID Count : 0000FEFF', 'Output Base : 00000100'],
        ...['Output Reference : 00000030', 'Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      if (node.mappings.length < 2) continue;
      for (const [first, second] of overlappingPairs(rangeMappings(input, node))) {
        const found = offByOne(first, second);
        if (found === undefined) continue;
        const [ends, begins] = found;
        const { mapping } = ends;
        const number = mapping.count.value;
        const linuxDoes =
          ends.mapping.index < begins.mapping.index
            ? `by mapping ${begins.mapping.index + 1}, with “conflicting mapping for input ID” and “applying workaround.” in its log at each look-up`
            : `by mapping ${begins.mapping.index + 1}, which stands first`;
        const message =
          `${mappingName(node, mapping)} of ${theNode(node)} takes ${rangeText(ends)}, and ${rangeText(begins)} begins with its last ID: ID Count is the number of IDs minus 1, so ${hex(number)} stands for ${hex(number + 1n)} IDs. ` +
          `Linux translates ${hex(ends.end)} ${linuxDoes}; other readers need not`;
        const fix = setFix(input, `Set ID Count to ${hex(number - 1n)}`, [[mapping.count, number - 1n]], {
          isPreferred: true,
        });
        const evidence = evidenceAt([
          placeOf(input, begins.mapping.inputBase),
          `This mapping takes ${rangeText(begins)}`,
        ]);
        yield finding(input, mapping.count, node, message, { about: mappingKey(mapping), evidence, fixes: [fix] });
      }
    }
  },
};

/** Requester IDs of a bus. */
const bus = 0x100n;

export const iortMappingCountSuspect: TableRule = {
  id: 'iort-mapping-count-suspect',
  severity: 'warning',
  summary: 'ID Count looks like a number of IDs, not like that minus 1',
  docs: {
    effect:
      'The mapping takes one ID more than it was meant to: with 0x100 it takes 0x101 IDs, the first of the next bus as well. Published tables of HiSilicon’s hip07 and hip08 are such.',
    why: 'ID Count is the number of IDs minus 1. Ranges of requester or stream IDs are nearly always powers of two that begin at a multiple of their size; a count that is such a power is then one too large.',
    fix: 'Subtract 1, or leave it (and switch the warning off) if the range is meant to have that length.',
    sources: [specification('ID mapping format'), linux('iort_id_map')],
    example: {
      failing: amendment('MMU-500', 'Input base : 00000000', 'ID Count : 00001000'),
      corrected: amendment('MMU-500', 'Input base : 00000000', 'ID Count : 00000FFF'),
    },
  },
  prerequisites: ['iort-mapping-off-by-one', 'iort-mapping-overlap', 'iort-mapping-range'],
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      const starts = new Set(node.mappings.map(({ inputBase }) => inputBase.value));
      for (const mapping of node.mappings) {
        const { count: value, inputBase } = mapping;
        if (mapping.single || isDeviceIdMapping(input, node, mapping)) continue;
        const number = value.value;
        if (number === 0n || number % bus !== 0n || inputBase.value % bus !== 0n) continue;
        if (starts.has(inputBase.value + number + 1n)) continue;
        const message = `ID Count ${hex(number)} in ${mappingName(node, mapping)} of ${theNode(node)} stands for ${hex(number + 1n)} IDs, as the field is their number minus 1; ${hex(number - 1n)} would be ${hex(number)} IDs`;
        const fix = setFix(input, `Set ID Count to ${hex(number - 1n)}`, [[value, number - 1n]], { isPreferred: true });
        yield finding(input, value, node, message, { about: mappingKey(mapping), fixes: [fix] });
      }
    }
  },
};

export const iortMappingRange: TableRule = {
  id: 'iort-mapping-range',
  severity: 'error',
  summary: 'A mapping’s IDs go past the bits that IDs have',
  docs: {
    effect:
      'Requester IDs above 0xffff do not exist, so part of the mapping is never used; mostly ID Count was meant to be one less. Past 32 bits Linux’s additions wrap: inputs match nothing, or outputs become the IDs of somebody else.',
    why: 'A requester ID has 16 bits (bus, device, function). Stream and device IDs have 32 bits here, and Linux adds in 32 bits without a check.',
    fix: 'Clip the count.',
    sources: [linux('iort_id_map'), specification('ID mapping format')],
    example: {
      failing: amendment('Root complex', 'Input base : 00000000', 'ID Count : 00010000'),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      for (const mapping of node.mappings) {
        const { inputBase, outputBase, count: ids } = mapping;
        if (mapping.single || node.kind === 'its-group' || node.kind === 'pmcg') continue;
        const mostInput = node.kind === 'root-complex' ? 0xffffn : 0xffffffffn;
        const usesInput = node.kind !== 'rmr';
        const inputEnd = inputBase.value + ids.value;
        const outputEnd = outputBase.value + ids.value;
        const isInputWrong = usesInput && inputEnd > mostInput;
        if (!isInputWrong && outputEnd <= 0xffffffffn) continue;
        const rooms = [...(usesInput ? [mostInput - inputBase.value] : []), 0xffffffffn - outputBase.value];
        const room = rooms.reduce((least, each) => (each < least ? each : least));
        const what = isInputWrong
          ? `the input IDs ${rangeText({ start: inputBase.value, end: inputEnd })}, but ${node.kind === 'root-complex' ? 'requester IDs end at 0xffff' : 'IDs have 32 bits'}`
          : `the output IDs ${rangeText({ start: outputBase.value, end: outputEnd })}, but IDs have 32 bits: Linux wraps around to ${hex(outputEnd & 0xffffffffn)}`;
        const hint = isInputWrong && inputEnd === mostInput + 1n ? ' (ID Count is the number of IDs minus 1)' : '';
        const fixes =
          room < 0n ? [] : [setFix(input, `Set ID Count to ${hex(room)}`, [[ids, room]], { isPreferred: true })];
        const message = `${mappingName(node, mapping)} of ${theNode(node)} has ${what}${hint}`;
        yield finding(input, ids, node, message, { about: mappingKey(mapping), fixes });
      }
    }
  },
};
