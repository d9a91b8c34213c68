// dtc's lexer once more, as plainly as scripts/dtc/dtc-lexer.l says it: rules tried side by side, the longest match wins,
// the first rule among equals. Slow, and independent of the lexer that it judges.
import { TokenKind } from '../../server/src/preprocess/token-stream';

export interface ReferenceToken {
  readonly kind: string;
  readonly text: string;
  /** Nothing stands between it and the token before it. */
  readonly touches: boolean;
}

type State = 'initial' | 'value' | 'name' | 'bytes';

interface Rule {
  readonly states: readonly State[];
  readonly pattern: RegExp;
  readonly kind: string | undefined;
  readonly next?: State;
}

const everywhere: readonly State[] = ['initial', 'value', 'name', 'bytes'];
const rule = (pattern: RegExp, kind: string | undefined, next?: State, states = everywhere): Rule => ({
  states,
  pattern: new RegExp(pattern.source, 'y'),
  kind,
  ...(next === undefined ? {} : { next }),
});

const rules: readonly Rule[] = [
  rule(/(?<![^\n])#(?:line)?[ \t]+[0-9]+[ \t]+"(?:[^\\"]|\\[^\n])*"(?:[ \t]+[0-9]+)*/, undefined),
  rule(/"(?:[^\\"]|\\[^\n])*"/, TokenKind.string),
  rule(/\/dts-v1\//, TokenKind.version, 'value'),
  rule(/\/plugin\//, TokenKind.plugin),
  rule(/\/memreserve\//, TokenKind.memreserve, 'value'),
  rule(/\/bits\//, TokenKind.bits, 'value'),
  rule(/\/delete-property\//, TokenKind.deleteProperty, 'name'),
  rule(/\/delete-node\//, TokenKind.deleteNode, 'name'),
  rule(/\/omit-if-no-ref\//, TokenKind.omitIfNoRef, 'name'),
  rule(/[a-zA-Z_][a-zA-Z0-9_]*:/, TokenKind.label),
  rule(/(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:ULL|UL|LL|U|L)?/, TokenKind.number, undefined, ['value']),
  rule(/'(?:\\'|[^'])*'/, TokenKind.character),
  rule(/&[a-zA-Z_][a-zA-Z0-9_]*/, TokenKind.labelReference),
  rule(/&\{[a-zA-Z0-9,._+*#?@/-]*\}/, TokenKind.pathReference),
  rule(/[0-9a-fA-F]{2}/, TokenKind.byte, undefined, ['bytes']),
  rule(/\]/, ']', 'value', ['bytes']),
  rule(/\\?[a-zA-Z0-9,._+*#?@-]+/, TokenKind.name, 'value', ['name']),
  rule(/\/incbin\//, TokenKind.incbin, undefined, ['initial', 'value']),
  rule(/[ \t\n\v\f\r]+/, undefined),
  rule(/\/\*(?:[^*]|\*+[^*/])*\*+\//, undefined),
  rule(/\/\/[^\n]*\n/, undefined),
  rule(/<</, TokenKind.shiftLeft),
  rule(/>>/, TokenKind.shiftRight),
  rule(/<=/, TokenKind.lessOrEqual),
  rule(/>=/, TokenKind.greaterOrEqual),
  rule(/==/, TokenKind.equal),
  rule(/!=/, TokenKind.notEqual),
  rule(/&&/, TokenKind.and),
  rule(/\|\|/, TokenKind.or),
  rule(/\[/, '[', 'bytes'),
  rule(/[{;]/, 'itself', 'name'),
  rule(/[}=<>\](),/?:+\-*%&|^~!]/, 'itself'),
  rule(/[^]/, TokenKind.unknown),
];

/** @param included what `/include/ "NAME"` stands for */
export function lexAsDtc(text: string, included: (name: string) => string = () => ''): ReferenceToken[] {
  const tokens: ReferenceToken[] = [];
  let state: State = 'initial';
  let touches = false;
  const lexText = (source: string): void => {
    for (let at = 0; at < source.length;) {
      const include = /\/include\/[ \t\n\v\f\r]*"((?:[^\\"]|\\[^\n])*)"/y;
      include.lastIndex = at;
      const request = include.exec(source);
      if (request !== null) {
        lexText(included(request[1]!));
        at += request[0].length;
        touches = false;
        continue;
      }
      const { found, length } = longest(source, at, state);
      const matched = source.slice(at, at + length);
      at += length;
      if (found.next !== undefined) state = found.next;
      if (found.kind === undefined) touches = false;
      else {
        const spelled = found.kind === TokenKind.name ? matched.replace(/^\\/, '') : matched;
        tokens.push({ kind: found.kind === 'itself' ? matched : found.kind, text: spelled, touches });
        touches = true;
      }
    }
  };
  lexText(text);
  return withWords(tokens);
}

function longest(text: string, at: number, state: State): { found: Rule; length: number } {
  let found: Rule | undefined;
  let length = 0;
  for (const candidate of rules) {
    if (!candidate.states.includes(state)) continue;
    candidate.pattern.lastIndex = at;
    const matched = candidate.pattern.exec(text)?.[0].length ?? 0;
    if (matched > length) {
      found = candidate;
      length = matched;
    }
  }
  return { found: found!, length };
}

/** Words where dtc has no token for them come out of it letter by letter; here each is one token with what touches it. */
function withWords(tokens: readonly ReferenceToken[]): ReferenceToken[] {
  const result: ReferenceToken[] = [];
  for (let at = 0; at < tokens.length;) {
    let end = at + 1;
    while (end < tokens.length && tokens[end]!.touches && isWordPart(tokens[end - 1]!) && isWordPart(tokens[end]!))
      end++;
    const word = tokens.slice(at, end);
    if (end - at > 1 && word.some(({ kind }) => kind === TokenKind.unknown)) {
      const text = word.map((token) => token.text).join('');
      result.push({ kind: TokenKind.unknown, text, touches: tokens[at]!.touches });
    } else result.push(...word);
    at = end;
  }
  return result;
}

function isWordPart({ kind, text }: ReferenceToken): boolean {
  return kind === TokenKind.number || kind === TokenKind.byte || (text.length === 1 && /[\w,.+*#?@-]/.test(text));
}
