// A doorbell.json as written: JSON with comments, checked against the published schema.
import {
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import schemaFile from '../../../schemas/doorbell.schema.json';
import type { KernelVersion } from '../iova/kernel-profile';
import { presetProblem } from '../iova/guests/guest-spec';
import type { Diagnostic, Severity } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';
import { validate, type JsonSchema, type SchemaProblem } from './json-schema';
import { isRuleId } from './rule-index';
import { oncePer } from '../text/once';

export const settingsFileName = 'doorbell.json';
export const settingsSchema = schemaFile as JsonSchema;

/** The file's content as written; every key may be absent. Kept in step with schemas/doorbell.schema.json by a test. */
export interface SettingsFile {
  readonly kernel?: KernelVersion;
  readonly pageSize?: PageSize;
  readonly msiWindow?: { readonly base: AddressText; readonly size?: AddressText };
  readonly preserveBootConfiguration?: boolean;
  readonly streamIdBits?: number;
  readonly acpi?: { readonly madt?: string };
  readonly rules?: Readonly<Record<string, Severity | 'off'>>;
  readonly guests?: Readonly<Record<string, GuestText>>;
  readonly virtioIommuRegions?: readonly (SpanText & { readonly type: 'msi' | 'reserved' })[];
  readonly contexts?: readonly ContextText[];
}

export type PageSize = '4K' | '16K' | '64K';
export type AddressText = string | number;
export interface SpanText {
  readonly start: AddressText;
  readonly size: AddressText;
}
/** Ranges of RAM, or a preset as `--guest` takes it (`qemu-virt:8G`); where there are both, the ranges. */
export type GuestText =
  | { readonly ram: readonly SpanText[]; readonly preset?: string }
  | { readonly ram?: undefined; readonly preset: string };
export interface ContextText {
  readonly root: string;
  readonly includePaths?: readonly string[];
  readonly defines?: Readonly<Record<string, string | number>>;
  readonly overlays?: readonly string[];
}

export interface ParsedSettings {
  /** What is right in the file. */
  readonly content: SettingsFile;
  /** Where it gives the MSI window. */
  readonly msiWindowSource: SourceRange | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a doorbell.json, once for each of its contents. A wrong value is reported and counts as absent. */
export const parseSettings: (source: SourceFile) => ParsedSettings = oncePer(parse);

const treeOf = oncePer((source: SourceFile) => parseTree(settingsText(source), [], { allowTrailingComma: true }));

/** Where a file gives the value at a path of keys and indices, such as `['guests', 'mine', 'ram', 0]`. */
export function settingsPlace(source: SourceFile, key: readonly (string | number)[]): SourceRange | undefined {
  const tree = treeOf(source);
  const found = tree && findNodeAtLocation(tree, [...key]);
  return found && { file: source, start: found.offset, end: found.offset + found.length };
}

/** The text without a byte order mark, at the same offsets. */
function settingsText({ text }: SourceFile): string {
  return text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text;
}

/** Settings that come from elsewhere than a file, such as the editor: wrong values are dropped. */
export function settingsFromObject(value: object): SettingsFile {
  if (Object.keys(value).length === 0) return {};
  const tree = parseTree(JSON.stringify(value));
  return tree === undefined
    ? {}
    : validContent(tree, wrongNodes([...validate(tree, settingsSchema), ...wrongGuests(tree)]));
}

function parse(source: SourceFile): ParsedSettings {
  const errors: ParseError[] = [];
  const tree = parseTree(settingsText(source), errors, { allowTrailingComma: true });
  const rangeOf = ({ offset, length }: { offset: number; length: number }): SourceRange => {
    return { file: source, start: offset, end: offset + length };
  };
  const diagnostics: Diagnostic[] = errors.map((error) => ({
    rule: 'settings-syntax',
    severity: 'error',
    range: rangeOf(error),
    message: `${settingsFileName} cannot be read here: ${syntaxErrorText(printParseErrorCode(error.error))}`,
  }));
  if (tree === undefined) return { content: {}, msiWindowSource: undefined, diagnostics };
  const problems = [...validate(tree, settingsSchema), ...unknownRules(tree), ...wrongGuests(tree)];
  for (const { kind, node, message } of problems) {
    diagnostics.push({
      rule: kind === 'wrong' ? 'settings-wrong-value' : 'settings-unknown-key',
      severity: kind === 'wrong' ? 'error' : 'warning',
      range: rangeOf(node),
      message,
    });
  }
  const content = validContent(tree, wrongNodes(problems));
  const window = content.msiWindow === undefined ? undefined : findNodeAtLocation(tree, ['msiWindow'])?.parent;
  return { content, msiWindowSource: window && rangeOf(window), diagnostics };
}

/** Ids under `rules` that no rule has: the schema lets them be, for settings that are shared with other versions. */
function unknownRules(tree: Node): SchemaProblem[] {
  const rules = findNodeAtLocation(tree, ['rules']);
  if (rules?.type !== 'object') return [];
  const keys = (rules.children ?? []).flatMap(({ children }) => children?.[0] ?? []);
  return keys
    .filter((key) => !isRuleId(String(key.value)))
    .map((node) => {
      const message = `There is no rule "${String(node.value)}": this severity has no effect`;
      return { kind: 'unknown', node, message };
    });
}

/** Guests that say nothing of their memory, and presets that do not exist; the schema cannot tell. */
function wrongGuests(tree: Node): SchemaProblem[] {
  const guests = findNodeAtLocation(tree, ['guests']);
  if (guests?.type !== 'object') return [];
  return (guests.children ?? []).flatMap(({ children = [] }): SchemaProblem[] => {
    const [name, guest] = children;
    if (name === undefined || guest?.type !== 'object') return [];
    const preset = findNodeAtLocation(guest, ['preset']);
    if (preset === undefined) {
      if (findNodeAtLocation(guest, ['ram']) !== undefined) return [];
      return [{ kind: 'wrong', node: guest, message: `"${String(name.value)}" must have "ram" or "preset"` }];
    }
    const message = typeof preset.value === 'string' ? presetProblem(preset.value) : undefined;
    return message === undefined ? [] : [{ kind: 'wrong', node: preset, message }];
  });
}

/** `InvalidSymbol` becomes `invalid symbol`. */
function syntaxErrorText(code: string): string {
  return code.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/** The value without its wrong parts. A wrong item takes along what cannot do without it, up to the entry of a list or map. */
function validContent(tree: Node, wrong: ReadonlySet<Node>): SettingsFile {
  if (tree.type !== 'object') return {};
  const content: Record<string, unknown> = {};
  for (const property of tree.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key === undefined || value === undefined || !Object.hasOwn(settingsSchema.properties ?? {}, String(key.value)))
      continue;
    const isKept = (node: Node) => !holdsAny(node, wrong);
    if (isKept(value)) content[String(key.value)] = getNodeValue(value);
    else if (wrong.has(value)) continue;
    else if (value.type === 'array')
      content[String(key.value)] = (value.children ?? []).filter(isKept).map((item): unknown => getNodeValue(item));
    else if (key.value !== 'msiWindow' && value.type === 'object') {
      const kept = (value.children ?? []).filter(isKept);
      content[String(key.value)] = Object.fromEntries(
        kept.map((entry) => [
          String(entry.children![0]!.value),
          entry.children?.[1] === undefined ? undefined : getNodeValue(entry.children[1]),
        ]),
      );
    }
  }
  return content;
}

function wrongNodes(problems: readonly SchemaProblem[]): ReadonlySet<Node> {
  return new Set(problems.filter(({ kind }) => kind === 'wrong').map(({ node }) => node));
}

function holdsAny(node: Node, wrong: ReadonlySet<Node>): boolean {
  return wrong.has(node) || (node.children ?? []).some((child) => holdsAny(child, wrong));
}
