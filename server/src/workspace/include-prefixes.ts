// Linux names its devicetree directories by short prefixes: `<arm64/…>`, `<dt-bindings/…>`. The prefixes are symbolic
// links, which checkouts on file systems without links and many archives lack; a file has one path here either way.
import path from 'node:path';

const prefixDirectory = path.join(path.sep, 'scripts', 'dtc', 'include-prefixes', path.sep);

/**
 * The path that a path through `scripts/dtc/include-prefixes/` stands for, undefined for any other path.
 * Linux scripts/dtc/include-prefixes: `dt-bindings` leads to include/dt-bindings, NAME to arch/NAME/boot/dts.
 */
export function behindIncludePrefix(file: string): string | undefined {
  const at = file.indexOf(prefixDirectory);
  if (at < 0) return undefined;
  const root = file.slice(0, at);
  const rest = file.slice(at + prefixDirectory.length);
  const slash = rest.indexOf(path.sep);
  if (slash <= 0) return undefined;
  const name = rest.slice(0, slash);
  const directory = name === 'dt-bindings' ? path.join('include', name) : path.join('arch', name, 'boot', 'dts');
  return path.join(root, directory, rest.slice(slash + 1));
}
