// What `acpidump` prints of a machine's tables: a line `IORT @ 0x000000007FFE0000` a table, then its bytes in lines of 16,
// `    0010: 42 58 50 43 …  BXPC…` (ACPICA AcpiUtDumpBufferToFile). Texts were mailed around: what does not fit is told.

export interface DumpedTable {
  /** As the line above the bytes has it; that of the bytes is another question. */
  readonly signature: string;
  /** Physical address, where the dump says one. */
  readonly address: bigint | undefined;
  readonly bytes: Uint8Array;
  /** Where the table begins and ends in the text. */
  readonly start: number;
  readonly end: number;
}

export interface DumpProblem {
  /** The line in the text. */
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

export interface AcpiDump {
  readonly tables: readonly DumpedTable[];
  readonly problems: readonly DumpProblem[];
}

const tableLine = /^([A-Z0-9_!]{4}) @ (?:0x)?([0-9A-Fa-f]{1,16})[ \t]*$/;
const firstTableLine = /^([A-Z0-9_!]{4}) @ (?:0x)?[0-9A-Fa-f]{1,16}[ \t]*\r?\n[ \t]*0+:[ \t]/m;
/** Pairs of digits stand one blank apart; what follows two blanks are the bytes as characters. */
const bytesLine = /^[ \t]*([0-9A-Fa-f]{1,8}):((?: [0-9A-Fa-f]{2})+)(?![^ \t\r\n])/;

/** Whether a text, or its beginning, is what acpidump prints. */
export function isAcpiDump(text: string): boolean {
  return firstTableLine.test(text);
}

/** The tables of a dump, in order. Bytes go where their line says; those that no line gives are 0, and a problem. */
export function readAcpiDump(text: string): AcpiDump {
  const tables: DumpedTable[] = [];
  const problems: DumpProblem[] = [];
  let current: OpenTable | undefined;
  // What is missing in all may be as long as what is there: a line far behind would ask for any memory.
  let missing = 0;
  const close = (): void => {
    if (current !== undefined) tables.push(closed(current));
    current = undefined;
  };
  for (const { start, end, line } of linesOf(text)) {
    const opens = tableLine.exec(line);
    if (opens !== null) {
      close();
      current = { signature: opens[1]!, address: BigInt(`0x${opens[2]!}`), bytes: [], start, end };
      continue;
    }
    if (current === undefined || line.trim() === '') continue;
    const have = current.bytes.length;
    const found = bytesLine.exec(line);
    const place = found === null ? have : Number.parseInt(found[1]!, 16);
    current.end = end;
    const problem = placeProblem(found?.[1], place - have, text.length - missing);
    if (problem !== undefined) problems.push({ start, end, message: problem });
    if (found === null || place < have || place - have > text.length - missing) continue;
    missing += place - have;
    for (let at = have; at < place; at++) current.bytes.push(0);
    for (const byte of found[2]!.trim().split(' ')) current.bytes.push(Number.parseInt(byte, 16));
  }
  close();
  return { tables, problems };
}

interface OpenTable {
  readonly signature: string;
  readonly address: bigint;
  readonly bytes: number[];
  readonly start: number;
  end: number;
}

/** What is wrong with the place of a line, which leaves `hole` bytes out, or gives as many again. */
function placeProblem(place: string | undefined, hole: number, room: number): string | undefined {
  if (place === undefined) return 'this line of the dump has no bytes';
  if (hole < 0) return `the bytes at ${place} are given twice`;
  if (hole > room) return `${place} is no place in this table`;
  return hole > 0 ? `${hole} bytes before ${place} are missing in the dump` : undefined;
}

function closed({ bytes, ...table }: OpenTable): DumpedTable {
  return { ...table, bytes: Uint8Array.from(bytes) };
}

function* linesOf(text: string): Generator<{ start: number; end: number; line: string }> {
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline + 1;
    let end = newline < 0 ? text.length : newline;
    if (end > start && text[end - 1] === '\r') end--;
    yield { start, end, line: text.slice(start, end) };
    start = next;
  }
}
