// Every identifier and name in any file becomes a small number once, so that macro look-ups and the tree's keys need no
// new strings. The table only grows; it is a cache of spelling, not state.

const texts: string[] = [''];
let hashes = new Int32Array(1 << 14);
let slots = new Int32Array(1 << 15);

const hashStart = 0x811c9dc5 | 0;

/** Number of the name `text.slice(start, end)`; equal spellings get equal numbers, never 0. */
export function internSlice(text: string, start: number, end: number): number {
  let hash = hashStart;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return internHashed(text, start, end, hash);
}

export function internName(name: string): number {
  return internSlice(name, 0, name.length);
}

/** The spelling of a name; always the same string object for the same number. */
export function nameText(name: number): string {
  return texts[name]!;
}

/** Names known so far; a table indexed by name needs this many places. */
export function nameCount(): number {
  return texts.length;
}

function internHashed(text: string, start: number, end: number, hash: number): number {
  const length = end - start;
  const mask = slots.length - 1;
  let slot = (hash ^ (hash >>> 15)) & mask;
  for (let name = slots[slot]!; name !== 0; name = slots[slot]!) {
    if (hashes[name] === hash) {
      const known = texts[name]!;
      if (known.length === length && text.startsWith(known, start)) return name;
    }
    slot = (slot + 1) & mask;
  }
  const name = texts.length;
  texts.push(ownCopy(text.slice(start, end)));
  if (name >= hashes.length) {
    const more = new Int32Array(hashes.length * 2);
    more.set(hashes);
    hashes = more;
  }
  hashes[name] = hash;
  slots[slot] = name;
  if (texts.length * 2 > slots.length) rehash();
  return name;
}

function rehash(): void {
  slots = new Int32Array(slots.length * 2);
  const mask = slots.length - 1;
  for (let name = 1; name < texts.length; name++) {
    const hash = hashes[name]!;
    let slot = (hash ^ (hash >>> 15)) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = name;
  }
}

/** A slice of 13 characters or more keeps its whole file alive in V8; this one keeps no more than itself. */
function ownCopy(text: string): string {
  return text.length < 13 ? text : ` ${text}`.slice(1);
}
