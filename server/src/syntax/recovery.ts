// What the grammar calls: makers of the tree's nodes where a literal would not do, and the reports of everything that it
// recovers from. `at` is the token that the grammar has come to, so `at - 1` is the last good one.
import { tokenText, type TokenStream } from '../preprocess/token-stream';
import { reportMissingBraces, reportSurplusBrace } from './brace-reports';
import type { BraceRepairs } from './braces';
import { literalU32 } from './literals';
import { checkFirstItem, checkHeaders, checkMemberOrder } from './order';
import { problemAfter, problemAt } from './problems';
import { createReporter, quoted } from './reporter';
import { Shape } from './shape';
import type {
  CellsSyntax,
  HeaderSyntax,
  IncbinSyntax,
  IntegerSyntax,
  MemberSyntax,
  MemoryReserveSyntax,
  NodeSyntax,
  PropertySyntax,
  SyntaxProblem,
  TopLevelItem,
  ValueSyntax,
} from './syntax-tree';

interface Block {
  readonly open: number;
  readonly members: readonly MemberSyntax[];
  readonly close: number;
}

/** Members that follow a block behind a `}` too many; null where a stray was skipped. */
interface Outside {
  readonly members: readonly (MemberSyntax | null)[];
  readonly close: number;
}

export type Recovery = ReturnType<typeof createRecovery>;

/**
 * The grammar's helpers for one unit. `shape` is the one that is parsed, where what nests too deep is blank;
 * `unclosed` is the number of `{` in it that no `}` closes.
 */
