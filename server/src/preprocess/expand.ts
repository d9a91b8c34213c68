// Macro expansion as gcc does it (libcpp/macro.cc): a stack of token lists, macros that are at work are not expanded
// again, arguments are expanded on their own first, and blanks come out where gcc puts them.
import { PpKind } from './lexer';
import type { BodyToken, Builtin, Macro } from './macros';
import { made, paste, stringified } from './pasting';
import { copyToken, type PpToken } from './pp-token';

/** Where tokens come from when the macros at work have no more: a file, or nothing. */
export interface TokenFeed {
  /** The next token, undefined at the end. Directives on the way are obeyed. */
  next: () => PpToken | undefined;
  /** Whether the next token, on this line or a later one, is `(`. */
  opensParenthesis: () => boolean;
  /** Where the feed stands, and going back there: a call without its `)` must not eat the file. */
  mark: () => () => void;
}

export interface ExpansionContext {
  readonly macros: readonly (Macro | undefined)[];
  /** Macros at work, with how often. */
  readonly active: Map<Macro, number>;
  readonly recordCall: (macro: Macro, name: PpToken, wholeEnd: PpToken) => number;
  readonly fileNumber: (macro: Macro) => number;
  readonly builtin: (builtin: Builtin) => string;
  readonly problem: (rule: string, at: PpToken, message: string) => void;
  /** Tokens that may still be made before the unit is given up as a bomb. */
  budget: number;
  /** How many arguments of arguments are being expanded. */
  depth: number;
}

/** Each level is a recursion of ours; gcc's stack is deeper, but no header's macros are. */
const deepestArgument = 500;

interface TokenList {
  readonly tokens: readonly PpToken[];
  at: number;
  readonly macro: Macro | undefined;
}

export interface Expander {
  readonly context: ExpansionContext;
  readonly feed: TokenFeed;
  readonly lists: TokenList[];
  mayPaste: boolean;
  space: boolean;
}

export const noFeed: TokenFeed = {
  next: () => undefined,
  opensParenthesis: () => false,
  mark: () => () => undefined,
};

export function expander(context: ExpansionContext, feed: TokenFeed): Expander {
  return { context, feed, lists: [], mayPaste: false, space: false };
}

/** One that has nothing to read but a list. */
export function expanderOf(context: ExpansionContext, tokens: readonly PpToken[]): Expander {
  const run = expander(context, noFeed);
  run.lists.push({ tokens, at: 0, macro: undefined });
  return run;
}

/** Whether tokens of an expansion are still to come. */
export function isExpanding(expander: Expander): boolean {
  return expander.lists.some((list) => list.at < list.tokens.length);
}

/** All tokens of a list, expanded. */
export function expandAll(context: ExpansionContext, tokens: readonly PpToken[]): PpToken[] {
  if (context.depth >= deepestArgument) {
    const [first] = tokens;
    if (first !== undefined) {
      context.problem('macro-too-large', first, `Macro calls are nested more than ${deepestArgument} levels deep`);
    }
    return [...tokens];
  }
  const run = expanderOf(context, tokens);
  const expanded: PpToken[] = [];
  context.depth++;
  for (let token = nextExpanded(run); token !== undefined; token = nextExpanded(run)) expanded.push(token);
  context.depth--;
  return expanded;
}

/** The next token with macros expanded, undefined at the end of the feed. */
export function nextExpanded(run: Expander): PpToken | undefined {
  const { context } = run;
  for (;;) {
    const token = nextUnexpanded(run);
    if (token?.kind !== PpKind.identifier || token.isPainted) return token;
    const macro = context.macros[token.name];
    if (macro === undefined) return token;
    if (context.active.has(macro)) return { ...token, isPainted: true };
    if (context.budget <= 0) return token;
    const body = call(run, macro, token);
    if (body === undefined) return token;
    context.budget -= body.length + 1;
    if (context.budget <= 0) {
      if (context.budget > -Infinity) {
        const message = 'The macros of this unit expand to hundreds of thousands of tokens; expansion stops here';
        context.problem('macro-too-large', token, message);
      }
      context.budget = -Infinity; // said once, not by each of the calls around it
      return token;
    }
    if (body.length === 0) {
      // Nothing comes out, but a blank before the name stays.
      run.space ||= token.space;
      run.mayPaste = true;
      continue;
    }
    body[0]!.space = token.space;
    body[0]!.mayPaste = true;
    context.active.set(macro, (context.active.get(macro) ?? 0) + 1);
    run.lists.push({ tokens: body, at: 0, macro });
  }
}

