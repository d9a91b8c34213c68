// An ACPI data table as an editor or the command line has it: its text, its bytes, and the model made from the bytes.
import type { Diagnostic } from '../../text/diagnostic';
import { sourceFile, type SourceFile } from '../../text/source-file';
import { decodeIort } from '../iort/decode';
import type { IortTable } from '../iort/model';
import { decodeMadt } from '../madt/decode';
import { decodeViot, type ViotTable } from '../viot';
import type { MadtTable } from '../madt/model';
import { assemble, type Assembly } from './assemble';
import { readLines } from './lines';
import { once } from '../../text/once';
import { printTable, type PrintOptions } from './print';
import { diagnosticsOf } from './problems';
import type { PlaceOf, TableText, TextField } from './table-text';
import { reassemble } from './reassemble';
import { rereadLines } from './reread-lines';
import { viewsOf } from './views';

export interface TableDocument {
  /** The text; for a binary the text printed from it, under the binary's path. */
  readonly file: SourceFile;
  readonly origin: 'text' | 'binary';
  /** `IORT`, `APIC`, `VIOT`; other tables are recognised and left alone. Empty where there is none. */
  readonly signature: string;
  /** Of a text, what the compiler makes of it (as far as that goes where there are errors); of a binary, its bytes. */
  readonly bytes: Uint8Array;
  readonly iort: IortTable | undefined;
  readonly madt: MadtTable | undefined;
  readonly viot: ViotTable | undefined;
  readonly syntax: TableText;
  /** The place in the text of what lies at a byte of the table: its value, or its whole line. */
  readonly placeOf: PlaceOf;
  /** The field on whose line an offset of the text lies. */
  readonly fieldAt: (offsetInText: number) => TextField | undefined;
  /** What reading and compiling the text found wrong; the rules come on top. */
  readonly diagnostics: readonly Diagnostic[];
}

interface Recent {
  readonly assembly: Assembly;
  /** The table that was decoded last. */
  iort: IortTable | undefined;
}

/** The texts of a path: the next one is mostly an edit of the latest. Its documents have it, so it lives as long as they do. */
interface History {
  latest: Recent | undefined;
}

/** By paths. However many other texts are read, an edit of one that is open finds what was made of it. */
const histories = new Map<string, WeakRef<History>>();
const mostHistories = 64;

function historyOf(path: string): History {
  const known = histories.get(path)?.deref();
  if (known !== undefined) return known;
  const history: History = { latest: undefined };
  histories.set(path, new WeakRef(history));
  if (histories.size > mostHistories) {
    for (const [each, history] of [...histories]) if (history.deref() === undefined) histories.delete(each);
  }
  return history;
}

function assembled(file: SourceFile, history: History): Recent {
  const { latest: before } = history;
  // The same characters are other bytes in another encoding.
  const isEdit = before?.assembly.parts.file.encoding === file.encoding;
  const reread = isEdit ? rereadLines(file, before.assembly) : undefined;
  const assembly = reread === undefined ? assemble(readLines(file)) : reassemble(before!.assembly, reread);
  history.latest = { assembly, iort: before?.iort };
  return history.latest;
}

/** The table of a text that is the latest of its path, or was. */
function decoded(text: Recent, { latest }: History): IortTable {
  text.iort = decodeIort(text.assembly.bytes, text.iort);
  if (latest !== undefined) latest.iort = text.iort;
  return text.iort;
}

const documentsOfTexts = new WeakMap<SourceFile, TableDocument>();

/** A text as somebody edits it: read as far as it makes sense, never refused. Each file is read once. */
export function documentOfText(file: SourceFile): TableDocument {
  const known = documentsOfTexts.get(file);
  if (known !== undefined) return known;
  const history = historyOf(file.path);
  const text = assembled(file, history);
  const { assembly } = text;
  const document = documentOf(file, assembly, {
    origin: 'text',
    bytes: assembly.bytes,
    iort: () => decoded(text, history),
    diagnostics: () => diagnosticsOf(file, assembly.problems),
  });
  documentsOfTexts.set(file, document);
  return document;
}

/** A binary, shown as text: diagnostics and places are those of the text printed from it. */
export function documentOfBinary(
  path: string,
  bytes: Uint8Array,
  options: PrintOptions = { style: 'current' },
): TableDocument {
  const file = sourceFile(path, printTable(bytes, options), 'latin1');
  const iort = () => decodeIort(bytes);
  return documentOf(file, assemble(readLines(file)), { origin: 'binary', bytes, iort, diagnostics: () => [] });
}

interface Origin extends Pick<TableDocument, 'origin' | 'bytes'> {
  readonly iort: () => IortTable;
  readonly diagnostics: () => readonly Diagnostic[];
}

function documentOf(file: SourceFile, assembly: Assembly, of: Origin): TableDocument {
  const { signature } = assembly;
  const { origin, bytes } = of;
  const iort = once(() => (signature === 'IORT' ? of.iort() : undefined));
  const madt = once(() => (signature === 'APIC' ? decodeMadt(bytes) : undefined));
  const viot = once(() => (signature === 'VIOT' ? decodeViot(bytes) : undefined));
  const diagnostics = once(of.diagnostics);
  return {
    file,
    origin,
    signature,
    bytes,
    get iort() {
      return iort();
    },
    get madt() {
      return madt();
    },
    get viot() {
      return viot();
    },
    get diagnostics() {
      return diagnostics();
    },
    ...viewsOf(assembly),
  };
}
