// Lines that can stand at a place: the fields that are next in their structure, the rest of it, a further mapping, a new node.
import { nodeKinds } from '../../acpi/iort/decode-node';
import type { IortTable, NodeKind } from '../../acpi/iort/model';
import { flagValue, writtenFields, type Field, type StructureLayout } from '../../acpi/layout/field';
import { bodyLayout, iortTableLayout, nodeHeaderLayout, writtenNodeHeader } from '../../acpi/layout/iort';
import { itsIdentifier, namePadding } from '../../acpi/layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout } from '../../acpi/layout/iort-smmu';
import { madtEntryLayout, madtTableLayout, writtenMadtFields } from '../../acpi/layout/madt';
import { tableHeaderLayout } from '../../acpi/layout/table-header';
import { viotTableLayout } from '../../acpi/layout/viot';
import { rawTableData } from '../../acpi/text/scan';
import { issues, newIort } from '../../acpi/text/template';
import type { TableDocument } from '../../acpi/text/document';
import type { TextField, TextStructure } from '../../acpi/text/table-text';
import { targets } from '../../rules/iort/references';
import type { Completion } from './completion-item';
import {
  flagDigits,
  formOf,
  fieldHead,
  flagHead,
  integerDigits,
  linesOfField,
  type LineForm,
  type LineOf,
} from './line-text';
import { freeIdentifier, type MadtOf } from './free-values';
import { nodeHolding } from './names';
import { kindTitle, newElement, newNode, type NewLine, type NewLines, type NewNodeContext } from './new-node';

/** What the line of the cursor has already: prefixes and the beginning of a name. */
const begunLine = /^([ \t]*(?:\[[^\]\n]*\][ \t]*)*)([^:\n]*)$/;

/** The choices for a line that has no colon yet. */
export function nodesForLine(document: TableDocument, offset: number, madt: MadtOf): readonly Completion[] {
  const { file, iort } = document;
  const start = file.text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = file.text.indexOf('\n', offset);
  const end = lineEnd < 0 ? file.text.length : lineEnd;
  const rest = file.text.slice(offset, end);
  const match = begunLine.exec(file.text.slice(start, offset));
  if (match === null || rest.includes(':')) return [];
  const head = match[1]!;
  const place = { start, wordStart: start + head.length, end: offset + rest.trimEnd().length };
  const before = fieldBefore(document, start);
  const after = fieldBehind(document, end);
  if (before === undefined) return after === undefined && file.text.trim() === '' ? newTables(place) : [];
  const form = formOf(document);
  const lines = remaining(document, before, after, form);
  const found: Completion[] = lines.slice(0, 1).map((line) => item(place, [line.text], fieldWords(line.of), true));
  if (lines.length > 1) {
    const title = structureTitle(document, before);
    const words = {
      label: `Rest of the ${title}`,
      detail: `${lines.length} lines`,
      documentation: '',
      kind: 'structure',
    } as const;
    found.push(
      item(
        place,
        lines.map(({ text }) => text),
        words,
        false,
      ),
    );
  }
  found.push(...lines.slice(1).map((line) => item(place, [line.text], fieldWords(line.of), false)));
  const isComplete = lines.length === 0 || iort === undefined;
  if (isComplete && iort !== undefined) found.push(...wholes(document, { before, after, form, place, madt }));
  return found;
}

/** Whole tables for an empty text, the newest first that everybody reads. */
function newTables(place: Place): readonly Completion[] {
  return [6, 7, 5, 3, 0].map((revision) => {
    const names = Array.from(issues).flatMap(([issue, each]) => (each === revision ? [issue] : []));
    const [text = ''] = newIort(revision, 'current').split(rawTableData);
    const words = {
      label: `IORT of revision ${revision}`,
      detail: `Arm DEN0049 issue ${names.join(', ')}`,
      documentation: 'A table with an ITS group, an SMMUv3 and a root complex behind it.',
      kind: 'structure',
    } as const;
    return {
      ...item(place, [], words, revision === 6),
      insert: [{ text: `${text.trimEnd()}\n`, isOpen: false }],
      further: [],
    };
  });
}

