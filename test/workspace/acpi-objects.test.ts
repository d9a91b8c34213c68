import assert from 'node:assert/strict';
import { printAcpiObjects, proposeNames, readAcpiObjects } from '../../server/src/workspace/acpi-objects';
import { nodeAt } from '../../server/src/tree/navigate';
import { treeOf } from '../topology/trees';

const tree = treeOf(`/dts-v1/; / { aliases { usb0 = "/soc/usb@1"; }; soc { #address-cells = <1>; #size-cells = <1>;
  first: usb@1 { reg = <1 1>; }; usb@2 { reg = <2 1>; }; its: msi@3 { reg = <3 1>; }; }; };`);

function read(text: string): object {
  const { names, numbers, problems } = readAcpiObjects(text, tree);
  const all = Object.fromEntries<string | number>([...names, ...numbers]);
  return { ...all, ...(problems.length > 0 && { problems }) };
}

describe('the map from nodes to what ACPI calls them', () => {
  it('is JSON with paths, labels and aliases, in groups or not', () => {
    const expected = { '/soc/usb@1': '\\_SB_.USB0', '/soc/usb@2': '\\_SB_.PCI0.USB1', '/soc/msi@3': 3 };
    assert.deepEqual(read('{ "&first": "\\\\_SB_.USB0", "/soc/usb@2": "_SB.PCI0.USB1", "its": 3 }'), expected);
    assert.deepEqual(
      read(
        '{ "objects": { "usb0": "\\\\_SB.USB0", "&{/soc/usb@2}": "\\\\_sb_.pci0.usb1" }, "its": { "&its": "0x3" } }',
      ),
      expected,
    );
  });

  it('is lines of a node and its object', () => {
    const expected = { '/soc/usb@1': '\\_SB_.USB0', '/soc/msi@3': 16 };
    assert.deepEqual(read('# USB\n/soc/usb@1\t\\_SB_.USB0\n\n&its 0x10\n'), expected);
    assert.deepEqual(read('/soc/usb@1 = \\_SB_.USB0\r\nits=16'), expected);
    assert.deepEqual(read('"/soc/usb@1": "\\_SB_.USB0"\n"its" : 16'), expected);
  });

  it('says what it does not understand', () => {
    assert.deepEqual(read('/soc/usb@9 \\_SB_.USB0\n/soc/usb@1 \\_SB_.LONGER\n/soc/usb@2\nits -4'), {
      problems: [
        '/soc/usb@9: there is no such node',
        '/soc/usb@1: "\\\\_SB_.LONGER" is no object of the ACPI namespace (\\_SB_.USB0), and no number',
        '/soc/usb@2: "" is no object of the ACPI namespace (\\_SB_.USB0), and no number',
        'its: "-4" is no object of the ACPI namespace (\\_SB_.USB0), and no number',
      ],
    });
    assert.deepEqual(read('first \\_SB_.USB0\n/soc/usb@2 \\_SB_.USB0'), {
      '/soc/usb@1': '\\_SB_.USB0',
      problems: ['/soc/usb@2: \\_SB_.USB0 is /soc/usb@1 already'],
    });
    assert.deepEqual(read('{ "first": ["x"], "its": 4294967296 }'), {
      problems: [
        'first: ["x"] is no object of the ACPI namespace (\\_SB_.USB0), and no number',
        'its: 4294967296 is no object of the ACPI namespace (\\_SB_.USB0), and no number',
      ],
    });
  });

  it('is proposed with names that are free, and printed as it is read', () => {
    const nodes = ['/soc/usb@1', '/soc/usb@2', '/soc/msi@3'].map((path) => nodeAt(tree, path)!);
    const names = proposeNames(nodes, new Map([['/x', '\\_SB_.USB0']]));
    assert.deepEqual([...names.values()], ['\\_SB_.USB1', '\\_SB_.USB2', '\\_SB_.MSI0']);
    const numbers = new Map([['/soc/msi@3', 7]]);
    const given = { names: new Map([['/soc/usb@1', '\\_SB_.USB1']]), numbers };
    assert.deepEqual(readAcpiObjects(printAcpiObjects(given), tree), { ...given, problems: [] });
  });

  it('has names for as many nodes as there are', () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({
      ...tree.root,
      name: `usb@${String(index)}`,
      parent: tree.root,
    }));
    const names = [...proposeNames(many, new Map()).values()];
    assert.equal(new Set(names).size, 5000);
    assert.ok(names.every((name) => /^\\_SB_(?:\.[A-Z_][A-Z0-9_]{3}){1,2}$/.test(name)));
  });
});
