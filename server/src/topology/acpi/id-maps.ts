// The ID mappings of a root complex as maps from requester IDs: to the SMMU in front of it, and on to the ITS.
import type { SourceRange } from '../../text/source-file';
import { streamIdRefusal } from '../iommus';
import type { IdMap, IdMapEntry, IdMapReading, Iommu, Link, MsiController, Problem, ProblemCode } from '../model';
import {
  brokenLink,
  mappingPlace,
  nodePlace,
  nodeText,
  stopText,
  TableLink,
  tableProblem,
  wholeMapping,
  type AcpiBuilder,
} from './builder';
import { itsTypes, nodeType, smmuTypes, type KernelMapping, type KernelNode } from './kernel-table';
import type { ItsGroups } from './msi-controllers';
import type { Smmus } from './smmus';
import type { Arrival, Routes, Stop } from './translate';

/** Requester IDs have 16 bits. */
const lastRequesterId = 0xffff;

/** Where the functions of a root complex have their IOMMU (iort_pci_iommu_init). */
export function readIommuMap(builder: AcpiBuilder, node: KernelNode, path: string, smmus: Smmus): IdMap<Iommu> {
  const routes = builder.routers['by-flag'].route(node, 0, lastRequesterId, smmuTypes);
  const target = ({ node: smmu, mapping }: Arrival): Link<Iommu> => smmuLink(builder, smmu, mapping, path, smmus);
  const problem = (arrival: Arrival): Problem | undefined => rangeProblem(builder, arrival, path, smmus);
  return mapOf(builder, node, routes, { path, target, problem });
}

/** What an SMMU's place leads to: only what Linux has made a device of counts (iort_iommu_xlate). */
export function smmuLink(
  builder: AcpiBuilder,
  node: KernelNode,
  mapping: KernelMapping | undefined,
  path: string,
  smmus: Smmus,
): Link<Iommu> {
  const target = smmus.get(node.offset);
  if (target === undefined) {
    const message = `the bytes that are taken for a ${nodeText(node)} are none of the nodes that Linux walks, so it has no device for them`;
    const problem = referenceProblem(builder, mapping, 'unresolved', message, path);
    return new TableLink<Iommu>(builder, node.offset, undefined, problem, mapping);
  }
  if (target.availability.enabled) return new TableLink(builder, node.offset, target, undefined, mapping);
  const message = `${target.path} does not come up: ${target.availability.reason}`;
  const problem = referenceProblem(builder, mapping, 'disabled-target', message, path);
  return new TableLink(builder, node.offset, target, problem, mapping);
}

function referenceProblem(
  builder: AcpiBuilder,
  mapping: KernelMapping | undefined,
  code: ProblemCode,
  message: string,
  path: string,
): Problem {
  const source = mapping && mappingPlace(builder, mapping, 'outputReference');
  return tableProblem(builder, code, message, path, 'Output Reference', source);
}

function rangeProblem(
  builder: AcpiBuilder,
  { first, last, output, single, node, mapping }: Arrival,
  path: string,
  smmus: Smmus,
): Problem | undefined {
  const iommu = smmus.get(node.offset);
  const refusal = iommu && streamIdTooLarge(iommu, single ? output : output + (last - first));
  if (refusal === undefined) return undefined;
  const source = mapping && mappingPlace(builder, mapping, 'outputBase');
  return tableProblem(builder, 'stream-id-range', refusal, path, 'Output Base', source);
}

/** An SMMUv1/v2 takes the upper half of the ID for an SMR mask; nothing is too large for it. */
export function streamIdTooLarge(iommu: Iommu, id: number): string | undefined {
  return iommu.driver.grouping === 'stream-match' ? undefined : streamIdRefusal(iommu, id);
}

export interface MsiMaps {
  readonly map: IdMap<MsiController>;
  /** By the rule of kernels before 6.2, where it leads elsewhere. */
  readonly earlier: IdMap<MsiController> | undefined;
}

/** Where MSIs of the functions go (iort_dev_find_its_id). */
export function readMsiMaps(builder: AcpiBuilder, node: KernelNode, path: string, groups: ItsGroups): MsiMaps {
  const routes = builder.routers['by-flag'].route(node, 0, lastRequesterId, itsTypes);
  const earlier = builder.rulesDiffer
    ? builder.routers['by-interrupts'].route(node, 0, lastRequesterId, itsTypes)
    : routes;
  const target = ({ node: group, mapping }: Arrival): Link<MsiController> =>
    itsLink(builder, group, mapping, path, groups);
  const kind: MapKind<MsiController> = { path, target, problem: () => undefined };
  const isSame = earlier === routes || shapeOf(routes) === shapeOf(earlier);
  return {
    map: mapOf(builder, node, routes, kind),
    earlier: isSame ? undefined : mapOf(builder, node, earlier, kind),
  };
}

