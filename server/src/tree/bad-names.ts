// Names that dtc's lexer takes but its checks do not let pass: NODECHARS and PROPCHARS of scripts/dtc/checks.c.
import { nameCount } from '../preprocess/names';

export const badForNode = 1;
export const badForProperty = 2;
const isKnown = 4;
let flagsOfNames = new Uint8Array(1 << 14);

/** What a name cannot be the name of, by its number among all names; found out once a name. */
export function nameFlags(number: number, name: string): number {
  if (number >= flagsOfNames.length) {
    const grown = new Uint8Array(Math.max(nameCount(), number + 1) * 2);
    grown.set(flagsOfNames);
    flagsOfNames = grown;
  }
  let flags = flagsOfNames[number]!;
  if (flags === 0) {
    flags = isKnown;
    if (/[*#?]|@.*@/.test(name)) flags |= badForNode;
    if (name.includes('@')) flags |= badForProperty;
    flagsOfNames[number] = flags;
  }
  return flags;
}
