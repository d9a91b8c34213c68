// Every diagnostic that this project can give: the rules about the board, and the tables of the layers below.
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
import { msiParentCellCount } from './msi-references';
import { msiWindowInPciWindow, msiWindowNotForwarded, msiWindowOverlap } from './msi-window';
import { iommuTargetNotIommu, msiTargetNotController, unresolvedPhandle } from './references';
import { iommuAddressesIgnored, iommuAddressesNotListed, memoryRegionWithoutEntry } from './reservation-links';
import { directRegion, directRegionOverDoorbell, iommuAddressesNotDirect } from './reserved-regions';
import {
  iommuAddressesOutsideDmaRanges,
  iommuAddressesShifted,
  reservedRegionUntranslatable,
} from './reserved-regions';
import type { Rule } from './rule';

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
  iommuAddressesOutsideDmaRanges,
  iommuAddressesShifted,
  iommuAddressesNotDirect,
  iommuAddressesNotListed,
  memoryRegionWithoutEntry,
  iommuAddressesIgnored,
  reservedRegionUntranslatable,
  directRegion,
  directRegionOverDoorbell,
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
];

export type Layer = 'preprocess' | 'syntax' | 'tree' | 'board' | 'tool';

export interface CatalogueEntry {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
  /** Who gives it: reading the files, the language, the merged tree, the rules, or the tool itself. */
  readonly layer: Layer;
  /** For `board`. */
  readonly rule?: Rule;
}

const toolProblems = [
  { id: 'unusable-input', severity: 'error', summary: 'The input is nothing that can be analysed' },
  { id: 'internal-error', severity: 'warning', summary: 'A rule failed on this board; please report it' },
] as const;

/** All diagnostics, by layer. */
export const catalogue: readonly CatalogueEntry[] = [
  ...rules.map((rule) => ({
    id: rule.id,
    severity: rule.severity,
    summary: rule.summary,
    layer: 'board' as const,
    rule,
  })),
  ...entriesOf('tree', treeRules),
  ...entriesOf('syntax', syntaxRules),
  ...entriesOf('preprocess', preprocessProblems),
  ...entriesOf('tool', toolProblems),
];

function entriesOf(
  layer: Layer,
  table: readonly { readonly id: string; readonly severity: Severity; readonly summary: string }[],
): CatalogueEntry[] {
  return table.map(({ id, severity, summary }) => ({ id, severity, summary, layer }));
}

const byId = new Map(catalogue.map((entry) => [entry.id, entry]));

export function catalogueEntry(id: string): CatalogueEntry | undefined {
  return byId.get(id);
}

/** The page about a diagnostic; undefined for an id that is not in the catalogue. */
export function documentationUrl(id: string): string | undefined {
  return byId.has(id) ? `${documentationBase}/${id}.md` : undefined;
}
