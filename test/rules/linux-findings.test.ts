// What rules about maps, memory and DMA limits find on boards of Linux, each borne out by the sources that the place names.
import assert from 'node:assert/strict';
import path from 'node:path';
import { positionAt } from '../../server/src/text/source-file';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOfRoot } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { findLinuxSource } from '../oracle/paths';

interface Expected {
  readonly board: string;
  readonly rule: string;
  /** Of the node, the file it is in and what stands on the line. */
  readonly node: string;
  readonly file: string;
  readonly line: RegExp;
  readonly message: RegExp;
}

const expected: readonly Expected[] = [
  {
    // Memory is at 0x80000000–0xffffffff; the window's bus addresses are the last part of it.
    board: 'arm64/boot/dts/freescale/imx95-19x19-evk.dts',
    rule: 'pci-window-hides-memory',
    node: '/soc/pcie@4c300000',
    file: 'imx95.dtsi',
    line: /<0x82000000 0x0 0xe0000000 0x9 0xe0000000 0x0 0x10000000>/,
    message: /memory 0xe0000000–0xefffffff \(256 MiB/,
  },
  {
    // The SoC's video@8b200000 stays beside the board's memory@8b200000.
    board: 'arm64/boot/dts/qcom/sc7280-herobrine-crd.dts',
    rule: 'reserved-memory-overlap',
    node: '/reserved-memory/memory@8b200000',
    file: 'sc7280-chrome-common.dtsi',
    line: /reg = <0x0 0x8b200000 0x0 0x500000>/,
    message: /video@8b200000 both claim 0x8b200000–0x8b6fffff \(5 MiB/,
  },
  {
    // The map covers 14 functions from 0 on; the event collector is device 0x1f.
    board: 'arm64/boot/dts/freescale/fsl-ls1028a-rdb.dts',
    rule: 'function-not-mapped',
    node: '/soc/pcie@1f0000000/rcec@1f,0',
    file: 'fsl-ls1028a.dtsi',
    line: /rcec@1f,0/,
    message: /requester ID 0xf8,.*The map covers 0x0–0xd\./,
  },
  {
    // OHCI and EHCI both send stream ID 0.
    board: 'arm64/boot/dts/arm/juno-r2.dts',
    rule: 'shared-stream-group',
    node: '/usb@7ffc0000',
    file: 'juno-base.dtsi',
    line: /iommus = <&smmu_usb 0>/,
    message: /\/usb@7ffb0000 and \/usb@7ffc0000 share one IOMMU group/,
  },
  {
    // Memory above 4 GiB starts at 0x200000000, the second window ends below it.
    board: 'arm/boot/dts/renesas/r8a7742-iwg21d-q7.dts',
    rule: 'memory-beyond-dma-ranges',
    node: '/soc/pcie@fe000000',
    file: 'r8a7742.dtsi',
    line: /dma-ranges = <0x42000000 0 0x40000000 0 0x40000000 0 0x80000000>/,
    message: /reach 1 GiB of 2 GiB of memory: 0x200000000–0x23fffffff/,
  },
  {
    // 8 GiB from 0 on, with PCI's 511 MiB at 3 GiB inside.
    board: 'arm64/boot/dts/marvell/ac5x-rd-carrier-cn9131.dts',
    rule: 'pci-window-over-memory',
    node: '/cp0/pcie@f2600000',
    file: 'armada-cp11x.dtsi',
    line: /ranges = <0x82000000 0 CP11X_PCIEx_MEM_BASE\(0\)/,
    message: /0xc0000000–0xdfefffff .* overlap the memory 0x0–0x1ffffffff/,
  },
  {
    // All functions have the stream ID of the controller.
    board: 'arm64/boot/dts/nvidia/tegra194-p2972-0000.dts',
    rule: 'id-map-mask-merges',
    node: '/bus@0/pcie@14100000',
    file: 'tegra194.dtsi',
    line: /iommu-map-mask = <0x0>/,
    message: /all functions look alike/,
  },
];

describe('rules on boards of Linux, case by case', () => {
  const linux = findLinuxSource();
  if (linux === undefined) {
    console.log('skipped: rules on boards of Linux, case by case: no Linux sources: run `npm run oracle:setup`');
    it('skipped: no Linux sources');
    return;
  }

  for (const { board, rule, node, file, line, message } of expected) {
    it(`${path.basename(board, '.dts')}: ${rule}`, () => {
      const { diagnostics } = analyse(
        contextOfRoot(path.join(linux, 'arch', board), createFileStore()),
        createFileStore(),
      );
      const found = diagnostics.find(
        (each) => each.rule === rule && each.node === node && path.basename(each.range?.file.path ?? '') === file,
      );
      assert.ok(found?.range !== undefined, `not found in ${file}`);
      const { line: number } = positionAt(found.range.file, found.range.start);
      assert.match(found.range.file.text.split('\n')[number]!, line);
      assert.match(found.message, message);
    }).timeout(60_000);
  }
});
