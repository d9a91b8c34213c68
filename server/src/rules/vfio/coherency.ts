// Whether VFIO can take devices at all: it asks their IOMMU's driver for cache coherency before anything else.
import type { PredictedDevice } from '../../iova/prediction';
import type { Iommu } from '../../topology/model';
import { translationSource } from '../masters';
import { list } from '../numbers';
import { evidenceAt, type Rule } from '../rule';
import { deviceNames, devicesByIommu, isCoherentForVfio } from './devices';

const vfioCheck = 'Linux drivers/vfio/vfio_main.c __vfio_register_dev (IOMMU_CAP_CACHE_COHERENCY)';

export const vfioSmmuNotCoherent: Rule = {
  id: 'vfio-smmu-not-coherent',
  severity: 'info',
  severityWithGuests: 'warning',
  summary: 'An SMMUv3 without dma-coherent can do no VFIO',
  docs: {
    effect:
      'No device behind the SMMU can be passed through: binding it to a VFIO driver fails with EINVAL (“vfio-pci: probe of … failed with error -22”). The host’s own drivers are not affected.',
    why: 'VFIO maps memory as cacheable and has no way to keep caches in step for a user, so it takes only devices whose IOMMU reports cache coherency. The SMMUv3 driver reports it from the `dma-coherent` of the SMMU’s node alone: what the register IDR0.COHACC says is overridden (“IDR0.COHACC overridden by FW configuration”).',
    fix: 'Add `dma-coherent` to the SMMU if its table walks snoop the CPUs’ caches, which IDR0.COHACC tells; boot messages name it. Where the hardware does not, VFIO cannot be used, and adding the property corrupts memory.',
    sources: [
      vfioCheck,
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_capable, arm_smmu_device_hw_probe, arm_smmu_device_dt_probe',
      'Documentation/devicetree/bindings/iommu/arm,smmu-v3.yaml (dma-coherent)',
    ],
    example: {
      failing: `&smmu {
	/delete-property/ dma-coherent;
};`,
      corrected: `&smmu {
	dma-coherent;
};`,
    },
  },
  *check({ prediction }) {
    for (const [iommu, devices] of devicesByIommu(prediction)) {
      if (iommu.driver.vfio !== 'coherent-walk' || iommu.coherent) continue;
      yield {
        about: iommu.path,
        range: iommu.source,
        node: iommu.path,
        message:
          `${iommu.path} has no dma-coherent, so VFIO can take nothing behind it (${deviceNames(devices)}): Linux's driver ${iommu.driver.name} then reports no cache coherency, whatever the hardware's IDR0.COHACC says, and binding a device to a VFIO driver fails with EINVAL. ` +
          `The host's own drivers are not affected. Add dma-coherent only if its table walks snoop the CPUs' caches; otherwise this board can pass none of these devices through.`,
        evidence: deviceEvidence(devices, iommu),
      };
    }
  },
};