interface Place {
  /** Of the line, of the name in it, and where what is replaced ends. */
  readonly start: number;
  readonly wordStart: number;
  readonly end: number;
}

type Words = Pick<Completion, 'label' | 'detail' | 'documentation' | 'kind'>;

/**
 * Editors look for what stands from the beginning of the name to the cursor. Prefix and blanks in front of the name are put
 * right by an edit of their own where there are any.
 */
function item({ start, wordStart, end }: Place, lines: NewLines, words: Words, isLikely: boolean): Completion {
  const [first, ...rest] = lines;
  const head = first?.head ?? '';
  const name = wordStart === start ? 0 : Math.max(head.search(/[A-Za-z][^:[\]]* : $/), 0);
  const insert = [
    { text: head.slice(name), isOpen: false },
    ...(first === undefined ? [] : [{ text: first.value, isOpen: first.isOpen }]),
    ...rest.flatMap((line) => [
      { text: `\n${line?.head ?? ''}`, isOpen: false },
      ...(line === undefined ? [] : [{ text: line.value, isOpen: line.isOpen }]),
    ]),
  ];
  const further = wordStart === start ? [] : [{ start, end: wordStart, newText: head.slice(0, name) }];
  return { ...words, start: wordStart, end, insert, filter: words.label, isLikely, further };
}

function fieldWords({ field, flag }: LineOf): Words {
  const meaning = flag?.meaning ?? field.meaning;
  const detail =
    flag === undefined ? (field.size === 0 ? '' : field.size === 1 ? 'one byte' : `${field.size} bytes`) : 'flag';
  return {
    label: flag?.label ?? field.label,
    detail,
    documentation: `${meaning}\n\n${field.specification}`,
    kind: 'field',
  };
}

/** Where a line ends whose line feed is at an offset: in front of its carriage return, if it has one. */
function withoutReturn(text: string, lineFeed: number): number {
  return text[lineFeed - 1] === '\r' ? lineFeed - 1 : lineFeed;
}

/** The last field above a line. */
function fieldBefore({ file, fieldAt }: TableDocument, lineStart: number): TextField | undefined {
  for (let at = lineStart - 1, tries = 0; at >= 0 && tries < 400; tries++) {
    const found = fieldAt(withoutReturn(file.text, at));
    if (found !== undefined) return found;
    at = file.text.lastIndexOf('\n', at - 1);
  }
  return undefined;
}

/** The first field below a line. */
function fieldBehind({ file, fieldAt }: TableDocument, lineEnd: number): TextField | undefined {
  for (let at = lineEnd, tries = 0; at >= 0 && at < file.text.length && tries < 400; tries++) {
    const end = file.text.indexOf('\n', at + 1);
    const found = fieldAt(end < 0 ? file.text.length : withoutReturn(file.text, end));
    if (found !== undefined && found.line.start > lineEnd) return found;
    if (end < 0) return undefined;
    at = end;
  }
  return undefined;
}

type StructurePlace = Pick<TextStructure, 'kind' | 'layout' | 'offset'>;

/** The lines of a structure in order, flag lines among them. */
function linesOf(document: TableDocument, structure: StructurePlace, form: LineForm): readonly LineOf[] {
  const { iort } = document;
  const revision = Number(iort?.header.revision?.value ?? 0n);
  const fields: readonly Field[] =
    structure.kind === 'node'
      ? [...writtenNodeHeader(form.style, revision), ...nodeBody(document, structure, form)]
      : structure.kind === 'subtable'
        ? [...writtenFields(structure.layout, form.style), ...entryBody(document, structure, form)]
        : writtenFields(structure.layout, form.style);
  return fields.flatMap((field) => linesOfField(field, form.style));
}

