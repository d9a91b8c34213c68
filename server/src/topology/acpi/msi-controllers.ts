// Where MSIs go under ACPI: the ITS and GICv2m frames of the MADT, and the ITS groups of the IORT that name them.
import type { GicIts, GicMsiFrame, MadtTable } from '../../acpi/madt/model';
import type { PlaceOf } from '../../acpi/text/table-text';
import type { SourceRange } from '../../text/source-file';
import { rangeOf } from '../address';
import type { AddressRange, MsiController, PhysicalAddress, StreamDoorbells } from '../model';
import type { AcpiBuilder } from './builder';
import { nodeType, type KernelNode } from './kernel-table';

/** A MADT and where its values stand. */
export interface PlacedMadt {
  readonly table: MadtTable;
  readonly placeOf: PlaceOf;
}

export interface ItsGroups {
  readonly controllers: readonly MsiController[];
  /** What takes MSIs of PCI functions that no mapping leads to an ITS: the first GICv2m frame (gicv2m_get_fwnode). */
  readonly fallback: MsiController | undefined;
  /** The ITS that Linux takes of a group, the first of its list; undefined where there is none (iort_dev_find_its_id). */
  readonly itsOf: (group: KernelNode) => MsiController | undefined;
  /** Doorbell pages of all ITS of a group. */
  readonly pagesOf: (group: KernelNode) => Pick<StreamDoorbells, 'pages' | 'unknown'>;
}

const doorbellPage = 0x10000n;

export function readItsGroups({ table }: AcpiBuilder, madt: PlacedMadt | undefined): ItsGroups {
  const frames = madt === undefined ? [] : framesOf(madt);
  const byId = madt === undefined ? assumedIts() : describedIts(madt);
  /** Many ITS have one identifier: the one that was registered last is found (iort_register_domain_token adds in front). */
  const find = (id: number): MsiController | undefined => byId.get(id)?.at(-1);
  return {
    controllers: [...[...byId.values()].flat(), ...frames],
    fallback: frames[0],
    itsOf(group) {
      const count = table.value(group, 'itsCount');
      if (count === undefined || count.value === 0n) return undefined;
      const id = table.read(count.offset + count.size, 4);
      return id === undefined ? undefined : find(Number(id));
    },
    pagesOf(group) {
      const all = identifiersOf(group);
      const pages = all.flatMap((id) => find(id)?.doorbells.map(({ page }) => page) ?? []);
      const unknown =
        madt === undefined && all.length > 0 ? 'the doorbell pages of its ITS stand in the MADT' : undefined;
      return { pages, unknown };
    },
  };

  function identifiersOf(group: KernelNode): number[] {
    const count = table.value(group, 'itsCount');
    if (count === undefined) return [];
    const found: number[] = [];
    for (let index = 0; index < Number(count.value) && table.allowed(1) > 0; index++) {
      const id = table.read(count.offset + count.size + index * 4, 4);
      if (id === undefined) break;
      found.push(Number(id));
    }
    return found;
  }

  /** Without a MADT: each identifier is taken for an ITS that is there. */
  function assumedIts(): Map<number, MsiController[]> {
    const found = new Map<number, MsiController[]>();
    for (const node of table.nodes) {
      if (node.type !== nodeType.itsGroup) continue;
      for (const id of identifiersOf(node)) {
        if (found.has(id)) continue;
        found.set(id, [
          {
            ...its(`its-${String(id)}`, () => undefined),
            doorbells: [],
            doorbellsUnknown: 'its address stands in the MADT',
          },
        ]);
      }
    }
    return found;
  }
}

function its(
  path: string,
  source: () => SourceRange | undefined,
): Omit<MsiController, 'doorbells' | 'doorbellsUnknown'> {
  return {
    path,
    labels: [],
    kind: 'its',
    compatible: [],
    availability: { enabled: true },
    cells: 1,
    isolated: true,
    get source() {
      return source();
    },
  };
}

/** By GIC ITS ID, in the order of the MADT. */
function describedIts({ table, placeOf }: PlacedMadt): Map<number, MsiController[]> {
  const found = new Map<number, MsiController[]>();
  for (const entry of table.entries.filter((each): each is GicIts => each.kind === 'gic-its')) {
    const { itsId, base } = entry.values;
    if (itsId === undefined || base === undefined) continue;
    const id = Number(itsId.value);
    const source = (): SourceRange | undefined => placeOf(base, 'line');
    const page = rangeOf((base.value + doorbellPage) as PhysicalAddress, doorbellPage);
    const controller: MsiController = {
      ...its(`its@${base.value.toString(16)}`, source),
      // GITS_TRANSLATER
      doorbells: [doorbell(base.value + 0x10040n, page, source)],
      doorbellsUnknown: undefined,
    };
    const same = found.get(id);
    if (same === undefined) found.set(id, [controller]);
    else same.push(controller);
  }
  return found;
}

function framesOf({ table, placeOf }: PlacedMadt): MsiController[] {
  return table.entries
    .filter((each): each is GicMsiFrame => each.kind === 'gic-msi-frame')
    .flatMap(({ values: { base } }) => {
      if (base === undefined) return [];
      const source = (): SourceRange | undefined => placeOf(base, 'line');
      const page = rangeOf((base.value & ~0xfffn) as PhysicalAddress, 0x1000n);
      const controller: MsiController = {
        ...its(`v2m@${base.value.toString(16)}`, source),
        kind: 'gicv2m',
        isolated: false,
        // V2M_MSI_SETSPI_NS
        doorbells: [doorbell(base.value + 0x40n, page, source)],
        doorbellsUnknown: undefined,
      };
      return [controller];
    });
}

function doorbell(address: bigint, page: AddressRange<PhysicalAddress>, source: () => SourceRange | undefined) {
  return {
    address: address as PhysicalAddress,
    page,
    get source() {
      return source();
    },
  };
}
