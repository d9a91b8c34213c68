// Interrupt safety: whether a device that a guest drives can raise only its own interrupts, and by which chain of nodes.
import { lookUp } from '../../topology/id-maps';
import type { DmaMaster, MsiController, Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import type { PredictedGroup } from '../prediction';

/** Why the group's interrupts are not isolated; undefined if they are. */
export function unsafeInterrupts(
  { msiControllers }: Topology,
  kernel: KernelProfile,
  group: PredictedGroup,
): string | undefined {
  if (kernel.msiIsolation === 'system') {
    // kernel/irq/irqdomain.c irq_domain_check_msi_remap: one MSI domain without remapping is enough, anywhere.
    const culprit = msiControllers.find(({ availability, isolated }) => availability.enabled && isolated !== true);
    return (
      culprit &&
      `MSIs are not isolated: ${culprit.path} lets any device raise any interrupt of it, which counts for the whole system on Linux ${kernel.version}`
    );
  }
  for (const { master } of group.devices) {
    const controller = msiControllerOf(master, kernel);
    if (controller === undefined)
      return `${master.path} has no MSI controller, so its interrupts do not count as isolated`;
    if (controller.isolated !== true)
      return `MSIs of ${master.path} are not isolated: ${controller.path} lets any device raise any interrupt of it`;
  }
  return undefined;
}

/**
 * The MSI controller of a device: `msi-map` for what is behind a bridge, else the first good `msi-parent`
 * (drivers/pci/of.c pci_host_bridge_of_msi_domain; drivers/of/irq.c of_msi_get_domain).
 */
export function msiControllerOf(master: DmaMaster, kernel: KernelProfile): MsiController | undefined {
  const { map, parents } = master.msi;
  if (map !== undefined && master.kind !== 'platform') {
    const { entries, unusable } = map.readings[kernel.mapRule];
    const found =
      master.requesterId === undefined
        ? (unusable ? undefined : entries.find(({ target }) => target.target !== undefined))?.target.target
        : targetFor(master.requesterId, map, kernel);
    if (found?.availability.enabled === true) return found;
  }
  for (const { controller, problem } of parents) {
    if (problem !== undefined) return undefined;
    if (controller.target?.availability.enabled === true) return controller.target;
  }
  return undefined;
}

function targetFor(
  id: number,
  map: NonNullable<DmaMaster['msi']['map']>,
  kernel: KernelProfile,
): MsiController | undefined {
  const found = lookUp(map, kernel.mapRule, id);
  return found.kind === 'found' ? found.entry.target.target : undefined;
}
