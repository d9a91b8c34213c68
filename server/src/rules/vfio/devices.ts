// Which devices sit behind which IOMMU, and which of them VFIO could take at all.
import type { PredictedDevice, PredictedGroup, RegionPrediction } from '../../iova/prediction';
import type { Iommu } from '../../topology/model';
import { concerned } from '../masters';
import { list } from '../numbers';
import { oncePer } from '../../text/once';

type DevicesByIommu = ReadonlyMap<Iommu, readonly PredictedDevice[]>;

/** The devices that have a group, by IOMMU, in the order of the prediction. */
export const devicesByIommu = oncePer((prediction: RegionPrediction): DevicesByIommu => {
  const found = new Map<Iommu, PredictedDevice[]>();
  for (const { devices } of prediction.groups) {
    for (const device of devices) {
      const others = found.get(device.iommu);
      if (others === undefined) found.set(device.iommu, [device]);
      else others.push(device);
    }
  }
  return found;
});

/**
 * Whether VFIO binds the device: its IOMMU's driver answers IOMMU_CAP_CACHE_COHERENCY with yes
 * (drivers/vfio/vfio_main.c __vfio_register_dev).
 */
export function isCoherentForVfio({ iommu, master }: PredictedDevice): boolean {
  switch (iommu.driver.vfio) {
    case 'always':
      return true;
    case 'coherent-walk':
      return iommu.coherent;
    case 'coherent-walk-or-master':
      return iommu.coherent || master.coherent;
    case 'never':
    case 'unknown':
      return false;
  }
}

/** All devices of the group can be bound: it could be passed through as far as coherency goes. */
export function isBindable({ devices, oops }: PredictedGroup): boolean {
  return oops === undefined && devices.every(isCoherentForVfio);
}

/** `/soc/dma@1000, devices behind /pcie@4000 and 3 more` */
export function deviceNames(devices: readonly PredictedDevice[], most = 3): string {
  return list([...new Set(devices.map(({ master }) => concerned(master)))], most);
}
