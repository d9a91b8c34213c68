// Boards of Linux as machines with ACPI: the table has no errors, its text compiles to it, and its analysis is that of the tree.
import assert from 'node:assert/strict';
import path from 'node:path';
import { documentOfBinary, documentOfText } from '../../server/src/acpi/text/document';
import { sourceFile } from '../../server/src/text/source-file';
import { analyse, compileBoard } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore, type FileStore } from '../../server/src/workspace/files';
import { compileText } from '../oracle/iasl/iasl';
import { describeWithIasl, describeWithLinux } from '../oracle/suite';
import { compareWithTree, generate } from './generated';
import type { DeviceTree } from '../../server/src/tree/model';

/** With how many devices that are compared; those of an fsl-mc have no nodes. */
const boards: readonly (readonly [name: string, devices: number])[] = [
  ['amd/amd-overdrive-rev-b1', 9],
  ['arm/fvp-base-revc', 5],
  ['arm/juno-r2', 6],
  ['broadcom/stingray/bcm958742k', 9],
  ['freescale/fsl-ls1028a-rdb', 12],
  ['freescale/fsl-lx2160a-rdb', 0],
  ['freescale/imx95-19x19-evk', 8],
  ['hisilicon/hip06-d03', 6],
  ['hisilicon/hip07-d05', 26],
  ['nvidia/tegra194-p2972-0000', 16],
  ['nvidia/tegra234-p3737-0000+p3701-0000', 20],
  ['qcom/sa8540p-ride', 35],
  ['qcom/sm8450-hdk', 43],
  ['rockchip/rk3588-rock-5b', 13],
  ['ti/k3-j721e-common-proc-board', 16],
];

function treeOfBoard(linux: string, board: string, files: FileStore): DeviceTree {
  const file = path.join(linux, 'arch/arm64/boot/dts', `${board}.dts`);
  return compileBoard(contextOf(file, files), files).tree;
}

describeWithLinux('the IORT of a board of Linux', (linux) => {
  const files = createFileStore();
  for (const [board, devices] of boards) {
    it(`of ${board} has no error, compiles from its text, and gives what the tree gives`, () => {
      const tree = treeOfBoard(linux, board, files);
      const generated = generate(tree);
      assert.ok(generated, 'there is something for a table');
      const { bytes, text } = generated;
      const compiled = documentOfText(sourceFile('/test/board.dsl', text));
      assert.deepEqual(
        compiled.diagnostics.map(({ message }) => message),
        [],
      );
      assert.deepEqual(Buffer.from(compiled.bytes), Buffer.from(bytes));
      assert.equal(documentOfBinary('/test/IORT', bytes).iort?.problems.length, 0);
      assert.deepEqual(errorsOf(text, files), []);
      const { same, differences } = compareWithTree(tree, generated);
      assert.deepEqual({ same, differences }, { same: devices, differences: [] });
    });
  }
});

function errorsOf(text: string, files: FileStore): string[] {
  const file = '/test/generated/board.dsl';
  const shown: FileStore = { ...files, read: (name) => (name === file ? sourceFile(file, text) : files.read(name)) };
  const { diagnostics } = analyse(contextOf(file, shown), shown);
  return diagnostics.filter(({ severity }) => severity === 'error').map(({ rule, message }) => `${rule}: ${message}`);
}

describeWithIasl('the text of a generated IORT', (iasl) => {
  describeWithLinux('with both iasls', (linux) => {
    const files = createFileStore();
    for (const [board] of boards.slice(0, 6)) {
      it(`of ${board} is compiled to the same bytes`, async () => {
        const generated = generate(treeOfBoard(linux, board, files));
        const { output, messages } = await compileText(iasl.current, generated!.text, { keepCompiler: true });
        assert.ok(output, messages);
        assert.deepEqual(Buffer.from(output), Buffer.from(generated!.bytes));
      });
    }
  });
});
