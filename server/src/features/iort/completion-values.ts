// Values of a field: names of enumerations, bits, revisions, and for references the nodes that may be meant.
import type { IortNode, NodeKind } from '../../acpi/iort/model';
import { flagValue, withFlag, type FlagField } from '../../acpi/layout/field';
import { iortTableLayout, nodeHeaderLayout } from '../../acpi/layout/iort';
import { itsIdentifier } from '../../acpi/layout/iort-nodes';
import { tableHeaderLayout } from '../../acpi/layout/table-header';
import type { TableDocument } from '../../acpi/text/document';
import type { TextField, TextLine } from '../../acpi/text/table-text';
import { issues } from '../../acpi/text/template';
import { targets } from '../../rules/iort/references';
import { usualRevision } from '../../acpi/layout/node-revisions';
import { hex } from '../../text/numbers';
import type { Completion } from './completion-item';
import { itsChoices, type MadtOf } from './free-values';
import { flagDigits, integerDigits } from './line-text';
import { nodeHolding, nodeLabel } from './names';

type Choice = Pick<Completion, 'label' | 'detail' | 'documentation' | 'kind'> & {
  readonly text: string;
  readonly further?: Completion['further'];
  readonly isLikely?: boolean;
};

interface Surroundings {
  /** The document that the field was found in. */
  readonly read: TableDocument;
  readonly madt: MadtOf;
}

