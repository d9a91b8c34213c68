// Named components: their names, and what stands between name and mappings.
import { lineEndAt } from '../../text/source-file';
import { contentOf } from '../../acpi/iort/decoded-node';
import type { NamedComponentNode, Value } from '../../acpi/iort/model';
import type { Change, Fix, TextEdit } from '../../text/diagnostic';
import { count, hex } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { movedReferences, setFix, valueEdits, type NewValue } from './edits';
import { finding, nodeRevision, nodesOf, placeOf, theNode } from './finding';
import { raiseFix } from './nodes';
import { amendment, firmwareTestSuite, iaslDisassembler, linux, specification } from './sources';

const objectPath = /^\\[A-Z_][A-Z0-9_]{3}(?:\.[A-Z_][A-Z0-9_]{3})*$/;

/** The name with segments of four characters, as the namespace has it; undefined where that is not all that is wrong. */
function padded(name: string): string | undefined {
  const segments = name.replace(/^\\/, '').toUpperCase().split('.');
  // Of a segment alone nobody knows below which object it is; an empty one stands for something that is missing.
  if (segments.includes('') || (segments.length === 1 && !name.startsWith('\\'))) return undefined;
  const path = `\\${segments.map((segment) => segment.padEnd(4, '_')).join('.')}`;
  return path !== name && objectPath.test(path) ? path : undefined;
}

export const iortNcName: TableRule = {
  id: 'iort-nc-name',
  severity: 'error',
  summary: 'A named component’s name is no path of an object, or two have the same',
  docs: {
    effect:
      'Linux never finds the node for the device: no IOMMU, no MSIs, no address limit. Of two nodes with one name the first counts (a warning).',
    why: 'Linux compares the name byte for byte with the device’s full path as ACPICA gives it: a backslash and segments of four characters, filled up with `_` and joined by dots, as in `\\_SB_.DMA0`. Shorter segments as in `\\_SB.DMA0` are ASL’s way of writing and match nothing; tables that were made for Windows have them.',
    fix: 'Write the full path with padded segments.',
    sources: [linux('iort_match_node_callback'), firmwareTestSuite, specification('named component node')],
    example: {
      failing: amendment('Named component DMA0', 'Device Name : "\\_SB.DMA0"', 'Padding : 00 00 00 00 00'),
      corrected: amendment('Named component DMA0', 'Device Name : "\\_SB_.DMA0"', 'Padding : 00 00 00 00'),
    },
  },
  prerequisites: ['iort-node-too-short', 'iort-mapping-outside-node'],
  sight: (node) => (node.kind === 'named-component' ? node.values.deviceName?.text : undefined),
  *check(input) {
    if (havePathsOfTheirOwn(input)) return;
    const unterminated = new Set(
      input.table.problems.filter(({ code }) => code === 'name-unterminated').map(({ offset }) => offset),
    );
    const first = new Map<string, NamedComponentNode>();
    for (const node of nodesOf(input, 'named-component')) {
      const { deviceName } = node.values;
      if (deviceName === undefined) continue;
      const name = deviceName.text ?? '';
      const isOpen = unterminated.has(deviceName.offset);
      const wrong = wrongName(name, isOpen);
      if (wrong !== undefined) {
        const better = isOpen ? undefined : padded(name);
        const fixes = better === undefined ? [] : [renameFix(input, node, deviceName, better)];
        yield finding(input, deviceName, node, `The name of the named component at ${hex(node.offset)} ${wrong}`, {
          fixes,
        });
        continue;
      }
      const known = first.get(name);
      if (known === undefined) {
        first.set(name, node);
        continue;
      }
      const message = `The named components at ${hex(known.offset)} and ${hex(node.offset)} are both called ${name}: Linux uses the first`;
      const evidence = evidenceAt([
        known.values.deviceName && placeOf(input, known.values.deviceName),
        'The one that counts',
      ]);
      yield finding(input, deviceName, node, message, { severity: 'warning', evidence });
    }
  },
};

/** Nothing is wrong, as mostly: told without values, of which a large table has thousands. */
function havePathsOfTheirOwn({ table }: TableInput): boolean {
  if (table.problems.length > 0) return false;
  const nodes = nodesOf(table, 'named-component');
  const met = new Set<string>();
  for (const node of nodes) {
    const { name } = contentOf(node);
    if (!objectPath.test(name)) return false;
    met.add(name);
  }
  return met.size === nodes.length;
}

