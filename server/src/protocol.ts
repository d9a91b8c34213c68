// Custom requests and notifications between the client and the server; the only file of the server that the client imports.

/** Language ids of devicetree sources; `devicetree` is what other extensions call the same files. */
export const devicetreeLanguages: readonly string[] = ['dts', 'devicetree'];

/** Language id of ACPI tables as text: what `iasl -d` writes, and what binary tables are shown as. */
export const tableLanguage = 'acpi-table';

/** URIs of binary tables that the editor shows as text: `doorbell-table:/sys/firmware/acpi/tables/IORT` is that file. */
export const tableScheme = 'doorbell-table';

/** Request: the CLI's `regions --format sysfs` view of the board that the document belongs to. */
export const regionsRequest = 'doorbell/regions';
export interface RegionsParams {
  uri: string;
}
export interface RegionsResult {
  /** The view as text, also where it says why there is none. */
  text: string;
}

/** Notification from the server: which context a document is analysed in. Sent to clients that announce `experimental.doorbellStatus`. */
export const statusNotification = 'doorbell/status';
export interface StatusParams {
  uri: string;
  /** The root file, as a URI. */
  root: string;
  /** Why that one: `itself`, `open`, `nearest`, `comment`, `configured`. */
  reason: string;
  /** Kind of source tree found by walking up: `linux`, `u-boot`, `barebox`, `zephyr`, or undefined. */
  sourceTree: string | undefined;
  includePaths: string[];
  kernel: string;
  diagnostics: { error: number; warning: number; info: number; hint: number };
}