export function createRecovery(
  tokens: TokenStream,
  shape: string,
  unclosed: number,
  problems: SyntaxProblem[],
  repairs?: BraceRepairs,
) {
  /** The last token that made the value around it unreadable. */
  let brokenAt = -1;
  let hasSkipped = false;
  let reopened = 0;
  /** How many of the nodes that end before a token have been ended, and before which. */
  let endedAt = -1;
  let ended = 0;
  const endsAt = (at: number): readonly number[] => repairs?.closes.get(at) ?? [];
  const endsHere = (at: number): boolean => endsAt(at).length > (endedAt === at ? ended : 0);
  for (const nodes of repairs?.closes.values() ?? []) unclosed -= nodes.length;

  const reporter = createReporter(tokens, problems);
  const { add, report, missing, unexpected, word, textOf } = reporter;
  const isUnclosed = (): boolean => unclosed > 0 || reopened > 0;

  return {
    unit(
      headers: readonly (readonly HeaderSyntax[])[],
      reservations: readonly MemoryReserveSyntax[],
      tree: readonly (TopLevelItem | null)[],
    ): readonly TopLevelItem[] {
      const items = [...headers.flat(), ...reservations, ...compact(tree)];
      checkHeaders(headers, items, reporter);
      checkFirstItem(items, shape, reporter);
      return items;
    },

    node(
      labels: readonly number[],
      name: number,
      omitIfNoRef: boolean,
      { open, members, close }: Block,
      first: number,
      last: number,
    ): NodeSyntax {
      return { kind: 'node', labels, name, omitIfNoRef, members, open, close, first, last };
    },

    block(open: number, members: readonly (MemberSyntax | null)[], close: number): Block {
      const kept = compact(members);
      checkMemberOrder(kept, shape, reporter);
      return { open, members: kept, close };
    },

    withOutside(block: Block, outside: readonly Outside[]): Block {
      if (outside.length === 0) return block;
      const more = outside.flatMap(({ members }) => compact(members));
      return { ...block, members: [...block.members, ...more], close: outside.at(-1)!.close };
    },

    property(
      labels: readonly number[],
      name: number,
      values: readonly ValueSyntax[],
      first: number,
      last: number,
    ): PropertySyntax {
      return { kind: 'property', labels, name, values, broken: brokenAt >= name, first, last };
    },

    wideCells(bits: number, open: number, first: number, last: number): CellsSyntax | null {
      if (open < 0) return skip();
      if (bits < 0) return { kind: 'cells', bits, first: open, last };
      const width = literalU32(tokens, bits);
      if (width !== 8 && width !== 16 && width !== 32 && width !== 64) {
        report('syntax-bad-bits', bits, bits, 'Array elements must be 8, 16, 32 or 64 bits wide.');
      } else if (width !== 32) {
        for (let at = open; at <= last; at++) {
          const kind = shape.charCodeAt(at);
          if (kind !== Shape.labelReference && kind !== Shape.pathReference) continue;
          const message = `A reference is a 32-bit phandle; these elements are ${width} bits wide.`;
          report('syntax-reference-width', at, at, message);
        }
      }
      return { kind: 'cells', bits, first, last };
    },

    incbin(
      path: number,
      window: { offset: IntegerSyntax | undefined; length: IntegerSyntax | undefined } | null,
      first: number,
      last: number,
    ): IncbinSyntax | null {
      if (path < 0) return skip();
      return { kind: 'incbin', path, offset: window?.offset, length: window?.length, first, last };
    },

    /** `/omit-if-no-ref/` parts are no numbers. */
    prefix(parts: readonly (number | string)[]): { labels: readonly number[]; omitIfNoRef: boolean } {
      const labels = parts.filter((part) => typeof part === 'number');
      return { labels, omitIfNoRef: labels.length < parts.length };
    },

    /** dtc allows no label before a root block. */
    rootLabels(labels: readonly number[]): void {
      if (labels.length === 0) return;
      report('syntax-label-place', labels[0]!, labels.at(-1)!, 'A root block takes no label.');
    },

    referenceLabels(labels: readonly number[]): void {
      if (labels.length < 2) return;
      report('syntax-label-place', labels[1]!, labels.at(-1)!, 'A node by reference takes one label at most.');
    },

    /** Is the word a name that stands where one may, though the lexer, in an unfinished value, could not know? */
    isName(token: number): boolean {
      const text = tokenText(tokens, token);
      if (/^[a-zA-Z0-9,._+*#?@-]+$/.test(text)) {
        let first = token;
        while (shape.charCodeAt(first - 1) === Shape.label) first--;
        const before = problems.at(-1);
        if (before === undefined || before.last < first - 1) unexpected(token, token, 'here');
        return true;
      }
      const next = shape.charCodeAt(token + 1);
      if (next !== Shape.equals && next !== Shape.openBrace && next !== Shape.semicolon) return false;
      report('syntax-bad-name', token, token, `${quoted(text)} is no name: letters, digits and ,._+*#?@- make names.`);
      return true;
    },

    startsLine(token: number): boolean {
      const { text } = tokens.files[tokens.file[token]!]!;
      let at = tokens.start[token]! - 1;
      for (; at >= 0; at--) {
        const code = text.charCodeAt(at);
        if (code !== 0x20 && code !== 0x09) return code === 0x0a || code === 0x0d;
      }
      return true;
    },

    /** Does the token begin where the one before it ends? */
    touches(token: number): boolean {
      return tokens.file[token] === tokens.file[token - 1] && tokens.start[token] === tokens.end[token - 1];
    },

    compact,
    skip,
    isUnclosed,

    missingSemicolon(at: number): void {
      missing('syntax-missing-semicolon', at, ';');
    },

    /** By the lines of the file, a node ends before the token though no `}` says so. */
    endsNode(at: number): boolean {
      return repairs !== undefined && endsHere(at);
    },

    missingBrace(at: number): number {
      if (endsHere(at)) {
        ended = endedAt === at ? ended + 1 : 1;
        endedAt = at;
        if (ended === 1) reportMissingBraces(tokens, at, endsAt(at), reporter);
        return -1;
      }
      if (unclosed > 0) unclosed--;
      missing('syntax-missing-brace', at, '};');
      return -1;
    },

    missingEquals(at: number): void {
      missing('syntax-missing-equals', at, '=');
    },

    missingComma(at: number): void {
      missing('syntax-missing-comma', at, ',');
    },

    missingBranch(at: number): void {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-value', at - 1, 'Expected `:` and what holds where the condition does not.'));
    },

    missingName(at: number): void {
      add(problemAfter('syntax-missing-name', at - 1, 'Expected the name of what to delete here.'));
    },

    missingValue(at: number): null {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-value', at - 1, 'Expected a value before the `,`.'));
      return skip();
    },

    missingBracket(at: number, bracket: string): void {
      brokenAt = at - 1;
      missing('syntax-missing-bracket', at, bracket);
    },

    missingCells(at: number): void {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-bracket', at - 1, 'Expected `<` here.'));
    },

    missingString(at: number): void {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-value', at - 1, 'Expected a file name in quotes here.'));
    },

    missingBits(at: number, last: number): void {
      brokenAt = at - 1;
      if (last < at) add(problemAfter('syntax-bad-bits', at - 1, 'Expected 8, 16, 32 or 64 here.'));
      else report('syntax-bad-bits', at, last, '`/bits/` takes a plain 8, 16, 32 or 64, no expression.');
    },

    missingInteger(at: number): void {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-value', at - 1, 'Expected an integer or an expression in parentheses here.'));
    },

    missingOperand(at: number): void {
      brokenAt = at - 1;
      add(problemAfter('syntax-missing-value', at - 1, 'Expected an operand here.'));
    },

    endOfValues(at: number): void {
      const before = shape.charCodeAt(at - 1);
      if (before !== Shape.equals && before !== Shape.comma) return;
      brokenAt = at - 1;
      const behind = before === Shape.comma ? 'another value behind the `,`' : 'a value behind the `=`';
      add(problemAfter('syntax-missing-value', at - 1, `Expected ${behind}.`));
    },

    unknownWord(first: number, last: number): void {
      broken(first, last);
      word(first, last);
    },

    strayOperand(at: number): void {
      broken(at, at);
      unexpected(at, at, 'in an expression: operands are integers');
    },

    strayOperator(first: number, last: number): void {
      broken(first, last);
      if (first === last && shape.charCodeAt(first) === Shape.ampersand) {
        add(problemAfter('syntax-missing-name', first, 'Expected a label or `{/path}` behind `&`.'));
        return;
      }
      const message = `${textOf(first, last)} in a cell list: an expression there needs parentheses around it.`;
      report('syntax-unparenthesised', first, last, message);
    },

    strayComma(at: number): void {
      broken(at, at);
      report('syntax-unexpected', at, at, 'Unexpected `,`: blanks separate the cells between `<` and `>`.');
    },

    stringInCells(at: number): void {
      broken(at, at);
      report('syntax-unexpected', at, at, 'Unexpected string: strings stand outside of `<` and `>`.');
    },

    strayBytes(first: number, last: number): void {
      broken(first, last);
      report('syntax-bad-byte', first, last, `${textOf(first, last)} in a byte string: each byte is two hex digits.`);
    },

    strayValue(first: number, last: number): null {
      broken(first, last);
      const kind = shape.charCodeAt(first);
      if (kind === Shape.number || kind === Shape.character || kind === Shape.openParen) {
        report('syntax-unexpected', first, last, `${textOf(first, last)} stands alone: integers need \`<\` and \`>\`.`);
      } else {
        word(first, last);
      }
      return skip();
    },

    /** What nests too deep has been reported, and makes the value around it unknown; a `}` too many is reported here. */
    blank(first: number, last: number): null {
      const node = repairs?.surplus.get(first);
      if (node === undefined) broken(first, first);
      else reportSurplusBrace(tokens, first, last, node, reporter);
      return skip();
    },

    /** Reports tokens without a meaning; gives the null that stands for them in a list of members. */
    stray(first: number, last: number, where: string): null {
      broken(first, last);
      let end = last;
      while (end > first && shape.charCodeAt(end) === Shape.semicolon) end--;
      if (shape.charCodeAt(first) === Shape.label && end === first) {
        report('syntax-label-place', first, end, `${textOf(first, end)} labels nothing.`);
      } else {
        unexpected(first, end, where);
      }
      return skip();
    },

    /** It stays a member: the merge knows that it is meant for the top level. */
    nestedReference(name: number): void {
      const message = `${textOf(name, name)} opens a node at top level only, not inside of another node.`;
      report('syntax-nested-reference', name, name, message);
    },

    deleteForm(at: number, what: string): void {
      report('syntax-delete-form', at, at, `${what}, not like ${textOf(at, at)}.`);
    },

    namelessBlock(at: number): void {
      report('syntax-missing-name', at, at, 'Expected a name before `{`.');
      hasSkipped = true;
    },

    misplaced<Item extends HeaderSyntax | MemoryReserveSyntax>(item: Item): Item {
      if (item.kind === 'memreserve') {
        const message = '`/memreserve/` must stand before the first node.';
        report('syntax-misplaced-reservation', item.first, item.last, message);
      } else {
        const message =
          item.kind === 'plugin'
            ? '`/plugin/;` must directly follow `/dts-v1/;`.'
            : '`/dts-v1/;` must stand at the beginning, before everything else.';
        report('syntax-misplaced-header', item.first, item.last, message);
      }
      return item;
    },

    /** A member stands outside: what follows belongs to the block before, or to none. */
    reopen(at: number): void {
      reopened++;
      hasSkipped = true;
      let name = at;
      while (shape.charCodeAt(name) === Shape.label) name++;
      const message = `${textOf(name, name)} stands outside of any node: a \`}\` too many comes before it, or a \`/ {\` is missing.`;
      report('syntax-outside-node', at, name, message);
    },

    closeReopened(): void {
      reopened--;
    },

    strayBrace(first: number, last: number): null {
      add({ ...problemAt('syntax-stray-brace', first, 'This `}` closes nothing.', last), isSurplus: true });
      return skip();
    },

    halfReference(first: number, last: number): null {
      add(problemAfter('syntax-missing-brace', last, `Expected \`{\` behind ${textOf(first, last)}.`));
      return skip();
    },
  };

  function compact<Item>(items: readonly (Item | null)[]): readonly Item[] {
    return hasSkipped ? items.filter((item) => item !== null) : (items as readonly Item[]);
  }

  function skip(): null {
    hasSkipped = true;
    return null;
  }

  /** Marks the value that holds these tokens as unreadable. */
  function broken(first: number, last: number): void {
    brokenAt = Math.max(brokenAt, first, last);
  }
}
