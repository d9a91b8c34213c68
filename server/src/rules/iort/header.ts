// The table's header: what iasl, Linux and the checkers need before they look at a single node.
import { byteSum } from '../../acpi/bytes';
import { nodeHeaderSize } from '../../acpi/iort/decode-node';
import type { IortNode, Value } from '../../acpi/iort/model';
import type { StructureLayout } from '../../acpi/layout/field';
import { bodyLayout } from '../../acpi/layout/iort';
import { fieldPlaces } from '../../acpi/structure-values';
import { oncePer } from '../../text/once';
import { hex } from '../numbers';
import type { Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { rewriteFix, setFix } from './edits';
import { derailed } from './derailed';
import { finding, tableRevision, theNode, wayTo } from './finding';
import {
  acpiView,
  amendment,
  firmwareTestSuite,
  iaslCompiler,
  iaslDisassembler,
  linux,
  specification,
} from './sources';

/** Header, node count, node offset, reserved. */
const fixedSize = 48;

export const iortTableLength: TableRule = {
  id: 'iort-table-length',
  severity: 'error',
  summary: 'The header’s length is not the number of bytes that are there',
  docs: {
    effect:
      'A table that says it is longer than it is makes the firmware hand out memory behind it, and Linux reads nodes from there. One that says it is shorter loses the nodes behind: iasl and fwts read no further, and Linux stops with “IORT node pointer overflows, bad table!”.',
    why: 'Everybody takes the end of the table from the header; nobody compares it with the file. 48 bytes are the least that an IORT has.',
    fix: 'Compile the table again, or let the fix set the length; the checksum changes with it.',
    sources: [linux('iort_scan_node'), firmwareTestSuite, acpiView],
    example: { failing: '', corrected: '', bytes: [[0x4, 0x18, 0x02]] },
  },
  *check(input) {
    const { table } = input;
    const { length } = table.header;
    if (length === undefined) return;
    const present = table.bytes.length;
    const stated = Number(length.value);
    if (stated === present && stated >= fixedSize) return;
    // What lay behind the table is read as nodes then: the text is another one.
    const fix = rewriteFix(input, `Set the length to ${hex(present)}`, [[length, BigInt(present)]]);
    const what =
      stated === present
        ? `The table has ${present} bytes; an IORT has ${fixedSize} at least`
        : `The header says ${hex(stated)} bytes (${stated}), but there are ${hex(present)} (${present}): ${stated < present ? `what lies behind is read by nobody` : `readers go on behind the end of the file`}`;
    yield finding(input, length, undefined, what, { fixes: present >= fixedSize ? [fix] : [] });
  },
};

export const iortChecksum: TableRule = {
  id: 'iort-checksum',
  severity: 'error',
  summary: 'The table’s bytes do not sum to zero',
  docs: {
    effect:
      'Firmware and kernel call the table corrupt: ACPICA prints “Incorrect checksum in table [IORT]” and, where checksums are enforced, drops it. Without an IORT no device has an IOMMU.',
    why: 'All bytes of an ACPI table, the checksum among them, must sum to 0 modulo 256.',
    fix: 'Compile the table again, or let the fix set the byte.',
    sources: [
      'ACPI 6.5, 5.2.6 System Description Table Header',
      'ACPICA source/components/tables/tbprint.c AcpiTbVerifyChecksum; from 2023 on utilities/utcksum.c AcpiUtVerifyChecksum',
    ],
    example: { failing: '', corrected: '', bytes: [[0x9, 0x00]] },
  },
  prerequisites: ['iort-table-length'],
  *check(input) {
    const { bytes, end, header, problems } = input.table;
    const { checksum } = header;
    // Who decodes a table that ends where its bytes do has summed them up.
    if (checksum === undefined || (problems.length === 0 && end === bytes.length)) return;
    const sum = byteSum(bytes, end);
    if (sum === 0) return;
    const right = (checksum.value - BigInt(sum)) & 0xffn;
    const message = `The checksum is ${hex(checksum.value)}, the table’s bytes ask for ${hex(right)}: ACPICA calls the table corrupt`;
    const fix = setFix(input, `Set the checksum to ${hex(right)}`, [[checksum, right]], { isPreferred: true });
    yield finding(input, checksum, undefined, message, { fixes: [fix] });
  },
};

/** Issues E and E.a (1, 2) and E.c (4) were withdrawn. */
const withdrawn: readonly number[] = [1, 2, 4];
const newestRevision = 7;

export const iortTableRevision: TableRule = {
  id: 'iort-table-revision',
  severity: 'error',
  summary: 'No public issue of the specification has this table revision, or it was withdrawn',
  docs: {
    effect:
      'A current iasl refuses a table of revision 1, 2 or 4 (“Unsupported IORT revision”), EDK2’s AcpiView does not read it. Revisions 1 and 2 described RMR nodes in another form than Linux reads. What a revision above 7 means nobody can know yet.',
    why: 'Arm withdrew issues E, E.a and E.c of DEN0049. Revisions in use are 0 (A to D), 3 (E.b), 5 (E.d), 6 (E.e, E.f) and 7 (E.g). Linux itself compares the revision only for RMR nodes (5 at least).',
    fix: 'Say 3, or 5 where there are RMR nodes.',
    sources: [iaslDisassembler, acpiView, linux('iort_find_rmrs')],
    example: {
      failing: amendment('Header', 'Revision : 04'),
      corrected: amendment('Header', 'Revision : 05'),
    },
  },
  *check(input) {
    const { revision } = input.table.header;
    if (revision === undefined) return;
    const value = tableRevision(input);
    const isWithdrawn = withdrawn.includes(value);
    if (!isWithdrawn && value <= newestRevision) return;
    const kinds = new Set(input.table.nodes.map(({ kind }) => kind));
    const offered = value > newestRevision ? [6, 5] : kinds.has('rmr') || value === 4 ? [5, 6] : [3, 5, 6];
    const revisions = kinds.has('iwb') ? [7] : offered;
    const message = isWithdrawn
      ? `Table revision ${value} was a draft that Arm has withdrawn: iasl and EDK2’s AcpiView refuse the table`
      : `Table revision ${value} is not public: revisions go up to ${newestRevision} (issue E.g)`;
    const fixes = revisions.map((each, index) =>
      setFix(input, `Set the table’s revision to ${each}`, [[revision, BigInt(each)]], { isPreferred: index === 0 }),
    );
    yield finding(input, revision, undefined, message, { ...(isWithdrawn ? { severity: 'warning' } : {}), fixes });
  },
};

export const iortNodeCount: TableRule = {
  id: 'iort-node-count',
  severity: 'error',
  summary: 'The node count is not the number of nodes in the table',
  docs: {
    effect:
      'Too small: Linux never sees the nodes behind, so SMMUs do not probe and devices go without. Too large: Linux prints “IORT node pointer overflows, bad table!” with a stack trace at every look-up and uses the nodes that exist.',
    why: 'Linux walks as many nodes as Node Count says and stops at the table’s end. iasl ignores the count when it decompiles and writes its own when it compiles.',
    fix: 'Set the count to the number of nodes.',
    sources: [linux('iort_scan_node, iort_init_platform_devices'), iaslCompiler],
    example: { failing: '', corrected: '', bytes: [[0x24, 0x09]] },
  },
  prerequisites: ['iort-table-length', 'iort-node-offset', 'iort-node-length'],
  *check(input) {
    const { nodeCount, nodes, problems } = input.table;
    if (nodeCount === undefined || nodeCount.value === BigInt(nodes.length)) return;
    // Where a node's length leads nowhere the number of nodes is unknown.
    const isBroken = problems.some(({ code }) => code === 'node-length' || code === 'node-truncated');
    const isTooLarge = nodeCount.value > BigInt(nodes.length);
    if (isBroken && isTooLarge) return;
    const effect = isTooLarge
      ? 'Linux prints “IORT node pointer overflows, bad table!” at every look-up and uses those that exist'
      : `Linux ignores the ${nodes.length - Number(nodeCount.value)} behind`;
    const message = `Node Count says ${nodeCount.value}, but ${nodes.length} nodes fit in the table: ${effect}`;
    const fix = setFix(input, `Set the node count to ${nodes.length}`, [[nodeCount, BigInt(nodes.length)]], {
      isPreferred: true,
    });
    yield finding(input, nodeCount, undefined, message, {
      restsOn: wayTo(input, Number.MAX_SAFE_INTEGER),
      fixes: isBroken ? [] : [fix],
    });
  },
};

export const iortNodeOffset: TableRule = {
  id: 'iort-node-offset',
  severity: 'error',
  summary: 'The first node would lie in the header, behind the table, or unaligned',
  docs: {
    effect:
      'Linux reads the first node from wherever the offset leads: in the header it takes other fields for a node, behind the table it finds none at all (“IORT node pointer overflows, bad table!”).',
    why: 'The header takes 48 bytes (0x30); nodes follow it, after optional padding. Nobody checks the offset. It should be a multiple of 4, as all nodes should.',
    fix: 'Set it to 0x30 where there is no padding.',
    sources: [linux('iort_scan_node'), specification('IORT table')],
    example: { failing: '', corrected: '', bytes: [[0x28, 0x20]] },
  },
  prerequisites: ['iort-table-length'],
  *check(input) {
    const { nodeOffset, nodes, end } = input.table;
    if (nodeOffset === undefined) return;
    const { value } = nodeOffset;
    const isOutside = value < BigInt(fixedSize) || value >= BigInt(end);
    const wrong = derailed(input.table);
    const isElsewhere = !isOutside && wrong !== undefined && wrong.node === undefined;
    if (!isOutside && !isElsewhere && value % 4n === 0n) return;
    const message = isElsewhere
      ? `Node Offset ${hex(value)} leads into the middle of something: from ${hex(wrong.right)} on nodes are found up to the table’s end`
      : isOutside
        ? `Node Offset ${hex(value)} leads ${value < BigInt(fixedSize) ? 'into the table’s own header (its first 0x30 bytes)' : `behind the table’s end at ${hex(end)}`}: Linux takes what is there for nodes, or finds none`
        : `Node Offset ${hex(value)} is not a multiple of 4: every node lies unaligned`;
    const fix = rewriteFix(input, 'Let the nodes begin at 0x30', [[nodeOffset, BigInt(fixedSize)]]);
    yield finding(input, nodeOffset, undefined, message, {
      ...(isOutside || isElsewhere ? {} : { severity: 'warning' }),
      fixes:
        isElsewhere || (isOutside && (nodes.length === 0 || value < BigInt(fixedSize)) && end > fixedSize) ? [fix] : [],
    });
  },
};

export const iortReserved: TableRule = {
  id: 'iort-reserved',
  severity: 'warning',
  summary: 'A reserved field is not zero',
  docs: {
    effect:
      'Nothing today: Linux does not look. A later revision of the specification may give the bytes a meaning, and the table then says something that nobody meant. fwts reports it; iasl warns and compiles zero.',
    why: 'Reserved fields must be zero so that later issues can use them; the SMMUv3’s proximity domain and the root complex’s PASID fields were reserved bytes once.',
    fix: 'Write zero.',
    sources: [firmwareTestSuite, specification('reserved fields of all structures'), iaslCompiler],
    example: { failing: '', corrected: '', bytes: [[0x2c, 0x01]] },
  },
  perNode: true,
  *check(input) {
    const { table } = input;
    for (const value of [table.reserved, ...Object.values(table.header)]) {
      if (value !== undefined) yield* reservedFinding(input, value, undefined);
    }
    for (const node of input.nodes) {
      if (hasReservedBits(node, table.bytes)) {
        for (const value of reservedValues(node)) yield* reservedFinding(input, value, node);
      }
    }
  },
};

/** Where each layout has reserved bytes; values of thousands of nodes need not be made to see that they are zero. */
const reservedPlaces = oncePer((layout: StructureLayout): readonly number[] =>
  fieldPlaces(layout).flatMap(({ field, offset }) =>
    field.reserved === true ? Array.from({ length: field.size }, (_, at) => nodeHeaderSize + offset + at) : [],
  ),
);

function hasReservedBits(node: IortNode, bytes: Uint8Array): boolean {
  if (node.kind === 'rmr') return true;
  const layout = bodyLayout(bytes[node.offset]!);
  if (layout === undefined) return false;
  for (const place of reservedPlaces(layout))
    if (node.offset + place < node.end && bytes[node.offset + place] !== 0) return true;
  return false;
}

/** The reserved fields of a node that are there. */
function reservedValues(node: IortNode): Value[] {
  const fields = bodyLayout(Number(node.header.type.value))?.fields ?? [];
  const values = node.values as Readonly<Partial<Record<string, Value>>>;
  const own = fields.flatMap(({ reserved, name }) => (reserved === true ? [values[name]] : []));
  const ofDescriptors = node.kind === 'rmr' ? node.descriptors.map(({ reserved }) => reserved) : [];
  return [...own, ...ofDescriptors].flatMap((value) => (value === undefined ? [] : [value]));
}

function* reservedFinding(input: TableInput, value: Value, node: IortNode | undefined): Generator<Finding> {
  // The identifier of a table of revision 0 is reserved by another rule.
  if (value.field.reserved !== true || value.value === 0n || value.field.name === 'identifier') return;
  const where = node === undefined ? 'the table’s header' : theNode(node);
  const message = `The reserved field at ${hex(value.offset)}, in ${where}, is ${hex(value.value)} and must be 0`;
  const fix = setFix(input, 'Write 0', [[value, 0n]], { isPreferred: true });
  yield finding(input, value, node, message, { fixes: [fix] });
}
