// What the kernel calls the devices that it makes of tree nodes.
import type { HostNames } from '../iova/hosts/locate';
import { translateReg } from '../tree/addresses';
import type { DeviceTree, DtNode } from '../tree/model';
import { baseName, cellValue, nodeAt, nodeByReference, nodePath, walk } from '../tree/navigate';

/** How a tree's nodes are found: by path, label, or the kernel's name of their device. */
export function hostNames(tree: DeviceTree): HostNames {
  let byName: ReadonlyMap<string, string> | undefined;
  return {
    resolve: (name) => resolveName(tree, name),
    ofDevice: (name) => (byName ??= deviceNames(tree)).get(name),
  };
}

/** A path, `&label`, `&{/path}` or a label, to the path of the node. */
export function resolveName(tree: DeviceTree, name: string): string | undefined {
  const reference = name.startsWith('&{') && name.endsWith('}') ? name.slice(2, -1) : name.replace(/^&/, '');
  const node = reference.startsWith('/') ? nodeAt(tree, reference) : nodeByReference(tree, reference);
  return node && nodePath(node);
}

function deviceNames(tree: DeviceTree): Map<string, string> {
  const names = new Map<string, string>();
  walk(tree.root, (node) => {
    const name = deviceName(tree, node);
    if (name !== '' && !names.has(name)) names.set(name, nodePath(node));
  });
  return names;
}

/**
 * `fd600000.usb`: the translated address and the node's name; what has no address takes its parents' names in front of its
 * own until one has (drivers/of/device.c of_device_make_bus_id).
 */
function deviceName(tree: DeviceTree, node: DtNode): string {
  let name = '';
  for (let at = node; at.parent !== undefined; at = at.parent) {
    const behind = name === '' ? '' : `:${name}`;
    const reg = translateReg(tree, at, 0)?.translation;
    if (reg?.ok === true) {
      const mask = cellValue(at, 'mask');
      const bit = mask === undefined ? '' : `.${(31 - Math.clz32(mask & -mask)).toString(16)}`;
      return `${reg.address.toString(16)}${bit}.${baseName(at)}${behind}`;
    }
    name = `${at.name}${behind}`;
  }
  return name;
}
