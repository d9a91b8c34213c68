// How devices of a machine that ACPI describes are named: objects of its namespace, PCI segments, PCI addresses.
import type { HostNames } from '../iova/hosts/locate';
import { once } from '../text/once';
import type { Topology } from '../topology/model';

/** Names of what the tables describe: `\_SB_.VR05`, `\_SB.VR05` or `_SB.VR05` for the same object, `pci0000` for a segment. */
export function acpiNames({ masters }: Topology): HostNames {
  const paths = once(() => new Set(masters.map(({ path }) => path)));
  return {
    resolve(name) {
      if (paths().has(name)) return name;
      const full = fullPath(name);
      return paths().has(full) ? full : undefined;
    },
    // `LNRO0005:05` counts devices of an ID as the namespace has them, which is in no data table.
    ofDevice: () => undefined,
  };
}

/** The path as the namespace has it: from the root, segments filled up with underscores to four characters. */
function fullPath(name: string): string {
  const segments = name.replace(/^\\/, '').split('.');
  return `\\${segments.map((segment) => segment.toUpperCase().padEnd(4, '_')).join('.')}`;
}
