// How wide the stream IDs of SMMUv3s are stands in a register alone: 16 bits are assumed, and doorbell.json can say it.
import assert from 'node:assert/strict';
import { newIort } from '../../server/src/acpi/text/template';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { doorbell } from './run';

/** Functions have stream IDs from 0x10000 on. */
const table = newIort(6, 'current')
  .replace('ID Count : 0000FFFF', 'ID Count : 0001FFFF')
  .replace(/(Segment[^]*Output Base : )00000000/, '$100010000');
const board = `/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	smmu: iommu@9050000 {
		compatible = "arm,smmu-v3";
		reg = <0 0x9050000 0 0x20000>;
		#iommu-cells = <1>;
		dma-coherent;
	};
	dma@a000000 {
		compatible = "vendor,dma";
		reg = <0 0xa000000 0 0x1000>;
		iommus = <&smmu 0x12345>;
	};
};
`;
const window = '0x0000000008000000 0x00000000080fffff msi\n';

function machine(settings: object | undefined): Folder {
  const folder = folderWith('');
  folder.write('iort.dsl', table);
  folder.write('board.dts', board);
  if (settings !== undefined) folder.write('doorbell.json', JSON.stringify(settings));
  return folder;
}

describe('the width of stream IDs', () => {
  afterEach(removeFolders);

  it('is taken for 16 bits, and regions say so where that costs a device its group', () => {
    const folder = machine(undefined);
    for (const file of ['iort.dsl', 'board.dts']) {
      for (const kernel of ['6.12', '7.2']) {
        const { stdout, stderr, status } = doorbell(['regions', file, '--kernel', kernel], folder.root);
        assert.deepEqual([stdout, status], ['', 0], file);
        assert.match(stderr, /16 bits are assumed for the stream IDs of SMMUv3s.*"streamIdBits" in doorbell\.json/);
      }
    }
    const { stdout } = doorbell(['check', 'iort.dsl', 'board.dts', '--severity', 'info'], folder.root);
    assert.match(stdout, /iort\.dsl:.* info: .*if it has the usual 16 bits.*\[iort-stream-id-range\]/);
    assert.match(stdout, /board\.dts:.* warning: .*if it has the usual 16 bits.*\[stream-id-range\]/);
  });

  it('is what doorbell.json says', () => {
    const wide = machine({ streamIdBits: 17 });
    for (const kernel of ['6.1', '6.12', '7.2']) {
      const regions = (file: string) => doorbell(['regions', file, '--kernel', kernel], wide.root);
      assert.deepEqual(regions('iort.dsl'), { status: 0, stdout: `# group 0: pci0000\n${window}`, stderr: '' });
      assert.deepEqual(regions('board.dts'), { status: 0, stdout: `# group 0: /dma@a000000\n${window}`, stderr: '' });
    }
    const checked = doorbell(
      ['check', 'iort.dsl', 'board.dts', '--only', 'iort-stream-id-range,stream-id-range'],
      wide.root,
    );
    assert.deepEqual([checked.stdout, checked.status], ['', 0]);
  });

  it('makes what does not fit an error', () => {
    const narrow = machine({ streamIdBits: 16 });
    const { stdout, status } = doorbell(['check', 'iort.dsl', 'board.dts'], narrow.root);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /iort\.dsl:.* error: .*up to 0x1ffff.*has 16 bits by doorbell\.json.*\[iort-stream-id-range\]/,
    );
    assert.match(stdout, /board\.dts:.* error: .*cannot hold the stream ID 0x12345: .*\[stream-id-range\]/);
    const few = machine({ streamIdBits: 8 });
    few.write('iort.dsl', newIort(6, 'current'));
    assert.match(
      doorbell(['check', 'iort.dsl'], few.root).stdout,
      /error: .*up to 0xffff.*has 8 bits by doorbell\.json/,
    );
  });

  it('is a number of bits', () => {
    for (const streamIdBits of [0, 33, 16.5, '16']) {
      const { stdout } = doorbell(['check', 'iort.dsl'], machine({ streamIdBits }).root);
      assert.match(stdout, /doorbell\.json:1:\d+: error: .*\[settings-wrong-value\]/, String(streamIdBits));
    }
  });
});
