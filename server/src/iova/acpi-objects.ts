// Objects of ACPI's namespace, and what the DSDT decides of them. No data table has it, so that each is taken to be there.
import type { DmaMaster } from '../topology/model';
import type { PredictedGroup } from './prediction';

/** A named component's path begins at the root of the namespace, `\_SB_.VR05`; paths of a devicetree begin with `/`. */
export function isAcpiObject({ path }: Pick<DmaMaster, 'path'>): boolean {
  return path.startsWith('\\');
}

/**
 * Why an object may be in no group although its named component is right: Linux on arm64 looks for no IOMMU of a device that, with
 * the devices above it, has no _CCA (drivers/acpi/scan.c acpi_get_dma_attr, acpi_dma_configure_id).
 */
export const objectCondition = 'the DSDT must have it, not off by _STA, and with _CCA: without that it is in no group';

/** What a group's prediction takes for granted of objects; undefined where it has none. */
export function conditionOf({ devices }: PredictedGroup): string | undefined {
  const objects = devices.filter(isAcpiObject).map(({ path }) => path);
  return objects.length === 0 ? undefined : `${objects.join(' ')}: ${objectCondition}`;
}
