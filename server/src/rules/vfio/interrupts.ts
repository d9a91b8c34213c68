// Whether the interrupts of a device are its own: VFIO gives no device away that could raise those of others.
import type { PredictedDevice, PredictedGroup, RegionPrediction } from '../../iova/prediction';
import { isolationOf, unsafeParameters, type DeviceIsolation } from '../../iova/vfio/msi-isolation';
import type { MsiController } from '../../topology/model';
import { bootFlag } from '../boot-arguments';
import { concerned } from '../masters';
import { list } from '../numbers';
import { evidenceAt, hasGuests, type Finding, type Rule, type RuleInput } from '../rule';
import { deviceNames, isBindable } from './devices';

const unsafeParameter = unsafeParameters.type1;
const attachCheck =
  'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group (iommu_group_has_isolated_msi; 6.1: irq_domain_check_msi_remap)';

/** The groups that VFIO would take if their interrupts were isolated; none where the boot arguments waive that. */
function candidates({ tree, prediction }: RuleInput): PredictedGroup[] {
  return bootFlag(tree, unsafeParameter)?.isOn === true ? [] : prediction.groups.filter(isBindable);
}

const unsafeOf = new WeakMap<RegionPrediction, readonly DeviceIsolation[]>();

/** The devices of the candidates whose own MSIs are not isolated, or may not be; found out once a prediction. */
function unsafeDevices(input: RuleInput): readonly DeviceIsolation[] {
  const { topology, kernel, prediction } = input;
  let found = unsafeOf.get(prediction);
  if (found === undefined) {
    found = candidates(input).flatMap((group) =>
      isolationOf(topology, kernel, group).devices.filter(({ isolated }) => isolated !== true),
    );
    unsafeOf.set(prediction, found);
  }
  return found;
}

export const vfioUnsafeInterrupts: Rule = {
  id: 'vfio-unsafe-interrupts',
  severity: 'hint',
  severityWithGuests: 'warning',
  summary: 'An MSI controller lets any device raise any interrupt, so VFIO refuses its devices',
  docs: {
    effect:
      'Attaching the group of such a device fails with EPERM (“No interrupt remapping support. Use the module param "allow_unsafe_interrupts"…”). With the parameter it works, and a guest that drives the device can raise interrupts of the host and of other guests.',
    why: 'An ITS tells devices apart by their ID and gives each its own interrupts. A GICv2m frame, the message registers of a GICv3 (`mbi-ranges`) and most MSI controllers of PCI host bridges take a write from anybody. From Linux 6.3 on, the MSI controller of each device of the group counts; to 6.2, one such controller anywhere refuses every device of the system.',
    fix: 'Route the MSIs to an ITS (`msi-map`, `msi-parent`) where the hardware has one. Where guests are trusted, `vfio_iommu_type1.allow_unsafe_interrupts=1`; in `bootargs` of `/chosen` Doorbell sees it, too.',
    sources: [
      attachCheck,
      'Linux drivers/irqchip/irq-gic-v3-its.c its_probe_one (IRQ_DOMAIN_FLAG_ISOLATED_MSI)',
      'Linux drivers/irqchip/irq-gic-v2m.c',
    ],
    example: {
      failing: `&gic {
	v2m: msi-controller@2f400000 {
		compatible = "arm,gic-v2m-frame";
		reg = <0x0 0x2f400000 0x0 0x1000>;
		msi-controller;
	};
};

&pcie {
	msi-map = <0x0 &v2m 0x0 0x10000>;
};`,
      corrected: `&pcie {
	msi-map = <0x0 &its 0x0 0x10000>;
};`,
    },
  },
  prerequisites: ['msi-target-disabled'],
  *check(input) {
    const groups = candidates(input);
    if (groups.length === 0) return;
    if (input.kernel.msiIsolation === 'system') yield* forSystem(input, groups);
    else yield* byController(unsafeDevices(input));
  },
};

/** kernel/irq/irqdomain.c irq_domain_check_msi_remap (6.1): one finding, at the first controller that spoils it. */
function* forSystem({ topology, kernel }: RuleInput, groups: readonly PredictedGroup[]): Generator<Finding> {
  const unsafe = topology.msiControllers.filter(
    ({ availability, isolated }) => availability.enabled && isolated !== true,
  );
  const [first, ...others] = unsafe;
  if (first === undefined) return;
  yield {
    about: first.path,
    range: first.source,
    node: first.path,
    message:
      `VFIO refuses every device of this board on Linux ${kernel.version} (${deviceNames(groups.flatMap(({ devices }) => devices))}), with EPERM: kernels to 6.2 judge the whole system, and ${list(unsafe.map(({ path }) => path))} ${unsafe.length === 1 ? 'lets' : 'let'} any device raise any interrupt. ` +
      `From 6.3 on only the devices' own MSI controllers count. ${withParameter}`,
    evidence: evidenceAt(
      ...others.map(({ source }) => [source, 'Lets any device raise any interrupt as well'] as const),
    ),
  };
}

