// Makes a value that shows something smaller while it still shows it: delta debugging on its lists, then on what is optional.

type Path = readonly (string | number)[];

/**
 * Leaves out items of lists (halves first, then less) and optional values, as long as `shows` agrees; gives up after `tries`
 * questions. Whatever is left out, the value must still be one that `shows` can judge.
 */
export async function minimise<Value extends object>(
  value: Value,
  shows: (smaller: Value) => Promise<boolean>,
  optional: ReadonlySet<string>,
  tries: number,
): Promise<Value> {
  let current = value;
  let left = tries;
  const attempt = async (smaller: Value): Promise<boolean> => {
    if (left <= 0) return false;
    left--;
    if (!(await shows(smaller))) return false;
    current = smaller;
    return true;
  };
  for (let before: Value | undefined; before !== current && left > 0;) {
    before = current;
    for (const path of listPaths(current)) await shrinkList(path);
    for (const path of optionPaths(current, optional)) await attempt(replaced(current, path, undefined));
  }
  return current;

  async function shrinkList(path: Path): Promise<void> {
    const list = (): readonly unknown[] => at(current, path) as readonly unknown[];
    if (at(current, path) === undefined) return;
    for (let chunk = list().length; chunk >= 1; chunk = Math.floor(chunk / 2)) {
      for (let first = 0; first < list().length && left > 0;) {
        const rest = [...list().slice(0, first), ...list().slice(first + chunk)];
        if (!(await attempt(replaced(current, path, rest)))) first += chunk;
      }
    }
  }
}

/** Lists that are not empty, outer ones before those inside their items. */
function listPaths(value: unknown, path: Path = []): Path[] {
  const inner = children(value).flatMap(([key, child]) => listPaths(child, [...path, key]));
  return Array.isArray(value) && value.length > 0 && path.length > 0 ? [path, ...inner] : inner;
}

/** Values that may be absent: flags, and those of the keys that are said to be optional. */
function optionPaths(value: unknown, optional: ReadonlySet<string>, path: Path = []): Path[] {
  return children(value).flatMap(([key, child]) => {
    const mayGo = typeof key === 'string' && child !== undefined && (child === true || optional.has(key));
    return [...(mayGo ? [[...path, key]] : []), ...optionPaths(child, optional, [...path, key])];
  });
}

function children(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return value.map((child: unknown, index) => [index, child]);
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Record<string | number, unknown> | undefined)?.[key], value);
}

/** A copy with another value at a path; the same object where the path leads nowhere any more. */
function replaced<Value extends object>(value: Value, [key, ...rest]: Path, replacement: unknown): Value {
  const inside = value as Record<string | number, unknown>;
  if (key === undefined || !(key in inside)) return value;
  const fresh = rest.length === 0 ? replacement : replaced(inside[key] as object, rest, replacement);
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (index === key ? fresh : item)) as unknown as Value;
  return { ...value, [key]: fresh };
}
