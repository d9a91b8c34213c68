// SMMUv3 nodes: registers, flags, interrupts and the device ID of the SMMU's own.
import type { IortNode, Smmuv3Node } from '../../acpi/iort/model';
import type { Fix } from '../../text/diagnostic';
import { hex } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, mappingKey, nodeRevision, nodesOf, placeOf, tableRevision, theNode } from './finding';
import { raiseFix } from './nodes';
import { amendment, firmwareTestSuite, linux, specification } from './sources';
import { deviceIdIndex, goesByFlag } from './translation';

const cavium = 2n;
const smmuDriver = 'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c';

export const iortSmmuv3Flags: TableRule = {
  id: 'iort-smmuv3-flags',
  severity: 'error',
  summary: 'Flags of an SMMUv3 that are reserved, or younger than the node',
  docs: {
    effect:
      'Linux before 7.2 takes an HTTU override of 3 for none, reads the proximity domain of a node that has none, and ignores DeviceID Valid before node revision 5, where it goes by the interrupts instead.',
    why: 'Bit 0 is COHACC, bits 1 and 2 HTTU (0 to 2; Linux 7.2 knows 3 as well: with the access flag of tables, HAFT), bit 3 says that the proximity domain is valid (node revision 1), bit 4 that the DeviceID mapping index is (node revision 5). The others are reserved.',
    fix: 'Clear the bits, or raise the node’s revision.',
    sources: [
      firmwareTestSuite,
      specification('SMMUv3 node'),
      linux('iort_get_id_mapping_index'),
      `${smmuDriver} arm_smmu_device_acpi_probe`,
    ],
    example: {
      failing: amendment('SMMUv3', 'Flags (decoded below) : 00000021'),
      corrected: amendment('SMMUv3', 'Flags (decoded below) : 00000001'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmuv3')) {
      const { flags } = node.values;
      if (flags === undefined) continue;
      const revision = nodeRevision(node);
      const { value } = flags;
      const clear = (title: string, mask: bigint) =>
        setFix(input, title, [[flags, value & ~mask]], { isPreferred: true });
      if (value >> 5n !== 0n) {
        const message = `The flags of ${theNode(node)} are ${hex(value)}: bits 5 to 31 are reserved`;
        yield finding(input, flags, node, message, { fixes: [clear('Clear the reserved bits', ~0x1fn & 0xffffffffn)] });
      }
      if (((value >> 1n) & 3n) === 3n && input.kernel.version !== '7.2') {
        const message = `HTTU Override of ${theNode(node)} is 3, which Linux ${input.kernel.version} does not know: no hardware updates at all. It knows 0 none, 1 access flag, 2 access flag and dirty state; Linux 7.2 reads 3 as both and the access flag of tables`;
        yield finding(input, flags, node, message, {
          fixes: [setFix(input, 'Say access flag and dirty state (2)', [[flags, value & ~2n]])],
        });
      }
      if ((value & 8n) !== 0n && revision < 1) {
        const message = `${theNode(node)} says that its proximity domain is valid, but node revision 0 has none`;
        yield finding(input, flags, node, message, {
          fixes: [clear('Clear Proximity Domain Valid', 8n), ...raiseFix(input, node, 1)],
        });
      }
      if ((value & 0x10n) !== 0n && revision < 5) {
        const message = `${theNode(node)} sets DeviceID Valid, which node revision 5 brought: with revision ${revision} Linux goes by the interrupts instead`;
        const fixes = [clear('Clear DeviceID Valid', 0x10n), ...raiseFix(input, node, 5)];
        yield finding(input, flags, node, message, { fixes });
      }
    }
  },
};

export const iortSmmuv3Gsiv: TableRule = {
  id: 'iort-smmuv3-gsiv',
  severity: 'warning',
  summary: 'The SMMUv3’s interrupts are missing, or wired to one number',
  docs: {
    effect:
      'Without an event interrupt Linux does not hear of faults of the devices behind (“no evtq irq - events will not be reported!”), without a global error interrupt not of its own (“no gerr irq - errors will not be reported!”). Two interrupts with one number: the second cannot be requested.',
    why: 'A GSIV of 0 says that the interrupt is an MSI. Then the SMMU needs a device ID: a single mapping to an ITS that its DeviceID mapping index names. Only a Cavium CN99xx has all four on one line. PRI may be missing; Linux does not use the one for synchronisation (a note).',
    fix: 'Name the interrupts, or the mapping for their MSIs.',
    sources: [
      `${smmuDriver} arm_smmu_setup_unique_irqs`,
      linux('arm_smmu_v3_init_resources, arm_smmu_v3_is_combined_irq'),
    ],
    example: {
      failing: amendment('SMMUv3', 'Event GSIV : 0000006A', 'PRI GSIV : 0000006B', 'GERR GSIV : 0000006A'),
      corrected: amendment('SMMUv3', 'Event GSIV : 0000006A', 'PRI GSIV : 0000006B', 'GERR GSIV : 0000006D'),
    },
  },
  prerequisites: [
    'iort-smmuv3-index-not-single',
    'iort-smmuv3-index-range',
    'iort-node-too-short',
    'iort-mapping-outside-node',
  ],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmuv3')) {
      const { eventGsiv, priGsiv, gerrGsiv, syncGsiv, model } = node.values;
      const gsivs = [
        { name: 'event', value: eventGsiv, loss: 'faults of the devices behind it are not reported' },
        { name: 'GERR', value: gerrGsiv, loss: 'its own errors are not reported' },
        { name: 'sync', value: syncGsiv, loss: 'nothing in Linux, which does not use it' },
        { name: 'PRI', value: priGsiv, loss: '' },
      ].flatMap(({ value, ...rest }) => (value === undefined ? [] : [{ ...rest, value }]));
      if (deviceIdIndex(input, node) === undefined || node.mappings.length === 0) {
        const fixes = validFix(input, node);
        for (const { name, value, loss } of gsivs) {
          if (value.value !== 0n || name === 'PRI') continue;
          const message = `${theNode(node)} has no ${name} interrupt (GSIV 0), and no mapping gives its MSIs a device ID: ${loss}`;
          yield finding(input, value, node, message, { ...(name === 'sync' ? { severity: 'info' } : {}), fixes });
        }
      }
      // One line for all, which Linux knows of this model alone.
      const isCombined = new Set(gsivs.map(({ value }) => value.value)).size === 1;
      if (model?.value === cavium && isCombined) continue;
      const owners = new Map<bigint, string>();
      for (const { name, value } of gsivs) {
        if (value.value === 0n) continue;
        const owner = owners.get(value.value);
        if (owner === undefined) owners.set(value.value, name);
        else {
          const message = `The ${name} interrupt of ${theNode(node)} has the number ${hex(value.value)} of its ${owner} interrupt: Linux can request it once only`;
          yield finding(input, value, node, message);
        }
      }
    }
  },
};

