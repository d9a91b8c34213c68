// PCI functions in groups by where they sit: which group a further one cannot be kept apart from.
import type { DmaMaster } from '../topology/model';

export interface PciNeighbours {
  /** A device has joined the group of this number. */
  readonly add: (master: DmaMaster, group: number) => void;
  /** The lowest group that holds a neighbour of the function. */
  readonly groupFor: (master: DmaMaster) => number | undefined;
}

/**
 * drivers/iommu/iommu.c pci_device_group, as far as sources tell: requests of what is behind a bridge to conventional PCI bear
 * the bridge's requester ID, so that all there share. Whether ACS keeps other functions apart, no source tells
 * (possible-sharing.ts).
 */
export function newPciNeighbours(): PciNeighbours {
  const byMaster = new Map<DmaMaster, number>();
  /** The lowest group among the functions directly below each bridge. */
  const buses = new Map<unknown, Map<unknown, number>>();
  return {
    add(master, group) {
      setLowest(byMaster, master, group);
      if (master.kind !== 'pci-function') return;
      let below = buses.get(master.hostBridge);
      if (below === undefined) buses.set(master.hostBridge, (below = new Map<unknown, number>()));
      setLowest(below, master.upstream, group);
    },
    groupFor(master) {
      if (master.aliases.length === 0) return undefined;
      const onBus = buses.get(master.hostBridge)?.get(master.upstream);
      const bridge = master.upstream && byMaster.get(master.upstream);
      const groups = [onBus, bridge].filter((group) => group !== undefined);
      return groups.length === 0 ? undefined : Math.min(...groups);
    },
  };
}

function setLowest<Key>(map: Map<Key, number>, key: Key, group: number): void {
  const known = map.get(key);
  if (known === undefined || group < known) map.set(key, group);
}
