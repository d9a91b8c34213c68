// A devicetree and an IORT of the same machine, held against each other by the built command line.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const machine = `//- board.dts
/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>;
  smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
  off: iommu@a000000 { compatible = "arm,smmu-v3"; reg = <0 0xa000000 0 0x20000>; #iommu-cells = <1>; status = "disabled"; };
  its: msi@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
  usb@1000 { iommus = <&smmu 0x10>, <&smmu 0x11>; dma-coherent; };
  dma@2000 { iommus = <&smmu 0x20>; };
  dma@3000 { iommus = <&smmu 0x21>; };
  soc {
    #address-cells = <2>; #size-cells = <2>; ranges; dma-ranges = <0 0 0 0 0x1 0>;
    disk@4000 { iommus = <&smmu 0x30>; };
  };
  pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
    linux,pci-domain = <0>; iommu-map = <0 &smmu 0x100 0x100>; msi-map = <0 &its 0 0x10000>; };
};
`;

/** The machine with the table that it gives, changed or not. */
function bothWays(change?: (text: string) => string): Folder {
  const folder = folderWith(machine);
  const made = doorbell(['iort', 'generate', 'board.dts', '--new-map', 'names.json', '-o', 'IORT.dsl'], folder.root);
  assert.equal(made.status, 0, made.stderr);
  const text = fs.readFileSync(folder.at('IORT.dsl'), 'latin1');
  if (change === undefined) return folder;
  const changed = change(text);
  assert.notEqual(changed, text);
  folder.write('IORT.dsl', Buffer.from(changed, 'latin1'));
  return folder;
}

function compared(folder: Folder, ...args: string[]): string {
  const { stdout, stderr } = doorbell(['compare', 'board.dts', 'IORT.dsl', ...args], folder.root);
  assert.doesNotMatch(stderr, /at .*\.js/);
  return stdout;
}

function topologyOf(output: string): string {
  return output.split('\nTopology differs\n')[1] ?? '';
}

describe('compare of a devicetree with the IORT of its machine', () => {
  afterEach(removeFolders);

  it('pairs devices by IOMMU and stream IDs, and finds no difference in the table that the tree gives', () => {
    const output = compared(bothWays());
    for (const [node, object] of [
      ['/usb@1000', 'USB0'],
      ['/dma@2000', 'DMA0'],
      ['/soc/disk@4000', 'DIS0'],
    ])
      assert.ok(output.includes(`[1] ${node!} = [2] \\_SB_.${object!}, by stream IDs`), output);
    assert.doesNotMatch(output, /counterpart/);
    assert.equal(topologyOf(output), '');
  });

  it('takes maps that make the same of each ID for the same, and a function’s stream ID from the root complex’s mapping', () => {
    const folder = folderWith(
      machine.replace(
        'iommu-map = <0 &smmu 0x100 0x100>; msi-map = <0 &its 0 0x10000>;',
        `iommu-map = <0x10 &smmu 0x210 8>, <0 &smmu 0x100 0x20>, <0x10 &smmu 0x310 8>; msi-map = <0 &its 0 0x10000>;
         net@1,0 { reg = <0x800 0 0 0 0>; };`,
      ),
    );
    const made = doorbell(['iort', 'generate', 'board.dts', '--new-map', 'names.json', '-o', 'IORT.dsl'], folder.root);
    assert.equal(made.status, 0, made.stderr);
    const output = compared(folder);
    assert.match(output, /\/net@1,0 = \[2\] /);
    assert.equal(topologyOf(output), '');
  });

  it('names what the table says otherwise', () => {
    const coherence = compared(bothWays((text) => text.replace(/(Flags \(decoded below\) : )00000001/, '$100000000')));
    assert.match(topologyOf(coherence), /\/usb@1000: cache-coherent table walks\n\s+\[1\] yes\n\s+\[2\] no/);
    const limit = compared(bothWays((text) => text.replace(/(Memory Size Limit : )20/, '$128')));
    assert.match(
      topologyOf(limit),
      /\/soc\/disk@4000: where its DMA reaches\n\s+\[1\] 0x0–0xffffffff .*\n\s+\[2\] 0x0–0xffffffffff /,
    );
    const map = compared(bothWays((text) => text.replace(/(Output Base : )00000100/, '$100000200')));
    assert.match(
      topologyOf(map),
      /\/pcie@10000000: iommu-map\n\s+\[1\] 0x0\+0x100 to 0x100 .*\n\s+\[2\] 0x0\+0x100 to 0x200 /,
    );
    const place = compared(bothWays((text) => text.replace(/(Base Address : )0000000009000000/, '$1000000000B000000')));
    assert.match(topologyOf(place), /arm-smmu-v3 at 0x9000000: the IOMMU\n\s+\[1\] enabled\n\s+\[2\] not there/);
  });

  it('of a device with other stream IDs says what they are where a map names it, else that it has no counterpart', () => {
    const folder = bothWays((text) => text.replace(/(Output Base : )00000030/, '$100000031'));
    const alone = compared(folder);
    assert.match(alone, /\[1\] \/soc\/disk@4000 has no counterpart on \[2\]/);
    assert.match(alone, /\[2\] \\_SB_\.DIS0 has no counterpart on \[1\]/);
    const told = compared(folder, '--map', 'names.json');
    assert.match(told, /\/soc\/disk@4000 = \[2\] \\_SB_\.DIS0, by the map/);
    assert.match(topologyOf(told), /\/soc\/disk@4000: stream IDs\n\s+\[1\] 0x30\n\s+\[2\] 0x31/);
    folder.write('bad.json', '{ "/nowhere": "\\\\_SB_.X" }');
    const bad = doorbell(['compare', 'board.dts', 'IORT.dsl', '--map', 'bad.json'], folder.root);
    assertOneLineError(bad, /bad\.json: \/nowhere: there is no such node/);
  });
});
