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
  readonly rows: readonly DumpRow[];
}

/** Bytes that stand on one line: two digits each, one blank between them. */
export interface DumpRow {
  /** Of the first one, in the table. */
  readonly offset: number;
  readonly count: number;
  /** Where its digits begin in the text. */
  readonly start: number;
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

/** `0x000000007FFE0000`; earlier versions printed a null pointer as `(nil)`. Mails quote lines with `>`. */
const tableLine = /^[> \t]*([A-Z0-9_!]{4}) @ (?:(?:0x)?([0-9A-Fa-f]{1,16})|\(nil\))[ \t]*$/;
const firstTableLine =
  /^[> \t]*[A-Z0-9_!]{4} @ (?:(?:0x)?[0-9A-Fa-f]{1,16}|\(nil\))[ \t]*\r?\n[> \t]*0+:[ \t]*[0-9A-Fa-f]{2}\b/m;
/** Pairs of digits stand one blank apart; what follows two blanks are the bytes as characters. */
const bytesLine = /^[> \t]*([0-9A-Fa-f]{1,8}):[ \t]*([0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})*)(?![^ \t\r\n])/;

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
      const address = opens[2] === undefined ? undefined : BigInt(`0x${opens[2]}`);
      current = { signature: opens[1]!, address, bytes: [], holes: [], rows: [], start, end };
      continue;
    }
    if (current === undefined || blankLine.test(line)) continue;
    current.end = end;
    const have = current.bytes.length;
    const row = rowOn(line, start);
    if (row !== undefined && isInHole(current, row)) {
      fill(current, row);
      continue;
    }
    const hole = row === undefined ? 0 : row.offset - have;
    const room = text.length - missing;
    const problem = placeProblem(row?.place, hole, room);
    if (problem !== undefined) problems.push({ start, end, message: problem });
    if (row === undefined || hole < 0 || hole > room) continue;
    missing += hole;
    if (hole > 0 && current.holes.length < mostHoles) current.holes.push({ start: have, end: row.offset });
    for (let at = 0; at < hole; at++) current.bytes.push(0);
    for (const byte of row.bytes) current.bytes.push(byte);
    current.rows.push(row);
  }
  close();
  return { tables, problems };
}

/** Lines that are misplaced more often than that are no slips. */
const mostHoles = 64;
const blankLine = /^[> \t]*$/;

interface OpenTable {
  readonly signature: string;
  readonly address: bigint | undefined;
  readonly bytes: number[];
  readonly rows: DumpRow[];
  /** Bytes that no line had given, as long as later ones went on behind them. */
  holes: { readonly start: number; readonly end: number }[];
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

interface ReadRow extends DumpRow {
  /** As written. */
  readonly place: string;
  readonly bytes: readonly number[];
}

function rowOn(line: string, lineStart: number): ReadRow | undefined {
  const found = bytesLine.exec(line);
  if (found === null) return undefined;
  const [whole, place, digits] = [found[0], found[1]!, found[2]!];
  const bytes = digits.split(' ').map((byte) => Number.parseInt(byte, 16));
  const start = lineStart + whole.length - digits.length;
  return { place, offset: Number.parseInt(place, 16), count: bytes.length, start, bytes };
}

/** Whether a line's bytes lie where others are missing: the line before them was misplaced. */
function isInHole({ bytes, holes }: OpenTable, { offset, count }: DumpRow): boolean {
  return offset < bytes.length && holes.some((hole) => hole.start <= offset && offset + count <= hole.end);
}

function fill(table: OpenTable, row: ReadRow): void {
  const { offset, count } = row;
  row.bytes.forEach((byte, index) => (table.bytes[offset + index] = byte));
  table.rows.push(row);
  table.holes = table.holes.flatMap((hole) => {
    if (offset < hole.start || offset + count > hole.end) return [hole];
    const rest = [
      { start: hole.start, end: offset },
      { start: offset + count, end: hole.end },
    ];
    return rest.filter((each) => each.end > each.start);
  });
}

function closed({ signature, address, bytes, rows, start, end }: OpenTable): DumpedTable {
  return { signature, address, bytes: Uint8Array.from(bytes), rows, start, end };
}

/** Where bytes of a table stand in the dump, as far as they are on one line; undefined where no line has them. */
export function placeInDump(
  { rows }: DumpedTable,
  offset: number,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const row = rows.find((each) => each.offset <= offset && offset < each.offset + each.count);
  if (row === undefined) return undefined;
  const first = offset - row.offset;
  const last = Math.min(Math.max(size, 1) + first, row.count) - 1;
  return { start: row.start + 3 * first, end: row.start + 3 * last + 2 };
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