function nodeBody({ bytes }: TableDocument, { offset }: StructurePlace, form: LineForm): readonly Field[] {
  const type = bytes[offset] ?? 0xff;
  const layout = bodyLayout(type);
  if (layout === undefined) return [];
  const body = writtenFields(layout, form.style);
  if (type === 0) return [...body, itsIdentifier];
  // iasl wants the global interrupts of each SMMU.
  if (type === 3) return [...body, ...globalInterruptLayout.fields];
  return type === 1 ? [...body, namePadding] : body;
}

function entryBody({ bytes, madt }: TableDocument, { offset }: StructurePlace, { style }: LineForm): readonly Field[] {
  const layout = madtEntryLayout(bytes[offset] ?? 0xff);
  return layout === undefined ? [] : writtenMadtFields(layout, style, Number(madt?.header.revision?.value ?? 0n));
}

interface RemainingLine {
  readonly of: LineOf;
  readonly text: NewLine;
}

/** What stands behind the header, by the table's signature. */
const bodyLayouts: ReadonlyMap<string, StructureLayout> = new Map<string, StructureLayout>([
  ['IORT', iortTableLayout],
  ['APIC', madtTableLayout],
  ['VIOT', viotTableLayout],
]);

/** What is still to come of the structure that a field belongs to, up to the next field that is there. */
function remaining(
  document: TableDocument,
  before: TextField,
  after: TextField | undefined,
  form: LineForm,
): readonly RemainingLine[] {
  const { structure } = before;
  if (structure === undefined) return [];
  let all = linesOf(document, structure, form);
  // Behind the header of a table stand its own fields.
  const body = bodyLayouts.get(document.signature);
  if (structure.layout === tableHeaderLayout && body !== undefined) {
    all = [...all, ...linesOf(document, { kind: 'table-body', layout: body, offset: structure.offset }, form)];
  }
  const isSame = (one: LineOf, { field, flag }: LineOf) =>
    one.flag?.label === flag?.label && one.field.label === field.label && one.field.name === field.name;
  const at = all.findIndex((each) => isSame(each, before));
  if (at < 0) return [];
  const next = after === undefined ? -1 : all.findIndex((each, index) => index > at && isSame(each, after));
  const isOfSame = after?.structure === structure || after?.structure?.parent === structure;
  const isNextOfSame = next >= 0 && (isOfSame || structure.layout === tableHeaderLayout);
  const missing = all.slice(at + 1, isNextOfSame ? next : undefined);
  let offset =
    before.flag === undefined && before.field.kind === 'heading' ? before.offset : before.offset + before.size;
  return missing.map(({ field, flag }) => {
    const head = flag === undefined ? fieldHead(form, field.label, offset, field.size) : flagHead(form, flag.label);
    if (flag === undefined && field.kind !== 'heading') offset += field.size;
    return {
      of: { field, flag },
      text: { head, value: defaultText(document, { field, flag }, structure), isOpen: flag === undefined },
    };
  });
}

function defaultText(document: TableDocument, { field, flag }: LineOf, { fields }: TextStructure): string {
  if (flag !== undefined) {
    // The line follows the integer, where that is written already.
    const integer = fields.find((each) => each.flag === undefined && each.field === field);
    return flagDigits(flag, flagValue(flag, integer?.compiled ?? field.default ?? 0n));
  }
  if (field.name === 'identifier' && field.label === 'Identifier' && document.iort !== undefined) {
    return integerDigits(field, freeIdentifier(document.iort));
  }
  switch (field.kind) {
    case 'heading':
      return `[${field.note ?? field.label}]`;
    case 'name':
      return '"\\_SB_.DEV0"';
    case 'characters':
      return field.name === 'signature' ? `"${document.signature}"` : '""';
    case 'bytes':
      return '00 00 00 00';
    default:
      return integerDigits(field, field.default ?? 0n);
  }
}

