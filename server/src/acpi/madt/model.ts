// A MADT ("APIC") as its bytes have it.
import type { Gap, TableHeader, TableProblem, Value } from '../iort/model';
import type {
  gicCpuInterfaceLayout,
  gicDistributorLayout,
  gicItsLayout,
  gicMsiFrameLayout,
  gicRedistributorLayout,
} from '../layout/madt';
import type { NamesOf } from '../iort/model';

export type MadtEntryKind =
  | 'gic-cpu-interface'
  | 'gic-distributor'
  | 'gic-msi-frame'
  | 'gic-redistributor'
  | 'gic-its'
  /** All others: their bytes are kept. */
  | 'other';

interface EntryOf<Kind extends MadtEntryKind, Names extends string> {
  readonly kind: Kind;
  readonly index: number;
  /** From the table's start. */
  readonly offset: number;
  /** As stated. */
  readonly length: number;
  /** Where its bytes end: as stated, but never past the table. */
  readonly end: number;
  readonly type: Value;
  readonly lengthValue: Value;
  /** The fields that the entry is long enough for. */
  readonly values: Readonly<Partial<Record<Names, Value>>>;
  /** Every value in order of bytes, type and length first. */
  readonly all: readonly Value[];
  readonly gaps: readonly Gap[];
}

export type GicCpuInterface = EntryOf<'gic-cpu-interface', NamesOf<typeof gicCpuInterfaceLayout>>;
export type GicDistributor = EntryOf<'gic-distributor', NamesOf<typeof gicDistributorLayout>>;
export type GicMsiFrame = EntryOf<'gic-msi-frame', NamesOf<typeof gicMsiFrameLayout>>;
export type GicRedistributor = EntryOf<'gic-redistributor', NamesOf<typeof gicRedistributorLayout>>;
export type GicIts = EntryOf<'gic-its', NamesOf<typeof gicItsLayout>>;
export type OtherEntry = EntryOf<'other', never>;

export type MadtEntry = GicCpuInterface | GicDistributor | GicMsiFrame | GicRedistributor | GicIts | OtherEntry;

export interface MadtTable {
  /** The file's bytes, unchanged. */
  readonly bytes: Uint8Array;
  /** Where the table ends: what the header says, as far as there are bytes. */
  readonly end: number;
  readonly header: TableHeader;
  readonly localAddress: Value | undefined;
  readonly flags: Value | undefined;
  /** In order, to the table's end or to an entry whose length leads nowhere. */
  readonly entries: readonly MadtEntry[];
  readonly gaps: readonly Gap[];
  readonly problems: readonly TableProblem[];
}
