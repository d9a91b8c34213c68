// What the board asks of the kernel at boot: `bootargs` in /chosen. Boot loaders may replace them; what the tree says is all
// that can be known.
import type { SourceRange } from '../text/source-file';
import type { DeviceTree } from '../tree/model';
import { nodeAt, stringValue } from '../tree/navigate';

export interface BootFlag {
  readonly isOn: boolean;
  readonly source: SourceRange | undefined;
}

/**
 * A parameter that is a truth value, such as `vfio_iommu_type1.allow_unsafe_interrupts`; undefined where the arguments do not
 * give it, or not as one. The last one counts, `-` and `_` are the same (kernel/params.c parameq, param_set_bool).
 */
export function bootFlag(tree: DeviceTree, name: string): BootFlag | undefined {
  const chosen = nodeAt(tree, '/chosen');
  const text = chosen && stringValue(chosen, 'bootargs');
  if (text === undefined) return undefined;
  const wanted = name.replaceAll('-', '_');
  const values = text
    .split(/\s+/)
    .map((argument) => argument.split('=', 2))
    .filter(([key]) => key?.replaceAll('-', '_') === wanted);
  const last = values.at(-1);
  const isOn = last && truth(last[1]);
  if (isOn === undefined) return undefined;
  return { isOn, source: chosen?.properties.get('bootargs')?.definitions.at(-1)?.whole };
}

/** lib/kstrtox.c kstrtobool. */
function truth(value: string | undefined): boolean | undefined {
  if (value === undefined || /^(?:[yYtT1]|[oO][nN])/.test(value)) return true;
  return /^(?:[nNfF0]|[oO][fF])/.test(value) ? false : undefined;
}
