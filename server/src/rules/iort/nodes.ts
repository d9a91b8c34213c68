// Nodes as such: their lengths, types, revisions and identifiers.
import { readNumber } from '../../acpi/bytes';
import type { IortNode, IortTable, TableProblem } from '../../acpi/iort/model';
import { nodeHeaderLayout } from '../../acpi/layout/iort';
import { columnOf, firstTableRevision, nodeRevisions, usualRevision } from '../../acpi/layout/node-revisions';
import { fieldOffset } from '../../acpi/structure-values';
import type { Fix } from '../../text/diagnostic';
import { count, hex } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { derailed } from './derailed';
import { canRemoveBytes, removeBytesFix, rewriteFix, setFix, type NewValue } from './edits';
import { finding, nodeAround, nodeKey, nodeRevision, placeOf, tableRevision, theNode, wayTo } from './finding';
import { acpiView, amendment, firmwareTestSuite, iaslDisassembler, linux, specification } from './sources';

const headerSize = 16;

export const iortNodeLength: TableRule = {
  id: 'iort-node-length',
  severity: 'error',
  summary:
    'A node’s length leads nowhere: shorter than its header, past the end of the table, or into the middle of something',
  docs: {
    effect:
      'The length is the way to the next node. With length 0 Linux reads the same node again and again, as often as Node Count says, and none behind it; iasl’s disassembler writes the node for ever and fills the disk. A length past the table’s end hides all nodes behind, one that is some bytes too short or too long makes readers take whatever is there for a node.',
    why: 'Linux does not check the length of a node. fwts and EDK2 stop there. Of a length that is wrong nothing else is said, nor of what is taken for nodes behind it.',
    fix: 'Set the length to what the node’s fields, arrays and mappings take.',
    sources: [linux('iort_scan_node'), firmwareTestSuite, acpiView, iaslDisassembler],
    example: { failing: '', corrected: '', bytes: [[0x109, 0x00, 0x00]] },
  },
  prerequisites: ['iort-table-length'],
  *check(input) {
    const { table } = input;
    const wrong = derailed(table);
    const off = wrong?.node;
    if (wrong !== undefined && off !== undefined) {
      const problem = table.problems.find(
        ({ code, offset }) => lengthCodes.includes(code) && nodeAround(table, offset) === off,
      );
      const fixes = isBehindCount(off.index, table)
        ? []
        : [rewriteFix(input, `Set the length to ${hex(wrong.right)}`, [[off.header.length, BigInt(wrong.right)]])];
      const message = problem === undefined ? derailedMessage(off, wrong.right) : lengthMessage(problem, off, table);
      yield finding(input, off.header.length, off, message, { fixes });
    }
    for (const problem of table.problems) {
      if (!lengthCodes.includes(problem.code)) continue;
      // Behind the last node there may be too little for one more.
      if (problem.code === 'node-truncated' && isBehindCount(table.nodes.length, table)) continue;
      const node = nodeAround(table, problem.offset);
      // Behind a length that leads elsewhere there are no nodes.
      if (wrong !== undefined && (off === undefined || node === undefined || node.offset >= off.offset)) continue;
      yield finding(input, problem, node, lengthMessage(problem, node, table), { restsOn: ['table'] });
    }
  },
};

const lengthCodes: readonly string[] = ['node-length', 'node-past-end', 'node-truncated'];

/** Whether Node Count ends before a node: Linux does not look there. */
function isBehindCount(index: number, { nodeCount }: IortTable): boolean {
  return nodeCount !== undefined && nodeCount.value <= BigInt(index);
}

function derailedMessage(node: IortNode, right: number): string {
  return `${theNode(node)} says that it is ${hex(node.length)} bytes long, but its fields, arrays and mappings take ${hex(right)}, and there the next node begins: readers take what is at ${hex(node.offset + node.length)} for nodes`;
}