/** Where the node has a single mapping to an ITS, and a flag that could say that it counts. */
function validFix(input: TableInput, node: Smmuv3Node): Fix[] {
  const { flags, deviceIdIndex: index } = node.values;
  const own = node.mappings.find(({ single, target }) => single && target?.kind === 'its-group');
  if (own === undefined || flags === undefined || index === undefined || !goesByFlag(input, node)) return [];
  const values = [
    [flags, flags.value | 0x10n],
    [index, BigInt(own.index)],
  ] as const;
  return [setFix(input, `Say that mapping ${own.index + 1} gives it (DeviceID Valid)`, values, { isPreferred: true })];
}

/** Who goes by the interrupts: the node's revision, or a kernel that does not know the flag yet. */
function validSince({ kernel }: TableInput, node: Smmuv3Node): string {
  const revision = nodeRevision(node);
  return revision >= 5
    ? `Linux ${kernel.version}, which does not know the flag DeviceID Valid,`
    : `node revision ${revision}`;
}

const ownMapping = [
  ...['Input base : 00000000', 'ID Count : 0000FFFF', 'Output Base : 00000000', 'Output Reference : 00000030'],
  ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
];

export const iortSmmuv3IndexRange: TableRule = {
  id: 'iort-smmuv3-index-range',
  severity: 'error',
  summary: 'The DeviceID mapping index names a mapping that is not there',
  docs: {
    effect:
      'Linux prints “ID mapping index overflows valid mappings” at each look-up through the SMMU, and the SMMU’s own MSIs have no device ID.',
    why: 'The index counts the node’s mappings from 0. It is valid from node revision 5 on where the flag DeviceID Valid says so, in revisions 1 to 4 whenever one of the four GSIVs is 0. Without any mapping, or where event and GERR have GSIVs and no mapping is the SMMU’s own, only the message remains (a warning): firmware of Nvidia’s Grace gives the number of mappings as the index where there is no PRI interrupt. Kernels before 6.2 go by the GSIVs in all revisions.',
    fix: 'Name the single mapping to the ITS; where there is none, clear DeviceID Valid or wire all interrupts.',
    sources: [linux('iort_get_id_mapping_index'), specification('SMMUv3 node')],
    example: {
      failing: amendment('SMMUv3', 'PRI GSIV : 00000000', 'Device ID Mapping Index : 00000001'),
      corrected: amendment('SMMUv3', 'PRI GSIV : 0000006B', 'Device ID Mapping Index : 00000001'),
    },
  },
  prerequisites: ['iort-mapping-outside-node'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmuv3')) {
      const index = deviceIdIndex(input, node);
      const { deviceIdIndex: value, flags, eventGsiv, gerrGsiv } = node.values;
      const count = node.header.mappingCount.value;
      if (index === undefined || value === undefined || index < count) continue;
      const own = node.mappings.find(({ single, target }) => single && target?.kind === 'its-group');
      const isWired =
        eventGsiv !== undefined && eventGsiv.value !== 0n && gerrGsiv !== undefined && gerrGsiv.value !== 0n;
      const isWarning = count === 0n || (isWired && own === undefined);
      const byFlag = goesByFlag(input, node);
      const why = byFlag ? 'DeviceID Valid is set' : `${validSince(input, node)} takes it as valid where a GSIV is 0`;
      const message = `The DeviceID mapping index of ${theNode(node)} is ${index}, but it has ${count === 0n ? 'no mapping' : `${count} mapping${count === 1n ? '' : 's'}`} (${why}): “ID mapping index overflows valid mappings”`;
      const fixes = [];
      if (own !== undefined)
        fixes.push(
          setFix(input, `Name mapping ${own.index + 1}, the single one`, [[value, BigInt(own.index)]], {
            isPreferred: true,
          }),
        );
      if (byFlag && flags !== undefined) {
        fixes.push(
          setFix(input, 'Clear DeviceID Valid', [[flags, flags.value & ~0x10n]], { isPreferred: own === undefined }),
        );
      }
      yield finding(input, value, node, message, { ...(isWarning ? { severity: 'warning' } : {}), fixes });
    }
  },
};

