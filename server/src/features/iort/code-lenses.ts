// Above each DMA master of an IORT: the regions that the kernel will reserve in its group.
import type { TableDocument } from '../../acpi/text/document';
import { typeWord, type PredictedGroup } from '../../iova/prediction';
import { count, hex } from '../../text/numbers';
import type { SourceRange } from '../../text/source-file';
import { isMaster, predictionsByPlace, type MachineAnalysis, type NodePrediction } from './masters';

export interface CodeLens {
  readonly range: SourceRange;
  readonly title: string;
}

const mostRegions = 4;

export function codeLenses(document: TableDocument, analysis: MachineAnalysis): readonly CodeLens[] {
  const lenses: CodeLens[] = [];
  const predictions = predictionsByPlace(analysis, document);
  for (const node of document.iort?.nodes ?? []) {
    if (!isMaster(node)) continue;
    const range = document.placeOf(node.header.type, 'line');
    const predicted = range && predictions.get(range.start);
    if (range !== undefined && predicted !== undefined) {
      lenses.push({ range, title: `Linux ${analysis.prediction.kernel.version}: ${predictionText(predicted)}` });
    }
  }
  return lenses;
}

function predictionText({ groups, ungrouped }: NodePrediction): string {
  if (ungrouped !== undefined) return `no IOMMU group: ${ungrouped.reason}`;
  return groups.map((group) => groupText(group)).join(' | ');
}

function groupText({ regions, oops, unknown, devices }: PredictedGroup): string {
  if (oops !== undefined) return 'crashes when the regions of this group are read';
  const shown = regions
    .slice(0, mostRegions)
    .map(({ range, type }) => `${hex(range.start)}–${hex(range.end)} ${typeWord(type)}`);
  if (regions.length > shown.length) shown.push(`${regions.length - shown.length} more`);
  if (unknown.length > 0) shown.push('others unknown');
  const others = new Set(devices.map(({ path }) => path)).size - 1;
  const shared = others === 0 ? '' : `, shared with ${count(others, 'other device')}`;
  return `${shown.length === 0 ? 'nothing reserved' : `reserves ${shown.join(', ')}`}${shared}`;
}
