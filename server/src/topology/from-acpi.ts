// The topology that an IORT describes, with the MADT of the same machine where there is one.
import type { IortTable } from '../acpi/iort/model';
import type { PlaceOf } from '../acpi/text/table-text';
import { AcpiBuilder, type AcpiSettings } from './acpi/builder';
import { kernelTable, nodeType, type KernelTable } from './acpi/kernel-table';
import { masterKey, readNamedComponent, readRootComplex, type MasterContext, type MasterKey } from './acpi/masters';
import { readItsGroups, type PlacedMadt } from './acpi/msi-controllers';
import { readReservedMemoryRanges } from './acpi/reservations';
import { readSmmus, type Smmus } from './acpi/smmus';
import { specialIndex } from './acpi/node-mappings';
import { newRouter } from './acpi/translate';
import {
  changeSince,
  mayBeFollowed,
  type Change,
  type MasterReading,
  type Masters,
  type Spent,
  type TableReading,
} from './acpi/versions';
import { isBehind } from './id-maps';
import type { DmaMaster, HostBridge, Iommu, Problem, Topology } from './model';

export type { PlacedMadt } from './acpi/msi-controllers';

/** An IORT and where its values stand. */
export interface PlacedIort {
  readonly table: IortTable;
  readonly placeOf: PlaceOf;
}

export type { AcpiSettings };

/** What was made last of the versions of a table, by the table's lineage. */
const lastReadings = new WeakMap<object, TableReading>();

/**
 * Masters, SMMUs and doorbells as Linux finds them in the tables, whatever the tables look like. Which PCI functions there are,
 * which windows their host bridges have, and how much memory the machine has, is in none of them: that stays unknown.
 *
 * What an edit has not changed is the same object as in the version of the table that was given before, and tells from then on
 * where its values are in the latest one.
 */
export function topologyFromAcpi(placed: PlacedIort, madt: PlacedMadt | undefined, settings: AcpiSettings): Topology {
  const { lineage } = placed.table;
  const before = lastReadings.get(lineage);
  const change = before && changeSince(before, placed.table, madt?.table, settings);
  const reading = readTable(placed, madt, settings, change);
  if (reading.mayBeFollowed) lastReadings.set(lineage, reading);
  else lastReadings.delete(lineage);
  return topologyOf(reading);
}

function topologyOf({ iort, ranges, groups, smmus, masters }: TableReading): Topology {
  const found: DmaMaster[] = [];
  const hostBridges: HostBridge[] = [];
  const problems: Problem[] = [...ranges.problems];
  for (const reading of masters.readings) {
    if (reading === undefined) continue;
    found.push(reading.master);
    if (reading.master.hostBridge !== undefined) hostBridges.push(reading.master.hostBridge);
    if (reading.problems.length > 0) problems.push(...reading.problems);
  }
  return {
    firmware: 'acpi',
    lineage: iort.lineage,
    masters: found,
    hostBridges,
    iommus: [...smmus.values()],
    msiControllers: groups.controllers,
    memory: [],
    reservationNodes: ranges.nodes,
    problems,
  };
}

function readTable(
  { table: iort, placeOf }: PlacedIort,
  madt: PlacedMadt | undefined,
  { preserveBootConfiguration, streamIdBits }: AcpiSettings,
  change: Change | undefined,
): TableReading & { readonly mayBeFollowed: boolean } {
  const table = kernelTable(iort, change && keptNodes(iort, change));
  const routers = { 'by-interrupts': newRouter(table, 'by-interrupts'), 'by-flag': newRouter(table, 'by-flag') };
  const rulesDiffer = haveOwnMappings(change) ? doRulesDiffer(table) : change!.before.builder.rulesDiffer;
  // Otherwise all look for their MSIs in another way than before.
  const followed = change?.before.builder.rulesDiffer === rulesDiffer ? change : undefined;
  const version = { iort, table, routers, placeOf };
  const builder = followed?.before.builder ?? new AcpiBuilder(version, rulesDiffer, { streamIdBits });
  builder.moveTo(version);

  const parts = readParts(builder, madt, preserveBootConfiguration, followed);
  const spentBefore: Spent = followed?.before.spent ?? { elements: 0, work: 0 };
  const spent: Spent = {
    elements: spentBefore.elements + table.spent(),
    work: spentBefore.work + Math.max(...Object.values(routers).map((router) => router.spent())),
  };
  return {
    ...parts,
    iort,
    madt: madt?.table,
    preservesBootConfiguration: preserveBootConfiguration,
    builder,
    spent,
    mayBeFollowed: mayBeFollowed(table, iort, followed?.changed),
  };
}