function structureTitle(document: TableDocument, { structure }: TextField): string {
  const type = document.bytes[structure?.offset ?? 0] ?? 0xff;
  if (structure?.kind === 'subtable') return madtEntryLayout(type)?.title ?? structure.layout.title;
  if (structure?.kind !== 'node') return structure?.layout.title ?? 'table';
  return nodeKinds[type] === undefined ? 'node' : kindTitle(nodeKinds[type]);
}

interface Gap {
  readonly before: TextField;
  readonly after: TextField | undefined;
  readonly form: LineForm;
  readonly place: Place;
  readonly madt: MadtOf;
}

/** Mappings and other elements of the node above, and between nodes all kinds of new ones. */
function wholes(document: TableDocument, { before, after, form, place, madt }: Gap): readonly Completion[] {
  const { iort } = document;
  if (iort === undefined) return [];
  const beginsStructure = after === undefined || after.structure?.fields[0]?.line.start === after.line.start;
  if (!beginsStructure) return [];
  const found: Completion[] = [];
  const node = nodeHolding(iort, before.offset);
  const offset = after?.offset ?? iort.end;
  const context: NewNodeContext = { table: iort, form, offset, madt };
  const add = (label: string, detail: string, documentation: string, lines: NewLines) => {
    // The cursor stands on a line of its own.
    const begun = lines[0] === undefined ? lines.slice(1) : lines;
    // A new node stays apart from what follows.
    const shown = lines !== begun && isFollowed(document, place) ? [...begun, undefined] : begun;
    found.push(item(place, shown, { label, detail, documentation, kind: 'structure' }, false));
  };
  if (node !== undefined && node.kind !== 'unknown') {
    const { kind } = node;
    const isOfNode =
      after === undefined || after.field === nodeHeaderLayout.fields[0] || nodeHolding(iort, after.offset) === node;
    if (isOfNode && targets[node.kind] !== undefined) {
      add(
        'ID mapping',
        '6 lines',
        'A range of IDs, and what it becomes where.',
        newElement('mapping', { kind, node }, context),
      );
    }
    if (node.kind === 'its-group' && before.field === itsIdentifier) {
      add('Identifiers', 'a further ITS', itsIdentifier.meaning, newElement('identifier', { kind, node }, context));
    }
    if (node.kind === 'smmu' && (before.field === contextInterrupt || before.structure?.kind === 'interrupt')) {
      add(
        'Context Interrupt',
        'one line',
        contextInterrupt.meaning,
        newElement('context-interrupt', { kind, node }, context),
      );
    }
    if (node.kind === 'rmr' && before.structure?.kind !== 'mapping') {
      add(
        'Base Address of RMR',
        '3 lines',
        'A further reserved memory range.',
        newElement('descriptor', { kind, node }, context),
      );
    }
  }
  const isBetweenNodes = after === undefined || after.field === nodeHeaderLayout.fields[0];
  const isWholeBefore =
    node !== undefined || before.structure?.kind === 'table-body' || before.structure?.kind === 'padding';
  if (isBetweenNodes && isWholeBefore) {
    for (const kind of nodeKinds) {
      if (!isKnownTo(kind, form)) continue;
      add(
        `New node: ${kindTitle(kind)}`,
        needed(kind, iort) ?? 'all fields',
        `A node of the kind ${kindTitle(kind)}.`,
        newNode(kind, context),
      );
    }
  }
  return found;
}

/** iasl 20200925 has no lines for an RMR or an IWB. */
function isKnownTo(kind: NodeKind, { style }: LineForm): boolean {
  return style === 'current' || (kind !== 'rmr' && kind !== 'iwb');
}

/** Whether something stands in the line below. */
function isFollowed({ file }: TableDocument, { end }: Place): boolean {
  return /^[^\n]*\n[ \t]*[^\s]/.test(file.text.slice(end, end + 400));
}

/** What the table has to become first. */
function needed(kind: NodeKind, { header }: IortTable): string | undefined {
  const revision = kind === 'iwb' ? 7n : kind === 'rmr' ? 5n : 0n;
  return (header.revision?.value ?? 0n) < revision ? `needs table revision ${revision}` : undefined;
}
