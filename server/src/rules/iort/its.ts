// ITS groups: their identifiers against each other and against the MADT.
import { readNumber } from '../../acpi/bytes';
import { contentOf } from '../../acpi/iort/decoded-node';
import type { IortNode, ItsGroupNode, Value } from '../../acpi/iort/model';
import { count, hex, list } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { removeBytesFix, rewriteFix, setFix } from './edits';
import { finding, nodesOf, placeOf, theNode } from './finding';
import { acpiView, amendment, firmwareTestSuite, linux, specification } from './sources';

const groupLines = ['Type : 00', 'Length : 0018', 'Revision : 01', 'Identifier : 00000008'];
const noMappings = ['Mapping Count : 00000000', 'Mapping Offset : 00000000', ''];

/** A node's header and the count of identifiers. */
const fixedSize = 0x14;

export const iortItsEmpty: TableRule = {
  id: 'iort-its-empty',
  severity: 'error',
  summary: 'An ITS group without identifiers',
  docs: {
    effect:
      'Devices whose IDs end there get no MSIs: Linux prints “requested ITS ID index [0] overruns ITS entries [0]” for each.',
    why: 'Linux takes the first identifier of the group for the device’s ITS.',
    fix: 'List the ITS of the MADT, or leave the group out.',
    sources: [linux('iort_dev_find_its_id')],
    example: {
      failing: amendment('Second ITS group', ...groupLines, ...noMappings, 'ItsCount : 00000000'),
      corrected: amendment(
        'Second ITS group',
        ...groupLines,
        ...noMappings,
        'ItsCount : 00000001',
        'Identifiers : 00000001',
      ),
    },
  },
  prerequisites: ['iort-node-too-short'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'its-group')) {
      const { itsCount } = node.values;
      if (itsCount?.value !== 0n) continue;
      const message = `${theNode(node)} has no identifier: devices that end there get no MSIs (“requested ITS ID index [0] overruns ITS entries [0]”)`;
      const present = Math.floor((node.end - node.offset - fixedSize) / 4);
      const title =
        present === 1 ? 'Count the identifier that is there' : `Count the ${present} identifiers that are there`;
      const fixes = present > 0 ? [rewriteFix(input, title, [[itsCount, BigInt(present)]], false)] : [];
      yield finding(input, itsCount, node, message, { fixes });
    }
  },
};

export const iortItsMappings: TableRule = {
  id: 'iort-its-mappings',
  severity: 'error',
  summary: 'An ITS group with ID mappings',
  docs: {
    effect:
      'fwts and EDK2 refuse the node. Linux follows the mapping when it looks for an SMMU and gets to an ITS group first.',
    why: 'An ITS group is where IDs end. Mapping count and offset must be 0. iasl compiles mappings there all the same.',
    fix: 'Take them out.',
    sources: [acpiView, firmwareTestSuite, specification('ITS group node')],
    example: {
      failing: amendment(
        'Second ITS group',
        ...[
          'Type : 00',
          'Length : 002C',
          'Revision : 01',
          'Identifier : 00000008',
          'Mapping Count : 00000001',
          'Mapping Offset : 00000018',
          '',
        ],
        ...['ItsCount : 00000001', 'Identifiers : 00000001', ''],
        ...['Input base : 00000000', 'ID Count : 000000FF', 'Output Base : 00000000', 'Output Reference : 00000048'],
        ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment(
        'Second ITS group',
        ...groupLines,
        ...noMappings,
        'ItsCount : 00000001',
        'Identifiers : 00000001',
      ),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'its-group')) {
      const { mappingCount, mappingOffset } = node.header;
      if (mappingCount.value === 0n && mappingOffset.value === 0n) continue;
      const isCounted = mappingCount.value > 0n;
      const message = isCounted
        ? `${theNode(node)} has ${count(Number(mappingCount.value), 'ID mapping')}: IDs end at an ITS, it may have none`
        : `${theNode(node)} has no ID mappings, but a mapping offset of ${hex(mappingOffset.value)}: it must be 0`;
      const first = node.mappings[0];
      const at = isCounted ? (first?.inputBase ?? mappingCount) : mappingOffset;
      const fixes =
        first !== undefined
          ? [
              {
                ...removeBytesFix(
                  input,
                  'Take the mappings out',
                  first.offset,
                  first.offset + 20 * node.mappings.length,
                ),
                isPreferred: true,
              },
            ]
          : [
              setFix(
                input,
                'Set count and offset to 0',
                [
                  [mappingCount, 0n],
                  [mappingOffset, 0n],
                ],
                { isPreferred: true },
              ),
            ];
      yield finding(input, at, node, message, { fixes });
    }
  },
};