/** What is wrong with the path of an object that Linux compares, to stand behind its subject; undefined for a right one. */
export function wrongName(name: string, isOpen: boolean): string | undefined {
  if (isOpen) return 'has no NUL inside the node: Linux compares on into the mappings';
  if (name === '') return 'is empty: no device has it';
  if (objectPath.test(name)) return undefined;
  const shown = name.replace(/[^ -~]/g, '?');
  return `is “${shown}”, ${flawOf(shown)}: Linux compares byte for byte with a path as \\_SB_.DEV0`;
}

/** What keeps a name from being the path of an object, by its first flaw. */
function flawOf(name: string): string {
  if (name === '\\') return 'which names the root';
  if (!name.startsWith('\\')) return 'no path from the root (\\)';
  const segments = name.slice(1).split('.');
  if (segments.includes('')) return 'with an empty segment';
  const long = segments.find(({ length }) => length > 4);
  if (long !== undefined) return `with the segment “${long}”, of more than four characters`;
  const odd = segments.find((segment) => /[^A-Za-z0-9_]/.test(segment));
  if (odd !== undefined) return `with the segment “${odd}”, with characters that no name has`;
  const digit = segments.find((segment) => /^[0-9]/.test(segment));
  if (digit !== undefined) return `with the segment “${digit}”, which begins with a digit`;
  const short = segments.find(({ length }) => length < 4);
  if (short !== undefined) return `with the segment “${short}”, of fewer than four characters`;
  return 'with letters in lower case';
}

/** Bytes between the end of the name (its NUL included) and what follows it: the mappings, or the node's end. */
function paddingOf(node: NamedComponentNode, name: Value): { readonly start: number; readonly end: number } {
  const start = name.offset + name.size;
  const { mappingOffset } = node.header;
  const end = node.mappings.length > 0 ? node.offset + Number(mappingOffset.value) : node.end;
  return { start, end: Math.max(start, end) };
}

function renameFix(input: TableInput, node: NamedComponentNode, name: Value, newName: string): Fix {
  return { title: `Write ${newName}`, isPreferred: true, change: () => nameChange(input, node, name, newName) };
}

/** The name and its padding written anew: to a multiple of 4 with one byte of padding at least, as iasl can show it. */
function nameChange(input: TableInput, node: NamedComponentNode, name: Value, newName: string): Change {
  const { document } = input;
  const { file, syntax } = document;
  const line = syntax.fields.find(({ offset, field }) => offset === name.offset && field.kind === 'name')?.line;
  if (line === undefined) return { edits: [] };
  const padding = paddingOf(node, name);
  const nameEnd = name.offset - node.offset + newName.length + 1;
  const room = padding.end - node.offset - nameEnd;
  // What was there is enough, if it is aligned: then nothing moves.
  const size = room >= 1 && (nameEnd + room) % 4 === 0 ? room : 4 - (nameEnd % 4);
  const growth = nameEnd + size - (padding.end - node.offset);
  const bytes = Array.from({ length: size }, () => '00').join(' ');
  const edits: TextEdit[] = [{ file, start: line.valueStart, end: line.valueEnd, newText: `"${newName}"` }];
  const own = syntax.fields.find(
    ({ field, structure }) => field.name === 'padding' && structure?.offset === node.offset,
  );
  if (own === undefined) {
    const lineEnd = file.text.slice(0, line.end).endsWith('\r') ? line.end - 1 : line.end;
    const label = 'Padding : '.padStart(line.nameEnd - lineStart(file.text, line.nameStart) + 3);
    edits.push({
      file,
      start: lineEnd,
      end: lineEnd,
      newText: `${lineEndAt(file.text, line.end)}${label}${bytes}`,
    });
  } else {
    edits.push({ file, start: own.line.valueStart, end: own.line.valueEnd, newText: bytes });
  }
  const changes: NewValue[] = movedReferences(input, node.end, growth);
  if (node.mappings.length > 0) {
    changes.push([node.header.mappingOffset, node.header.mappingOffset.value + BigInt(growth)]);
  }
  changes.push([node.header.length, node.header.length.value + BigInt(growth)]);
  return { edits: [...edits, ...(growth === 0 ? [] : changes.flatMap((change) => valueEdits(input, ...change)))] };
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

export const iortNcPadding: TableRule = {
  id: 'iort-nc-padding',
  severity: 'warning',
  summary: 'A named component’s mappings are unaligned, or follow its name directly',
  docs: {
    effect:
      'Unaligned mappings are against the specification; Linux reads them, other readers need not. Where mappings follow the name without a byte between them (a note: it is common and right), iasl’s disassembler prints “Invalid zero length subtable” and drops them with all nodes behind.',
    why: 'The name ends anywhere; padding to a multiple of 4 goes before the mappings. iasl shows padding as a field and cannot show one of no bytes; `\\_SB_.XXXX` ends at a multiple of 4 and needs none.',
    fix: 'Pad the name to the next multiple of 4, by one byte at least.',
    sources: [specification('named component node'), iaslDisassembler],
    example: {
      failing: amendment('Named component GPU0', 'Mapping Offset : 0000002B', 'Padding : 00 00 00'),
      corrected: amendment('Named component GPU0', 'Mapping Offset : 0000002C', 'Padding : 00 00 00 00'),
    },
  },
  prerequisites: ['iort-nc-name', 'iort-mapping-outside-node', 'iort-node-too-short'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'named-component')) {
      const { deviceName } = node.values;
      if (deviceName === undefined || node.mappings.length === 0) continue;
      const { mappingOffset } = node.header;
      const isUnaligned = mappingOffset.value % 4n !== 0n;
      const padding = paddingOf(node, deviceName);
      const isMissing = padding.end === padding.start;
      if (!isUnaligned && !isMissing) continue;
      const message = isUnaligned
        ? `The mappings of ${theNode(node)} begin at ${hex(mappingOffset.value)} of the node, no multiple of 4`
        : `The mappings of ${theNode(node)} follow its name directly: iasl cannot show that, and drops them with all nodes behind`;
      const fix: Fix = {
        title: 'Pad the name; references follow',
        isPreferred: true,
        change: () => nameChange(input, node, deviceName, deviceName.text ?? ''),
      };
      const at = isUnaligned ? mappingOffset : deviceName;
      yield finding(input, at, node, message, { ...(isUnaligned ? {} : { severity: 'info' }), fixes: [fix] });
    }
  },
};

