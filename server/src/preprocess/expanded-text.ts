// Text with macros in it: expanded, put together as gcc would print it, and lexed again as dtc would lex that; then every
// token gets back the place that it is spelled at.
import { expander, isExpanding, leaveAll, nextExpanded, type TokenFeed } from './expand';
import { lexScratch, lineStart, PpKind, spaceBefore } from './lexer';
import type { Macro } from './macros';
import { internName } from './names';
import { needsBlank } from './pasting';
import type { PpToken } from './pp-token';
import { appendTokens, LexState, pushCall, pushToken, type TokenSource } from './token-builder';
import { coverNames, type Cursor, textEnd, type UnitState } from './unit-state';

/** Expands what stands here up to the next blank that no macro call encloses, and appends it as dtc would lex it. */
export function expandGroup(state: UnitState, cursor: Cursor, feed: TokenFeed): void {
  const run = expander(cursor.isRaw ? { ...state.context, macros: [] } : state.context, feed);
  const group: PpToken[] = [];
  for (;;) {
    const token = nextExpanded(run);
    if (token === undefined) break;
    group.push(token);
    if (isExpanding(run)) continue;
    const goesOn = cursor.at < textEnd(cursor) && (cursor.lexed.flags[cursor.at]! & (spaceBefore | lineStart)) === 0;
    if (!goesOn) break;
  }
  leaveAll(run);
  appendGroup(state, group);
}

function appendGroup(state: UnitState, group: readonly PpToken[]): void {
  const { out } = state;
  const only = group.length === 1 ? group[0]! : undefined;
  const isAsWritten = only !== undefined && only.file !== 0 && only.end - only.start === only.text.length;
  if (isAsWritten && only.kind === PpKind.integer && out.state === LexState.value) {
    pushToken(out, 0x6e, only.file, only.start, only.end, 0, only.expansion);
    return;
  }
  let text = '';
  const starts: number[] = [];
  group.forEach((token, index) => {
    const previous = group[index - 1];
    if (previous !== undefined && (token.space || (token.mayPaste && needsBlank(previous, token)))) text += ' ';
    starts.push(text.length);
    text += token.text;
  });
  const firstToken = out.count;
  const columns = lexScratch(text);
  coverNames(state);
  const source: TokenSource = {
    columns,
    text,
    fileNumber: 0,
    macros: [],
    fileNumberOf: () => 0,
    onUnterminatedString: () => undefined,
  };
  for (let at = 0; at < columns.count; at++) {
    // It stops only at what cannot be obeyed here, an /include/ that a macro made.
    at = appendTokens(out, source, at, columns.count);
  }
  restorePlaces(state, group, starts, text, firstToken);
}

/** Gives tokens lexed from a group's text the places that the group's tokens are spelled at. */
function restorePlaces(
  state: UnitState,
  group: readonly PpToken[],
  starts: readonly number[],
  text: string,
  firstToken: number,
): void {
  const { out } = state;
  let needsScratch = false;
  let at = 0;
  for (let token = firstToken; token < out.count; token++) {
    const start = out.start[token]!;
    const end = out.end[token]!;
    while (at + 1 < group.length && starts[at + 1]! <= start) at++;
    const first = group[at]!;
    let last = at;
    while (last + 1 < group.length && starts[last + 1]! < end) last++;
    let isWhole = first.file !== 0 && first.end - first.start === first.text.length;
    for (let next = at + 1; isWhole && next <= last; next++) {
      const part = group[next]!;
      isWhole =
        part.file === first.file &&
        part.expansion === first.expansion &&
        part.start === group[next - 1]!.end &&
        part.end - part.start === part.text.length;
    }
    if (isWhole) {
      const offset = first.start - starts[at]!;
      out.file[token] = first.file;
      out.start[token] = start + offset;
      out.end[token] = end + offset;
      out.expansion[token] = first.expansion;
    } else {
      needsScratch = true;
      out.start[token] = start + state.scratchLength;
      out.end[token] = end + state.scratchLength;
      out.expansion[token] = expansionOf(state, group, at, last);
    }
  }
  if (needsScratch) {
    state.scratch.push(text);
    state.scratchLength += text.length;
  }
}

/** The macro call to name for a token that several made; a continued line counts as a call of no macro. */
function expansionOf(state: UnitState, group: readonly PpToken[], from: number, to: number): number {
  for (let at = from; at <= to; at++) if (group[at]!.expansion >= 0) return group[at]!.expansion;
  const first = group[from]!;
  const last = group[to]!;
  return pushCall(state.out, continuedLine, first.file, first.start, last.end, last.end, -1);
}

const continuedLine: Macro = {
  name: internName('\\'),
  parameters: undefined,
  isVariadic: false,
  body: [],
  definition: undefined,
  isConstant: false,
};