export const iortItsUnknown: TableRule = {
  id: 'iort-its-unknown',
  severity: 'error',
  summary: 'An ITS group names an ITS that the MADT does not have',
  docs: {
    effect:
      'If it is the first of the group, devices that end there get no MSI domain, without any message: no MSIs, and VFIO refuses PCI functions with EPERM. Linux does not look at the others (a warning), but for the reservations behind a HiSilicon Hi161x.',
    why: 'Linux looks for an interrupt domain with that identifier, and domains are made from the MADT’s entries of type 15 (GIC ITS), or 30 (translate frames of a GICv5). Checked only where a MADT lies beside the table.',
    fix: 'Use the GIC ITS ID of one of the MADT’s entries.',
    sources: [
      linux('iort_get_device_domain, iort_find_domain_token'),
      'ACPI 6.5, 5.2.12.18 GIC Interrupt Translation Service Structure',
    ],
    example: {
      failing: amendment('ITS group', 'Identifiers : 00000005'),
      corrected: amendment('ITS group', 'Identifiers : 00000000'),
    },
  },
  sight: identifierSight,
  *check(input) {
    const known = madtIts(input);
    if (known === undefined) return;
    for (const node of nodesOf(input, 'its-group')) {
      for (const [index, identifier] of node.identifiers.entries()) {
        if (known.includes(identifier.value)) continue;
        const has = known.length === 0 ? 'the MADT has no ITS' : `the MADT has ${list(known.map(hex), 6)}`;
        const effect =
          index === 0
            ? 'devices that end there get no MSIs'
            : `Linux uses the first of the group, ${hex(node.identifiers[0]!.value)}, and does not miss it`;
        const message = `${theNode(node)} names ITS ${hex(identifier.value)}, but ${has}: ${effect}`;
        const used = new Set(node.identifiers.map(({ value }) => value));
        const fixes = known
          .filter((value) => !used.has(value))
          .slice(0, 5)
          .map((value) =>
            setFix(input, `Name ITS ${hex(value)}`, [[identifier, value]], { isPreferred: known.length === 1 }),
          );
        yield finding(input, identifier, node, message, { ...(index === 0 ? {} : { severity: 'warning' }), fixes });
      }
    }
  },
};

function identifierSight(node: IortNode): string | undefined {
  return node.kind === 'its-group' ? node.identifiers.map(({ value }) => value).join() : undefined;
}

/** A MADT's entry of a frame that GICv5 takes messages in: what its ITS groups name. */
const translateFrame = 0x1e;

/**
 * The identifiers that ITS groups may name: those of GICv3's ITS, and of GICv5's translate frames (Linux
 * drivers/irqchip/irq-gic-v5-its.c gic_acpi_parse_madt_its_translate). Undefined where there is no MADT to tell.
 */
function madtIts({ madt }: TableInput): bigint[] | undefined {
  return madt?.entries.flatMap((entry) => {
    if (entry.kind === 'gic-its') return entry.values.itsId === undefined ? [] : [entry.values.itsId.value];
    if (Number(entry.type.value) !== translateFrame) return [];
    const id = entry.all.find(({ field }) => field.name === 'itsId');
    return id === undefined ? [] : [id.value];
  });
}

export const iortItsDuplicate: TableRule = {
  id: 'iort-its-duplicate',
  severity: 'warning',
  summary: 'An ITS is named twice; or a group has several, of which Linux uses the first',
  docs: {
    effect:
      'Named twice, the second entry says nothing new, and mostly another ITS was meant. Of a group with several, Linux sends all MSIs to the first (a note); only the reservations behind a HiSilicon Hi161x cover all.',
    why: 'Each ITS belongs to one group. Linux asks for index 0 of the group alone.',
    fix: 'Name another ITS, or take the second entry out.',
    sources: [specification('ITS group node'), linux('iort_get_device_domain')],
    example: {
      failing: amendment(
        'Second ITS group',
        ...groupLines,
        ...noMappings,
        'ItsCount : 00000001',
        'Identifiers : 00000000',
      ),
      corrected: amendment(
        'Second ITS group',
        ...groupLines,
        ...noMappings,
        'ItsCount : 00000001',
        'Identifiers : 00000001',
      ),
    },
  },
  sight: identifierSight,
  *check(input) {
    if (haveOneItsEach(input)) return;
    const first = new Map<bigint, readonly [ItsGroupNode, Value]>();
    for (const node of nodesOf(input, 'its-group')) {
      for (const identifier of node.identifiers) {
        const known = first.get(identifier.value);
        if (known === undefined) {
          first.set(identifier.value, [node, identifier]);
          continue;
        }
        const [owner, place] = known;
        const where = owner === node ? 'twice in one group' : `in two groups, ${theNode(owner)} is the other`;
        const message = `ITS ${hex(identifier.value)} is named ${where}`;
        const evidence = evidenceAt([placeOf(input, place), 'Named here first']);
        yield finding(input, identifier, node, message, { evidence });
      }
      const used = node.identifiers[0];
      const different = new Set(node.identifiers.map(({ value }) => value)).size;
      if (different < 2 || used === undefined) continue;
      const message = `${theNode(node)} names ${different} ITS: Linux sends the MSIs of all its devices to the first, ${hex(used.value)}`;
      yield finding(input, used, node, message, { severity: 'info' });
    }
  },
};

/** Each group names one ITS that no other does, as mostly: told without values. */
function haveOneItsEach({ table }: TableInput): boolean {
  const groups = nodesOf(table, 'its-group');
  const met = new Set<number | undefined>();
  for (const group of groups) {
    const [identifiers] = contentOf(group).places.arrays;
    if (identifiers?.count !== 1) return false;
    met.add(readNumber(table.bytes, identifiers.start, 4));
  }
  return met.size === groups.length;
}
