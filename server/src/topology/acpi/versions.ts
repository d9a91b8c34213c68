// What the next version of a table takes over of the topology of the one before. An edit changes a node or two of thousands; the
// decoder has the others again, the same objects, as far as nothing that they reach has changed (acpi/iort/kept-nodes.ts).
import type { MadtTable } from '../../acpi/madt/model';
import type { IortNode, IortTable } from '../../acpi/iort/model';
import type { DmaMaster, Problem } from '../model';
import type { AcpiBuilder, AcpiSettings } from './builder';
import { mostElements, type KernelNode, type KernelTable } from './kernel-table';
import type { MasterKey } from './masters';
import { staysInside } from './node-extent';
import type { ItsGroups } from './msi-controllers';
import type { ReservedMemoryRanges } from './reservations';
import type { Smmus } from './smmus';
import { mostWork } from './translate';

/** All that was made of a table. */
export interface TableReading {
  readonly iort: IortTable;
  readonly madt: MadtTable | undefined;
  readonly preservesBootConfiguration: boolean;
  readonly builder: AcpiBuilder;
  readonly ranges: ReservedMemoryRanges;
  readonly groups: ItsGroups;
  readonly smmus: Smmus;
  readonly masters: Masters;
  /** What was looked at for it, and for those versions of which it has taken something over. */
  readonly spent: Spent;
}

export interface Spent {
  readonly elements: number;
  readonly work: number;
}

export interface Masters {
  /** By the places of their nodes in the table's list; nothing for other nodes. */
  readonly readings: readonly (MasterReading | undefined)[];
  /** The first node of each key. */
  readonly first: ReadonlyMap<MasterKey, number>;
}

export interface MasterReading {
  readonly key: MasterKey;
  /** The place of the node that Linux takes in its stead. */
  readonly before: number | undefined;
  readonly master: DmaMaster;
  readonly problems: readonly Problem[];
  readonly mayStay: boolean;
}

/** A later version, seen from an earlier one. */
export interface Change {
  readonly before: TableReading;
  /** The nodes before, as the kernel reads them. */
  readonly nodes: readonly KernelNode[];
  /** By the place in the list of nodes: it is as it was, and so is all that it reaches. */
  readonly isKeptAt: (index: number) => boolean;
  readonly isKept: (node: KernelNode) => boolean;
  /** Places of the others. */
  readonly changed: readonly number[];
  /** Some other node is of one of these types (a mask). */
  readonly touches: (types: number) => boolean;
}

/** More nodes than that are not looked at one by one. */
const mostChanged = 0.5;

/** What has changed since a reading that may be followed; undefined where too much has, or where that cannot be told node by node. */
export function changeSince(
  before: TableReading,
  iort: IortTable,
  madt: MadtTable | undefined,
  { preserveBootConfiguration, streamIdBits }: AcpiSettings,
): Change | undefined {
  const { iort: old, builder, spent } = before;
  if (before.madt !== madt || before.preservesBootConfiguration !== preserveBootConfiguration) return undefined;
  if (builder.hardware.streamIdBits !== streamIdBits) return undefined;
  // Less would be left for a hostile table than it has when it is read at once.
  if (spent.elements > mostElements / 2 || spent.work > mostWork / 2) return undefined;
  if (!isWalkedWhole(iort) || old.end !== iort.end || old.nodes.length !== iort.nodes.length) return undefined;
  if (old.header.revision?.value !== iort.header.revision?.value) return undefined;
  const { nodes } = builder.table;
  const changed = changedPlaces(old.nodes, iort.nodes);
  if (changed === undefined || changed.length > iort.nodes.length * mostChanged) return undefined;
  let types = 0;
  for (const index of changed) {
    const type = iort.bytes[iort.nodes[index]!.offset]!;
    if (type !== nodes[index]!.type) return undefined;
    types |= 1 << type;
  }
  const marks = new Uint8Array(nodes.length);
  for (const index of changed) marks[index] = 1;
  const isKeptAt = (index: number): boolean => marks[index] === 0;
  return {
    before,
    nodes,
    isKeptAt,
    isKept({ offset }) {
      const index = iort.nodeAt(offset)?.index;
      return index !== undefined && isKeptAt(index);
    },
    changed,
    touches: (wanted) => (types & wanted) !== 0,
  };
}

/** Whether a next version can be seen as a change of this one; `places` are those of the nodes that are new in it. */
export function mayBeFollowed(table: KernelTable, iort: IortTable, places: readonly number[] | undefined): boolean {
  return isWalkedWhole(iort) && areReadApart(table, iort, places);
}

/** Linux walks all of its nodes. */
function isWalkedWhole({ counted, nodes }: IortTable): boolean {
  return counted === nodes;
}

/** Undefined where nodes have moved. */
function changedPlaces(before: readonly IortNode[], after: readonly IortNode[]): readonly number[] | undefined {
  if (before === after) return [];
  const changed: number[] = [];
  for (let index = 0; index < after.length; index++) {
    const [old, node] = [before[index]!, after[index]!];
    if (old === node) continue;
    if (old.offset !== node.offset || old.length !== node.length) return undefined;
    changed.push(index);
  }
  return changed;
}

/** Whether nodes are read from their own bytes alone, so that they say the same as long as those stay: at these places, or all. */
function areReadApart(table: KernelTable, { nodes }: IortTable, places: readonly number[] | undefined): boolean {
  const isApart = (index: number): boolean => staysInside(table, table.nodes[index]!, nodes[index]!.length);
  return places === undefined ? nodes.every((_, index) => isApart(index)) : places.every(isApart);
}
