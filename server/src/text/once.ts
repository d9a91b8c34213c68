// Results that are worked out when they are first asked for, and kept.

/** The result of a function without arguments, computed when it is first asked for. */
export function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}

/**
 * A function of an object that never changes, whose result is computed when it is first asked for and kept as long as
 * the object lives. Nothing ever has to be invalidated: changed content is another object.
 */
export function oncePer<Key extends object, T>(compute: (key: Key) => T): (key: Key) => T {
  const known = new WeakMap<Key, { readonly value: T }>();
  return (key) => {
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = { value: compute(key) }));
    return found.value;
  };
}
