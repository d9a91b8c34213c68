// PCI functions in groups by where they sit: which group a further one cannot be kept apart from.
import type { DmaMaster } from '../topology/model';

export interface PciNeighbours {
  /** A device has joined the group of this number. */
  readonly add: (master: DmaMaster, group: number) => void;
  /** The lowest group that holds a neighbour of the function. */
  readonly groupFor: (master: DmaMaster) => number | undefined;
}

/** The functions directly below one bridge. */
interface Bus {
  lowest: number;
  readonly bySlot: Map<number, number>;
}

/** drivers/iommu/iommu.c pci_device_group, for functions without ACS. */
export function newPciNeighbours(): PciNeighbours {
  const byMaster = new Map<DmaMaster, number>();
  const buses = new Map<unknown, Map<unknown, Bus>>();
  return {
    add(master, group) {
      setLowest(byMaster, master, group);
      if (master.kind !== 'pci-function') return;
      let below = buses.get(master.hostBridge);
      if (below === undefined) buses.set(master.hostBridge, (below = new Map<unknown, Bus>()));
      let bus = below.get(master.upstream);
      if (bus === undefined) below.set(master.upstream, (bus = { lowest: group, bySlot: new Map() }));
      bus.lowest = Math.min(bus.lowest, group);
      const slot = slotOf(master);
      if (slot !== undefined) setLowest(bus.bySlot, slot, group);
    },
    groupFor(master) {
      const bus = buses.get(master.hostBridge)?.get(master.upstream);
      const slot = slotOf(master);
      const found = slot === undefined ? [] : [bus?.bySlot.get(slot)];
      // Requests of functions behind a conventional bridge bear the bridge's ID: all there share, with the bridge itself.
      if (master.aliases.length > 0) {
        found.push(bus?.lowest, master.upstream === undefined ? undefined : byMaster.get(master.upstream));
      }
      const groups = found.filter((group) => group !== undefined);
      return groups.length === 0 ? undefined : Math.min(...groups);
    },
  };
}

/** Functions of one endpoint: few have ACS, so we take them for not isolated (get_pci_function_alias_group). */
function slotOf({ isBridge, requesterId }: DmaMaster): number | undefined {
  return isBridge || requesterId === undefined ? undefined : requesterId >> 3;
}

function setLowest<Key>(map: Map<Key, number>, key: Key, group: number): void {
  const known = map.get(key);
  if (known === undefined || group < known) map.set(key, group);
}
