// Output references: what a mapping points at.
import { readNumber } from '../../acpi/bytes';
import { contentOf } from '../../acpi/iort/decoded-node';
import type { IdMapping, IortNode, IortTable } from '../../acpi/iort/model';
import { idMappingLayout } from '../../acpi/layout/iort';
import { fieldOffset } from '../../acpi/structure-values';
import type { Fix } from '../../text/diagnostic';
import { oncePer } from '../../text/once';
import { itsTypes, kernelTable, type KernelTable } from '../../topology/acpi/kernel-table';
import { newRouter, type Router } from '../../topology/acpi/translate';
import { hex, list } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { followed } from './changes';
import { setFix } from './edits';
import { finding, mappingKey, mappingName, nodeAround, placeOf, theNode, wayTo, type Bytes } from './finding';
import { amendment, linux, specification } from './sources';
import { streamsMeeting } from './streams';
import { inputRange, isDeviceIdMapping, outputRange } from './translation';

/** What each kind of node may refer to. */
export const targets: Readonly<Partial<Record<IortNode['kind'], readonly IortNode['kind'][]>>> = {
  'named-component': ['smmuv3', 'smmu', 'its-group'],
  'root-complex': ['smmuv3', 'smmu', 'its-group'],
  smmu: ['its-group'],
  smmuv3: ['its-group'],
  pmcg: ['its-group'],
  rmr: ['smmuv3', 'smmu'],
  iwb: ['its-group'],
};

const kindNames: Readonly<Record<IortNode['kind'], string>> = {
  'its-group': 'an ITS group',
  'named-component': 'a named component',
  'root-complex': 'a root complex',
  smmu: 'an SMMU',
  smmuv3: 'an SMMUv3',
  pmcg: 'a PMCG',
  rmr: 'an RMR node',
  iwb: 'an IWB',
  unknown: 'a node of unknown type',
};

/** Nodes among which fixes look for a target. */
const mostNodes = 5000;

/**
 * Fixes that lead a reference to the nearest nodes of the kinds, the nearest first. One of 0 has no nearest: the kinds' order
 * decides, and which of several was meant nobody knows.
 */
export function nearestFixes(
  input: TableInput,
  reference: Bytes & { readonly value: bigint },
  kinds: readonly IortNode['kind'][],
  isPlausible: (node: IortNode) => boolean = () => true,
): Fix[] {
  // Among so many nobody knows which was meant.
  if (input.table.nodes.length > mostNodes) return [];
  const isNull = reference.value === 0n;
  const distance = ({ kind, offset }: IortNode) =>
    isNull ? kinds.indexOf(kind) : Math.abs(offset - Number(reference.value));
  const plausible = input.table.nodes.filter((node) => kinds.includes(node.kind) && isPlausible(node));
  return plausible
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, 3)
    .map((node, index) =>
      setFix(input, `Refer to ${theNode(node)} (${hex(node.offset)})`, [[reference, BigInt(node.offset)]], {
        isPreferred: index === 0 && (!isNull || plausible.length === 1),
      }),
    );
}

/** The fixes for a mapping of a node: to what it may refer to, and where its stream IDs are nobody else's. */
export function targetFixes(
  input: TableInput,
  node: IortNode,
  mapping: IdMapping,
  except: readonly IortNode[] = [],
): Fix[] {
  const ids = outputRange(mapping);
  const meets = (smmu: IortNode) => streamsMeeting(input.table, smmu, ids).some((each) => each.node !== node);
  // Of functions Linux believes it only where the boot configuration is kept.
  const hasReader = (smmu: IortNode) =>
    streamsMeeting(input.table, smmu, ids).some(
      (each) => each.node.kind === 'named-component' || input.settings.preserveBootConfiguration === true,
    );
  const isStream = node.kind === 'root-complex' || node.kind === 'named-component';
  return nearestFixes(input, mapping.outputReference, targets[node.kind] ?? [], (target) => {
    if (target === mapping.target || except.includes(target)) return false;
    if (node.kind === 'rmr') return hasReader(target);
    return !isStream || target.kind === 'its-group' || !meets(target);
  });
}

