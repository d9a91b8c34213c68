// A file's directives and how its conditionals nest, found once a content. Whether a branch is taken is decided later.
import { type LexedFile, lineStart, PpKind } from './lexer';
import type { Macro, MacroError } from './macros';
import { internName } from './names';
import { oncePer } from '../text/once';

export type DirectiveKind =
  | 'define'
  | 'undef'
  | 'include'
  | 'include_next'
  | 'import'
  | 'if'
  | 'ifdef'
  | 'ifndef'
  | 'elif'
  | 'elifdef'
  | 'elifndef'
  | 'else'
  | 'endif'
  | 'error'
  | 'warning'
  | 'line'
  | 'pragma'
  | 'ignored';

export interface Directive {
  readonly kind: DirectiveKind;
  /** The `#`. */
  readonly hash: number;
  /** First token behind the directive's name; `end` where there is none. */
  readonly operands: number;
  /** One past the last token of its line. */
  readonly end: number;
  /** Conditionals: number of the directive that ends this branch (`#elif`, `#else`, `#endif`), -1 where it is missing. */
  nextBranch: number;
  /** `#define`: the macro, made when the directive is first met. */
  macro?: Macro | MacroError;
}

const kinds = new Map<number, DirectiveKind>();
for (const kind of [
  'define',
  'undef',
  'include',
  'include_next',
  'import',
  'if',
  'ifdef',
  'ifndef',
  'elif',
  'elifdef',
  'elifndef',
] as const)
  kinds.set(internName(kind), kind);
for (const kind of ['else', 'endif', 'error', 'warning', 'line', 'pragma'] as const) kinds.set(internName(kind), kind);
// Known to gcc, without effect here.
for (const name of ['ident', 'sccs', 'assert', 'unassert']) kinds.set(internName(name), 'ignored');

/**
 * The directives of a file in order. In assembler mode gcc takes a line `#word` whose word it does not know as text,
 * which is what lets `#address-cells = <2>;` begin a line (libcpp/directives.cc _cpp_handle_directive). A line marker
 * `# 33 "file"` is text to gcc and nothing to dtc: it is `ignored`.
 */
export const directives: (lexed: LexedFile) => readonly Directive[] = oncePer(findDirectives);

function findDirectives(lexed: LexedFile): Directive[] {
  const { count, kind, flags, start, name } = lexed;
  const { text } = lexed.file;
  const found: Directive[] = [];
  const open: Directive[] = [];
  for (let token = 0; token < count; token++) {
    if ((flags[token]! & lineStart) === 0 || kind[token] !== PpKind.namePunctuation) continue;
    if (text.charCodeAt(start[token]!) !== 35) continue;
    const word = token + 1;
    const sameLine = word < count && (flags[word]! & lineStart) === 0;
    let directive: DirectiveKind | undefined;
    if (!sameLine) directive = 'ignored';
    else if (kind[word] === PpKind.identifier) {
      directive = kinds.get(name[word]!);
    } else if (kind[word] === PpKind.integer && isLineMarker(word)) directive = 'ignored';
    if (directive === undefined) continue;
    let end = word;
    while (end < count && (flags[end]! & lineStart) === 0) end++;
    const entry: Directive = { kind: directive, hash: token, operands: Math.min(word + 1, end), end, nextBranch: -1 };
    const number = found.push(entry) - 1;
    switch (directive) {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        open.push(entry);
        break;
      case 'elif':
      case 'elifdef':
      case 'elifndef':
      case 'else':
        if (open.length > 0) {
          open.pop()!.nextBranch = number;
          open.push(entry);
        }
        break;
      case 'endif':
        if (open.length > 0) open.pop()!.nextBranch = number;
        break;
    }
    token = end - 1;
  }
  return found;

  /** dtc: `#` or `#line`, a number and a file name. `#line 5` without a name is the preprocessor's. */
  function isLineMarker(token: number): boolean {
    return (
      token + 1 < count &&
      kind[token] === PpKind.integer &&
      kind[token + 1] === PpKind.string &&
      (flags[token]! & lineStart) === 0 &&
      (flags[token + 1]! & lineStart) === 0
    );
  }
}