/** The next token as it is, whatever it names. */
export function nextUnexpanded(run: Expander): PpToken | undefined {
  for (;;) {
    const list = run.lists.at(-1);
    let token: PpToken | undefined;
    if (list === undefined) token = run.feed.next();
    else if (list.at < list.tokens.length) token = list.tokens[list.at++];
    else {
      leave(run);
      continue;
    }
    if (token === undefined) return undefined;
    if (run.mayPaste || run.space) {
      token = copyToken(token, token.space || run.space, token.mayPaste || run.mayPaste);
      run.mayPaste = false;
      run.space = false;
    }
    return token;
  }
}

function leave(run: Expander): void {
  const { macro } = run.lists.pop()!;
  run.mayPaste = true;
  if (macro === undefined) return;
  const uses = run.context.active.get(macro)!;
  if (uses === 1) run.context.active.delete(macro);
  else run.context.active.set(macro, uses - 1);
}

/** Ends all expansions, so that the macros at work may be used again. */
export function leaveAll(run: Expander): void {
  while (run.lists.length > 0) leave(run);
}

function opensParenthesis(run: Expander): boolean {
  for (let at = run.lists.length - 1; at >= 0; at--) {
    const list = run.lists[at]!;
    if (list.at < list.tokens.length) return list.tokens[list.at]!.text === '(';
  }
  return run.feed.opensParenthesis();
}

/** What a macro's name stands for here; undefined where it is no call. */
function call(run: Expander, macro: Macro, name: PpToken): PpToken[] | undefined {
  const { context } = run;
  if (macro.builtin !== undefined) {
    const expansion = context.recordCall(macro, name, name);
    return made(context.builtin(macro.builtin), name.space, expansion);
  }
  if (macro.parameters === undefined) {
    return substitute(context, macro, [], context.recordCall(macro, name, name));
  }
  if (!opensParenthesis(run)) return undefined;
  const parsed = readArguments(run, macro, name);
  if (parsed === undefined) return undefined;
  const expansion = context.recordCall(macro, name, parsed.close);
  return substitute(context, macro, parsed.arguments, expansion);
}

function readArguments(
  run: Expander,
  macro: Macro,
  name: PpToken,
): { arguments: PpToken[][]; close: PpToken } | undefined {
  const { context } = run;
  const goBack = run.feed.mark();
  const parameters = macro.parameters!;
  const variadicAt = macro.isVariadic ? parameters.length - 1 : -1;
  nextUnexpanded(run);
  const found: PpToken[][] = [[]];
  let depth = 0;
  let close: PpToken | undefined;
  for (let collected = 0; ; collected++) {
    const token = nextUnexpanded(run);
    if (token === undefined || collected > 1_000_000) break;
    if (token.text === '(') depth++;
    else if (token.text === ')') {
      if (depth === 0) {
        close = token;
        break;
      }
      depth--;
    } else if (token.text === ',' && depth === 0 && found.length - 1 !== variadicAt) {
      found.push([]);
      continue;
    }
    const argument = found.at(-1)!;
    if (token.kind === PpKind.identifier && context.active.size > 0) {
      const used = context.macros[token.name];
      if (used !== undefined && context.active.has(used)) token.isPainted = true;
    }
    argument.push(token);
  }
  if (close === undefined) {
    context.problem('macro-call-unterminated', name, `The call of macro ${name.text} has no closing parenthesis`);
    goBack();
    return undefined;
  }
  const given = found.length === 1 && found[0]!.length === 0 && parameters.length !== 1 ? 0 : found.length;
  const needed = macro.isVariadic ? parameters.length - 1 : parameters.length;
  if (given < needed) {
    const message = `Macro ${name.text} needs ${needed} argument${needed === 1 ? '' : 's'}, but is given ${given}`;
    context.problem('macro-argument-count', name, message);
    return undefined;
  }
  if (given > parameters.length) {
    const message = `Macro ${name.text} takes ${parameters.length} argument${parameters.length === 1 ? '' : 's'}, but is given ${given}`;
    context.problem('macro-argument-count', name, message);
    return undefined;
  }
  return { arguments: found, close };
}