export const iortRefNull: TableRule = {
  id: 'iort-ref-null',
  severity: 'error',
  summary: 'A mapping refers to nothing',
  docs: {
    effect:
      'Linux prints “ID map has NULL parent reference” and gives up the look-up: no IOMMU, no MSIs. In the first mapping of a node that holds for all IDs of the node, whatever the other mappings say.',
    why: 'An output reference of 0 would be the table’s own header. It is what `iasl -T IORT` writes into a new table.',
    fix: 'Refer to the SMMU or the ITS group: the offset of its first byte in the table.',
    sources: [linux('iort_node_map_id, iort_node_get_id')],
    example: {
      failing: amendment('Root complex', 'Output Reference : 00000000'),
      corrected: amendment('Root complex', 'Output Reference : 00000048'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      for (const mapping of node.mappings) {
        const { outputReference } = mapping;
        if (outputReference.value !== 0n) continue;
        const all =
          mapping.index === 0 && node.mappings.length > 1 ? ', and the look-up fails for every ID of the node' : '';
        const message = `${mappingName(node, mapping)} of ${theNode(node)} refers to nothing: Linux prints “ID map has NULL parent reference”${all}`;
        const fixes = targetFixes(input, node, mapping);
        yield finding(input, outputReference, node, message, { about: mappingKey(mapping), fixes });
      }
    }
  },
};

export const iortRefNotNode: TableRule = {
  id: 'iort-ref-not-node',
  severity: 'error',
  summary: 'An output reference is not the start of a node',
  docs: {
    effect:
      'Linux takes whatever bytes are there for a node, past the end of the table as well: the device has no IOMMU, or a look-up that follows garbage.',
    why: 'The reference is the offset of the target’s first byte in the table. Nobody checks it. Any change of size in front of the target moves it, and iasl does not adjust references.',
    fix: 'Refer to the start of the node that was meant.',
    sources: [linux('iort_node_map_id')],
    example: {
      failing: amendment('Root complex', 'Output Reference : 0000004C'),
      corrected: amendment('Root complex', 'Output Reference : 00000048'),
    },
  },
  prerequisites: ['iort-node-length', 'iort-node-offset'],
  perNode: true,
  *check(input) {
    const { table } = input;
    for (const node of input.nodes) {
      for (const mapping of node.mappings) {
        const { outputReference, target } = mapping;
        if (outputReference.value === 0n || target !== undefined) continue;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} refers to ${hex(outputReference.value)}, ${whereIs(table, outputReference.value)}: Linux takes what is there for a node`;
        const fixes = targetFixes(input, node, mapping);
        yield finding(input, outputReference, node, message, {
          about: mappingKey(mapping),
          restsOn: ['table', ...wayTo(input, Number(outputReference.value))],
          fixes,
        });
      }
    }
  },
};

/** What lies at an offset that is no node's start. */
export function whereIs(table: TableInput['table'], offset: bigint): string {
  const { end } = table;
  if (offset >= BigInt(end)) return `behind the table, which ends at ${hex(end)}`;
  const inside = nodeAround(table, Number(offset));
  return inside === undefined ? 'where no node begins' : `in the middle of ${theNode(inside)}`;
}

export const iortRefType: TableRule = {
  id: 'iort-ref-type',
  severity: 'error',
  summary: 'An output reference leads to a node of a kind that this node may not refer to',
  docs: {
    effect:
      'Linux goes on from that node with the ID as if it were an SMMU’s: mostly the look-up fails, and the device has no IOMMU or no MSIs.',
    why: 'Root complexes and named components map to SMMUs or ITS groups, SMMUs, PMCGs and IWBs to ITS groups, RMR nodes to SMMUs. An ITS group is the end of the way.',
    fix: 'Refer to a node of the right kind.',
    sources: [specification('ID mappings of each node'), linux('iort_node_map_id')],
    example: {
      failing: amendment('SMMUv3', 'Output Reference : 000000A0'),
      corrected: amendment('SMMUv3', 'Output Reference : 00000030'),
    },
  },
  prerequisites: ['iort-ref-loop', 'iort-its-mappings', 'iort-rmr-target'],
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      const allowed = targets[node.kind];
      if (allowed === undefined || node.kind === 'rmr') continue;
      for (const mapping of node.mappings) {
        const { outputReference, target } = mapping;
        if (target === undefined || target.kind === 'unknown' || allowed.includes(target.kind)) continue;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} leads to ${theNode(target)}; ${kindNames[node.kind]} may map to ${list(allowed.map((kind) => kindNames[kind])).replace(' and ', ' or ')} only`;
        const evidence = evidenceAt([placeOf(input, target.header.type), `${theNode(target)} begins here`]);
        const fixes = targetFixes(input, node, mapping);
        yield finding(input, outputReference, node, message, { about: mappingKey(mapping), evidence, fixes });
      }
    }
  },
};