function lengthMessage({ code, offset }: TableProblem, node: IortNode | undefined, table: IortTable): string {
  const { end, nodeCount } = table;
  if (node === undefined || code === 'node-truncated') {
    return `At ${hex(offset)} a node would begin, but ${end - offset} bytes are left and its header takes ${headerSize}: readers go on behind the table`;
  }
  if (code === 'node-past-end') {
    return `${theNode(node)} says that it is ${hex(node.length)} bytes long, but the table ends ${hex(end - node.offset)} bytes behind its start: what follows it is never found`;
  }
  const length = `that it is ${count(node.length, 'byte')} long; its header alone takes ${headerSize}`;
  const endless =
    node.length === 0 ? 'iasl’s disassembler writes it for ever' : 'iasl takes its own fields for the next node';
  if (isBehindCount(node.index, table)) {
    return `What lies at ${hex(node.offset)}, behind the ${count(Number(nodeCount?.value), 'node')} that Node Count tells of, says as a node ${length}. Linux does not look there, but ${endless}`;
  }
  if (node.length > 0) return `${theNode(node)} says ${length}. Linux takes its own fields for the next node`;
  const reads =
    nodeCount?.value === BigInt(node.index + 1)
      ? ''
      : 'Linux reads the same node again until Node Count is used up, and ';
  return `${theNode(node)} says ${length}. ${reads}${endless}`;
}

export const iortNodeTooShort: TableRule = {
  id: 'iort-node-too-short',
  severity: 'error',
  summary: 'A node is too short for its own fields, or for an array that it counts',
  docs: {
    effect:
      'What does not fit is read from the next node: addresses, identifiers and interrupts become something else, and iasl and fwts stop there (“ACPI subtable terminates early”).',
    why: 'Linux reads the fields of a node and the arrays that its counts promise without looking at its length.',
    fix: 'Correct the count, or the length if the bytes are there; compiling the text does both.',
    sources: [firmwareTestSuite, linux('iort_dev_find_its_id, iort_node_get_rmr_info')],
    example: { failing: '', corrected: '', bytes: [[0x40, 0x02]] },
  },
  prerequisites: ['iort-node-length', 'iort-mapping-outside-node'],
  *check(input) {
    const { table } = input;
    for (const problem of table.problems) {
      if (problem.code !== 'node-too-short' && problem.code !== 'array-outside-node') continue;
      const node = nodeAround(table, problem.offset);
      // The interrupts of an SMMUv1/v2 have a rule of their own.
      if (node?.kind === 'smmu' && problem.code === 'array-outside-node') continue;
      yield finding(input, problem, node, tooShortMessage(problem, node), { fixes: countFix(input, node) });
    }
  },
};

function tooShortMessage({ code, message }: TableProblem, node: IortNode | undefined): string {
  if (node === undefined) return message;
  if (code === 'node-too-short') {
    return `${theNode(node)} is ${hex(node.length)} bytes long, too short for the fields of its type: Linux reads the missing ones from the node behind`;
  }
  if (node.kind === 'its-group') {
    return `${theNode(node)} counts ${count(Number(node.values.itsCount?.value ?? 0n), 'identifier')}, ${node.identifiers.length === 1 ? '1 fits' : `${node.identifiers.length} fit`} in it: the others are bytes of the next node`;
  }
  if (node.kind === 'rmr') {
    return `${theNode(node)} counts ${count(Number(node.values.descriptorCount?.value ?? 0n), 'descriptor')}, ${node.descriptors.length === 1 ? '1 fits' : `${node.descriptors.length} fit`} in it: the others are bytes of the next node`;
  }
  return `${theNode(node)}: ${message}`;
}

function countFix(input: TableInput, node: IortNode | undefined) {
  const [field, fits] =
    node?.kind === 'its-group'
      ? [node.values.itsCount, node.identifiers.length]
      : node?.kind === 'rmr'
        ? [node.values.descriptorCount, node.descriptors.length]
        : [undefined, 0];
  if (field === undefined || fits === 0) return [];
  return [rewriteFix(input, `Set the count to ${fits}`, [[field, BigInt(fits)]])];
}