/** The choices for a field's value, in place of what is written there. */
export function valuesAt(
  document: TableDocument,
  field: TextField,
  written: Pick<TextLine, 'valueStart' | 'valueEnd'>,
  offset: number,
  surroundings: Surroundings,
): readonly Completion[] {
  const start = Math.min(written.valueStart, offset);
  const end = Math.max(written.valueEnd, offset);
  const typed = document.file.text.slice(start, offset);
  return choices(field, surroundings).map(({ text, further = [], isLikely = false, ...shown }) => ({
    ...shown,
    start,
    end,
    insert: [{ text, isOpen: false }],
    // Whatever number stands there now, every choice is one in its place.
    filter: /^[0-9a-fA-Fx"]*$/.test(typed) ? `${typed} ${shown.label} ${text}` : `${shown.label} ${text}`,
    isLikely,
    further,
  }));
}

function choices(text: TextField, { read, madt }: Surroundings): readonly Choice[] {
  const { field, flag } = text;
  if (flag !== undefined) return flagChoices(text, flag);
  if (field === tableHeaderLayout.fields[0]) return signatures;
  if (field.reference === 'table-offset') return nodeChoices(text, read);
  if (field === itsIdentifier) return itsOf(text, read, madt);
  if (field.computed !== undefined) return computedChoice(text);
  if (field.name === 'revision') return revisionChoices(text, read);
  if (field.values !== undefined) {
    return field.values.map(({ value, name, meaning }) => ({
      label: name,
      detail: integerDigits(field, value),
      documentation: meaning,
      kind: 'value',
      text: integerDigits(field, value),
    }));
  }
  return field.flags === undefined ? [] : bitChoices(text);
}

const signatures: readonly Choice[] = [
  ['IORT', 'IO Remapping Table'],
  ['APIC', 'Multiple APIC Description Table (MADT)'],
  ['VIOT', 'Virtual I/O Translation Table'],
].map(([name, title]) => ({
  label: name!,
  detail: title!,
  documentation: '',
  kind: 'value',
  text: `"${name!}"`,
}));

function computedChoice({ field, compiled }: TextField): Choice[] {
  if (compiled === undefined || (field.kind !== 'integer' && field.kind !== 'flags')) return [];
  const text = integerDigits(field, compiled);
  const documentation = 'What the compiler computes, whatever stands here.';
  return [{ label: text, detail: 'computed', documentation, kind: 'value', text }];
}

/** Nodes that may be meant, by their names; what is inserted is the offset, as iasl knows no labels in an IORT. */
function nodeChoices({ field, offset }: TextField, { iort }: TableDocument): Choice[] {
  if (iort === undefined) return [];
  const own = nodeHolding(iort, offset);
  const isNodeOffset = iortTableLayout.fields.some((each) => each === field);
  const wanted: readonly NodeKind[] =
    field.name === 'nodeReference'
      ? ['smmuv3', 'smmu', 'root-complex', 'named-component']
      : own === undefined
        ? []
        : (targets[own.kind] ?? []);
  const nodes = isNodeOffset
    ? iort.nodes.slice(0, 1)
    : iort.nodes
        .filter((node) => node !== own && wanted.includes(node.kind))
        .sort((one, other) => wanted.indexOf(one.kind) - wanted.indexOf(other.kind) || one.offset - other.offset);
  return nodes.map((node: IortNode, index) => ({
    label: nodeLabel(node),
    detail: `at ${hex(node.offset)}`,
    documentation: `Node ${node.index + 1} of ${iort.nodes.length}, ${node.length} bytes.`,
    kind: 'node',
    text: integerDigits(field, BigInt(node.offset)),
    isLikely: index === 0,
  }));
}

/** The ITS that the MADT has, those first that no group names yet. */
function itsOf({ field }: TextField, { iort }: TableDocument, madt: MadtOf): Choice[] {
  if (iort === undefined) return [];
  return itsChoices(iort, madt()).map(({ id, base, user }, index) => ({
    label: `GIC ITS ${id}`,
    detail: base === undefined ? '' : `at ${hex(base)}`,
    documentation: user === undefined ? 'In the MADT; no ITS group names it.' : `${nodeLabel(user)} names it.`,
    kind: 'value',
    text: integerDigits(field, id),
    isLikely: index === 0,
  }));
}

function revisionChoices({ field, offset }: TextField, { iort }: TableDocument): Choice[] {
  if (field === nodeHeaderLayout.fields[2] && iort !== undefined) {
    const node = nodeHolding(iort, offset);
    if (node === undefined || node.kind === 'unknown') return [];
    const table = Number(iort.header.revision?.value ?? 0n);
    const text = integerDigits(field, BigInt(usualRevision(node.kind, table)));
    return [
      { label: text, detail: `of table revision ${table}`, documentation: '', kind: 'value', text, isLikely: true },
    ];
  }
  if (field !== tableHeaderLayout.fields[2] || iort === undefined) return [];
  const byRevision = new Map<number, string[]>();
  for (const [issue, revision] of issues) byRevision.set(revision, [...(byRevision.get(revision) ?? []), issue]);
  return Array.from(byRevision, ([revision, names]) => {
    const text = integerDigits(field, BigInt(revision));
    const detail = `Arm DEN0049 issue ${names.join(', ')}`;
    return { label: text, detail, documentation: '', kind: 'value', text };
  });
}

/** Each bit of an integer set or cleared; its flag line follows. */
function bitChoices(text: TextField): Choice[] {
  const { field, compiled = 0n } = text;
  return (field.flags ?? []).flatMap((flag) =>
    valuesOf(flag)
      .filter(({ value }) => value !== flagValue(flag, compiled))
      .map(({ value, name }) => {
        const next = withFlag(flag, compiled, value);
        return {
          label: `${flag.label}: ${name}`,
          detail: integerDigits(field, next),
          documentation: flag.meaning,
          kind: 'value' as const,
          text: integerDigits(field, next),
          further: flagLineEdits(text, flag, next),
        };
      }),
  );
}

function valuesOf(flag: FlagField): readonly { readonly value: bigint; readonly name: string }[] {
  if (flag.values !== undefined) return flag.values;
  const bits = [
    { value: 0n, name: 'clear' },
    { value: 1n, name: 'set' },
  ];
  return flag.width === 1 ? bits : [];
}

function flagLineEdits({ structure, offset }: TextField, flag: FlagField, value: bigint): Completion['further'] {
  const line = structure?.fields.find((each) => each.flag === flag && each.offset === offset)?.line;
  if (line === undefined) return [];
  return [{ start: line.valueStart, end: line.valueEnd, newText: flagDigits(flag, flagValue(flag, value)) }];
}

/** Of a flag line. iasl compiles the integer above it: that one changes as well. */
function flagChoices(text: TextField, flag: FlagField): Choice[] {
  const { structure, offset, field } = text;
  const integer = structure?.fields.find(
    (each) => each.flag === undefined && each.offset === offset && each.field === field,
  );
  return valuesOf(flag).map(({ value, name }) => {
    const further =
      integer?.compiled === undefined
        ? []
        : [
            {
              start: integer.line.valueStart,
              end: integer.line.valueEnd,
              newText: integerDigits(field, withFlag(flag, integer.compiled, value)),
            },
          ];
    return {
      label: name,
      detail: flagDigits(flag, value),
      documentation: flag.meaning,
      kind: 'value',
      text: flagDigits(flag, value),
      further,
    };
  });
}
