// Where the text says something else than the table that iasl makes of it, and what iasl cannot show of a table.
import type { IortNode } from '../../acpi/iort/model';
import { flagValue, withFlag, type FlagField } from '../../acpi/layout/field';
import { evaluate } from '../../acpi/text/expression';
import type { TextField } from '../../acpi/text/table-text';
import type { Fix, TextEdit } from '../../text/diagnostic';
import { hex } from '../numbers';
import type { Finding } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { flagText, integerText } from './edits';
import { finding, nodeName, theNode, type FindingRest } from './finding';
import { amendment, iaslCompiler, iaslDisassembler, specification } from './sources';

/** A finding at the value of a line. */
function atLine(input: TableInput, field: TextField, message: string, rest: FindingRest = {}): Finding {
  const { line } = field;
  const node = nodeOfLine(input, field);
  return {
    about: `line ${line.start}`,
    range: { file: input.document.file, start: line.valueStart, end: line.valueEnd },
    node: node === undefined ? undefined : nodeName(node),
    message,
    ...rest,
  } as Finding;
}

function nodeOfLine({ table }: TableInput, { structure }: TextField): IortNode | undefined {
  let top = structure;
  while (top?.parent !== undefined && top.kind !== 'node') top = top.parent;
  return top?.kind === 'node' ? table.nodeAt(top.offset) : undefined;
}

function replaceLine({ document }: TableInput, { line }: TextField, newText: string): TextEdit {
  return { file: document.file, start: line.valueStart, end: line.valueEnd, newText };
}

/** The bits of a flag that iasl's line shows. */
function shownBits(flag: FlagField): FlagField {
  return flag.lineWidth === undefined ? flag : { ...flag, width: flag.lineWidth };
}

export const iortTextFlagMismatch: TableRule = {
  id: 'iort-text-flag-mismatch',
  severity: 'warning',
  summary: 'A flag’s line and the integer above it disagree: iasl compiles the integer',
  docs: {
    effect:
      'The line says one thing, the compiled table another: a flag that was edited in its line alone changes nothing.',
    why: 'The lines under “(decoded below)” are there to be read. iasl wants their names and ignores their values.',
    fix: 'Let the integer follow the line, or the line the integer.',
    sources: [iaslCompiler, 'ACPICA source/compiler/dtfield.c DtCompileFlag'],
    example: {
      failing: amendment('SMMUv3', 'COHACC Override : 0'),
      corrected: amendment('SMMUv3', 'Flags (decoded below) : 00000000', 'COHACC Override : 0'),
    },
  },
  *check(input) {
    if (input.document.origin !== 'text') return;
    for (const field of input.document.syntax.suspects) {
      const { flag, written, compiled, structure, offset } = field;
      if (flag === undefined || compiled === undefined) continue;
      const shown = flagValue({ ...shownBits(flag), bit: 0 }, compiled);
      if (written === shown) continue;
      const integer = structure?.fields.find((each) => each.flag === undefined && each.offset === offset);
      // An integer that cannot be read says nothing that a line could disagree with.
      if (integer?.field.kind === 'flags' && integer.written !== undefined)
        yield* flagMismatch(input, integer, field, flag, shown);
    }
  },
};

function* flagMismatch(
  input: TableInput,
  integer: TextField,
  field: TextField,
  flag: FlagField,
  shown: bigint,
): Generator<Finding> {
  const { written, line } = field;
  const above = integer.compiled ?? 0n;
  const follow: Fix = {
    title: `Write ${flagText(flag, above)}, as the integer says`,
    change: () => ({ edits: [replaceLine(input, field, flagText(flag, above))] }),
  };
  const bits = shownBits(flag);
  const fits = written !== undefined && written < 1n << BigInt(bits.width);
  const wanted = fits ? withFlag(bits, above, written) : above;
  const lead: Fix[] = fits
    ? [
        {
          title: `Set the integer to ${integerText(wanted, integer.size)}, as this line says`,
          isPreferred: true,
          change: () => ({ edits: [replaceLine(input, integer, integerText(wanted, integer.size))] }),
        },
      ]
    : [];
  const said = written === undefined ? `“${line.value.slice(0, 40)}”` : written.toString(16).toUpperCase();
  const message = `${flag.label} is ${said} here, but ${shown.toString(16).toUpperCase()} in the integer above (${integer.line.value.trim()}), which is what iasl compiles`;
  yield atLine(input, field, message, { fixes: [...lead, follow] });
}

