// Boards of Linux: Juno's known problem is found without configuration, and no board has an error.
import assert from 'node:assert/strict';
import path from 'node:path';
import { positionAt } from '../../server/src/text/source-file';
import { analyse, type Snapshot } from '../../server/src/workspace/analysis';
import { contextOfRoot } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { findLinuxSource } from '../oracle/paths';

/** Boards that the rules have much to look at: SMMUs, maps, doorbells, and the ones of which something is said. */
const boards = [
  'amd/amd-overdrive-rev-b1',
  'apple/t6001-j316c',
  'arm/fvp-base-revc',
  'arm/juno',
  'freescale/fsl-ls1028a-rdb',
  'freescale/fsl-ls2088a-rdb',
  'freescale/fsl-lx2160a-rdb',
  'hisilicon/hip06-d03',
  'hisilicon/hip07-d05',
  'marvell/armada-8040-mcbin',
  'marvell/ac5x-rd-carrier-cn9131',
  'mediatek/mt8195-demo',
  'nvidia/tegra186-p2771-0000',
  'nvidia/tegra234-p3737-0000+p3701-0000',
  'qcom/sa8775p-ride',
  'qcom/sc8280xp-crd',
  'qcom/sm8550-mtp',
  'renesas/r8a77951-salvator-xs',
  'ti/k3-am654-base-board',
  'ti/k3-j721e-common-proc-board',
];

const linux = findLinuxSource();

function analyseBoard(name: string, kernel: '6.1' | '6.12' | '7.2' = '6.12'): Snapshot {
  const files = createFileStore();
  return analyse(contextOfRoot(path.join(linux!, 'arch/arm64/boot/dts', `${name}.dts`), files, { kernel }), files);
}

describe('rules on boards of Linux', () => {
  if (linux === undefined) {
    console.log('skipped: rules on boards of Linux: no Linux sources: run `npm run oracle:setup`, or set LINUX_SRC');
    it('skipped: no Linux sources');
    return;
  }

  for (const name of ['arm/juno-r1', 'arm/juno-r2']) {
    it(`find that ${name} never forwards the MSI window`, () => {
      const found = analyseBoard(name).diagnostics.filter(
        ({ severity }) => severity === 'error' || severity === 'warning',
      );
      assert.deepEqual(
        found.map(({ rule, node }) => [rule, node]),
        [['msi-window-not-forwarded', '/pcie@40000000']],
      );
      const { range, message, evidence, fixes } = found[0]!;
      assert.equal(path.basename(range!.file.path), 'juno-base.dtsi');
      const { line } = positionAt(range!.file, range!.start);
      assert.match(range!.file.text.split('\n')[line]!, /dma-ranges = /);
      assert.match(message, /forward only 0x80000000–0xffffffff \(2 GiB at 2 GiB\) and 0x800000000–0x9ffffffff/);
      assert.ok(evidence!.length >= 4);
      assert.match(fixes![0]!.title, /^Relocate the MSI window to 0xfff00000/);
    });
  }

  for (const kernel of ['6.1', '6.12', '7.2'] as const) {
    it(`have no errors with Linux ${kernel}`, () => {
      for (const name of boards) {
        const errors = analyseBoard(name, kernel).diagnostics.filter(({ severity }) => severity === 'error');
        assert.deepEqual(
          errors.map(({ rule, message }) => `${rule}: ${message}`),
          [],
          name,
        );
      }
    }).timeout(60_000);
  }
});