export const iortNcFlags: TableRule = {
  id: 'iort-nc-flags',
  severity: 'error',
  summary: 'Flags of a named component that are reserved, or a PASID width that cannot be',
  docs: {
    effect:
      'Linux gives the width to the device’s driver as `pasid-num-bits` and bit 0 as `dma-can-stall`, whatever they are: the SMMU driver then sets up a table of substreams that is too large, or fails to.',
    why: 'Bit 0 says that transactions may stall (issue C), bits 1 to 5 how wide PASIDs are, 0 to 20 bits (issue D). A node of revision 0 has no flags (a warning). fwts refuses every bit, which is out of date.',
    fix: 'Clear the reserved bits.',
    sources: [linux('iort_named_component_init'), specification('named component node'), firmwareTestSuite],
    example: {
      failing: amendment('Named component DMA0', 'Node Flags : 00000040'),
      corrected: amendment('Named component DMA0', 'Node Flags : 00000000'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'named-component')) {
      const { nodeFlags } = node.values;
      if (nodeFlags === undefined || nodeFlags.value === 0n) continue;
      const { value } = nodeFlags;
      const width = (value >> 1n) & 0x1fn;
      const set = (title: string, bits: bigint) => setFix(input, title, [[nodeFlags, bits]], { isPreferred: true });
      if (value >> 6n !== 0n) {
        const message = `The node flags of ${theNode(node)} are ${hex(value)}: bits 6 to 31 are reserved`;
        yield finding(input, nodeFlags, node, message, { fixes: [set('Clear the reserved bits', value & 0x3fn)] });
      } else if (width > 20n) {
        const message = `${theNode(node)} says that PASIDs have ${count(Number(width), 'bit')}; 20 are the most`;
        yield finding(input, nodeFlags, node, message, { fixes: [set('Say 20 bits', (value & 1n) | (20n << 1n))] });
      } else if (nodeRevision(node) === 0) {
        const message = `${theNode(node)} has the node flags ${hex(value)}, but revision 0: the bits are reserved before issue C. Linux reads them all the same`;
        const fixes = [set('Clear the flags', 0n), ...raiseFix(input, node, width > 0n ? 2 : 1)];
        yield finding(input, nodeFlags, node, message, { severity: 'warning', fixes });
      }
    }
  },
};
