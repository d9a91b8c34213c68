// The map from nodes of a devicetree to what ACPI calls them: a file that people write beside the tree. It is JSON, or lines of a
// node and its object:
//
//     { "/soc/usb@3100000": "\\_SB_.USB0", "&its0": 1, "pcie1": 2 }
//
//     # node            object, GIC ITS ID or PCI segment
//     &usb0             \_SB_.USB0
import { nodeByReference, nodePath, stringValue } from '../tree/navigate';
import type { DeviceTree, DtNode } from '../tree/model';
import type { AcpiObjects } from '../topology/to-iort';

export interface ReadObjects extends AcpiObjects {
  /** What could not be understood, one sentence each. */
  readonly problems: readonly string[];
}

export const noObjects: ReadObjects = { names: new Map(), numbers: new Map(), problems: [] };

/** Nodes by path, label or alias, with or without `&`. */
export function readAcpiObjects(text: string, tree: DeviceTree): ReadObjects {
  const entries = text.trimStart().startsWith('{') ? jsonEntries(text) : lineEntries(text);
  if ('error' in entries) return { ...noObjects, problems: [entries.error] };
  const names = new Map<string, string>();
  const numbers = new Map<string, number>();
  const problems: string[] = [];
  for (const [reference, value] of entries) {
    const node = find(tree, reference);
    if (node === undefined) {
      problems.push(`${reference}: there is no such node`);
      continue;
    }
    const path = nodePath(node);
    const number = numberOf(value);
    if (number !== undefined) {
      numbers.set(path, number);
      continue;
    }
    const name = typeof value === 'string' ? paddedName(value) : undefined;
    if (name === undefined) {
      problems.push(
        `${reference}: ${JSON.stringify(value)} is no object of the ACPI namespace (\\_SB_.USB0), and no number`,
      );
      continue;
    }
    const taken = [...names].find(([, other]) => other === name);
    if (taken !== undefined) problems.push(`${reference}: ${name} is ${taken[0]} already`);
    else names.set(path, name);
  }
  return { names, numbers, problems };
}

type Entries = readonly (readonly [reference: string, value: unknown])[];

function jsonEntries(text: string): Entries | { readonly error: string } {
  try {
    const value: unknown = JSON.parse(text);
    return flatEntries(value);
  } catch (error) {
    return { error: `it is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** People may put their entries in groups of any name. */
function flatEntries(value: unknown): Entries {
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? flatEntries(inner) : [[key, inner] as const],
  );
}

/** Between a node and its object: blanks, `=` or `:`, which no node's name has; quotes do not matter. */
const parts = /^["']?([^\s"'=:]+)["']?(?:\s*[=:]\s*|\s+)["']?([^\s"']+)["']?/;

function lineEntries(text: string): Entries {
  return text.split(/\r?\n/).flatMap((line) => {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) return [];
    const found = parts.exec(content);
    return [found === null ? ([content, ''] as const) : ([found[1]!, found[2]!] as const)];
  });
}

function find(tree: DeviceTree, reference: string): DtNode | undefined {
  const name = reference.replace(/^&(?:\{(.*)\}$)?/, '$1');
  const aliases = tree.root.children.get('aliases');
  const alias = aliases && stringValue(aliases, name);
  return nodeByReference(tree, name) ?? (alias === undefined ? undefined : nodeByReference(tree, alias));
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^(?:0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 0xffffffff
    ? number
    : undefined;
}

const segment = /^[A-Z_][A-Z0-9_]{0,3}$/;

/** The full path in segments of four characters, as Linux compares it; undefined for what is no path. */
export function paddedName(text: string): string | undefined {
  const segments = text.toUpperCase().replace(/^\\/, '').split('.');
  if (!segments.every((each) => segment.test(each))) return undefined;
  return `\\${segments.map((each) => each.padEnd(4, '_')).join('.')}`;
}

/** Names for nodes that have none: four letters of what the node is called, made different by numbers. */
export function proposeNames(
  nodes: readonly DtNode[],
  taken: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const used = new Set(taken.values());
  const proposed = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const letters =
      node.name
        .toUpperCase()
        .replace(/@.*$/, '')
        .replace(/[^A-Z]/g, '')
        .slice(0, 3) || 'DEV';
    let number = counts.get(letters) ?? 0;
    while (used.has(proposedName(letters, number))) number++;
    const name = proposedName(letters, number);
    used.add(name);
    counts.set(letters, number + 1);
    proposed.set(nodePath(node), name);
  }
  return proposed;
}

/** `USB0`, `US10`, `U100`; more than there is room for go below objects of their own. */
function proposedName(letters: string, number: number): string {
  const digits = (number & 0xfff).toString(16).toUpperCase();
  const last = `${letters.slice(0, 4 - digits.length)}${digits}`.padEnd(4, '_');
  const above = number >> 12;
  return above === 0 ? `\\_SB_.${last}` : `\\_SB_.B${above.toString(16).toUpperCase().padStart(3, '0')}.${last}`;
}

/** The map as a file that `readAcpiObjects` reads. */
export function printAcpiObjects({ names, numbers }: AcpiObjects): string {
  return `${JSON.stringify(Object.fromEntries([...names, ...numbers]), undefined, 2)}\n`;
}
