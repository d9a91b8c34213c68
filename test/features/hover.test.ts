import assert from 'node:assert/strict';
import { hover, plainText } from '../../server/src/features/hover';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';

/** A board with a mark `/*?*` and a slash before what is hovered over, and what the hover must say of it. */
function hoverText(source: string): string {
  const mark = '/*?*/';
  const files = createFileStore();
  files.open('/board.dts', source);
  const snapshot = analyse(contextOf('/board.dts', files), files);
  const found = hover(snapshot, '/board.dts', source.indexOf(mark) + mark.length);
  return found === undefined ? 'nothing' : plainText(found.markdown);
}

interface Parts {
  readonly root?: string;
  readonly dma?: string;
  readonly hole?: string;
  readonly pcie?: string;
}

/** A board with an SMMU, an ITS, a device with a reservation, and a PCI host bridge; parts are put in as given. */
function boardWith({ root = '', dma, hole, pcie = '' }: Parts): string {
  return `/dts-v1/;
#define WINDOW 0x0 0x8000000
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x0 0x40000000>; };
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		hole: hole { ${hole ?? 'iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>;'} };
		buffer: buffer@48000000 { reg = <0x0 0x48000000 0x0 0x100000>; };
	};
	smmu: iommu@9050000 { compatible = "arm,smmu-v3"; reg = <0x0 0x9050000 0x0 0x20000>; #iommu-cells = <1>; dma-coherent; };
	gic: interrupt-controller@8000000 {
		compatible = "arm,gic-v3";
		#interrupt-cells = <3>;
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		interrupt-controller;
		reg = <0x0 0x8000000 0x0 0x10000>;
		its: msi-controller@8080000 { compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>; reg = <0x0 0x8080000 0x0 0x20000>; };
	};
	dma: dma-controller@a000000 {
		compatible = "vendor,dma";
		${dma ?? 'reg = <0x0 0xa000000 0x0 0x1000>; iommus = <&smmu 0x10>; memory-region = <&hole>;'}
	};
	pcie: pcie@10000000 {
		compatible = "pci-host-ecam-generic";
		device_type = "pci";
		reg = <0x0 0x10000000 0x0 0x1000000>;
		#address-cells = <3>;
		#size-cells = <2>;
		bus-range = <0 15>;
		${pcie || 'ranges = <0x2000000 0x0 0x20000000  0x0 0x20000000  0x0 0x10000000>; iommu-map = <0x0 &smmu 0x100 0x1000>; msi-map = <0x0 &its 0x0 0x1000>;'}
	};
	soc {
		compatible = "simple-bus";
		#address-cells = <1>;
		#size-cells = <1>;
		ranges = <0x0 0x0 0x60000000 0x1000000>;
		uart: serial@1000 { reg = <0x1000 0x100>; reg-names = "core"; };
	};
	${root}
};
`;
}

const marked = (source: string, part: string): string => source.replace(part, `/*?*/${part}`);

