// A field of a table in words: what it means, in which units, where it is defined, and its value decoded.
import { byteSum } from '../../acpi/bytes';
import type { TableDocument } from '../../acpi/text/document';
import {
  definedBits,
  flagLines,
  flagValue,
  nameOfValue,
  type Computed,
  type Field,
  type FlagField,
} from '../../acpi/layout/field';
import { bodyLayout } from '../../acpi/layout/iort';
import { madtEntryLayout } from '../../acpi/layout/madt';
import type { TextField, TextStructure } from '../../acpi/text/table-text';
import { hex, humanSize } from '../../text/numbers';
import { bullets, code, type Text } from '../hover/subject';
import { nodeLabel } from './names';

export function fieldTexts(document: TableDocument, text: TextField): readonly Text[] {
  const { field, flag } = text;
  return flag === undefined
    ? [
        `**${field.label}**${ofStructure(document, text)}: ${field.meaning}`,
        valueText(document, text),
        bitsText(document, text),
        differenceText(text),
        field.computed === undefined ? undefined : computedText(field.computed),
        placeText(document, text),
      ]
    : [
        `**${flag.label}**${ofStructure(document, text)}: ${flag.meaning}.`,
        flagText(text, flag),
        sinceText(flag),
        'iasl compiles the integer above, not this line.',
        placeText(document, text),
      ];
}

function ofStructure(document: TableDocument, { structure }: TextField): string {
  return structure === undefined ? '' : ` of the ${titleOf(document, structure)}`;
}

/** A node or an entry is called after its body. */
function titleOf({ iort, bytes }: TableDocument, { kind, layout, offset }: TextStructure): string {
  const node = kind === 'node' ? iort?.nodeAt(offset) : undefined;
  const body = node === undefined ? undefined : bodyLayout(Number(node.header.type.value));
  const entry = kind === 'subtable' ? madtEntryLayout(bytes[offset] ?? 0xff) : undefined;
  const title = kind === 'node' ? (body?.title ?? 'node') : (entry ?? layout).title;
  return /^[A-Z][a-z]/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;
}

/** The value as people read it: in base 10, as a size, by its name. */
function valueText({ iort, bytes }: TableDocument, { field, compiled, line, offset }: TextField): Text {
  if (field.kind === 'heading') return undefined;
  if (field.kind === 'name' || field.kind === 'characters') return `Value: ${code(line.value)}`;
  if (field.kind === 'bytes' || compiled === undefined) return undefined;
  const name = nameOfValue(field, compiled);
  const words = [code(hex(compiled)), ...decoded(field, compiled)];
  const known = name === undefined ? '' : `, ${name.name}${name.meaning === name.name ? '' : `: ${name.meaning}`}`;
  const unknown = name === undefined && field.isClosed === true ? ', which has no meaning' : '';
  const target = field.reference === 'table-offset' ? iort?.nodeAt(Number(compiled)) : undefined;
  const reference = target === undefined ? '' : `: ${code(nodeLabel(target))}`;
  const sum = field.computed === 'checksum' ? checksumText(bytes, offset) : '';
  return `Value: ${words.join(' = ')}${known}${unknown}${reference}${sum}`;
}

function decoded(field: Field, value: bigint): string[] {
  if (field.shownAs === 'size') return value < 1024n ? [`${value} bytes`] : [`${value} bytes`, humanSize(value)];
  if (field.shownAs === 'address') return value === 0n ? [] : [humanSize(value)];
  const units = field.units === undefined ? '' : ` ${field.units}`;
  if (field.units === 'bits') return [`${value}${units}`, `addresses up to ${hex((1n << value) - 1n)}`];
  return value < 10n && units === '' ? [] : [`${value}${units}`];
}

function checksumText(bytes: Uint8Array, offset: number): string {
  return byteSum(bytes, bytes.length) === 0
    ? ', the bytes sum to zero'
    : `, the bytes do not sum to zero (byte ${offset})`;
}

