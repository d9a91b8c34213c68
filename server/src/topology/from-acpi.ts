// The topology that an IORT describes, with the MADT of the same machine where there is one.
import type { IortTable } from '../acpi/iort/model';
import type { PlaceOf } from '../acpi/text/table-text';
import type { AcpiBuilder } from './acpi/builder';
import { kernelTable, nodeType, type KernelNode } from './acpi/kernel-table';
import { readNamedComponent, readRootComplex, type MasterContext } from './acpi/masters';
import { readItsGroups, type PlacedMadt } from './acpi/msi-controllers';
import { readReservedMemoryRanges } from './acpi/reservations';
import { readSmmus } from './acpi/smmus';
import { newRouter, specialIndex } from './acpi/translate';
import type { DmaMaster, HostBridge, Topology } from './model';

export type { PlacedMadt } from './acpi/msi-controllers';

/** An IORT and where its values stand. */
export interface PlacedIort {
  readonly table: IortTable;
  readonly placeOf: PlaceOf;
}

/** What no data table says. */
export interface AcpiSettings {
  /** The host bridges' `_DSM` function 5 returns 0: the PCI configuration of the firmware stays. */
  readonly preserveBootConfiguration: boolean;
}

/**
 * Masters, SMMUs and doorbells as Linux finds them in the tables, whatever the tables look like. Which PCI functions there are,
 * which windows their host bridges have, and how much memory the machine has, is in none of them: that stays unknown.
 */
export function topologyFromAcpi(
  { table: iort, placeOf }: PlacedIort,
  madt: PlacedMadt | undefined,
  { preserveBootConfiguration }: AcpiSettings,
): Topology {
  const table = kernelTable(iort);
  const routers = { 'by-interrupts': newRouter(table, 'by-interrupts'), 'by-flag': newRouter(table, 'by-flag') };
  const rulesDiffer = table.nodes.some(
    (node) => specialIndex(table, node, 'by-flag') !== specialIndex(table, node, 'by-interrupts'),
  );
  const builder: AcpiBuilder = { iort, table, routers, rulesDiffer, placeOf, problems: [] };
  const ranges = readReservedMemoryRanges(builder);
  const groups = readItsGroups(builder, madt);
  const smmus = readSmmus(builder, ranges, groups);
  const context: MasterContext = { builder, smmus, groups, preservesBootConfiguration: preserveBootConfiguration };
  const masters: DmaMaster[] = [];
  const hostBridges: HostBridge[] = [];
  const segments = new Map<number, KernelNode>();
  const names = new Map<string, KernelNode>();
  for (const node of table.nodes) {
    if (node.type === nodeType.rootComplex) {
      const { bridge, master, segment } = readRootComplex(context, node, segments);
      hostBridges.push(bridge);
      masters.push(master);
      if (!segments.has(segment)) segments.set(segment, node);
    } else if (node.type === nodeType.namedComponent) {
      const { master, name } = readNamedComponent(context, node, names);
      masters.push(master);
      if (!names.has(name)) names.set(name, node);
    }
  }
  return {
    firmware: 'acpi',
    masters,
    hostBridges,
    iommus: [...smmus.values()],
    msiControllers: groups.controllers,
    memory: [],
    reservationNodes: ranges.nodes,
    problems: builder.problems,
  };
}
