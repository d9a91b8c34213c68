// Validates JSON with comments against the part of JSON Schema that our own schema uses, with the place of each problem.
import type { Node } from 'jsonc-parser';

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

export interface SchemaProblem {
  /** `unknown`: a key that the schema does not name; `duplicate`: a key given before; `wrong`: a value of the wrong type or form. */
  readonly kind: 'unknown' | 'duplicate' | 'wrong';
  readonly node: Node;
  readonly message: string;
}

/** All problems of a value; `root` is the schema that `$ref` refers into. */
export function validate(
  value: Node,
  schema: JsonSchema,
  root: JsonSchema = schema,
  name = 'The file',
): SchemaProblem[] {
  const rule = resolveReference(schema, root);
  const wrong = (message: string): SchemaProblem[] => [
    { kind: 'wrong', node: value, message: `${name} must be ${message}` },
  ];
  const types = typeof rule.type === 'string' ? [rule.type] : (rule.type ?? []);
  if (types.length > 0 && !types.some((type) => hasType(value, type)))
    return wrong(types.map((type) => typeNames[type] ?? type).join(' or '));
  if (value.type === 'object') return validateObject(value, rule, root, name);
  if (value.type === 'array') {
    return (value.children ?? []).flatMap((item, index) =>
      rule.items === undefined ? [] : validate(item, rule.items, root, `${name}[${index}]`),
    );
  }
  const content: unknown = value.value;
  if (typeof content === 'string') {
    if (rule.enum !== undefined && !rule.enum.includes(content))
      return wrong(`one of ${rule.enum.map((word) => `"${word}"`).join(', ')}`);
    if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(content)) return wrong(numberWanted(content));
  }
  if (typeof content === 'number' && rule.minimum !== undefined && content < rule.minimum)
    return wrong(`${rule.minimum} or more`);
  if (typeof content === 'number' && rule.maximum !== undefined && content > rule.maximum)
    return wrong(`${rule.maximum} at most`);
  return [];
}

/** Numbers in text: what is wrong with one that is a number, or an example for what is none. */
function numberWanted(content: string): string {
  if (!/^(?:0[xX][0-9a-fA-F]+|[0-9]+)$/.test(content)) return 'a number such as "0x8000000"';
  return BigInt(content) === 0n ? 'above 0' : 'a number of at most 64 bits';
}

function validateObject(value: Node, rule: JsonSchema, root: JsonSchema, name: string): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const present = new Set<string>();
  for (const property of value.children ?? []) {
    const [key, content] = property.children ?? [];
    if (key === undefined) continue;
    const keyName = String(key.value);
    if (present.has(keyName))
      problems.push({ kind: 'duplicate', node: key, message: `"${keyName}" is given twice; the last one counts` });
    present.add(keyName);
    const known =
      rule.properties !== undefined && Object.hasOwn(rule.properties, keyName) ? rule.properties[keyName] : undefined;
    const schema = known ?? (typeof rule.additionalProperties === 'object' ? rule.additionalProperties : undefined);
    if (schema === undefined) {
      if (rule.additionalProperties === false)
        problems.push({ kind: 'unknown', node: key, message: unknownKey(keyName, rule) });
    } else if (content !== undefined) {
      problems.push(...validate(content, schema, root, `"${keyName}"`));
    }
  }
  for (const key of rule.required ?? []) {
    if (!present.has(key)) problems.push({ kind: 'wrong', node: value, message: `${name} must have "${key}"` });
  }
  return problems;
}

function unknownKey(name: string, rule: JsonSchema): string {
  const known = Object.keys(rule.properties ?? {}).filter((key) => !key.startsWith('$'));
  return `"${name}" is not a setting and is ignored; known here are ${known.join(', ')}`;
}

function resolveReference(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const name = schema.$ref?.replace('#/definitions/', '');
  return name === undefined ? schema : (root.definitions?.[name] ?? {});
}

function hasType(value: Node, type: string): boolean {
  if (type === 'integer') return value.type === 'number' && Number.isSafeInteger(value.value);
  return value.type === type;
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
};