export const vfioDeviceNotCoherent: Rule = {
  id: 'vfio-device-not-coherent',
  severity: 'hint',
  severityWithGuests: 'info',
  summary:
    'Devices behind an SMMUv1 or v2 that VFIO does not take, since neither they nor its table walks are coherent',
  docs: {
    effect:
      'The devices cannot be passed through: binding one to a VFIO driver fails with EINVAL. The host’s own drivers are not affected.',
    why: 'VFIO takes only devices whose IOMMU reports cache coherency. For these SMMUs the driver reports it where the SMMU’s node has `dma-coherent`, or else the device’s own DMA is coherent.',
    fix: 'Add `dma-coherent` to the device, or to the SMMU, if the hardware is coherent. Where it is not, adding it corrupts memory.',
    sources: [
      vfioCheck,
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_capable, arm_smmu_device_cfg_probe',
      'Documentation/devicetree/bindings/iommu/arm,smmu.yaml (dma-coherent)',
    ],
    example: {
      failing: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		#global-interrupts = <1>;
	};
};

&dma {
	iommus = <&smmu2 0x1>;
	/delete-property/ dma-coherent;
};`,
      corrected: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		#global-interrupts = <1>;
	};
};

&dma {
	iommus = <&smmu2 0x1>;
	dma-coherent;
};`,
    },
  },
  *check({ prediction }) {
    for (const [iommu, devices] of devicesByIommu(prediction)) {
      if (iommu.driver.vfio !== 'coherent-walk-or-master' || iommu.coherent) continue;
      const refused = devices.filter((device) => !isCoherentForVfio(device));
      if (refused.length === 0) continue;
      const others = refused.length < devices.length ? ' Coherent devices behind it can.' : '';
      yield {
        about: iommu.path,
        range: iommu.source,
        node: iommu.path,
        message:
          `VFIO cannot take ${refused.length < devices.length ? 'some' : 'the'} devices behind ${iommu.path} (${deviceNames(refused)}): neither the SMMU nor the device is dma-coherent, so Linux's driver ${iommu.driver.name} reports no cache coherency, and binding to a VFIO driver fails with EINVAL.${others} ` +
          `The host's own drivers are not affected. Add dma-coherent where the hardware is coherent; otherwise they stay with the host.`,
        evidence: deviceEvidence(refused, iommu),
      };
    }
  },
};

export const vfioDriverUnable: Rule = {
  id: 'vfio-driver-unable',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'Devices behind an IOMMU whose Linux driver can do no VFIO',
  docs: {
    effect:
      'The devices have an IOMMU, and still cannot be passed through: binding one to a VFIO driver fails with EINVAL. The host’s own drivers are not affected.',
    why: 'VFIO takes only devices whose IOMMU reports cache coherency. Of the drivers for Arm boards, only arm-smmu, arm-smmu-v3, qcom_iommu and virtio-iommu answer that question; those of Rockchip, MediaTek, Apple, Renesas, Allwinner, Samsung, Tegra’s old SMMU and others never do.',
    fix: 'There is none in the description of the board: these devices stay with the host.',
    sources: [vfioCheck, 'Linux drivers/iommu/*.c: capable of struct iommu_ops'],
    example: {
      failing: `/ {
	rk: iommu@2c000000 {
		compatible = "rockchip,rk3568-iommu";
		reg = <0x0 0x2c000000 0x0 0x100>;
		#iommu-cells = <0>;
	};
};

&dma {
	iommus = <&rk>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0xfff1>;
};`,
    },
  },
  *check({ prediction }) {
    const byDriver = new Map<string, { readonly iommus: Iommu[]; readonly devices: PredictedDevice[] }>();
    for (const [iommu, devices] of devicesByIommu(prediction)) {
      if (iommu.driver.vfio !== 'never') continue;
      const { name } = iommu.driver;
      const known = byDriver.get(name) ?? { iommus: [], devices: [] };
      known.iommus.push(iommu);
      known.devices.push(...devices);
      byDriver.set(name, known);
    }
    for (const [driver, { iommus, devices }] of byDriver) {
      const [first, ...others] = iommus;
      if (first === undefined) continue;
      yield {
        about: first.path,
        range: first.source,
        node: first.path,
        message:
          `VFIO can take no device behind ${list(iommus.map(({ path }) => path))} (${deviceNames(devices)}): Linux's driver ${driver} reports no cache coherency, and binding a device to a VFIO driver fails with EINVAL. ` +
          `The host's own drivers are not affected. Nothing in the board's description changes that.`,
        evidence: evidenceAt(
          ...others.slice(0, 8).map(({ source, path }) => [source, `${path} has the same driver`] as const),
        ),
      };
    }
  },
};

function deviceEvidence(devices: readonly PredictedDevice[], iommu: Iommu) {
  return evidenceAt(
    ...devices
      .slice(0, 8)
      .map(({ master }) => [translationSource(master), `What puts ${master.path} behind ${iommu.path}`] as const),
  );
}