export const iortTextComputedMismatch: TableRule = {
  id: 'iort-text-computed-mismatch',
  severity: 'info',
  summary: 'A length, count, offset or checksum in the text is not what the compiler makes of it',
  docs: {
    effect:
      'Nothing in the compiled table, which has the right value. Who reads the text, or edits references by it, is misled.',
    why: 'iasl computes lengths, counts, offsets and the checksum itself and ignores what the text says of them (the mapping offset of a named component without padding excepted). The checksum changes with every edit (a hint).',
    fix: 'Let the fix write what is compiled, for one line or for all.',
    sources: [iaslCompiler, 'ACPICA source/compiler/dtcompile.c DtCompileDataTable'],
    example: {
      failing: amendment('Header', 'Node Count : 00000007'),
      corrected: amendment('Header', 'Node Count : 00000008'),
    },
  },
  *check(input) {
    if (input.document.origin !== 'text') return;
    const wrong = input.document.syntax.suspects.filter(isMiscomputed);
    const edit = (field: TextField) => replaceLine(input, field, integerText(field.compiled ?? 0n, field.size));
    const all: Fix[] =
      wrong.length < 2
        ? []
        : [{ title: `Write all ${wrong.length} computed values`, change: () => ({ edits: wrong.map(edit) }) }];
    for (const field of wrong) {
      const { written = 0n, compiled = 0n, field: what } = field;
      const message = `${what.label} is ${hex(written)} here; ${hex(compiled)} is compiled`;
      const one: Fix = {
        title: `Write ${integerText(compiled, field.size)}`,
        isPreferred: true,
        change: () => ({ edits: [edit(field)] }),
      };
      const isChecksum = what.computed === 'checksum';
      yield atLine(input, field, message, { ...(isChecksum ? { severity: 'hint' } : {}), fixes: [one, ...all] });
    }
  },
};

function isMiscomputed(field: TextField): boolean {
  const { computed } = field.field;
  if (computed === undefined || computed === 'compiler' || field.flag !== undefined || field.line.isAsWritten)
    return false;
  const { written, compiled } = field;
  return written !== undefined && compiled !== undefined && written !== compiled;
}

/** `0d16`: hexadecimal to iasl. What it writes itself has upper-case digits. */
const decimalPrefix = /^0d[0-9]+$/;

export const iortTextDecimal: TableRule = {
  id: 'iort-text-decimal',
  severity: 'warning',
  summary: 'A number that iasl reads otherwise than it looks',
  docs: {
    effect:
      '`0d16` is compiled as 0xD16, `10h` as 0x10, and `5 ? 1` as 5: what was meant as decimal becomes another number, what follows a number is dropped without a word.',
    why: 'All numbers of the text are hexadecimal, with or without `0x`; there is no way to write decimal. An expression ends at the first character that cannot go on with it.',
    fix: 'Write the number in hexadecimal.',
    sources: ['ACPICA source/compiler/dtparser.y', 'ACPICA source/compiler/dtexpress.c DtResolveIntegerExpression'],
    example: {
      failing: amendment('SMMUv3', 'Event GSIV : 0d106'),
      corrected: amendment('SMMUv3', 'Event GSIV : 0000006A'),
    },
  },
  *check(input) {
    for (const field of input.document.syntax.suspects) {
      if (field.flag !== undefined || (field.field.kind !== 'integer' && field.field.kind !== 'flags')) continue;
      const text = field.line.value.trim();
      if (isPlain(text)) continue;
      const fits = (value: bigint) => value < 1n << BigInt(field.size * 8);
      if (decimalPrefix.test(text)) {
        const meant = BigInt(text.slice(2));
        const message = `“${text}” is no decimal number to iasl, but 0x${text.slice(1).toUpperCase()}: all numbers are hexadecimal`;
        yield atLine(input, field, message, { fixes: fits(meant) ? [rewrite(input, field, meant)] : [] });
        continue;
      }
      const evaluation = evaluate(text);
      if (evaluation.kind !== 'value' || evaluation.rest === '') continue;
      const message = `iasl reads ${hex(evaluation.value)} here and drops what follows it, “${evaluation.rest.slice(0, 40)}”${/^h$/i.test(evaluation.rest) ? ': all numbers are hexadecimal' : ''}`;
      yield atLine(input, field, message, {
        fixes: fits(evaluation.value) ? [rewrite(input, field, evaluation.value)] : [],
      });
    }
  },
};

