// What a line of a table's text means: the field, its value decoded, and what follows from it.
import type { IdMapping, IortNode, IortTable } from '../../acpi/iort/model';
import { itsIdentifier } from '../../acpi/layout/iort-nodes';
import type { TableDocument } from '../../acpi/text/document';
import type { TextField } from '../../acpi/text/table-text';
import { isAcpiObject, objectCondition } from '../../iova/acpi-objects';
import { effectsText, roundingText } from '../../iova/explain-region';
import type { DeviceRegion } from '../../iova/prediction';
import type { Hover } from '../hover';
import { bullets, code, rangeText, type Text } from '../hover/subject';
import { regionText } from '../hover/touches';
import { hex } from '../../text/numbers';
import { chain } from './chain';
import { itsChoices } from './free-values';
import { fieldTexts } from './hover-field';
import { isMaster, predictionsByPlace, type MachineAnalysis } from './masters';
import { mappingHolding, nodeHolding, nodeLabel } from './names';
import { referenceAt } from './references';

const mostRegions = 16;

/** The hover at an offset of the text; undefined where no line with a place in the table is. */
export function tableHover(document: TableDocument, analysis: MachineAnalysis, offset: number): Hover | undefined {
  const field = document.fieldAt(offset);
  if (field === undefined) return undefined;
  const { line } = field;
  const texts = [...fieldTexts(document, field), ...contextTexts(document, analysis, field, offset)];
  const markdown = texts.filter((text) => text !== undefined).join('\n\n');
  return {
    range: { file: document.file, start: line.nameStart, end: Math.max(line.valueEnd, line.nameEnd) },
    markdown,
  };
}

/** What the line is part of: a mapping, a master, a memory range. */
function contextTexts(
  document: TableDocument,
  analysis: MachineAnalysis,
  field: TextField,
  offset: number,
): readonly Text[] {
  const { iort } = document;
  const node = iort && nodeHolding(iort, field.offset);
  // A remark of ours on where a body ends stands where the next structure begins.
  const isRemark = field.line.isOwn && field.size === 0;
  if (iort === undefined || node === undefined || isRemark) return [];
  const mapping = mappingHolding(node, field.offset);
  if (mapping !== undefined) return mappingTexts(document, analysis, node, mapping);
  if (field.field === node.header.type.field) return nodeTexts(document, analysis, node);
  if (node.kind === 'rmr') return rangeTexts(analysis, node, field);
  if (field.field === itsIdentifier) return [itsText(iort, analysis, field)];
  const reference = referenceAt(document, offset);
  const target = reference && iort.nodeAt(Number(reference.value));
  return target === undefined ? [] : [`Leads to ${code(nodeLabel(target))}.`];
}

/** Where the ITS is, as the MADT says. */
function itsText(table: IortTable, { acpi }: MachineAnalysis, { compiled }: TextField): Text {
  if (acpi?.madt?.madt === undefined || compiled === undefined) return undefined;
  const found = itsChoices(table, acpi.madt.madt).find(({ id }) => id === compiled);
  if (found === undefined) return `The MADT has no GIC ITS ${compiled}.`;
  if (found.base === undefined) return undefined;
  const doorbell = found.base + translater;
  return `In the MADT: registers at ${code(hex(found.base))}, devices write their MSIs to ${code(hex(doorbell))}.`;
}

/** GITS_TRANSLATER (Arm IHI 0069): 40h in the frame that is 64 KiB behind that of the control registers. */
const translater = 0x10040n;

function mappingTexts(
  { iort }: TableDocument,
  { prediction }: MachineAnalysis,
  node: IortNode,
  mapping: IdMapping,
): readonly Text[] {
  const lines = chain(iort!, node, mapping, prediction.kernel.deviceIdRule);
  const title = `Mapping ${mapping.index + 1} of ${node.mappings.length} of ${nodeLabel(node)}:`;
  return [title, ['```', ...lines, '```'].join('\n')];
}

/** On a node's first line: what the node is, and for masters what they reserve. */
function nodeTexts(document: TableDocument, analysis: MachineAnalysis, node: IortNode): readonly Text[] {
  const title = `**${nodeLabel(node)}** at ${code(hex(node.offset))}, ${node.length} bytes`;
  if (!isMaster(node)) return [title];
  const place = document.placeOf(node.header.type, 'line');
  const predicted = place && predictionsByPlace(analysis, document).get(place.start);
  if (predicted === undefined) return [title];
  const { kernel } = analysis.prediction;
  if (predicted.ungrouped !== undefined) return [title, `In no IOMMU group: ${predicted.ungrouped.reason}.`];
  const regions = predicted.groups.flatMap((group) => group.regions);
  const oops = predicted.groups.find((group) => group.oops !== undefined)?.oops;
  return [
    title,
    oops === undefined
      ? undefined
      : `**Linux ${kernel.version} crashes when this group’s regions are read: ${oops.message}**`,
    `Reserved regions predicted for Linux ${kernel.version}:`,
    regions.length === 0 ? 'none' : bullets(regions.slice(0, mostRegions).map(regionText)),
    effectsText(regions, kernel),
    predicted.devices.some(isAcpiObject) ? `For that, ${objectCondition}.` : undefined,
    bullets(predicted.groups.flatMap(({ unknown }) => unknown).map((reason) => `unknown: ${reason}`)),
  ];
}

/** On a memory range of an RMR node: which devices have it, as what. */
function rangeTexts({ prediction, topology }: MachineAnalysis, node: IortNode, field: TextField): readonly Text[] {
  if (node.kind !== 'rmr') return [];
  const descriptor = node.descriptors.find(({ offset }) => field.offset >= offset && field.offset < offset + 20);
  if (descriptor === undefined) return [];
  const start = descriptor.base.value;
  const range = { start, end: start + descriptor.length.value - 1n };
  const place = { start: field.structure?.start ?? 0, end: field.structure?.end ?? 0 };
  const lines = new Set<string>();
  const reservedThere: DeviceRegion[] = [];
  for (const group of prediction.groups) {
    for (const { path, regions } of group.devices) {
      for (const region of regions) {
        const { type, source, range: reserved } = region;
        if (source === undefined || source.start < place.start || source.start > place.end) continue;
        reservedThere.push(region);
        lines.add(`${code(path)}: ${rangeText(reserved)} ${code(type)}`);
      }
    }
  }
  const written = topology.reservationNodes.find(({ physicalSource, source }) => {
    const at = physicalSource ?? source;
    return at !== undefined && at.start >= place.start && at.start <= place.end;
  });
  const problem = written?.physicalProblem;
  const title = `Reserved memory ${rangeText(range)}`;
  if (lines.size === 0) {
    const why =
      problem === undefined
        ? 'no device in an IOMMU group has a stream ID that the mappings of this node name'
        : problem.message;
    return [title, `Linux ${prediction.kernel.version} reserves it for no device: ${why}.`];
  }
  const { kernel } = prediction;
  const rounding = reservedThere[0] && roundingText(reservedThere[0], kernel);
  return [
    title,
    `Linux ${kernel.version} reserves for`,
    bullets([...lines].slice(0, mostRegions)),
    rounding,
    effectsText(reservedThere, kernel),
  ];
}
