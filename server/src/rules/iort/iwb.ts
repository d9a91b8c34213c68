// Interrupt wire bridges of GICv5.
import type { IwbNode, Value } from '../../acpi/iort/model';
import { count, hex } from '../numbers';
import { evidenceAt, type Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, mappingKey, mappingName, nodesOf, placeOf, theNode } from './finding';
import { wrongName } from './named-component';
import { amendment, linux, specification } from './sources';

function bridge(index: number, address: string, length: string, identifier: string): string[] {
  return [
    ...[
      'Type : 07',
      `Length : ${length}`,
      'Revision : 01',
      `Identifier : ${identifier}`,
      'Mapping Count : 00000001',
      'Mapping Offset : 00000025',
      '',
    ],
    ...[`Config Frame base : ${address}`, `IWB Index : 000${index}`, `IWB Device Name : "\\_SB_.IWB${index}"`, ''],
    ...['Input base : 00000000', 'ID Count : 00000000', `Output Base : 0002000${index}`, 'Output Reference : 00000030'],
    ...['Flags (decoded below) : 00000001', 'Single Mapping : 1'],
  ];
}

const first = bridge(0, '000000002F800000', '0039', '00000008').join('\n');
const second = bridge(1, '000000002F810000', '0039', '00000009').join('\n');

export const iortIwb: TableRule = {
  id: 'iort-iwb',
  severity: 'error',
  summary: 'Wire bridges share an index or a name, or one has no single mapping to its ITS',
  docs: {
    effect:
      'Linux finds a bridge by its index: of two with the same the second’s wires are the first’s, and devices get each other’s interrupts. Under a name that is not the full path of its object, byte for byte, Linux does not find the node for the bridge. Without a single mapping (a warning) the bridge has no device ID at the ITS and none of its wires works.',
    why: 'The index names the bridge in the numbers of GICv5’s wired interrupts; its messages go to one ITS with one device ID. One header in circulation has four reserved bytes at 0x10 and everything else behind: an address that is no multiple of 64 KiB gives that away (a warning).',
    fix: 'Number the bridges; give each one single mapping.',
    kernels: 'Linux 7.2 and later; earlier kernels do not look at such nodes',
    sources: [
      linux('iort_iwb_handle, iort_match_node_callback and iort_id_map of Linux 7.2'),
      specification('IWB node (issue E.g)'),
    ],
    example: {
      failing: [
        amendment('Header', 'Revision : 07'),
        amendment('IWB 0', ...first.split('\n')),
        amendment('IWB 1', ...second.replace('IWB Index : 0001', 'IWB Index : 0000').split('\n')),
      ].join('\n\n'),
      corrected: [
        amendment('Header', 'Revision : 07'),
        amendment('IWB 0', ...first.split('\n')),
        amendment('IWB 1', ...second.split('\n')),
      ].join('\n\n'),
    },
  },
  holdsFor: ({ version }) => version === '7.2',
  prerequisites: ['iort-node-too-short', 'iort-mapping-outside-node', 'iort-node-type'],
  *check(input) {
    const owners = new Map<bigint, IwbNode>();
    const names = new Map<string, IwbNode>();
    for (const node of nodesOf(input, 'iwb')) {
      const { index, configBase, deviceName } = node.values;
      if (deviceName !== undefined) yield* nameFindings(input, node, deviceName, names);
      if (index !== undefined) {
        const owner = owners.get(index.value);
        if (owner === undefined) owners.set(index.value, node);
        else {
          const message = `${theNode(node)} has the index ${hex(index.value)} of ${theNode(owner)}: their wires are one and the same to Linux`;
          const evidence = evidenceAt([
            owner.values.index && placeOf(input, owner.values.index),
            `The index of ${theNode(owner)}`,
          ]);
          yield finding(input, index, node, message, { evidence });
        }
      }
      if (configBase !== undefined && configBase.value % 0x10000n !== 0n) {
        const message = `The configuration frame of ${theNode(node)} is at ${hex(configBase.value)}, no multiple of 64 KiB: are there four reserved bytes before it?`;
        yield finding(input, configBase, node, message, { severity: 'warning' });
      }
      const { mappingCount } = node.header;
      const mapping = node.mappings[0];
      if (mappingCount.value !== 1n) {
        const message = `${theNode(node)} has ${mappingCount.value === 0n ? 'no ID mapping' : count(Number(mappingCount.value), 'ID mapping')}; one, to its ITS group, is what it needs`;
        yield finding(input, node.mappings[1]?.inputBase ?? mappingCount, node, message, { severity: 'warning' });
      }
      if (mapping !== undefined && !mapping.single) {
        const { flags } = mapping;
        const fix = setFix(input, 'Set Single Mapping', [[flags, flags.value | 1n]], { isPreferred: true });
        const message = `${mappingName(node, mapping)} of ${theNode(node)} is not single: its messages get no device ID`;
        yield finding(input, flags, node, message, { about: mappingKey(mapping), severity: 'warning', fixes: [fix] });
      }
    }
  },
};

function* nameFindings(
  input: TableInput,
  node: IwbNode,
  deviceName: Value,
  names: Map<string, IwbNode>,
): Generator<Finding> {
  const name = deviceName.text ?? '';
  const isOpen = input.table.problems.some(
    ({ code, offset }) => code === 'name-unterminated' && offset === deviceName.offset,
  );
  const wrong = wrongName(name, isOpen);
  if (wrong !== undefined) {
    yield finding(input, deviceName, node, `The name of the IWB at ${hex(node.offset)} ${wrong}`);
    return;
  }
  const known = names.get(name);
  if (known === undefined) {
    names.set(name, node);
    return;
  }
  const message = `The IWBs at ${hex(known.offset)} and ${hex(node.offset)} are both called ${name}: Linux takes the first for the device`;
  const evidence = evidenceAt([
    known.values.deviceName && placeOf(input, known.values.deviceName),
    'The one that counts',
  ]);
  yield finding(input, deviceName, node, message, { evidence });
}