/** Digits alone, the usual case; `0d16` is one of them. */
function isPlain(text: string): boolean {
  return /^(?:0[xX])?[0-9a-fA-F]*$/.test(text) && !decimalPrefix.test(text);
}

function rewrite(input: TableInput, field: TextField, value: bigint): Fix {
  const newText = integerText(value, field.size);
  return {
    title: `Write ${newText}`,
    isPreferred: true,
    change: () => ({ edits: [replaceLine(input, field, newText)] }),
  };
}

export const iortIaslLossy: TableRule = {
  id: 'iort-iasl-lossy',
  severity: 'info',
  summary: 'iasl cannot show this part of the table: decompiled and compiled again it is another',
  docs: {
    effect:
      'Fields, or their order, are lost on the way through iasl, and where a node changes its size, all references behind it lead to wrong places. Doorbell’s own decompile and compile keep every byte.',
    why: 'iasl’s text has one form for each type of node. Older and shorter forms are read into it past their end (into the mappings), newer and longer ones are cut off, and arrays come out in its own order.',
    fix: 'Nothing is wrong with the table. Do not use iasl to change it.',
    sources: [iaslDisassembler, specification('revisions of the nodes')],
    example: {
      failing: '',
      corrected: '',
      // The RMR node's mapping in front of its descriptor.
      bytes: [
        [0x1f4, 0x1c],
        [0x200, 0x30],
        [0x204, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0],
        [0x218, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ],
    },
  },
  prerequisites: ['iort-node-too-short', 'iort-node-length', 'iort-mapping-outside-node', 'iort-smmu-irq-arrays'],
  perNode: true,
  *check(input) {
    for (const node of input.nodes) {
      const lost = lostByIasl(node);
      if (lost === undefined) continue;
      yield finding(input, node.header.length, node, `${theNode(node)} is lost on iasl in part: ${lost}`);
    }
  },
};

/** What iasl loses of a node; undefined where it loses nothing that other rules do not tell. */
function lostByIasl(node: IortNode): string | undefined {
  const mappings = node.mappings.length > 0 ? Number(node.header.mappingOffset.value) : Infinity;
  switch (node.kind) {
    case 'root-complex':
      if (node.values.flags !== undefined) return 'it knows no line for the flags at 0x24 and drops them';
      return node.values.reserved === undefined
        ? 'it takes the bytes behind it for fields of a later revision'
        : undefined;
    case 'smmuv3':
      return node.values.deviceIdIndex === undefined
        ? 'it takes the bytes behind it for the proximity domain and the DeviceID mapping index'
        : undefined;
    case 'pmcg':
      return node.values.page1Base === undefined
        ? 'it stops at the missing page 1, and shows no node behind'
        : undefined;
    case 'rmr':
      return Number(node.values.descriptorOffset?.value ?? 0n) > mappings
        ? 'it writes the descriptors in front of the mappings'
        : undefined;
    case 'smmu': {
      const { globalOffset, contextOffset, contextCount, pmuOffset, pmuCount } = node.values;
      const starts = [
        globalOffset,
        contextCount?.value === 0n ? undefined : contextOffset,
        pmuCount?.value === 0n ? undefined : pmuOffset,
      ]
        .flatMap((offset) => (offset === undefined ? [] : [Number(offset.value)]))
        .concat(mappings);
      const isOrdered = starts.every((start, index) => index === 0 || starts[index - 1]! <= start);
      return isOrdered
        ? undefined
        : 'it writes global, context and PMU interrupts and then the mappings, whatever their order was';
    }
    case 'named-component':
      return /["\u0080-\u00ff]/.test(node.values.deviceName?.text ?? '')
        ? 'its name holds a character that breaks the text'
        : undefined;
    case 'iwb':
      return node.gaps.some(({ kind, offset, end }) => kind === 'padding' && end > offset)
        ? 'it knows no line for the padding behind the name and drops it, and references past it then point to wrong places'
        : undefined;
    default:
      return undefined;
  }
}
