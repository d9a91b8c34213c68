// An ACPI data table as an editor or the command line has it: its text, its bytes, and the model made from the bytes.
import type { Diagnostic } from '../../text/diagnostic';
import type { SourceFile } from '../../text/source-file';
import type { IortTable } from '../iort/model';
import type { MadtTable } from '../madt/model';
import type { PlaceOf, TableText, TextField } from './table-text';

export interface TableDocument {
  /** The text; for a binary the text printed from it, under the binary's path. */
  readonly file: SourceFile;
  readonly origin: 'text' | 'binary';
  /** `IORT`, `APIC`; other tables are recognised and left alone. Empty where there is none. */
  readonly signature: string;
  /** Of a text, what the compiler makes of it (as far as that goes where there are errors); of a binary, its bytes. */
  readonly bytes: Uint8Array;
  readonly iort: IortTable | undefined;
  readonly madt: MadtTable | undefined;
  readonly syntax: TableText;
  /** The place in the text of what lies at a byte of the table: its value, or its whole line. */
  readonly placeOf: PlaceOf;
  /** The field on whose line an offset of the text lies. */
  readonly fieldAt: (offsetInText: number) => TextField | undefined;
  /** What reading and compiling the text found wrong; the rules come on top. */
  readonly diagnostics: readonly Diagnostic[];
}
