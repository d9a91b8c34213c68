import assert from 'node:assert/strict';
import path from 'node:path';
import { createFileStore } from '../../server/src/workspace/files';
import { findSourceTree, includeRoots } from '../../server/src/workspace/source-tree';
import { folderWith, removeFolders } from './folder';

/** Kind, root and include paths of a file's tree, relative to the fixture's folder. */
function rootsOf(fixture: string, file: string) {
  const folder = folderWith(fixture);
  const files = createFileStore();
  const tree = findSourceTree(folder.at(file), files);
  const { includePaths, dtcIncludePaths, appended } = includeRoots(folder.at(file), tree, files);
  const relative = (paths: readonly string[]) => paths.map((each) => path.relative(folder.root, each));
  return {
    kind: tree?.kind,
    root: tree && path.relative(folder.root, tree.root),
    includePaths: relative(includePaths),
    dtcIncludePaths: relative(dtcIncludePaths),
    appended: relative(appended),
  };
}

describe('source trees', () => {
  afterEach(removeFolders);

  it('Linux: the include prefixes come first, as in scripts/Makefile.lib', () => {
    const found = rootsOf(
      `
      //- linux/include/dt-bindings/gic.h
      //- linux/scripts/dtc/include-prefixes/arm64 -> ../../../arch/arm64/boot/dts
      //- linux/arch/arm64/boot/dts/arm/juno.dts
      `,
      'linux/arch/arm64/boot/dts/arm/juno.dts',
    );
    assert.deepEqual(found, {
      kind: 'linux',
      root: 'linux',
      includePaths: ['linux/scripts/dtc/include-prefixes', 'linux/include'],
      dtcIncludePaths: ['linux/arch/arm64/boot/dts/arm', 'linux/scripts/dtc/include-prefixes', 'linux/include'],
      appended: [],
    });
  });

  it('Linux without the prefixes: bindings and the architecture stand in', () => {
    const { kind, includePaths } = rootsOf(
      '//- include/dt-bindings/gic.h\n//- arch/arm/boot/dts/nxp/imx.dts\n',
      'arch/arm/boot/dts/nxp/imx.dts',
    );
    assert.equal(kind, 'linux');
    assert.deepEqual(includePaths, ['scripts/dtc/include-prefixes', 'include', 'arch/arm/boot/dts']);
  });

  it("U-Boot: the board's own -u-boot.dtsi is appended, for upstream boards too", () => {
    const tree = `
      //- include/u-boot/sha.h
      //- arch/arm/dts/rk3399-rock-u-boot.dtsi
      //- arch/arm/dts/u-boot.dtsi
      //- arch/arm/dts/old.dts
      //- dts/upstream/include/dt-bindings/x.h
      //- dts/upstream/src/arm64/rockchip/rk3399-rock.dts
      //- dts/upstream/src/arm64/rockchip/other.dts
    `;
    const board = rootsOf(tree, 'dts/upstream/src/arm64/rockchip/rk3399-rock.dts');
    assert.equal(board.kind, 'u-boot');
    assert.equal(board.root, '');
    assert.deepEqual(board.appended, ['arch/arm/dts/rk3399-rock-u-boot.dtsi']);
    assert.deepEqual(board.includePaths, [
      'include',
      'dts/upstream/include',
      'dts/upstream/src/arm64/rockchip',
      'arch/arm/dts',
      'dts/upstream/src',
      'dts/upstream/src/arm64',
    ]);
    assert.deepEqual(rootsOf(tree, 'arch/arm/dts/old.dts').appended, ['arch/arm/dts/u-boot.dtsi']);
    assert.deepEqual(rootsOf(tree, 'arch/arm/dts/rk3399-rock-u-boot.dtsi').appended, [], 'only a board gets one');
  });

  it('barebox: its own sources, then the kernel files in dts/', () => {
    const found = rootsOf(
      `
      //- arch/arm/dts/imx.dts
      //- include/barebox-info.h
      //- dts/include/dt-bindings/x.h
      //- dts/src/arm/nxp/imx.dtsi
      `,
      'arch/arm/dts/imx.dts',
    );
    assert.equal(found.kind, 'barebox');
    assert.deepEqual(found.includePaths, ['include', 'dts/include', 'dts/src']);
    assert.deepEqual(found.dtcIncludePaths, ['arch/arm/dts', 'dts/src/arm']);
  });

  it('Zephyr: the architecture of the board comes before the others', () => {
    const tree = `
      //- dts/bindings/x.yaml
      //- dts/common/skeleton.dtsi
      //- dts/arm/st.dtsi
      //- dts/riscv/sifive.dtsi
      //- include/zephyr/dt-bindings/gpio.h
      //- boards/sifive/hifive/hifive.dts
      //- boards/sifive/hifive/hifive.yaml
      identifier: hifive
      arch: riscv
    `;
    const found = rootsOf(tree, 'boards/sifive/hifive/hifive.dts');
    assert.equal(found.kind, 'zephyr');
    assert.deepEqual(found.includePaths, ['include', 'include/zephyr', 'dts/common', 'dts/riscv', 'dts/arm', 'dts']);
  });

  it('Zephyr: an application of the same workspace', () => {
    const found = rootsOf(
      `
      //- .west/config
      //- zephyr/dts/bindings/x.yaml
      //- zephyr/dts/common/skeleton.dtsi
      //- zephyr/boards/x/x.dts
      //- app/dts/own.dtsi
      //- app/boards/mine/mine.dts
      `,
      'app/boards/mine/mine.dts',
    );
    assert.equal(found.root, 'zephyr');
    assert.deepEqual(found.includePaths, ['app/dts', 'zephyr/dts/common', 'zephyr/dts']);
  });

  it('the split-off kernel files count as Linux', () => {
    const found = rootsOf('//- include/dt-bindings/x.h\n//- src/arm64/arm/juno.dts\n', 'src/arm64/arm/juno.dts');
    assert.equal(found.kind, 'linux');
    assert.deepEqual(found.includePaths, ['include', 'src']);
  });

  it('a file on its own has its own folder, and bindings that lie above it', () => {
    assert.deepEqual(rootsOf('//- a/board.dts\n', 'a/board.dts'), {
      kind: undefined,
      root: undefined,
      includePaths: [],
      dtcIncludePaths: ['a'],
      appended: [],
    });
    const found = rootsOf('//- include/dt-bindings/x.h\n//- a/b/board.dts\n', 'a/b/board.dts');
    assert.deepEqual(found.includePaths, ['include']);
  });
});
