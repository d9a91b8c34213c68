// IORT tables that a seed repeats: all kinds and revisions of nodes, random values in every field, and, where they are asked
// for, the odd layouts that no compiler makes: gaps, arrays in another order, bytes behind the nodes.
import assert from 'node:assert/strict';
import { random, type Random } from '../fuzz/random';
import { buildIort } from '../../server/src/acpi/iort/build';
import type { MappingDraft, NodeDraft, TableDraft } from '../../server/src/acpi/iort/build';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { bodyLayout } from '../../server/src/acpi/layout/iort';
import { kindOfType } from '../../server/src/acpi/iort/decode-node';
import { sizeOf, type Field, type TextStyle } from '../../server/src/acpi/layout/field';
import { oddLayout } from './odd-layout';

export interface GeneratorOptions {
  /** Of the table; one of 0 to 7 where absent. */
  readonly revision?: number;
  /** Types of nodes to choose from; all that the revision has where absent. */
  readonly types?: readonly number[];
  /** 25 where absent. */
  readonly mostNodes?: number;
  /**
   * Nothing but what this iasl compiles from text: fields and sizes that it knows, reserved fields zero, one byte at least
   * behind a name, and no odd layouts.
   */
  readonly iasl?: TextStyle;
  /** Gaps, arrays in another order, bytes behind nodes and behind the table. */
  readonly isOdd?: boolean;
}

/** Revisions of a node by the table's, as Arm's documents, EDK2 and iasl's template have them. */
const nodeRevisions: Readonly<Record<number, readonly (readonly number[])[]>> = {
  0: [[0], [0, 1, 2], [0, 1], [0, 1], [0, 1, 2], [0, 1]],
  1: [[0], [2], [1], [1], [2], [1], [1]],
  2: [[0], [2], [1], [1], [2], [1], [1]],
  3: [[1], [3, 4], [3], [3], [4], [2], [1]],
  4: [[1], [3, 4], [3], [3], [4], [2], [2]],
  5: [[1], [4], [4], [3], [4], [2], [3]],
  6: [[1], [4], [4], [3], [5], [2], [3]],
  7: [[1], [4], [4], [3], [5], [2], [3], [1]],
};

/** Which kinds a node of a kind may reference. */
const targets: Readonly<Record<NodeDraft['kind'], readonly NodeDraft['kind'][]>> = {
  'its-group': [],
  'named-component': ['smmu', 'smmuv3', 'its-group'],
  'root-complex': ['smmu', 'smmuv3', 'its-group'],
  smmu: ['its-group'],
  smmuv3: ['its-group'],
  pmcg: ['its-group'],
  rmr: ['smmu', 'smmuv3'],
  iwb: ['its-group'],
};

/** A description of a table for `buildIort`. */
export function generateDraft(numbers: Random, options: GeneratorOptions = {}): TableDraft {
  const revision = options.revision ?? numbers.pick(revisionsFor(options.iasl));
  const revisions = nodeRevisions[revision]!;
  const types = (options.types ?? [...revisions.keys()]).filter((type) => type < revisions.length);
  const count = 1 + numbers.below(options.mostNodes ?? 25);
  const drawn = Array.from({ length: count }, () => numbers.pick(types));
  const kinds = drawn.map((type) => kindOfType(type) as NodeDraft['kind']);
  const nodes = drawn.map((type, index) => {
    const nodeRevision = numbers.pick(revisions[type]!);
    const identifier = revision === 0 || options.iasl === '20200925' ? 0 : index;
    return node(numbers, { type, revision: nodeRevision, identifier, kinds, options });
  });
  const isPadded = numbers.below(8) === 0;
  return {
    revision,
    header: { oemRevision: numbers.below(0x10000), creatorRevision: numbers.below(0x10000) },
    ...(isPadded ? { padding: randomBytes(numbers, 4 * (1 + numbers.below(4))) } : {}),
    nodes,
  };
}

/** The bytes of a table; the same for the same seed and options. */
export function generateTable(seed: number, options: GeneratorOptions = {}): Uint8Array {
  const numbers = random(seed);
  const built = buildIort(generateDraft(numbers, options));
  assert.ok('bytes' in built, 'a node is longer than a table can hold');
  return options.isOdd === true ? oddLayout(decodeIort(built.bytes), numbers) : built.bytes;
}

function revisionsFor(style: TextStyle | undefined): readonly number[] {
  if (style === '20200925') return [0];
  if (style === 'current') return [0, 3, 5, 6, 7];
  return [0, 1, 2, 3, 4, 5, 6, 7];
}