const withParameter =
  'With vfio_iommu_type1.allow_unsafe_interrupts=1 it works, and a guest can then raise interrupts of the host.';

function* byController(devices: readonly DeviceIsolation[]): Generator<Finding> {
  const byTarget = new Map<MsiController, PredictedDevice[]>();
  for (const { device, controller } of devices) {
    if (controller === undefined) continue;
    const others = byTarget.get(controller);
    if (others === undefined) byTarget.set(controller, [device]);
    else others.push(device);
  }
  for (const [{ path, source, isolated }, served] of byTarget) {
    const why =
      isolated === undefined
        ? 'its driver does not say that a device can raise only its own'
        : 'it lets any device raise any of its interrupts';
    yield {
      about: path,
      restsOn: served.map(({ master }) => master.path),
      range: source,
      node: path,
      message:
        `VFIO refuses what has its MSIs from ${path} (${deviceNames(served)}), with EPERM: ${why}, so a guest could raise interrupts of the host. ` +
        `${withParameter} (From Linux 6.3 on this counts for these devices; kernels to 6.2 then refuse all devices of the system.)`,
      evidence: evidenceAt(
        ...served
          .slice(0, 8)
          .map(
            ({ master }) =>
              [
                master.msi.map?.source ?? master.msi.parents[0]?.source,
                `Where MSIs of ${concerned(master)} go`,
              ] as const,
          ),
      ),
    };
  }
}

export const vfioNoMsiController: Rule = {
  id: 'vfio-no-msi-controller',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'Devices without an MSI controller, which VFIO refuses even if they use no MSI',
  docs: {
    effect:
      'Attaching the group of such a device fails with EPERM (“No interrupt remapping support…”), unless `vfio_iommu_type1.allow_unsafe_interrupts=1`.',
    why: 'From Linux 6.3 on a device counts as isolated only if its MSI domain, or one above that, says so. A device without `msi-parent`, or a host bridge without `msi-map`, has no such domain, or that of the host bridge itself, which does not say so either. To 6.2 only the controllers that exist counted.',
    fix: 'Give the device an `msi-parent`, or the host bridge an `msi-map`, that leads to an ITS, if the hardware has one in front of which its writes carry a device ID. Otherwise the parameter is the only way; it is safe for a device that raises wired interrupts alone and cannot write to an MSI controller. (Host bridges are a warning where `doorbell.json` names guests; devices that are not behind one are named only then.)',
    kernels: 'Linux 6.3 and later',
    sources: [
      attachCheck,
      'Linux drivers/of/irq.c of_msi_get_domain',
      'Linux drivers/pci/of.c pci_host_bridge_of_msi_domain',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ msi-map;
};`,
      corrected: `&pcie {
	msi-map = <0x0 &its 0x0 0x10000>;
};`,
    },
  },
  prerequisites: ['msi-target-disabled', 'msi-target-not-controller', 'msi-parent-cell-count', 'unresolved-phandle'],
  holdsFor: ({ msiIsolation }) => msiIsolation === 'device',
  *check(input) {
    const bridges = new Map<string, PredictedDevice>();
    const others: PredictedDevice[] = [];
    for (const { device, controller } of unsafeDevices(input)) {
      if (controller !== undefined) continue;
      const { hostBridge } = device.master;
      if (hostBridge === undefined) others.push(device);
      else if (!bridges.has(hostBridge.path)) bridges.set(hostBridge.path, device);
    }
    const isMeant = hasGuests(input);
    for (const [path, { master }] of bridges) {
      yield {
        about: path,
        restsOn: [`${path} msi-map`, `${path} msi-parent`],
        range: master.hostBridge?.source,
        node: path,
        ...(isMeant ? { severity: 'warning' as const } : {}),
        message: `VFIO refuses devices behind ${path} with EPERM from Linux 6.3 on: neither msi-map nor msi-parent gives them an MSI controller, and one inside the host bridge does not keep devices apart. Give the bridge an msi-map that leads to an ITS, if the hardware has one; with ${unsafeParameter}=1 it works, unsafely.`,
        evidence: evidenceAt([master.iommuMap?.source, 'What puts them behind an IOMMU']),
      };
    }
    const [first] = others;
    // Hardly any platform device has an msi-parent: this is news only to somebody who wants to pass one through.
    if (first === undefined || !isMeant) return;
    yield {
      about: first.path,
      restsOn: [`${first.path} msi-parent`],
      range: first.master.source,
      node: first.path,
      message: `VFIO refuses devices without msi-parent (${deviceNames(others)}) with EPERM from Linux 6.3 on, even if they use no MSIs: a device counts as isolated only if its MSI controller says so. With ${unsafeParameter}=1 it works; that is safe for devices that cannot write to an MSI controller.`,
      evidence: evidenceAt(
        ...others.slice(1, 9).map(({ master }) => [master.source, `${master.path} has none either`] as const),
      ),
    };
  },
};
