// docs/kernels.md, made from the tables that the prediction works by: `npm run docs:rules` writes it, a test keeps it up to date.
import { driversByCompatible } from '../topology/iommu-drivers';
import type { IommuDriver } from '../topology/model';
import type { KernelDifference } from './kernel-differences';
import { kernelDifferences } from './kernel-differences';
import type { KernelVersion } from './kernel-profile';

const kernels: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];

/** The page as Markdown. */
export function kernelsPage(): string {
  return `# Kernels and IOMMU drivers

Made by \`npm run docs:rules\` from the tables that the prediction works by.

\`--kernel\` on the command line and \`"kernel"\` in \`doorbell.json\` choose between Linux 6.1, 6.12 (the default) and 7.2. Files are those of the kernel's sources: 6.1.176, 6.12.107 and 7.2.13 of Debian.

## What differs

"Seen" names the kernels that were booted (arm64, under QEMU) to see it; on the others it was read in the sources. An effect on the *list* is one on \`reserved_regions\`; *attach* and *map* are VFIO's.

| | changes | Linux 6.1 | Linux 6.12 | Linux 7.2 | since | seen | sources |
|---|---|---|---|---|---|---|---|
${kernelDifferences.map(differenceRow).join('\n')}

## What IOMMU drivers do

- *MSI window*: the driver reserves the software MSI window 0x8000000–0x80fffff.
- *\`iommu-addresses\`*: it asks for firmware's regions (from 6.3 on). Behind the others they are silently ignored.
- *Own regions*: what it reserves besides.
- *VFIO*: devices behind it can be assigned; the others' drivers report no cache coherency, so that the vfio drivers do not bind.
- *Cells*: \`#iommu-cells\`; "refused" where the driver checks, for the whole IOMMU or for each device.
- *Groups*: devices that share one, beside what PCI keeps together.

| driver | kernels | MSI window | \`iommu-addresses\` | own regions | VFIO | cells | addresses | groups | \`compatible\` |
|---|---|---|---|---|---|---|---|---|---|
${driverRows().join('\n')}
`;
}

function differenceRow({ id, changes, kernels: texts, since, seen, sources }: KernelDifference): string {
  const by = kernels.map((kernel) => texts[kernel]);
  return row([
    id,
    changes,
    ...by,
    since,
    seen.length === 0 ? '–' : seen.join(', '),
    sources.map((source) => `\`${source}\``).join('; '),
  ]);
}

/** Compatibles of which all that the table says is the same stand in one row. */
function driverRows(): string[] {
  const rows = new Map<string, string[]>();
  for (const [compatible, driver] of driversByCompatible()) {
    const facts = row(driverFacts(driver)).slice(0, -1);
    const same = rows.get(facts);
    if (same === undefined) rows.set(facts, [compatible]);
    else same.push(compatible);
  }
  return [...rows].map(([facts, compatibles]) => `${facts}| ${compatibles.map((each) => `\`${each}\``).join(' ')} |`);
}

function driverFacts(driver: IommuDriver): string[] {
  const { name, kernels: bound, aperture } = driver;
  return [
    name,
    bound.join(', '),
    softwareMsi[driver.softwareMsi],
    driver.firmwareRegions === 'from-6.17' ? 'from 6.17' : driver.firmwareRegions,
    ownRegions[driver.ownRegions],
    vfio[driver.vfio],
    `${driver.acceptedCells.join(' or ')}${driver.refusesCells ? ', IOMMU refused' : driver.refusesEntries ? ', device refused' : ''}`,
    aperture === undefined ? 'by hardware or window' : `0–0x${aperture.end.toString(16)}`,
    grouping[driver.grouping],
  ];
}

const softwareMsi = { always: 'yes', 'unless-reported': 'unless the device reports one', never: 'no' } as const;

const ownRegions = {
  none: 'none',
  announced: 'as the hypervisor announces',
  'msi-page': 'PCI functions: the page of 0xfffff000, `msi`',
  windows: 'smaller windows inside the device’s own, `reserved`',
} as const;

const vfio = {
  'coherent-walk': 'if `dma-coherent`',
  'coherent-walk-or-master': 'if it or the device is `dma-coherent`',
  always: 'yes',
  never: 'no',
  unknown: 'unknown',
} as const;

const grouping = {
  'stream-owner': 'a second device with the same ID has none',
  'stream-match': 'same stream ID and mask',
  iommu: 'all behind one IOMMU',
  window: 'same window',
  swgroup: 'same memory client',
  device: '–',
} as const;

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
