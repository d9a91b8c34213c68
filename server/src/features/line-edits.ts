// From one text to another by edits of lines, so that cursors and folds elsewhere stay where they are.
import { diffArrays } from 'diff';

/** Offsets count in the text before. */
export interface LineEdit {
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

/** Texts that are further apart have nothing to keep: they are replaced as a whole. */
const mostChanges = 1000;

/** Edits in order. Lines with the same key are the same line: what differs in them is replaced. */
export function lineEdits(before: string, after: string, keyOf: (line: string) => string): LineEdit[] {
  const old = linesOf(before);
  const wanted = linesOf(after);
  const keys = (lines: readonly Line[]): string[] => lines.map(({ text }) => keyOf(text));
  const changes = diffArrays(keys(old), keys(wanted), { maxEditLength: mostChanges });
  if (changes === undefined) return replaced(before, 0, before.length, after);
  const edits: LineEdit[] = [];
  let at = 0;
  let next = 0;
  let removed = 0;
  const flush = (added: number): void => {
    const from = old[at]?.start ?? before.length;
    const to = old[at + removed]?.start ?? before.length;
    const text = wanted.slice(next, next + added).map((line) => line.text + line.end);
    edits.push(...replaced(before, from, to, text.join('')));
    at += removed;
    next += added;
    removed = 0;
  };
  for (const { added, removed: isRemoved, count } of changes) {
    if (isRemoved) {
      removed = count;
    } else if (added) {
      flush(count);
    } else {
      if (removed > 0) flush(0);
      for (let each = 0; each < count; each++, at++, next++) {
        const { start, text, end } = old[at]!;
        const line = wanted[next]!;
        // A last line that has no end gets one, or loses it.
        if ((end === '') === (line.end === '')) edits.push(...replaced(before, start, start + text.length, line.text));
        else edits.push(...replaced(before, start, start + text.length + end.length, line.text + line.end));
      }
    }
  }
  if (removed > 0) flush(0);
  return edits;
}

interface Line {
  readonly start: number;
  /** Without its end. */
  readonly text: string;
  readonly end: string;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const { index, 1: line, 2: end } of text.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    if (line === '' && end === '') break;
    lines.push({ start: index, text: line!, end: end! });
  }
  return lines;
}

/** The part that differs, if any; line ends count as equal. */
function replaced(before: string, start: number, end: number, newText: string): LineEdit[] {
  const old = before.slice(start, end);
  if (old === newText || old.replace(/\r\n?/g, '\n') === newText) return [];
  const most = Math.min(old.length, newText.length);
  let head = 0;
  while (head < most && old[head] === newText[head]) head++;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === newText[newText.length - 1 - tail]) tail++;
  return [{ start: start + head, end: end - tail, newText: newText.slice(head, newText.length - tail) }];
}