export const iortNodeGap: TableRule = {
  id: 'iort-node-gap',
  severity: 'warning',
  summary: 'Bytes that belong to no field',
  docs: {
    effect:
      'iasl’s disassembler drops them without a word: a table that is decompiled and compiled again is shorter, and every reference past them points to a wrong place.',
    why: 'Nobody reads the bytes, but they move what follows. Some writers leave them on purpose (names in fields of 32 bytes), most by a mistaken length or offset. Doorbell keeps them when it prints and compiles the table.',
    fix: 'Take them out, with all references moved, or leave them if the table is never passed through iasl.',
    sources: [iaslDisassembler],
    example: { failing: '', corrected: '', bytes: [[0xcc, 0x00]] },
  },
  prerequisites: [
    'iort-node-length',
    'iort-mapping-outside-node',
    'iort-table-length',
    'iort-node-offset',
    'iort-rmr-no-descriptor',
    'iort-node-too-short',
    'iort-smmu-irq-arrays',
    'iort-its-empty',
    'iort-nc-name',
  ],
  perNode: true,
  *check(input) {
    const { table } = input;
    const inNodes = input.nodes.flatMap((node) =>
      // The body of a node of unknown type is no gap, just unknown.
      node.kind === 'unknown' ? [] : node.gaps.map((gap) => ({ gap, node })),
    );
    const outside = table.gaps.map((gap) => ({ gap, node: undefined }));
    for (const { gap, node } of [...inNodes, ...outside]) {
      if (gap.kind === 'padding' || gap.kind === 'optional-padding' || gap.kind === 'tail') continue;
      const size = gap.end - gap.offset;
      if (size <= 0) continue;
      const isZero = table.bytes.subarray(gap.offset, gap.end).every((byte) => byte === 0);
      const where =
        node === undefined
          ? gap.kind === 'rest'
            ? 'behind the last node'
            : 'outside all nodes'
          : `in ${theNode(node)}`;
      const isOne = size === 1;
      const effect =
        gap.kind === 'rest'
          ? `iasl takes ${isOne ? 'it' : 'them'} for the beginning of one more node, and does not compile its own text again`
          : `iasl drops ${isOne ? 'it' : 'them'}, and references past ${isOne ? 'it' : 'them'} then point to wrong places`;
      const message = `${isOne ? 'One byte' : `${size} bytes`} at ${hex(gap.offset)}, ${where}, ${isOne ? 'belongs' : 'belong'} to no field${isZero ? '' : ` and ${isOne ? 'is' : 'are'} not zero`}: ${effect}`;
      // What the file has behind the table would be taken for the last node's.
      const isBeforeTail = gap.end === table.end && table.gaps.some(({ kind }) => kind === 'tail');
      const fixes =
        isBeforeTail || !canRemoveBytes(input, gap.offset, gap.end)
          ? []
          : [removeBytesFix(input, 'Take the bytes out; references follow', gap.offset, gap.end)];
      const last = gap.kind === 'rest' ? table.nodes.at(-1) : undefined;
      yield finding(input, { offset: gap.offset, size }, node, message, {
        fixes,
        restsOn: [...wayTo(input, gap.offset), ...(last === undefined ? [] : [nodeKey(last)])],
      });
    }
  },
};

export const iortNodeType: TableRule = {
  id: 'iort-node-type',
  severity: 'error',
  summary: 'No issue of the specification has this node type, or the table’s revision is older than it',
  docs: {
    effect:
      'Linux ignores nodes of a type that it does not know, in silence: what they describe does not exist. fwts stops at them, iasl prints their header and skips the rest, and cannot compile them (“Unknown subtable type”). A type that is younger than the table’s revision is read by some and refused by others.',
    why: 'Types 0 to 5 are as old as issue C, RMR (6) came with E.b (table revision 3), IWB (7) with E.g (table revision 7).',
    fix: 'Correct the type, or raise the table’s revision.',
    sources: [linux('iort_get_dev_cfg'), firmwareTestSuite, acpiView],
    example: {
      failing: '',
      corrected: '',
      bytes: [[0x1c0, 0x09]],
    },
  },
  prerequisites: ['iort-rmr-table-revision'],
  perNode: true,
  *check(input) {
    const revision = tableRevision(input);
    for (const node of input.nodes) {
      const { type } = node.header;
      if (node.kind === 'unknown') {
        const message = `Nobody has published a node of type ${hex(type.value)}: Linux ignores it, iasl cannot compile it`;
        yield finding(input, type, node, message);
        continue;
      }
      const since = firstTableRevision(node.kind);
      if (revision >= since) continue;
      const { revision: field } = input.table.header;
      const fixes =
        field === undefined ? [] : [setFix(input, `Raise the table’s revision to ${since}`, [[field, BigInt(since)]])];
      const message = `${theNode(node)} needs table revision ${since}; this table has ${revision}`;
      yield finding(input, type, node, message, { severity: 'warning', fixes });
    }
  },
};

