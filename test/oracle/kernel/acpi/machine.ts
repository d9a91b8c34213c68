// QEMU's `virt` machine booted under ACPI with an IORT of ours, and what we predict for it.
import { decodeIort } from '../../../../server/src/acpi/iort/decode';
import { decodeMadt } from '../../../../server/src/acpi/madt/decode';
import { topologyFromAcpi } from '../../../../server/src/topology/from-acpi';
import { acpiNames } from '../../../../server/src/workspace/acpi-names';
import type { Boot, Machine } from '../boot';
import { bootAcpi, smmuMachine } from '../boot';
import type { Comparison } from '../compare';
import { compare, predictTopology, type Prediction } from '../compare';
import type { KernelFiles } from '../kernels';
import type { AcpiDescription } from './description';
import { renderFunctions, renderTable } from './description';
import { inPlaceOfQemus, ownTables, preservingDsdt } from './own-tables';

export interface AcpiMachine {
  /** Boots with the table and compares; undefined where no table can hold the description. */
  readonly compare: (
    description: AcpiDescription,
    files: KernelFiles,
  ) => Promise<{ readonly booted: Boot; readonly comparison: Comparison } | undefined>;
}

export async function newAcpiMachine(files: KernelFiles, iasl: string): Promise<AcpiMachine> {
  const own = await ownTables(files);
  const preserving = await preservingDsdt(own.get('DSDT')!, iasl);
  const madt = decodeMadt(own.get('APIC')!);
  const placeOf = (): undefined => undefined;
  return {
    async compare(description, kernel) {
      const bytes = renderTable(description);
      if (bytes === undefined) return undefined;
      const { preserved = false, maps, premaps } = description;
      const pairs = (all: AcpiDescription['maps']) => all.map(({ iova, size }) => [iova, size] as const);
      const machine: Machine = {
        options: smmuMachine,
        devices: renderFunctions(description),
        vfio: { unsafe: false, maps: pairs(maps), premaps: pairs(premaps) },
      };
      const tables = [inPlaceOfQemus(bytes), ...(preserved ? [preserving] : [])];
      const booted = await bootAcpi(kernel, { tables }, machine);
      const topology = topologyFromAcpi(
        { table: decodeIort(bytes), placeOf },
        { table: madt, placeOf },
        { preserveBootConfiguration: preserved },
      );
      const prediction = knowing(booted, predictTopology(topology, acpiNames(topology), kernel.kernel));
      // A reference that leads out of the table may lead to where there is no memory: we say so, and not what happens.
      const isWild = topology.problems.some(({ message }) => /outside of the table|has bytes for/.test(message));
      if (isWild && booted.seen.crash?.trace.slice(0, 3).some((name) => name.startsWith('iort_')) === true) {
        return { booted, comparison: { differences: [], compared: 0, unknown: ['a reference out of the table'] } };
      }
      return { booted, comparison: compare(prediction, booted, machine) };
    },
  };
}

/** What hangs on functions that the machine does not have is no longer in doubt. */
function knowing({ seen }: Boot, prediction: Prediction): Prediction {
  const devices = [...seen.groups.flatMap(({ devices: members }) => members), ...seen.ungrouped];
  const isThere = (address: string): boolean => devices.some(({ sysfs }) => sysfs.endsWith(`/${address}`));
  const holds = (reason: string): boolean => {
    const address = /^If there is a function ([0-9a-f:.]+), /.exec(reason)?.[1];
    return address === undefined || isThere(address);
  };
  const groups = prediction.regions.groups.map((group) => ({ ...group, unknown: group.unknown.filter(holds) }));
  return { ...prediction, regions: { ...prediction.regions, groups } };
}
