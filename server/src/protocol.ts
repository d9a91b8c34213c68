// Custom requests and notifications between the client and the server; the only file of the server that the client imports.

/**
 * Options of Node for the server's process, in MB. A large file makes twenty megabytes of objects that stay: twice the usual room
 * for new ones spares it the collections that would copy them while somebody waits, and room to begin with those of the whole heap.
 */
export const serverNodeOptions: readonly string[] = ['--max-semi-space-size=32', '--initial-heap-size=64'];

/** Language ids of devicetree sources; `devicetree` is what other extensions call the same files. */
export const devicetreeLanguages: readonly string[] = ['dts', 'devicetree'];

/** Language id of ACPI tables as text: what `iasl -d` writes, and what binary tables are shown as. */
export const tableLanguage = 'acpi-table';

/** URIs of binary tables that the editor shows as text: `doorbell-table:/sys/firmware/acpi/tables/IORT` is that file. */
export const tableScheme = 'doorbell-table';

/** Request: a binary table, or one that acpidump printed, as text. Bytes are base64 in both directions. */
export const tableTextRequest = 'doorbell/tableText';
export interface TableTextParams {
  bytes: string;
  /** Which table of a dump, by its signature. */
  table?: string;
}
export type TableTextResult =
  | {
      text: string;
      signature: string;
    }
  | { error: string };

/** Request: the table that a text compiles to. */
export const tableBytesRequest = 'doorbell/tableBytes';
export interface TableBytesParams {
  text: string;
}
export interface TableBytesResult {
  bytes: string;
  /** For people: `IORT, revision 5, 3 nodes, 236 bytes`. */
  summary: string;
  /** What no compiler would take: the bytes are then those of the rest, and not to be relied on. */
  errors: number;
  /** Of the first of them; the line counts from 1. */
  firstError?: { line: number; message: string };
}

/** Request: the edits that make a text what will be read of it once it is saved as a binary; none where it has errors. */
export const tableSavedRequest = 'doorbell/tableSaved';
export interface TableSavedParams {
  text: string;
}
export interface TableSavedResult {
  edits: {
    range: { start: { line: number; character: number }; end: { line: number; character: number } };
    newText: string;
  }[];
  /** The text has comments of somebody's, for which a binary has no place. */
  hasOwnComments: boolean;
}

/** Request: the text that a new table starts with. */
export const newTableRequest = 'doorbell/newTable';
export interface NewTableParams {
  /** Issue of Arm DEN0049; without one the answer is the list of those that there are. */
  issue?: string;
}
export interface NewTableResult {
  issues: { name: string; revision: number }[];
  text?: string;
}

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
  /** Where the root is an ACPI table: which, and for an IORT the file of the MADT that is read with it, as a URI. */
  table?: { signature: string; madt?: string };
  diagnostics: { error: number; warning: number; info: number; hint: number };
}