function keptNodes(iort: IortTable, { nodes, isKeptAt }: Change): NonNullable<Parameters<typeof kernelTable>[1]> {
  return (offset) => {
    const index = iort.nodeAt(offset)?.index;
    return index !== undefined && isKeptAt(index) ? nodes[index] : undefined;
  };
}

/** Some node has changed that may have a mapping of its own MSIs. */
function haveOwnMappings(change: Change | undefined): boolean {
  return change?.touches((1 << nodeType.smmuv3) | (1 << nodeType.pmcg)) ?? true;
}

function doRulesDiffer(table: KernelTable): boolean {
  return table.nodes.some(
    (node) => specialIndex(table, node, 'by-flag') !== specialIndex(table, node, 'by-interrupts'),
  );
}

type Parts = Pick<TableReading, 'ranges' | 'groups' | 'smmus' | 'masters'>;

function readParts(
  builder: AcpiBuilder,
  madt: PlacedMadt | undefined,
  preservesBootConfiguration: boolean,
  change: Change | undefined,
): Parts {
  const { before, isKept } = change ?? {};
  const touches = (...types: readonly number[]): boolean =>
    change?.touches(types.reduce((mask, type) => mask | (1 << type), 0)) ?? true;
  const ranges =
    touches(nodeType.rmr) || !before!.ranges.mayStay
      ? readReservedMemoryRanges(builder, before && { ranges: before.ranges, isKept: isKept! })
      : before!.ranges;
  const groups = touches(nodeType.itsGroup) ? readItsGroups(builder, madt, before?.groups) : before!.groups;
  const isSame = ranges === before?.ranges && !touches(nodeType.smmu, nodeType.smmuv3, nodeType.pmcg);
  const smmus = isSame
    ? before.smmus
    : readSmmus(builder, ranges, groups, before && { smmus: before.smmus, isKept: isKept! });
  const masters = readMasters({ builder, smmus, groups, preservesBootConfiguration }, change);
  return { ranges, groups, smmus, masters };
}

function readMasters(context: MasterContext, change: Change | undefined): Masters {
  const { builder } = context;
  const before = change?.before.masters;
  const earlierAt = (index: number): MasterReading | undefined =>
    change?.isKeptAt(index) === true ? before!.readings[index] : undefined;
  const keys = builder.table.nodes.map((node, index) => earlierAt(index)?.key ?? masterKey(builder, node));
  const isSameOrder = change?.changed.every((index) => before!.readings[index]?.key === keys[index]) === true;
  const first = isSameOrder ? before!.first : firstOfKeys(keys);
  const renewed = change === undefined ? noIommus : renewedIommus(change.before.smmus, context.smmus);
  const readings = keys.map((key, index) => {
    if (key === undefined) return undefined;
    const earliest = first.get(key)!;
    const earlier = earlierAt(index);
    const isSame =
      earlier?.mayStay === true &&
      earlier.before === (earliest === index ? undefined : earliest) &&
      (renewed.size === 0 || !isBehind(earlier.master, renewed, 'four-cells'));
    return isSame ? earlier : readMaster(context, index, key, earliest);
  });
  return { readings, first };
}

function readMaster(context: MasterContext, index: number, key: MasterKey, earliest: number): MasterReading {
  const { builder } = context;
  const { nodes } = builder.table;
  const node = nodes[index]!;
  const before = earliest === index ? undefined : earliest;
  const earlier = before === undefined ? undefined : nodes[before];
  const { value, problems, mayStay } = builder.readApart(() =>
    typeof key === 'number'
      ? readRootComplex(context, node, key, earlier)
      : readNamedComponent(context, node, key, earlier),
  );
  return { key, before, master: value, problems, mayStay };
}

function firstOfKeys(keys: readonly (MasterKey | undefined)[]): Map<MasterKey, number> {
  const first = new Map<MasterKey, number>();
  for (const [index, key] of keys.entries()) if (key !== undefined && !first.has(key)) first.set(key, index);
  return first;
}

const noIommus: ReadonlySet<Iommu> = new Set();

/** SMMUs that are not what they were. */
function renewedIommus(before: Smmus, after: Smmus): ReadonlySet<Iommu> {
  if (before === after) return noIommus;
  return new Set(Array.from(before).flatMap(([offset, iommu]) => (after.get(offset) === iommu ? [] : [iommu])));
}