export const iortRefLoop: TableRule = {
  id: 'iort-ref-loop',
  severity: 'error',
  summary: 'References lead round in a circle: the kernel hangs',
  docs: {
    effect: 'Linux follows the references for ever, at boot, as soon as it looks up a device whose IDs go that way.',
    why: 'iort_node_map_id goes from node to node until it finds one of the wanted kind or an ID that is not mapped. It does not count its steps. Where no ID comes back the look-up ends, and iort-ref-type tells of the wrong reference; mappings of RMR nodes and those for a node’s own messages are not followed.',
    fix: 'Let the chain end: masters map to SMMUs, SMMUs to ITS groups, ITS groups to nothing.',
    sources: [linux('iort_node_map_id')],
    example: {
      failing: [
        amendment('SMMUv3', 'Output Reference : 000000A0'),
        amendment('MMU-500', 'Output Base : 00000000', 'Output Reference : 00000048'),
      ].join('\n\n'),
      corrected: [
        amendment('SMMUv3', 'Output Reference : 00000030'),
        amendment('MMU-500', 'Output Base : 00020000', 'Output Reference : 00000030'),
      ].join('\n\n'),
    },
  },
  *check(input) {
    for (const { node, mapping, circle } of circles(input)) {
      const { outputReference } = mapping;
      const way = circle.length === 1 ? 'itself' : `${list(circle.slice(1).map(theNode), 4)} and back`;
      const message = `${mappingName(node, mapping)} of ${theNode(node)} closes a circle: from ${theNode(circle[0]!)} to ${way}. Linux follows it for ever, and the boot hangs`;
      const evidence = evidenceAt(
        ...circle.slice(0, 8).map((each) => [placeOf(input, each.header.type), theNode(each)] as const),
      );
      const fixes = targetFixes(input, node, mapping, circle);
      yield finding(input, outputReference, node, message, { about: mappingKey(mapping), evidence, fixes });
    }
  },
};

interface Circle {
  /** Whose mapping leads back. */
  readonly node: IortNode;
  readonly mapping: IdMapping;
  readonly circle: readonly IortNode[];
}