/** iasl has one size for the nodes of a kind: what the SMMUv3 and PMCG of revision 1 have, and the root complex of 1 to 3. */
const iaslSizes: Readonly<Partial<Record<NodeDraft['kind'], number>>> = {
  'root-complex': 0x24,
  smmuv3: 0x44,
  pmcg: 0x28,
};

interface Wanted {
  readonly type: number;
  readonly revision: number;
  readonly identifier: number;
  readonly kinds: readonly NodeDraft['kind'][];
  readonly options: GeneratorOptions;
}

function node(numbers: Random, { type, revision, identifier, kinds, options }: Wanted): NodeDraft {
  const kind = kindOfType(type) as NodeDraft['kind'];
  const some = <Item>(most: number, make: () => Item): Item[] =>
    Array.from({ length: numbers.below(most + 1) }, () => make());
  const word = () => numbers.below(0xffffffff);
  const fields = bodyFields(numbers, type, revision, options);
  const mappings = kind === 'its-group' ? [] : some(4, () => mapping(numbers, kind, kinds));
  const fixedSize = options.iasl === undefined ? undefined : iaslSizes[kind];
  const common = { kind, revision, identifier, fields, mappings, ...(fixedSize === undefined ? {} : { fixedSize }) };
  switch (kind) {
    case 'its-group':
      return { ...common, identifiers: Array.from({ length: 1 + numbers.below(3) }, () => numbers.below(8)) };
    case 'named-component':
    case 'iwb': {
      const name = objectName(numbers);
      if (options.iasl === undefined) return { ...common, name };
      // iasl writes a named component's name only with padding behind it, and has no line for an IWB's.
      const size = kind === 'iwb' ? 0 : 1 + numbers.below(20);
      return { ...common, name, padding: randomBytes(numbers, size) };
    }
    case 'smmu':
      return {
        ...common,
        globalInterrupts: {
          gsiv: word(),
          flags: numbers.below(2),
          configGsiv: word(),
          configFlags: numbers.below(2),
        },
        contextInterrupts: some(5, () => BigInt(word()) | (BigInt(numbers.below(2)) << 32n)),
        pmuInterrupts: some(3, () => BigInt(word())),
      };
    case 'pmcg':
      return { ...common, reference: numbers.below(kinds.length) };
    case 'rmr':
      return {
        ...common,
        descriptors: some(3, () => ({
          base: BigInt(numbers.below(0x10000)) << 16n,
          length: BigInt(1 + numbers.below(0x100)) << 16n,
        })),
      };
    default:
      return common;
  }
}

/** Random values of the body's fields; reserved ones and reserved bits only where no iasl must keep them. */
function bodyFields(
  numbers: Random,
  type: number,
  revision: number,
  { iasl, isOdd }: GeneratorOptions,
): Record<string, bigint> {
  const fields: Record<string, bigint> = {};
  for (const field of bodyLayout(type)!.fields) {
    if (sizeOf(field) === 0 || (field.sinceNode ?? 0) > revision) continue;
    if (field.reserved === true && (iasl !== undefined || isOdd !== true || numbers.below(4) > 0)) continue;
    // The bytes of PASID capabilities are reserved for the older compiler.
    if (iasl === '20200925' && field.name === 'pasidCapabilities') continue;
    fields[field.name] = value(numbers, field);
  }
  return fields;
}

function value(numbers: Random, field: Field): bigint {
  const anything = (BigInt(numbers.below(0x100000000)) << 32n) | BigInt(numbers.below(0x100000000));
  if (field.values !== undefined && numbers.below(8) > 0) return numbers.pick(field.values).value;
  return BigInt.asUintN(8 * field.size, anything);
}

function mapping(numbers: Random, kind: NodeDraft['kind'], kinds: readonly NodeDraft['kind'][]): MappingDraft {
  const allowed = [...kinds.keys()].filter((index) => targets[kind].includes(kinds[index]!));
  const target =
    allowed.length === 0 || numbers.below(20) === 0 ? { offset: numbers.below(0x400) } : numbers.pick(allowed);
  return {
    inputBase: numbers.below(0x10000),
    count: numbers.below(3) === 0 ? 0 : numbers.below(0x10000),
    outputBase: numbers.below(0x10000),
    target,
    flags: numbers.below(4) === 0 ? 1 : 0,
  };
}

function objectName(numbers: Random): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ_';
  const segment = () => Array.from({ length: 4 }, () => letters.charAt(numbers.below(letters.length))).join('');
  return `\\_SB_${Array.from({ length: 1 + numbers.below(3) }, () => `.${segment()}`).join('')}`;
}

export function randomBytes(numbers: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => numbers.below(256));
}
