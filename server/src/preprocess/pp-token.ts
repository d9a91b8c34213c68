import type { PpKind } from './lexer';

/** A preprocessing token on its way through macros. */
export interface PpToken {
  kind: PpKind;
  name: number;
  /** Text as it is read, without continued lines. */
  text: string;
  /** Where it is spelled; file 0 for a token that expansion made. */
  file: number;
  start: number;
  end: number;
  /** A blank is due before it: its own, or that of the macro name or parameter in whose place it stands. */
  space: boolean;
  /** White space stands before it where it is spelled. */
  readonly hasOwnSpace: boolean;
  /** It came next to the token before it through an expansion: a blank is due where the two would be read as one. */
  mayPaste: boolean;
  /** A macro's name inside its own expansion. */
  isPainted: boolean;
  /** Number of the call that made it, -1. */
  expansion: number;
}

/** A copy with other blanks before it. Field by field: a spread costs several times as much, and boards make thousands. */
export function copyToken(token: PpToken, space: boolean, mayPaste: boolean): PpToken {
  return {
    kind: token.kind,
    name: token.name,
    text: token.text,
    file: token.file,
    start: token.start,
    end: token.end,
    space,
    hasOwnSpace: token.hasOwnSpace,
    mayPaste,
    isPainted: token.isPainted,
    expansion: token.expansion,
  };
}
