// Every diagnostic that this project can give: the rules about the board, and the tables of the layers below.
import { tableTextRules } from '../acpi/text/problems';
import { preprocessProblems } from '../preprocess/problems';
import { syntaxRules } from '../syntax/problems';
import type { Severity } from '../text/diagnostic';
import { treeRules } from '../tree/problems';
import { iommuTargetDisabled, msiTargetDisabled } from './disabled-targets';
import { doorbellInMemory, doorbellInPciWindow, doorbellInReservedMemory, doorbellNotForwarded } from './doorbells';
import { idMapCells, idMapHiddenEntry, idMapLength, idMapOutsideMask } from './id-maps';
import { iommuAddressesCellCount, iommuAddressesFalsePhandle } from './iommu-addresses';
import { iommuAddressesTruncated, iommuAddressesZeroSize } from './iommu-addresses';
import { duplicateStreamId, iommuCellsRefused, iommusCellCount, streamIdRange } from './iommu-references';
import { dmaRules } from './dma/rules';
import { memoryRules } from './memory/rules';
import { msiParentCellCount } from './msi-references';
import { msiWindowInPciWindow, msiWindowNotForwarded, msiWindowOverlap } from './msi-window';
import { iommuPassthrough } from './passthrough';
import { iommuTargetNotIommu, msiTargetNotController, unresolvedPhandle } from './references';
import { directRegionNotMappable, iommuAddressesBeyondAperture } from './region-granule';
import { iommuAddressesMisaligned, iommuAddressesWraps } from './region-granule';
import { iommuAddressesIgnored, iommuAddressesNotListed, memoryRegionWithoutEntry } from './reservation-links';
import { directRegion, directRegionOverDoorbell, iommuAddressesNotDirect } from './reserved-regions';
import {
  iommuAddressesOutsideDmaRanges,
  iommuAddressesShifted,
  reservedRegionUntranslatable,
} from './reserved-regions';
import { iortRules } from './iort/rules';
import type { MachineRule, Rule, RuleFacts } from './rule';
import type { TableRule } from './table-rule';
import { guestRules } from './guests/rules';
import { vfioRules } from './vfio/rules';
import { windowRules } from './window/rules';
import { topologyRules } from './topology/rules';

/** Where the pages of docs/rules are read by people: a diagnostic's code links there. */
export const documentationBase = 'https://github.com/doorbell-iova/doorbell/blob/main/docs/rules';

/** What the tree, the topology and the prediction are checked for. */
export const rules: readonly Rule[] = [
  msiWindowOverlap,
  msiWindowNotForwarded,
  msiWindowInPciWindow,
  doorbellInMemory,
  doorbellInReservedMemory,
  doorbellInPciWindow,
  doorbellNotForwarded,
  iommuAddressesCellCount,
  iommuAddressesTruncated,
  iommuAddressesFalsePhandle,
  iommuAddressesZeroSize,
  iommuAddressesWraps,
  iommuAddressesOutsideDmaRanges,
  iommuAddressesShifted,
  iommuAddressesNotDirect,
  iommuAddressesNotListed,
  memoryRegionWithoutEntry,
  iommuAddressesIgnored,
  reservedRegionUntranslatable,
  directRegion,
  directRegionOverDoorbell,
  directRegionNotMappable,
  iommuAddressesBeyondAperture,
  iommuAddressesMisaligned,
  iommuPassthrough,
  unresolvedPhandle,
  iommuTargetNotIommu,
  iommuTargetDisabled,
  iommusCellCount,
  iommuCellsRefused,
  streamIdRange,
  duplicateStreamId,
  idMapLength,
  idMapCells,
  idMapOutsideMask,
  idMapHiddenEntry,
  msiTargetNotController,
  msiTargetDisabled,
  msiParentCellCount,
  ...topologyRules,
  ...memoryRules,
  ...dmaRules,
  ...windowRules,
  ...vfioRules,
  ...guestRules,
];

/** Those of them that hold for a machine whose firmware describes it by ACPI as well. */
export const machineRules: readonly MachineRule[] = [...windowRules, ...guestRules];

/** What an IORT, and the machine that it describes, are checked for. */
export const tableRules: readonly TableRule[] = iortRules;

export type Layer = 'preprocess' | 'syntax' | 'tree' | 'board' | 'table-text' | 'table' | 'workspace';

export interface CatalogueEntry {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
  /** Who gives it: reading the files, the language, the merged tree, the rules, or what surrounds them. */
  readonly layer: Layer;
  /** For `board`. */
  readonly rule?: Rule;
  /** For `table`. */
  readonly tableRule?: TableRule;
}

/** What `checkRules` says of itself. */
const internalError = {
  id: 'internal-error',
  severity: 'warning',
  summary: 'A rule failed on this board: a mistake in Doorbell, please report it',
} as const;

/** All diagnostics but those of the workspace, which lies above: see `withWorkspace`. */
export const catalogue: readonly CatalogueEntry[] = [
  ...rules.map((rule) => ({ ...summaryOf(rule), layer: 'board' as const, rule })),
  ...tableRules.map((tableRule) => ({ ...summaryOf(tableRule), layer: 'table' as const, tableRule })),
  ...entriesOf('table-text', tableTextRules),
  ...entriesOf('tree', treeRules),
  ...entriesOf('syntax', syntaxRules),
  ...entriesOf('preprocess', preprocessProblems),
  ...entriesOf('workspace', [internalError]),
];

function summaryOf({ id, severity, summary }: RuleFacts): Summary {
  return { id, severity, summary };
}

interface Summary {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

/** The catalogue with the workspace's own table. */
export function withWorkspace(table: readonly Summary[]): readonly CatalogueEntry[] {
  return [...catalogue, ...entriesOf('workspace', table)];
}

function entriesOf(layer: Layer, table: readonly Summary[]): CatalogueEntry[] {
  return table.map(({ id, severity, summary }) => ({ id, severity, summary, layer }));
}

const byId = new Map(catalogue.map((entry) => [entry.id, entry]));

export function catalogueEntry(id: string): CatalogueEntry | undefined {
  return byId.get(id);
}

/** The page about a diagnostic. */
export function documentationUrl(id: string): string {
  return `${documentationBase}/${id}.md`;
}