export const iortSmmuv3IndexNotSingle: TableRule = {
  id: 'iort-smmuv3-index-not-single',
  severity: 'error',
  summary: 'The DeviceID mapping index names a mapping that is not single, or does not lead to an ITS',
  docs: {
    effect:
      'The mapping is lost to the devices behind the SMMU: Linux skips it in translation, so their MSIs find no ITS. Its own MSIs do not work either (“Invalid MSI mapping”).',
    why: 'The indexed mapping is the SMMU’s own. In node revisions 1 to 4 the index counts as soon as one GSIV is 0, and its default, 0, is mostly the range of everybody else. Kernels before 6.2 do not know the flag of revision 5 and go by the GSIVs there as well.',
    fix: 'Add a single mapping and name it, wire all four interrupts, or say with node revision 5 that the index is not valid.',
    sources: [
      linux('iort_get_id_mapping_index, iort_node_map_id, iort_set_device_domain'),
      specification('SMMUv3 node'),
    ],
    example: {
      failing: amendment('SMMUv3', 'PRI GSIV : 00000000', ...ownMapping),
      corrected: amendment('SMMUv3', 'PRI GSIV : 0000006B', ...ownMapping),
    },
  },
  prerequisites: ['iort-smmuv3-index-range', 'iort-ref-null', 'iort-ref-not-node', 'iort-ref-loop'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'smmuv3')) {
      const index = deviceIdIndex(input, node);
      const mapping = index === undefined ? undefined : node.mappings[Number(index)];
      if (
        mapping === undefined ||
        (mapping.single && (mapping.target === undefined || mapping.target.kind === 'its-group'))
      )
        continue;
      const { deviceIdIndex: value, flags } = node.values;
      const isOld = !goesByFlag(input, node);
      const why = isOld ? ` (${validSince(input, node)} takes it as valid because a GSIV is 0)` : '';
      const what = mapping.single
        ? `leads to ${mapping.target === undefined ? 'no node' : theNode(mapping.target)}, not to an ITS`
        : 'is a range: Linux skips it in translation, and the devices behind the SMMU lose it';
      const message = `The DeviceID mapping index of ${theNode(node)} names mapping ${Number(index) + 1}${why}, which ${what}`;
      const own = node.mappings.find(({ single, target }) => single && target?.kind === 'its-group');
      const fixes = [];
      if (own !== undefined && value !== undefined) {
        fixes.push(
          setFix(input, `Name mapping ${own.index + 1}, the single one`, [[value, BigInt(own.index)]], {
            isPreferred: true,
          }),
        );
      }
      if (!isOld && flags !== undefined)
        fixes.push(setFix(input, 'Clear DeviceID Valid', [[flags, flags.value & ~0x10n]]));
      if (isOld && nodeRevision(node) < 5 && tableRevision(input) >= 6) {
        fixes.push(setFix(input, 'Say with node revision 5 that the index is not valid', [[node.header.revision, 5n]]));
      }
      const evidence = evidenceAt([placeOf(input, mapping.flags), 'The mapping that it names']);
      yield finding(input, value ?? mapping.flags, node, message, { restsOn: [mappingKey(mapping)], evidence, fixes });
    }
  },
};

