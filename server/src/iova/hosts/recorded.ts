// What a running machine says of its IOMMU groups: /sys/kernel/iommu_groups as data, however it was copied.

export interface GroupDump {
  readonly groups: readonly RecordedGroup[];
  /** Devices of the machine that are in no group; undefined where the dump does not list them. */
  readonly ungrouped: readonly RecordedDevice[] | undefined;
  /** What the kernel was started with; undefined where the dump does not say. */
  readonly commandLine?: string | undefined;
}

export interface RecordedGroup {
  /** The directory's name: the kernel's count, which depends on the order of probing. */
  readonly id: string;
  /** `DMA`, `DMA-FQ`, `identity`, …; undefined where the dump does not say. */
  readonly type: string | undefined;
  /** Undefined where the dump holds the regions alone. */
  readonly devices: readonly RecordedDevice[] | undefined;
  /** The lines of `reserved_regions`; undefined where the file is missing. */
  readonly lines: readonly string[] | undefined;
}

export interface RecordedDevice {
  /** The kernel's name of the device: `0000:00:01.0`, `fd600000.usb`. */
  readonly name: string;
  /** Its place below /sys/devices: `platform/4010000000.pcie/pci0000:00/0000:00:01.0`. */
  readonly path: string | undefined;
  /** The tree node or ACPI object that it was made from. */
  readonly node: string | undefined;
  /** The driver that is bound to it; `none` where the dump says that there is none, undefined where it says nothing. */
  readonly driver: string | undefined;
}

/** What `RecordedDevice.driver` holds where no driver is bound. */
export const noDriver = 'none';