/** The bits that have meanings, as they are set; those that have no line of their own say what they mean here. */
function bitsText({ syntax }: TableDocument, { field, compiled }: TextField): Text {
  if (field.flags === undefined || compiled === undefined) return undefined;
  const withLine = new Set(flagLines(field, syntax.style));
  const lines = field.flags.map((flag) => {
    const value = `${bitName(flag)} ${flag.label}: ${bitsValue(flag, flagValue(flag, compiled))}`;
    return withLine.has(flag) ? value : `${value}. ${flag.meaning}`;
  });
  const reserved = compiled & ~definedBits(field);
  if (reserved !== 0n) lines.push(`reserved bits that are set: ${code(hex(reserved))}`);
  return bullets(lines);
}

function bitName({ bit, width }: FlagField): string {
  return width === 1 ? `bit ${bit}` : `bits ${bit}–${bit + width - 1}`;
}

function bitsValue(flag: FlagField, value: bigint): string {
  const name = nameOfValue(flag, value);
  const shown =
    flag.width === 1 ? (value === 1n ? 'set' : 'clear') : value < 10n ? value.toString() : `${hex(value)} = ${value}`;
  return name === undefined ? shown : `${shown} (${name.name})`;
}

function flagText({ field, compiled, written, flag: own }: TextField, flag: FlagField): Text {
  if (compiled === undefined) return undefined;
  const value = `${bitName(flag)} of ${field.label}: ${bitsValue(flag, compiled)}`;
  const shown = own?.lineWidth === undefined ? compiled : compiled & ((1n << BigInt(own.lineWidth)) - 1n);
  return written === undefined || written === shown ? value : `${value}. **The line says ${hex(written)}.**`;
}

function sinceText({ sinceNode, sinceTable }: Pick<Field, 'sinceNode' | 'sinceTable'>): Text {
  const since = [
    sinceNode === undefined ? undefined : `node revision ${sinceNode}`,
    sinceTable === undefined ? undefined : `table revision ${sinceTable}`,
  ].filter((each) => each !== undefined);
  return since.length === 0 ? undefined : `Since ${since.join(', ')}.`;
}

function differenceText({ written, compiled, field }: TextField): Text {
  if (written === undefined || compiled === undefined || written === compiled) return undefined;
  const why = field.computed === undefined ? 'compiled' : 'computed';
  return `**The line says ${hex(written)}, ${why} is ${hex(compiled)}.**`;
}

const computedWords: Readonly<Record<Computed, string>> = {
  'table-length': 'the bytes of the whole table',
  checksum: 'the sum of all bytes',
  'node-count': 'the nodes',
  'node-offset': 'where the first node comes to lie',
  'node-length': 'the bytes of the node',
  'mapping-count': 'the mappings',
  'mapping-offset': 'where the mappings come to lie',
  'its-count': 'the identifiers',
  'global-interrupt-offset': 'where the interrupts come to lie',
  'context-interrupt-count': 'the interrupts',
  'context-interrupt-offset': 'where the interrupts come to lie',
  'pmu-interrupt-count': 'the interrupts',
  'pmu-interrupt-offset': 'where the interrupts come to lie',
  'rmr-count': 'the descriptors',
  'rmr-offset': 'where the descriptors come to lie',
  'subtable-length': 'the bytes of the entry',
  compiler: 'the compiler itself: iasl writes its own',
};

function computedText(computed: Computed): string {
  return `Computed by the compiler, from ${computedWords[computed]}: what the text says does not count.`;
}

function placeText(document: TableDocument, { field, offset, size, structure }: TextField): Text {
  const inStructure =
    structure === undefined || structure.offset === 0
      ? ''
      : `, ${hex(offset - structure.offset)} in the ${titleOf(document, structure)}`;
  const bytes =
    field.kind === 'heading' || size === 0
      ? ''
      : `Offset ${hex(offset)}${inStructure}, ${size === 1 ? 'one byte' : `${size} bytes`}. `;
  const since = sinceText(field);
  const text = `${bytes}${since === undefined ? '' : `${since} `}${field.specification}`.trim();
  return text === '' ? undefined : `${text}.`;
}