/** One for each mapping that leads back to a node on the way to it, if IDs come back with it; each node is visited once. */
function circles(input: TableInput): Circle[] {
  const found: Circle[] = [];
  const { leadsBack, leadsOn } = directionsOf(input.table);
  if (!leadsBack || !leadsOn) return found;
  const done = new Set<IortNode>();
  for (const start of input.table.nodes) {
    if (isStraight(start) || done.has(start)) continue;
    const way: { readonly node: IortNode; next: number }[] = [{ node: start, next: 0 }];
    const position = new Map<IortNode, number>([[start, 0]]);
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
      const mapping = here.node.mappings[here.next++];
      if (mapping === undefined) {
        done.add(here.node);
        position.delete(here.node);
        way.pop();
        continue;
      }
      const { target } = mapping;
      if (target === undefined || isStraight(target) || done.has(target) || !isFollowed(input, here.node, mapping))
        continue;
      const at = position.get(target);
      if (at !== undefined) {
        found.push({ node: here.node, mapping, circle: way.slice(at).map(({ node }) => node) });
      } else {
        position.set(target, way.length);
        way.push({ node: target, next: 0 });
      }
    }
  }
  if (found.length === 0) return found;
  const walked = kernelTable(input.table);
  const router = newRouter(walked, input.kernel.deviceIdRule);
  return found.filter(({ node, mapping, circle }) =>
    [[node, mapping] as const, ...circle.slice(0, mostTried).flatMap(startsIn)].some((start) =>
      comesBack(walked, router, ...start),
    ),
  );
}

interface Directions {
  readonly leadsBack: boolean;
  readonly leadsOn: boolean;
}

/** Whether references lead back, or on, or both: there is no circle in most tables, where all lead one way. */
const directionsOf = followed<Directions>(
  (table) => directions(table, table.nodes, { leadsBack: false, leadsOn: false }),
  (known, table, changes) => {
    const nodes = changes.flatMap(([, after]) => after ?? []);
    const found = directions(table, nodes, known);
    // Nodes that led another way than the rest may be gone.
    return found.leadsBack && found.leadsOn
      ? directions(table, table.nodes, { leadsBack: false, leadsOn: false })
      : found;
  },
);

/** Those of nodes, and others that are known. */
function directions({ bytes }: IortTable, nodes: readonly IortNode[], known: Directions): Directions {
  let { leadsBack, leadsOn } = known;
  for (const node of nodes) {
    const { offset, mappingStart, mappingCount } = contentOf(node).places;
    const end = mappingStart + mappingCount * idMappingLayout.size;
    for (let at = mappingStart; at < end; at += idMappingLayout.size) {
      if (readNumber(bytes, at + referenceAt, 4)! < offset) leadsBack = true;
      else leadsOn = true;
    }
    if (leadsBack && leadsOn) break;
  }
  return { leadsBack, leadsOn };
}

const referenceAt = fieldOffset(idMappingLayout, 'outputReference')!;

/** A node that no circle goes by, as most: behind those that it refers to the way is at its end. */
const isStraight = oncePer(({ mappings }: IortNode): boolean =>
  mappings.every(({ target }) => target === undefined || target.mappings.every((behind) => isEnd(behind.target))),
);

function isEnd(node: IortNode | undefined): boolean {
  return node === undefined || node.mappings.length === 0;
}

/** Nodes of a circle, and mappings of each, whose IDs are sent round: a circle of machines has two nodes. */
const mostTried = 8;

function startsIn(node: IortNode): (readonly [IortNode, IdMapping])[] {
  return node.mappings.slice(0, mostTried).map((mapping) => [node, mapping]);
}

/** Whether Linux's look-up of some ID of a mapping never ends. */
function comesBack(walked: KernelTable, { route }: Router, { offset }: IortNode, mapping: IdMapping): boolean {
  const from = walked.nodeAt(offset);
  if (from === undefined) return false;
  const { start, end } = mapping.single ? { start: 0n, end: 0n } : inputRange(mapping);
  const last = end > 0xffffffffn ? 0xffffffff : Number(end);
  const { stops } = route(from, Number(start), last, itsTypes);
  return stops.some(({ reason }) => reason === 'loop' || reason === 'too-much');
}

/** Whether Linux's look-up of an ID goes through the mapping. */
function isFollowed(input: TableInput, node: IortNode, mapping: IdMapping): boolean {
  if (node.kind === 'rmr' || node.kind === 'pmcg' || isDeviceIdMapping(input, node, mapping)) return false;
  return !mapping.single || node.kind === 'root-complex' || node.kind === 'named-component' || node.kind === 'iwb';
}
