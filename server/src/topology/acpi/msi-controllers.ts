// Where MSIs go under ACPI: the ITS and GICv2m frames of the MADT, and the ITS groups of the IORT that name them.
import type { GicIts, GicMsiFrame, MadtTable } from '../../acpi/madt/model';
import { nodeHeaderLayout } from '../../acpi/layout/iort';
import { itsGroupLayout, itsIdentifier } from '../../acpi/layout/iort-nodes';
import type { PlaceOf } from '../../acpi/text/table-text';
import type { SourceRange } from '../../text/source-file';
import { rangeOf } from '../address';
import type { AddressRange, Doorbell, MsiController, PhysicalAddress, StreamDoorbells } from '../model';
import { isEnabled, nothing, type AcpiBuilder } from './builder';
import { nodeType, type KernelNode } from './kernel-table';

/** A MADT and where its values stand. */
export interface PlacedMadt {
  readonly table: MadtTable;
  readonly placeOf: PlaceOf;
}

export interface ItsGroups {
  /** Of the MADT, or taken for granted where there is none: by GIC ITS ID, in the order of the MADT. */
  readonly byId: ReadonlyMap<number, readonly MsiController[]>;
  readonly controllers: readonly MsiController[];
  /** What takes MSIs of PCI functions that no mapping leads to an ITS: the first GICv2m frame (gicv2m_get_fwnode). */
  readonly fallback: MsiController | undefined;
  /** The ITS that Linux takes of a group, the first of its list; undefined where there is none (iort_dev_find_its_id). */
  readonly itsOf: (group: KernelNode) => MsiController | undefined;
  /** Doorbell pages of all ITS of a group. */
  readonly pagesOf: (group: KernelNode) => Pick<StreamDoorbells, 'pages' | 'unknown'>;
}

const doorbellPage = 0x10000n;
/** From a group's start: behind the number of identifiers. */
const firstIdentifier = nodeHeaderLayout.size + itsGroupLayout.size;

/** `before`: those of an earlier version of the table, beside the same MADT. */
export function readItsGroups(builder: AcpiBuilder, madt: PlacedMadt | undefined, before?: ItsGroups): ItsGroups {
  if (before !== undefined && madt !== undefined) return before;
  const frames = madt === undefined ? [] : framesOf(madt);
  const byId = madt === undefined ? assumedIts() : describedIts(madt);
  /** Many ITS have one identifier: the one that was registered last is found (iort_register_domain_token adds in front). */
  const find = (id: number): MsiController | undefined => byId.get(id)?.at(-1);
  return {
    byId,
    controllers: [...[...byId.values()].flat(), ...frames],
    fallback: frames[0],
    itsOf(group) {
      const { table } = builder;
      const id = (table.number(group, 'itsCount') ?? 0) === 0 ? undefined : table.word(group.offset + firstIdentifier);
      return id === undefined ? undefined : find(id);
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
    const { table } = builder;
    const count = table.number(group, 'itsCount') ?? 0;
    const found: number[] = [];
    for (let index = 0; index < count && table.allowed(1) > 0; index++) {
      const id = table.word(group.offset + firstIdentifier + index * itsIdentifier.size);
      if (id === undefined) break;
      found.push(id);
    }
    return found;
  }

  /** Without a MADT: each identifier is taken for an ITS that is there. */
  function assumedIts(): Map<number, readonly MsiController[]> {
    const found = new Map<number, readonly MsiController[]>();
    for (const node of builder.table.nodes) {
      if (node.type !== nodeType.itsGroup) continue;
      for (const id of identifiersOf(node)) {
        if (found.has(id)) continue;
        const assumed = (): MsiController =>
          new TableMsiController(`its-${String(id)}`, 'its', [], 'its address stands in the MADT');
        found.set(id, before?.byId.get(id) ?? [assumed()]);
      }
    }
    return found;
  }
}

class TableMsiController implements MsiController {
  readonly labels = nothing;
  readonly compatible = nothing;
  readonly availability = isEnabled;
  readonly cells = 1;

  constructor(
    readonly path: string,
    readonly kind: 'its' | 'gicv2m',
    readonly doorbells: readonly Doorbell[],
    readonly doorbellsUnknown: string | undefined,
    private readonly place?: () => SourceRange | undefined,
  ) {}

  get isolated(): boolean {
    return this.kind === 'its';
  }

  get source(): SourceRange | undefined {
    return this.place?.();
  }
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
    // GITS_TRANSLATER
    const written = doorbell(base.value + 0x10040n, page, source);
    const controller = new TableMsiController(`its@${base.value.toString(16)}`, 'its', [written], undefined, source);
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
      // V2M_MSI_SETSPI_NS
      const written = doorbell(base.value + 0x40n, page, source);
      return [new TableMsiController(`v2m@${base.value.toString(16)}`, 'gicv2m', [written], undefined, source)];
    });
}

function doorbell(
  address: bigint,
  page: AddressRange<PhysicalAddress>,
  source: () => SourceRange | undefined,
): Doorbell {
  return {
    address: address as PhysicalAddress,
    page,
    get source() {
      return source();
    },
  };
}
