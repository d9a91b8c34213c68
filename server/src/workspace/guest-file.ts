// A guest's memory as users write it: `{"ram": [{"start", "size"}]}`, in a file of its own or under `guests` of doorbell.json.
import { getNodeValue, parseTree, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { parseGuest } from '../iova/guests/guest-spec';
import { ownLayout, type GuestLayout } from '../iova/guests/layout';
import { positionAt, type SourceFile } from '../text/source-file';
import { validate, type JsonSchema } from './json-schema';
import type { Settings } from './settings';
import { settingsFileName, settingsSchema, type SpanText } from './settings-file';

/** As in doorbell.json, but a range may be empty: what the kernel makes of it is then said. */
const guestSchema: JsonSchema = {
  type: 'object',
  required: ['ram'],
  properties: {
    ram: {
      type: 'array',
      items: {
        type: 'object',
        required: ['start', 'size'],
        properties: { start: { $ref: '#/definitions/address' }, size: { $ref: '#/definitions/address' } },
      },
    },
  },
};

/** A numbers's text that passes the schema and is beyond 64 bits all the same. */
const lastAddress = (1n << 64n) - 1n;

/** The layout in a guest file; `name` is what it is called in messages. The error is one line without the file's name. */
export function readGuest(file: SourceFile, name: string): GuestLayout | { readonly error: string } {
  const errors: ParseError[] = [];
  const tree = parseTree(file.text.replace(/^\uFEFF/, ' '), errors, { allowTrailingComma: true });
  const [first] = errors;
  if (tree === undefined || first !== undefined) {
    if (first === undefined || file.text.trim() === '')
      return { error: 'is empty: a guest file is {"ram": [{"start", "size"}]}' };
    const { line, character } = positionAt(file, first.offset);
    const code = printParseErrorCode(first.error)
      .replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`)
      .toLowerCase();
    return { error: `is no JSON at line ${line + 1}, column ${character + 1}: ${code.toLowerCase()}` };
  }
  const problem = validate(tree, guestSchema, settingsSchema, 'A guest file').find(({ kind }) => kind === 'wrong');
  if (problem !== undefined)
    return { error: `${problem.message} ({"ram": [{"start": "0x40000000", "size": "0x80000000"}]})` };
  const { ram } = getNodeValue(tree) as { readonly ram: readonly SpanText[] };
  const spans = ram.map(({ start, size }) => ({ start: BigInt(start), size: BigInt(size) }));
  const tooLarge = spans.findIndex(({ start, size }) => start > lastAddress || size > lastAddress);
  if (tooLarge >= 0) return { error: `ram[${tooLarge}] has a number that does not fit 64 bits` };
  return ownLayout(name, spans, name);
}

/** A layout of doorbell.json by its name. */
export function configuredGuest({ guests }: Pick<Settings, 'guests'>, name: string): GuestLayout | undefined {
  const found = Object.hasOwn(guests, name) ? guests[name] : undefined;
  if (found === undefined) return undefined;
  const parsed = found.preset === undefined ? undefined : parseGuest(found.preset);
  // Its own name, for messages; `guestArgument` still knows the preset.
  if (parsed?.kind === 'layout') return { ...parsed.layout, name };
  return ownLayout(name, found.ram, `${settingsFileName}, guests`);
}

/** All layouts of doorbell.json. */
export function configuredGuests(settings: Pick<Settings, 'guests'>): GuestLayout[] {
  return Object.keys(settings.guests).flatMap((name) => configuredGuest(settings, name) ?? []);
}
