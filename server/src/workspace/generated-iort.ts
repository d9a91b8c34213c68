// The IORT of a board that a devicetree describes, as text for people and as bytes.
import { buildIort } from '../acpi/iort/build';
import { decodeIort } from '../acpi/iort/decode';
import type { TextStyle } from '../acpi/layout/field';
import { printTable } from '../acpi/text/print';
import type { KernelProfile } from '../iova/kernel-profile';
import { topologyFromTree } from '../topology/from-tree';
import { iortFromTree, type AcpiObjects, type Note, type NoteKind } from '../topology/to-iort';
import type { DeviceTree } from '../tree/model';

export interface GenerateOptions {
  /** Of the table. */
  readonly revision: number;
  readonly style: TextStyle;
  readonly objects: AcpiObjects;
  /** By whose rules the tree is read where kernels differ. */
  readonly kernel: KernelProfile;
  /** What the tree is called in the text. */
  readonly name: string;
}

export type GenerateResult = Generated | { readonly problem: string };

export interface Generated {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly notes: readonly Note[];
  /** Paths of devices that would have nodes, had the objects names for them. */
  readonly unnamed: readonly string[];
}

export function generateIort(tree: DeviceTree, options: GenerateOptions): GenerateResult {
  const { revision, style, objects, kernel, name } = options;
  const settings = { revision, objects, mapRule: kernel.mapRule, busRule: kernel.busRule };
  const { draft, origins, notes, unnamed } = iortFromTree(tree, topologyFromTree(tree), settings);
  if (draft.nodes.length === 0) return { problem: 'describes neither SMMUs nor an ITS: there is nothing for an IORT' };
  const built = buildIort(draft);
  if ('problem' in built) return { problem: `${origins[built.node] ?? 'a node'}: ${built.problem}` };
  const { bytes } = built;
  return { bytes, text: withComments(bytes, printTable(bytes, { style }), name, origins, notes), notes, unnamed };
}

export const noteTitles: Readonly<Record<NoteKind, string>> = {
  lost: 'not carried over',
  assumed: 'assumed',
  elsewhere: 'for other tables',
};

/** The order in which people should read them. */
export const noteKinds: readonly NoteKind[] = ['lost', 'assumed', 'elsewhere'];

/**
 * The text with each node's origin in front of it. What the table does not say stands behind the header, however long it is: a text
 * is known by the lines that it begins with.
 */
function withComments(
  bytes: Uint8Array,
  text: string,
  name: string,
  origins: readonly string[],
  notes: readonly Note[],
): string {
  const offsets = decodeIort(bytes).nodes.map(({ offset }) => offset);
  const origin = new Map(offsets.map((offset, index) => [offset, origins[index] ?? '']));
  const lines = text.split('\n').flatMap((line) => {
    const found = /^\[([0-9A-F]{3,8})h [^\]]*\][ \t]+(?:Type|Subtable Type) : /.exec(line)?.[1];
    const offset = found === undefined ? undefined : Number.parseInt(found, 16);
    const path = offset === undefined ? undefined : origin.get(offset);
    if (path === undefined) return [line];
    return [...(offset === offsets[0] ? listing(notes) : []), `/* ${asComment(path)} */`, line];
  });
  return `/*\n * ${asComment(`The IORT of the machine that ${name} describes, made by doorbell iort generate.`)}\n */\n\n${lines.join('\n')}`;
}

function listing(notes: readonly Note[]): string[] {
  const listed = noteKinds.flatMap((kind) => {
    const some = notes.filter((each) => each.kind === kind);
    if (some.length === 0) return [];
    return [`${noteTitles[kind]}:`, ...some.map(({ node, message }) => `  ${node}: ${message}`)];
  });
  return listed.length === 0 ? [] : ['/*', ...listed.map((line) => ` * ${asComment(line)}`), ' */', ''];
}

const plainLetters: ReadonlyMap<string, string> = new Map([
  ['–', '-'],
  ['’', "'"],
  ['“', '"'],
  ['”', '"'],
]);

/** iasl takes a text with any byte beyond ASCII for a binary, and a line with `Raw Table Data` for the end. */
function asComment(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, (letter) => plainLetters.get(letter) ?? '?')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *')
    .replaceAll('Raw Table Data', 'Raw_Table_Data');
}
