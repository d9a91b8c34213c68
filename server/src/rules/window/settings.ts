// A window that doorbell.json sets: whether any kernel has it so.
import { windowConflicts } from '../../iova/msi-window';
import { kernelProfiles } from '../../iova/kernel-profile';
import type { PredictedDevice } from '../../iova/prediction';
import { formatRange } from '../numbers';
import { windowDemands } from '../../iova/window-demands';
import { oncePerGroup } from '../masters';
import type { MachineRule } from '../rule';

export const msiWindowNotSettable: MachineRule = {
  id: 'msi-window-not-settable',
  severity: 'info',
  summary: 'doorbell.json moves the MSI window although the kernel’s own would do, and no kernel has a switch for it',
  docs: {
    effect:
      'Everything that is said of the window and of what a guest may map is about the window of `doorbell.json`. A kernel as it is released keeps its own, and then the predictions are wrong.',
    why: 'The window is a constant of the SMMU drivers and of virtio-iommu in all releases up to 7.2. Parameters and options to set it (`arm-smmu.msi_iova_base`, IOMMU_OPTION_SW_MSI_START of iommufd) were proposed, and none was merged.',
    fix: 'Take `msiWindow` out, unless the kernel was built with another MSI_IOVA_BASE. Not reported where the kernel’s own window is in the way of something: moving it is then the point.',
    kernels: 'Linux 6.1 to 7.2, as released',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, drivers/iommu/arm/arm-smmu/arm-smmu.c, drivers/iommu/virtio-iommu.c: MSI_IOVA_BASE, MSI_IOVA_LENGTH',
      'Linux include/uapi/linux/iommufd.h enum iommufd_option',
    ],
    example: {
      failing: '',
      settings: { msiWindow: { base: '0x9000000', size: '0x100000' } },
      corrected: '',
      correctedSettings: {},
    },
  },
  *check({ kernel, prediction, settings }) {
    if (kernel.msiWindowOrigin !== 'settings') return;
    const { msiWindow: own } = kernelProfiles[kernel.version];
    if (own.start === kernel.msiWindow.start && own.end === kernel.msiWindow.end) return;
    const wanted = prediction.groups.map((group) => wantsOwnWindow(group, prediction.kernel));
    if (!wanted.includes('would do') || wanted.includes('would not do')) return;
    const ram = (settings.guests ?? []).flatMap((guest) => guest.ram);
    if (ram.some(({ start, end }) => start <= own.end && own.start <= end)) return;
    yield {
      about: 'msiWindow',
      range: settings.msiWindowSource,
      node: undefined,
      message: `Linux ${kernel.version} as released has no way to set the MSI window: it lies at ${formatRange(own)}, where nothing of this board is in its way. What is said with the window at ${formatRange(kernel.msiWindow)} holds only for a kernel built with another MSI_IOVA_BASE; take msiWindow out if yours is not.`,
    };
  },
};

/** What the kernel's own window would be to the devices of a group. */
const wantsOwnWindow = oncePerGroup((group, kernel) => {
  const { msiWindow: own } = kernelProfiles[kernel.version];
  const demands = windowDemands({ kernel, groups: [group], ungrouped: [] });
  if (demands.length === 0) return 'unused';
  return demands.some((demand) => windowConflicts(demand, own).length > 0) ? 'would not do' : 'would do';
});

function hasWindow({ regions }: PredictedDevice): boolean {
  return regions.some(({ type }) => type === 'software-msi');
}

export const msiWindowUnused: MachineRule = {
  id: 'msi-window-unused',
  severity: 'hint',
  summary: 'doorbell.json moves the MSI window of a board whose IOMMU drivers have none',
  docs: {
    effect: 'The setting does nothing for this board: no device of it has a software MSI window.',
    why: 'Only the drivers arm-smmu, arm-smmu-v3 and virtio-iommu set a window aside. The others do no VFIO, or do not map doorbells for it.',
    fix: 'Take `msiWindow` out, if the settings are for this board alone.',
    sources: ['Linux drivers/iommu/*.c: get_resv_regions of struct iommu_ops (IOMMU_RESV_SW_MSI)'],
    example: {
      failing: `&smmu {
	compatible = "qcom,msm-iommu-v1";
};`,
      settings: { msiWindow: { base: '0x9000000', size: '0x100000' } },
      corrected: `&smmu {
	compatible = "qcom,msm-iommu-v1";
};`,
      correctedSettings: {},
    },
  },
  *check({ kernel, prediction, settings }) {
    if (settings.msiWindowSource === undefined || prediction.groups.length === 0) return;
    if (prediction.groups.some(({ devices }) => devices.some(hasWindow))) return;
    const drivers = [
      ...new Set(prediction.groups.flatMap(({ devices }) => devices.map(({ iommu }) => iommu.driver.name))),
    ];
    yield {
      about: 'msiWindow',
      range: settings.msiWindowSource,
      node: undefined,
      message: `This moves the MSI window to ${formatRange(kernel.msiWindow)}, but no device of this board has one: ${drivers.join(', ')} ${drivers.length === 1 ? 'sets' : 'set'} none aside.`,
    };
  },
};