/** The body of a macro with its arguments in place (libcpp replace_args). */
function substitute(
  context: ExpansionContext,
  macro: Macro,
  args: readonly (readonly PpToken[])[],
  expansion: number,
): PpToken[] {
  const result: PpToken[] = [];
  const file = context.fileNumber(macro);
  const expanded: (PpToken[] | undefined)[] = [];
  const body = wantedBody();
  let pastesLeft = false;
  /** An argument just ended: the next token may touch it. */
  let afterArgument = false;
  for (let index = 0; index < body.length; index++) {
    const part = body[index]!;
    let added: PpToken[];
    if (part.parameter < 0) {
      const { lexed, token } = part;
      const start = lexed.start[token]!;
      const end = lexed.end[token]!;
      added = [
        {
          kind: part.kind,
          name: part.name,
          text: lexed.file.text.slice(start, end),
          file,
          start,
          end,
          space: part.space,
          hasOwnSpace: part.space,
          mayPaste: afterArgument,
          isPainted: false,
          expansion,
        },
      ];
      afterArgument = false;
    } else {
      const argument = args[part.parameter] ?? [];
      if (part.isStringified) {
        added = made(stringified(argument), part.space, expansion);
        afterArgument = false;
      } else if (pastesLeft || part.pastesRight) {
        const swallowsComma =
          pastesLeft &&
          macro.isVariadic &&
          part.parameter === macro.parameters!.length - 1 &&
          result.at(-1)?.text === ',';
        if (swallowsComma) {
          // GNU: `, ## __VA_ARGS__` drops the comma where the variable arguments are left out, and pastes nothing else.
          pastesLeft = false;
          const isLeftOut = args.length < macro.parameters!.length || (args.length === 1 && argument.length === 0);
          if (isLeftOut) result.pop();
          added = copies(argument);
        } else {
          added = copies(argument);
          if (!pastesLeft && added.length > 0) added[0]!.space = part.space;
        }
        afterArgument = !part.pastesRight;
      } else {
        added = copies((expanded[part.parameter] ??= expandAll(context, argument)));
        if (added.length > 0) {
          if (index > 0) added[0]!.space = part.space;
          added[0]!.mayPaste = true;
        }
        afterArgument = true;
      }
      for (const token of added) if (token.expansion < 0) token.expansion = expansion;
    }
    if (pastesLeft && result.length > 0 && added.length > 0 && result.at(-1) !== pasteMark) {
      const left = result.pop()!;
      const pasted = paste(left, added[0]!, expansion);
      if (pasted === undefined) result.push(left);
      else added[0] = pasted;
    }
    if (result.at(-1) === pasteMark) result.pop();
    for (const token of added) result.push(token);
    // An empty left side: what follows is not pasted to what stands before it.
    if (part.pastesRight && added.length === 0 && !pastesLeft) result.push(pasteMark);
    pastesLeft = part.pastesRight;
    context.budget -= added.length;
    if (context.budget <= 0) break;
  }
  return result.filter((token) => token !== pasteMark);

  /** gcc asks whether anything is left of the variable arguments once they are expanded (libcpp vaopt_state). */
  function wantedBody(): readonly BodyToken[] {
    if (macro.bodyWithoutOptional === undefined) return macro.body;
    const variable = macro.parameters!.length - 1;
    const left = (expanded[variable] = expandAll(context, args[variable] ?? []));
    return left.length === 0 ? macro.bodyWithoutOptional : macro.body;
  }
}

/** Stands for an empty argument beside `##` (C11 6.10.3.3: a placemarker). */
const pasteMark: PpToken = Object.freeze({
  kind: PpKind.punctuation,
  name: 0,
  text: '',
  file: 0,
  start: 0,
  end: 0,
  space: false,
  hasOwnSpace: false,
  mayPaste: false,
  isPainted: false,
  expansion: -1,
});

/** An argument's tokens to put in place: the first one has lost the blank of what it replaced. */
function copies(tokens: readonly PpToken[]): PpToken[] {
  return tokens.map((token, index) =>
    index === 0 ? copyToken(token, token.hasOwnSpace, false) : copyToken(token, token.space, token.mayPaste),
  );
}