/** A fix that raises a node's revision to the first that has a field, where the table's revision allows it. */
export function raiseFix(input: TableInput, node: IortNode, revision: number): Fix[] {
  if (node.kind === 'unknown' || revision > usualRevision(node.kind, tableRevision(input))) return [];
  return [setFix(input, `Raise the node’s revision to ${revision}`, [[node.header.revision, BigInt(revision)]])];
}

export const iortNodeRevision: TableRule = {
  id: 'iort-node-revision',
  severity: 'error',
  summary: 'The node’s revision does not belong to the table’s',
  docs: {
    effect:
      'The node’s revision decides what its fields mean to Linux: whether an SMMUv3’s DeviceID mapping index counts, whether a root complex’s address limit does, whether a PMCG has a second page. A revision that the table’s issue does not have makes readers that go by the table disagree with it; fwts reports what is above every known one.',
    why: 'Each issue of DEN0049 names one revision for each type of node. RMR revision 2 belongs to the withdrawn issue E.c and must not be used.',
    fix: 'Set the node’s revision to that of the table’s issue, or raise the table’s revision. A lower one than usual is allowed and only noted.',
    sources: [specification('revision of each node'), firmwareTestSuite, acpiView],
    example: {
      failing: amendment('SMMUv3', 'Revision : 05'),
      corrected: amendment('SMMUv3', 'Revision : 04'),
    },
  },
  prerequisites: ['iort-node-type', 'iort-rmr-table-revision'],
  perNode: true,
  *check(input) {
    const table = tableRevision(input);
    const isInitial = columnOf(table) === 0;
    for (const node of input.nodes) {
      if (node.kind === 'unknown') continue;
      const { kind } = node;
      const { revision } = node.header;
      const value = nodeRevision(node);
      const [lowest, highest] = nodeRevisions(node.kind, table);
      if (node.kind === 'rmr' && (value === 2 || isInitial)) {
        if (isInitial) continue;
        const fix = setFix(input, `Set the node’s revision to ${highest}`, [[revision, BigInt(highest)]], {
          isPreferred: true,
        });
        const message = `RMR revision 2 is of the withdrawn issue E.c and must not be used: revision ${highest} goes with table revision ${table}`;
        yield finding(input, revision, node, message, { fixes: [fix] });
        continue;
      }
      if (value > highest) {
        const fixes = [setFix(input, `Set the node’s revision to ${highest}`, [[revision, BigInt(highest)]])];
        const newer = ([3, 5, 6] as const).find((each) => each > table && usualRevision(kind, each) >= value);
        const { revision: field } = input.table.header;
        if (newer !== undefined && field !== undefined) {
          fixes.push(setFix(input, `Raise the table’s revision to ${newer}`, [[field, BigInt(newer)]]));
        }
        const most =
          newer === undefined && value > usualRevision(node.kind, 6)
            ? 'no issue of the specification has it'
            : `table revision ${table} goes with ${highest}`;
        yield finding(input, revision, node, `${theNode(node)} has revision ${value}, but ${most}`, { fixes });
      } else if (value < lowest) {
        const message = `${theNode(node)} has revision ${value}; table revision ${table} usually has ${lowest}. Linux goes by the node's: fields that came later are not read`;
        yield finding(input, revision, node, message, { severity: 'info' });
      }
    }
  },
};