export function itsLink(
  builder: AcpiBuilder,
  node: KernelNode,
  mapping: KernelMapping | undefined,
  path: string,
  groups: ItsGroups,
): Link<MsiController> {
  const target = groups.itsOf(node);
  if (target !== undefined) return new TableLink(builder, node.offset, target, undefined, mapping);
  const message = `the ${nodeText(node)} names no ITS that the machine has`;
  const problem = referenceProblem(builder, mapping, 'unresolved', message, path);
  return new TableLink<MsiController>(builder, node.offset, undefined, problem, mapping);
}

function shapeOf({ arrivals }: Routes): string {
  return arrivals.map(({ first, last, output, node }) => `${first} ${last} ${output} ${node.offset}`).join(',');
}

interface MapKind<Target> {
  readonly path: string;
  readonly target: (arrival: Arrival) => Link<Target>;
  readonly problem: (arrival: Arrival) => Problem | undefined;
}

/**
 * Entries of both ends, in the order of requester IDs. IDs that get lost on the way have entries that say why, where there is
 * more to say than that nothing covers them.
 */
function mapOf<Target>(
  builder: AcpiBuilder,
  node: KernelNode,
  { arrivals, stops }: Routes,
  { path, target, problem }: MapKind<Target>,
): IdMap<Target> {
  const found = arrivals.map((arrival) => {
    const { first, last, output, single, mapping } = arrival;
    const length = last - first + 1;
    return new MappedEntry(builder, mapping, first, output, length, single, target(arrival), problem(arrival));
  });
  const lost = stops.flatMap((stop) => lostEntry<Target>(builder, node, stop, path));
  const entries = [...found, ...lost].sort((one, other) => one.input - other.input);
  const reading: IdMapReading<Target> = { entries, problem: undefined, unusable: false };
  return new TableMap(builder, node, reading);
}

class TableMap<Target> implements IdMap<Target> {
  readonly property = 'iort';
  readonly mask = 0xffffffff;
  readonly maskSource = undefined;
  readonly readings: IdMap<Target>['readings'];

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly node: KernelNode,
    reading: IdMapReading<Target>,
  ) {
    this.readings = { 'four-cells': reading, 'target-cells': reading };
  }

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.node);
  }
}

function lostEntry<Target>(builder: AcpiBuilder, from: KernelNode, stop: Stop, path: string): IdMapEntry<Target>[] {
  const { reason, node, mapping, first, last } = stop;
  if (reason === 'no-mappings' && (node.type === nodeType.itsGroup || node.offset === from.offset)) return [];
  if (reason === 'not-covered' && node.offset === from.offset) return [];
  if (reason === 'no-mappings' || reason === 'not-covered') {
    // On the way to an ITS; to an SMMU nothing but one more node can be in between.
    const source = mapping && mappingPlace(builder, mapping, 'outputReference');
    const problem: Problem = {
      code: 'unresolved',
      message: stopText(reason, node, mapping),
      node: path,
      property: 'Output Reference',
      source,
    };
    return [lost(builder, stop, problem)];
  }
  const source = mapping ? mappingPlace(builder, mapping, 'outputReference') : nodePlace(builder, node);
  const message = stopText(reason, node, mapping);
  const known = builder.problems.find((each) => each.message === message && each.node === path);
  const problem = known ?? tableProblem(builder, 'unresolved', message, path, 'Output Reference', source);
  return last < first ? [] : [lost(builder, stop, problem)];
}

function lost<Target>(builder: AcpiBuilder, { first, last, mapping }: Stop, problem: Problem): IdMapEntry<Target> {
  const target = brokenLink(mapping?.reference ?? 0, problem);
  return new MappedEntry<Target>(builder, mapping, first, 0, last - first + 1, false, target, problem);
}

/** A class because of its getters: of thousands of entries, the places of few are asked for. */
class MappedEntry<Target> implements IdMapEntry<Target> {
  readonly extra = [];
  readonly single?: true;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly mapping: KernelMapping | undefined,
    readonly input: number,
    readonly output: number,
    readonly length: number,
    isSingle: boolean,
    readonly target: Link<Target>,
    readonly problem: Problem | undefined,
  ) {
    if (isSingle) this.single = true;
  }

  get source(): SourceRange | undefined {
    return this.mapping && wholeMapping(this.builder, this.mapping);
  }

  get inputSource(): SourceRange | undefined {
    return this.mapping && mappingPlace(this.builder, this.mapping, 'inputBase');
  }

  get outputSource(): SourceRange | undefined {
    return this.mapping && mappingPlace(this.builder, this.mapping, 'outputBase');
  }

  get lengthSource(): SourceRange | undefined {
    return this.mapping && mappingPlace(this.builder, this.mapping, 'count');
  }
}