export const iortSmmuv3Pxm: TableRule = {
  id: 'iort-smmuv3-pxm',
  severity: 'warning',
  summary: 'A proximity domain that is not marked valid; or one that decides whether later SMMUs exist',
  docs: {
    effect:
      'Not marked valid, the domain is not read: the SMMU belongs to no NUMA node. Marked valid (a note), Linux gives up at an SMMU whose node is offline, and no SMMU or PMCG behind it in the table ever appears.',
    why: 'Bit 3 of the flags says that the field counts. iort_init_platform_devices ends at the first device that fails, and an offline node is a failure (−EINVAL).',
    fix: 'Set the flag, or write 0.',
    sources: [linux('arm_smmu_v3_set_proximity, iort_init_platform_devices'), specification('SMMUv3 node')],
    example: {
      failing: amendment('SMMUv3', 'Proximity Domain : 00000001'),
      corrected: amendment('SMMUv3', 'Proximity Domain : 00000000'),
    },
  },
  prerequisites: ['iort-smmuv3-flags'],
  sight: proximitySight,
  *check(input) {
    const last = nodesOf(input, 'smmu', 'smmuv3', 'pmcg').at(-1);
    for (const node of nodesOf(input, 'smmuv3')) {
      const { proximityDomain, flags } = node.values;
      if (proximityDomain === undefined || flags === undefined || nodeRevision(node) < 1) continue;
      const isValid = (flags.value & 8n) !== 0n;
      if (!isValid && proximityDomain.value !== 0n) {
        const message = `${theNode(node)} has the proximity domain ${hex(proximityDomain.value)}, but Proximity Domain Valid is clear: Linux does not read it`;
        const fixes = [
          setFix(input, 'Set Proximity Domain Valid', [[flags, flags.value | 8n]], { isPreferred: true }),
          setFix(input, 'Write 0', [[proximityDomain, 0n]]),
        ];
        yield finding(input, proximityDomain, node, message, { fixes });
      } else if (isValid && last !== node) {
        const message = `${theNode(node)} belongs to proximity domain ${hex(proximityDomain.value)}: if that node is offline at boot, Linux stops here, and no SMMU or PMCG behind this one in the table appears`;
        yield finding(input, proximityDomain, node, message, { severity: 'info' });
      }
    }
  },
};

function proximitySight(node: IortNode): string | undefined {
  if (node.kind !== 'smmuv3') return node.kind === 'smmu' || node.kind === 'pmcg' ? 'a device' : undefined;
  const { proximityDomain, flags } = node.values;
  return `${proximityDomain?.value} ${flags?.value} ${nodeRevision(node)}`;
}