export const iortIdentifier: TableRule = {
  id: 'iort-identifier',
  severity: 'error',
  summary: 'Nodes share an identifier, have none, or have one where it is reserved',
  docs: {
    effect:
      'Linux looks the companion device of NVIDIA’s command queues up by the identifier of its SMMUv3 (`NVDA200C` with that `_UID`): of two nodes with one identifier the wrong one gets it. Other tables may refer to nodes by it. Firmware that numbers none or few of its nodes leaves 0 in the others (a warning for them all); iasl 20200925 writes 0 into every node.',
    why: 'From issue E on (table revision 3 in use) every node has a number that no other has. Before, the bytes were reserved and zero.',
    fix: 'Number the nodes; in a table of revision 0 write zeros.',
    sources: [
      specification('node format'),
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c acpi_smmu_dsdt_probe_tegra241_cmdqv',
    ],
    example: {
      failing: amendment('MMU-500', 'Identifier : 00000001'),
      corrected: amendment('MMU-500', 'Identifier : 00000002'),
    },
  },
  sight: ({ header }) => header.identifier.value,
  *check(input) {
    const revision = tableRevision(input);
    if (revision >= 3 && haveDistinctIdentifiers(input.table)) return;
    const nodes = input.table.nodes.filter(({ offset }) => wayTo(input, offset).length === 0);
    if (revision === 0) {
      const wrong = nodes.filter(({ header }) => header.identifier.value !== 0n);
      const all: NewValue[] = wrong.map(({ header }) => [header.identifier, 0n]);
      for (const node of wrong) {
        const message = `${theNode(node)} has the identifier ${hex(node.header.identifier.value)}; in a table of revision 0 the bytes are reserved and 0`;
        const fixes = [setFix(input, 'Write 0 into all identifiers', all, { isPreferred: true })];
        yield finding(input, node.header.identifier, node, message, { severity: 'warning', fixes });
      }
      return;
    }
    if (revision < 3 || nodes.length < 2) return;
    const numbered = setFix(
      input,
      'Number the nodes from 0',
      nodes.map(({ header }, index) => [header.identifier, BigInt(index)]),
    );
    const zeros = nodes.filter(({ header }) => header.identifier.value === 0n);
    const isUnnumbered = zeros.length > nodes.length / 2 && zeros.length > 1;
    if (isUnnumbered) {
      const which =
        zeros.length === nodes.length ? `All ${nodes.length} nodes` : `${zeros.length} of ${nodes.length} nodes`;
      const message = `${which} have the identifier 0: from table revision 3 on each has its own`;
      yield finding(input, zeros[0]!.header.identifier, zeros[0], message, {
        severity: 'warning',
        fixes: [{ ...numbered, isPreferred: true }],
      });
    }
    yield* sharedIdentifiers(
      input,
      isUnnumbered ? nodes.filter(({ header }) => header.identifier.value !== 0n) : nodes,
      numbered,
    );
  },
};

const identifierAt = fieldOffset(nodeHeaderLayout, 'identifier')!;

function haveDistinctIdentifiers({ bytes, nodes }: IortTable): boolean {
  const met = new Set(nodes.map(({ offset }) => readNumber(bytes, offset + identifierAt, 4)));
  return met.size === nodes.length;
}

function* sharedIdentifiers(input: TableInput, nodes: readonly IortNode[], numbered: Fix) {
  const owners = new Map<bigint, IortNode[]>();
  for (const node of nodes) {
    const { value } = node.header.identifier;
    const owned = owners.get(value);
    if (owned === undefined) owners.set(value, [node]);
    else owned.push(node);
  }
  const taken = new Set(input.table.nodes.map(({ header }) => header.identifier.value));
  let free = 0n;
  while (taken.has(free)) free++;
  for (const [value, shared] of owners) {
    for (const node of shared.slice(1)) {
      const { identifier } = node.header;
      const others = shared.length > 2 ? ` and ${shared.length - 2} more` : '';
      const message = `${theNode(node)} has the identifier ${hex(value)} of ${theNode(shared[0]!)}${others}: each node of the table has its own`;
      const fix = setFix(input, `Give it ${hex(free)}, which is free`, [[identifier, free]], { isPreferred: true });
      const evidence = evidenceAt([
        placeOf(input, shared[0]!.header.identifier),
        `The identifier of ${theNode(shared[0]!)}`,
      ]);
      yield finding(input, identifier, node, message, { evidence, fixes: [fix, numbered] });
    }
  }
}
