// A table's text to bytes, equal to iasl's wherever an iasl compiles the text, but that the compiler's ID and revision stay
// as written (`iasl -z`). Both forms of the text are read: the lines tell which one it is.
import type { Computed, TextStyle } from '../layout/field';
import { tableHeaderLayout } from '../layout/table-header';
import { checksumOf } from '../table-header';
import { once } from '../../text/once';
import { Assembler, type Slot } from './assembler';
import { assembleIort } from './assemble-iort';
import { assembleMadt } from './assemble-madt';
import { assembleViot } from './assemble-viot';
import { CompiledLines } from './compiled-lines';
import type { Lines, TextParts } from './lines';
import type { TableTextProblem } from './problems';
import { scanProblems } from './scan-problems';
import { readLayout, readOwnBytes } from './read-fields';
import { reportSignature, signatureOf } from './signature';
import type { Structures } from './structures';
import { suspectLines } from './suspects';

/** What a text came to. */
export interface Assembly {
  readonly lines: CompiledLines;
  /** What the text has beside its lines. */
  readonly parts: TextParts;
  readonly signature: string;
  readonly bytes: Uint8Array;
  readonly style: TextStyle;
  readonly problems: readonly TableTextProblem[];
  readonly structures: Structures;
  readonly labels: ReadonlyMap<string, bigint>;
  /** What an edit of the text goes on from. */
  readonly decidedStyle: TextStyle | undefined;
  readonly styleLine: number;
  /** Those of the lines' contents, without those of the characters. */
  readonly ownProblems: readonly TableTextProblem[];
  /** The computed fields of the header and the table's fixed part. */
  readonly slots: ReadonlyMap<Computed, Slot>;
  /** Lines whose text may say something else than what was compiled, in order. */
  readonly suspects: () => readonly number[];
}

/** Tables that are recognised and left alone have no bytes. */
export function assemble(lines: Lines): Assembly {
  const signature = signatureOf(lines);
  const assembler = new Assembler(lines, { compilesFlags: signature === 'APIC' });
  const slots = new Map<Computed, Slot>();
  if (signature === 'IORT' || signature === 'APIC' || signature === 'VIOT') {
    const header = assembler.open('table-header', tableHeaderLayout);
    const reached = readLayout(assembler, tableHeaderLayout, slots);
    readOwnBytes(assembler);
    assembler.close(header);
    assembler.revision = assembler.bytes()[8]!;
    if (reached === 'all') {
      if (signature === 'IORT') assembleIort(assembler, slots);
      else if (signature === 'APIC') assembleMadt(assembler);
      else assembleViot(assembler, slots);
    }
    setTotals(assembler, slots);
  } else {
    reportSignature(assembler);
  }
  return assemblyOf(assembler, signature, slots);
}

/** The length and the checksum, which depend on everything else. */
export function setTotals(assembler: Assembler, slots: ReadonlyMap<Computed, Slot>): void {
  assembler.set(slots, 'table-length', assembler.size);
  const bytes = assembler.bytes();
  const isLengthKept = slots.get('table-length')?.isKept === true;
  assembler.set(
    slots,
    'checksum',
    checksumOf(bytes, isLengthKept ? Math.min(statedLength(bytes), bytes.length) : undefined),
  );
}

function assemblyOf(assembler: Assembler, signature: string, slots: ReadonlyMap<Computed, Slot>): Assembly {
  const { lines, style, styleLine, structures, labels, problems: ownProblems } = assembler;
  const assembly = {
    lines: CompiledLines.of(assembler.columns(lines.count)),
    parts: lines.parts,
    signature,
    bytes: assembler.bytes(),
    style: style ?? 'current',
    decidedStyle: style,
    styleLine,
    problems: [...scanProblems(lines.parts), ...ownProblems],
    ownProblems,
    structures,
    labels,
    slots,
  };
  return { ...assembly, suspects: once(() => suspectLines(assembly)) };
}

function statedLength(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(4, true);
}