describe('hover', () => {
  const standard = boardWith({});
  const cases: readonly (readonly [title: string, source: string, ...says: RegExp[]])[] = [
    [
      'a stream ID: which one, at which IOMMU',
      marked(standard, '0x10>; mem'),
      /stream ID/,
      /\/iommu@9050000 \(arm-smmu-v3\) with stream ID 0x10/,
    ],
    ['the IOMMU of an entry', marked(standard, '&smmu 0x10>'), /the IOMMU/, /\/iommu@9050000: &smmu/],
    [
      'an IOVA: the whole range, its type, and what it meets',
      marked(standard, '0x8000000 0x0 0x1000>'),
      /IOVA, cell 2 of 2/,
      /0x8000000–0x8000fff \(4 KiB at 128 MiB\) is reserved/,
      /lies inside 0x8000000–0x80fffff .* msi, the software MSI window/,
    ],
    ['the size of a reservation', marked(standard, '0x1000>; };\n\t\tbuffer'), /size, cell 2 of 2/],
    ['the device of a reservation', marked(standard, '&dma 0x0'), /the device/, /For \/dma-controller@a000000/],
    [
      'a reservation that the device does not list',
      marked(boardWith({ dma: 'iommus = <&smmu 0x10>;' }), '0x8000000 0x0 0x1000>'),
      /Reserves nothing/,
      /memory-region/,
    ],
    ['memory-region', marked(standard, '&hole>'), /IOVA set aside for this device/],
    [
      'a master: its regions with their origins',
      marked(standard, 'dma: dma-c'),
      /DMA master behind \/iommu@9050000, stream ID 0x10/,
      /0x8000000–0x8000fff \(4 KiB at 128 MiB\) reserved, iommu-addresses at board\.dts:11[^]*reserved: VFIO refuses maps that meet it/,
      /msi, the software MSI window/,
    ],
    [
      'a host bridge: its windows',
      marked(standard, 'pcie: pcie'),
      /PCI host bridge/,
      /memory32: 0x20000000–0x2fffffff/,
    ],
    ['an MSI controller: its doorbell', marked(standard, 'its: msi'), /MSI controller \(its\)/, /0x8090040/],
    ['an IOMMU', marked(standard, 'smmu: iommu'), /IOMMU, driver arm-smmu-v3/, /one|1 device lists/],
    [
      'a requester ID of a map',
      marked(standard, '0x0 &smmu 0x100'),
      /first requester ID/,
      /0x0–0xfff \(00:00\.0 to 0f:1f\.7\) become stream IDs 0x100–0x10ff of \/iommu@9050000/,
    ],
    ['the output of a map', marked(standard, '0x100 0x1000>'), /first stream ID/],
    ['the length of a map', marked(standard, '0x1000>; msi-map'), /how many IDs/],
    [
      'an msi-map: device IDs and the doorbell',
      marked(standard, '&its 0x0 0x1000>'),
      /the MSI controller/,
      /device IDs 0x0–0xfff of .*msi-controller@8080000 \(its; doorbell 0x8090040, page 0x8090000/,
    ],
    [
      'reg behind a bus: where it is for the CPU',
      marked(standard, '0x1000 0x100>'),
      /entry 0 \(“core”\)/,
      /0x1000–0x10ff/,
      /CPU address 0x60001000–0x600010ff .* through \/soc/,
    ],
    [
      'reg: what it meets',
      marked(standard, '0x48000000 0x0'),
      /address, low half/,
      /lies inside memory \/memory@40000000 0x40000000–0x7fffffff \(1 GiB at 1 GiB\)\n/,
    ],
    [
      'reg: what it meets, and that it is off',
      marked(
        boardWith({
          root: 'reserved-memory { log@48000000 { reg = <0x0 0x48000000 0x0 0x1000>; status = "disabled"; }; };',
        }),
        '0x48000000 0x0 0x100000',
      ),
      /contains reserved memory \/reserved-memory\/log@48000000 0x48000000–0x48000fff \(4 KiB at ~1\.13 GiB\), which is off: status = "disabled"/,
    ],
    [
      'ranges of a bus',
      marked(standard, '0x60000000 0x1000000>'),
      /how CPUs|entry 0 of \/soc/,
      /0x0–0xffffff .* is 0x60000000–0x60ffffff/,
    ],
    ['ranges of a PCI host bridge', marked(standard, '0x2000000 0x0 0x20000000'), /flags 0x2000000: 32-bit memory/],
    [
      'dma-ranges: whether the window is forwarded',
      marked(
        boardWith({
          pcie: 'dma-ranges = <0x2000000 0x0 0x40000000  0x0 0x40000000  0x0 0x40000000>; iommu-map = <0x0 &smmu 0x100 0x1000>;',
        }),
        '0x40000000  0x0 0x40000000  0x0',
      ),
      /which DMA|entry 0/,
      /0x40000000–0x7fffffff .* is the same on the bus above/,
      /does not forward the software MSI window 0x8000000–0x80fffff/,
    ],
    [
      'dma-ranges: of no window where nothing has an IOMMU',
      marked(
        boardWith({ pcie: 'dma-ranges = <0x2000000 0x0 0x40000000  0x0 0x40000000  0x0 0x40000000>;' }),
        '0x40000000  0x0 0x40000000  0x0',
      ),
      /^(?![^]*MSI window)/,
    ],
    ['an ID: a number, no size', marked(boardWith({ dma: 'iommus = <&smmu 0x1400>;' }), '0x1400'), /0x1400 = 5120$/],
    [
      'a cell of a specifier: a number, no size',
      marked(boardWith({ root: 'clk: clk { #clock-cells = <1>; }; user { clocks = <&clk 2048>; };' }), '2048'),
      /0x800 = 2048\n\ncell 1 of 1 for \/clk/,
    ],
    [
      'a macro: what it stands for',
      marked(boardWith({ hole: 'iommu-addresses = <&dma WINDOW 0x0 0x1000>;' }), 'WINDOW 0x0 0x1000'),
      /Macro WINDOW stands for 0x0 0x8000000/,
      /is reserved/,
    ],
    ['a property’s name: all of it', marked(standard, 'iommu-map = <'), /requester ID to stream ID/],
    [
      'a label in a value',
      marked(boardWith({ root: 'chosen { stdout-path = &uart; };' }), '&uart'),
      /\/soc\/serial@1000/,
    ],
    [
      'a value that another one overrides',
      marked(boardWith({ root: '};\n&dma { reg = <0x0 0xb000000 0x0 0x1000>;' }), '0xa000000'),
      /Overridden at board\.dts:\d+/,
    ],
    [
      'a value of a deleted property',
      marked(boardWith({ root: '};\n&dma { /delete-property/ reg;' }), '0xa000000'),
      /Deleted/,
    ],
    ['a size', marked(boardWith({ root: 'extra { size = <0x0 0x400000>; };' }), '0x400000>'), /0x400000 \(4 MiB\)/],
    [
      'a plain number',
      marked(boardWith({ root: 'extra { clock-frequency = <0x1000>; };' }), '0x1000>; };\n}'),
      /0x1000 = 4096, 4 KiB/,
    ],
    ['an expression', marked(boardWith({ root: 'extra { value = <(1 << 12)>; };' }), '(1 << 12)'), /0x1000 = 4096/],
    [
      'a reserved place of memory',
      marked(`/dts-v1/;\n/memreserve/ 0x80000000 0x10000;\n/ { };\n`, '0x80000000'),
      /0x80000000 .* size 0x10000/,
    ],
  ];
  for (const [title, source, ...says] of cases) {
    it(`tells ${title}`, () => {
      const text = hoverText(source);
      for (const words of says) assert.match(text, words);
    });
  }

  it('has nothing to say of comments, spaces and strings', () => {
    assert.equal(
      hoverText(marked(standard, '\n\n').replace('/dts-v1/;\n', '/dts-v1/; // comment /*?*/ here\n')),
      'nothing',
    );
    assert.equal(hoverText(marked(standard, '"memory"')), 'nothing');
  });
  it('gives an answer at every offset of broken text', () => {
    const broken = standard.replaceAll('>;', '').replace('};', '}');
    const files = createFileStore();
    files.open('/board.dts', broken);
    const snapshot = analyse(contextOf('/board.dts', files), files);
    for (let offset = 0; offset <= broken.length; offset++) hover(snapshot, '/board.dts', offset);
  });

  describe('on a map with a mask', () => {
    const mapText = (map: string, mask: string): string =>
      hoverText(boardWith({ pcie: `iommu-map = <${map}>; iommu-map-mask = <${mask}>;` }));

    it('says what all requests become that the mask makes one', () => {
      assert.match(mapText('/*?*/0x0 &smmu 0x9 0x1000', '0x0'), /every requester ID becomes stream ID 0x9 of/);
    });

    it('says whose requests fall into an entry', () => {
      assert.match(
        mapText('/*?*/0x100 &smmu 0x1 0x1', '0xff00'),
        /requester IDs 0x100–0x1ff \(01:00\.0 to 01:1f\.7\) become stream ID 0x1 of/,
      );
      assert.match(
        mapText('/*?*/0x0 &smmu 0x40 0x8', '0xf0f7'),
        /requester IDs that give 0x0–0x7 under the mask become stream IDs 0x40–0x47 of/,
      );
      assert.match(mapText('/*?*/0x1 &smmu 0x40 0x3', '0xff00'), /covers no requester ID: under the mask 0xff00/);
    });

    it('counts one requester ID as one', () => {
      assert.match(
        hoverText(boardWith({ pcie: 'iommu-map = </*?*/0x8 &smmu 0x40 0x1>;' })),
        /requester ID 0x8 \(00:01\.0\) becomes stream ID 0x40 of/,
      );
    });
  });

  it('says where the regions of a device without reservations are', () => {
    assert.match(
      hoverText(boardWith({ dma: 'reg = <0x0 0xa000000 0x0 0x1000>; memory-region = </*?*/&buffer>;' })),
      /memory-region of \/dma-controller@a000000[^]*buffer@48000000 0x48000000–0x480fffff \(1 MiB/,
    );
  });

  describe('in an overlay that is applied to a board', () => {
    const overlay = `/dts-v1/;
/plugin/;
#define HOLE 0x8000000
&hole { iommu-addresses = <&dma 0x0 /*?1*/HOLE 0x0 0x2000>; };
/ {
	fragment@10 {
		target = </*?2*/&smmu>;
		__overlay__ {
			status = "okay";
			/*?3*/child@1 { reg = <0x0 /*?4*/0x100>; };
		};
	};
	fragment@11 {
		target-path = "/";
		__overlay__ { nic: nic@b000000 { reg = <0x0 /*?5*/0xb000000 0x0 0x1000>; iommus = <&smmu /*?6*/0x77>; }; };
	};
};
`;
    const textAt = (mark: string): string => {
      const files = createFileStore();
      files.open('/board.dts', boardWith({}));
      files.open('/over.dtso', overlay);
      const snapshot = analyse(contextOf('/board.dts', files, { overlays: ['/over.dtso'] }), files);
      const found = hover(snapshot, '/over.dtso', overlay.indexOf(mark) + mark.length);
      return found === undefined ? 'nothing' : plainText(found.markdown);
    };

    it('numbers say what they are on the board', () => {
      assert.match(textAt('/*?1*/'), /0x8000000–0x8001fff[^]*MSI window[^]*Macro HOLE/);
      assert.match(textAt('/*?5*/'), /0xb000000–0xb000fff/);
      assert.match(textAt('/*?6*/'), /through \/iommu@9050000 .* with stream ID 0x77/);
    });

    it('nodes and targets are those of the board', () => {
      assert.match(textAt('/*?2*/'), /\/iommu@9050000: &smmu/);
      assert.match(textAt('/*?3*/'), /\/iommu@9050000\/child@1/);
      assert.match(textAt('nic: '), /\/nic@b000000[^]*behind \/iommu@9050000, stream ID 0x77/);
    });
  });
});
