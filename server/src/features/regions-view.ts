// The predicted reserved regions of a board as a text for people: what sysfs would print, group by group.
import path from 'node:path';
import { printSysfs } from '../iova/print-regions';
import type { RegionPrediction } from '../iova/prediction';
import { whyNoDevices, type AcpiMachine } from '../workspace/acpi-machine';

export interface RegionsViewInput {
  readonly root: { readonly path: string };
  readonly prediction: RegionPrediction;
  readonly acpi: AcpiMachine | undefined;
  readonly unusable: string | undefined;
}

/** The view of a board; for a document that is part of none, why there is nothing to see. */
export function regionsView(board: RegionsViewInput | undefined): string {
  if (board === undefined)
    return '# No board: this document is not open, or is neither a devicetree source nor an IORT.\n';
  const { root, prediction, acpi } = board;
  const unusable = board.unusable ?? (acpi && whyNoDevices(acpi));
  const name = path.basename(root.path);
  if (unusable !== undefined) return `# ${name}: ${unusable}.\n`;
  const title = `# Reserved regions that Linux ${prediction.kernel.version} will have on ${name}\n`;
  if (prediction.groups.length === 0) return `${title}# No device is in an IOMMU group.\n`;
  return `${title}${printSysfs(prediction)}`;
}
