// Tables from descriptions of their nodes, through the rules: as binary and as the text that it prints.
import assert from 'node:assert/strict';
import { buildIort, type MappingDraft, type NodeDraft, type TableDraft } from '../../../server/src/acpi/iort/build';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import { applyFix, binaryDocument, checkTable, textDocument, type CheckOptions } from './table';

/** IDs from `input` on, `count` + 1 of them. */
export function range(input: number, count: number, output: number, target: number): MappingDraft {
  return { inputBase: input, count, outputBase: output, target };
}

export function all(target: number): MappingDraft {
  return range(0, 0xffff, 0, target);
}

/** A single mapping; firmware writes its count as 0 or 1. */
export function single(output: number, target: number, count = 0): MappingDraft {
  return { inputBase: 0, count, outputBase: output, target, flags: 1 };
}

export const coherent = { cacheCoherency: 1, memoryFlags: 3 };

export function its(revision: number, ...identifiers: readonly number[]): NodeDraft {
  return { kind: 'its-group', revision, identifiers };
}

export const wired = { eventGsiv: 0x50, priGsiv: 0x51, gerrGsiv: 0x52, syncGsiv: 0x53 };

export function smmuv3(
  base: bigint,
  mappings: readonly MappingDraft[],
  fields: Readonly<Record<string, number | bigint>> = wired,
  revision = 4,
): NodeDraft {
  return { kind: 'smmuv3', revision, fixedSize: 0x44, fields: { base, flags: 1, ...fields }, mappings };
}

export function smmu(mappings: readonly MappingDraft[], more: Partial<NodeDraft> = {}): NodeDraft {
  return {
    kind: 'smmu',
    revision: 3,
    fields: { base: 0x5000_0000n, span: 0x1_0000n, model: 3, flags: 2 },
    globalInterrupts: { gsiv: 0x60, configGsiv: 0x61 },
    contextInterrupts: [0x62, 0x63],
    mappings,
    ...more,
  };
}

export function complex(mappings: readonly MappingDraft[], fields: Record<string, number> = {}): NodeDraft {
  const all = { ...coherent, memorySizeLimit: 64, ...fields };
  return { kind: 'root-complex', revision: 4, fixedSize: 0x24, fields: all, mappings };
}

export function component(
  name: string,
  mappings: readonly MappingDraft[],
  fields: Record<string, number> = {},
): NodeDraft {
  const padding = new Uint8Array(4 - ((0x1d + name.length + 1) % 4));
  const all = { ...coherent, memorySizeLimit: 48, ...fields };
  return { kind: 'named-component', revision: 4, fields: all, name, padding, mappings };
}

export function rmr(
  ranges: readonly (readonly [base: bigint, length: bigint])[],
  mappings: readonly MappingDraft[],
  flags = 1,
): NodeDraft {
  const descriptors = ranges.map(([base, length]) => ({ base, length }));
  return { kind: 'rmr', revision: 3, fields: { flags }, descriptors, mappings };
}

export function pmcg(reference: number, more: Partial<NodeDraft> = {}): NodeDraft {
  const fields = { page0Base: 0x9000_0000n, page1Base: 0x9001_0000n, overflowGsiv: 0x70 };
  return { kind: 'pmcg', revision: 2, fixedSize: 0x28, fields, reference, ...more };
}

/** A table of revision 5 whose nodes are numbered. */
export function table(...nodes: readonly NodeDraft[]): TableDraft {
  return { revision: 5, nodes: nodes.map((node, identifier) => ({ identifier, ...node })) };
}

export interface Checked {
  readonly found: readonly Diagnostic[];
  /** `severity rule`, sorted. */
  readonly rules: readonly string[];
  readonly message: (rule: string) => string;
}

/** What the rules say of a table; of the binary and of its text it must be the same. No MADT lies beside it, if none is given. */
export function checked(draft: TableDraft, options: CheckOptions = {}): Checked {
  const built = buildIort(draft);
  assert.ok('bytes' in built, 'problem' in built ? built.problem : '');
  const binary = binaryDocument(built.bytes);
  const all = { madt: undefined, ...options };
  const found = checkTable(binary, all);
  const text = checkTable(textDocument(binary.file.text), all);
  assert.deepEqual(summary(text), summary(found), 'the text has the same findings');
  return {
    found,
    rules: summary(found),
    message: (rule) => found.find((each) => each.rule === rule)?.message ?? '',
  };
}

function summary(found: readonly Diagnostic[]): string[] {
  return found.map(({ rule, severity }) => `${severity} ${rule}`).sort();
}

/** `severity rule` of what is left when a fix of a rule's first finding is applied to the table's text. */
export function leftAfter(draft: TableDraft, rule: string, title: RegExp, options: CheckOptions = {}): string[] {
  const built = buildIort(draft);
  assert.ok('bytes' in built);
  const document = binaryDocument(built.bytes);
  const all = { madt: undefined, ...options };
  const fixes = checkTable(document, all).flatMap((each) => (each.rule === rule ? (each.fixes ?? []) : []));
  const fix = fixes.find((each) => title.test(each.title));
  assert.ok(fix !== undefined, fixes.map((each) => each.title).join());
  const after = textDocument(applyFix(document, fix).text);
  assert.deepEqual(after.diagnostics, []);
  return summary(checkTable(after, all).filter((each) => !each.rule.startsWith('iort-text')));
}
