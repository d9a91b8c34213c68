import assert from 'node:assert/strict';
import path from 'node:path';
import { contextKey, contextOf, type ContextOptions } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { boardsIncluding } from '../../server/src/workspace/include-graph';
import { findSourceTree } from '../../server/src/workspace/source-tree';
import { folderWith, removeFolders } from './folder';

const linux = `
  //- include/dt-bindings/clock/acme,soc1-clk.h
  #define CLK 1
  //- arch/arm64/boot/dts/acme/soc1.dtsi
  #include <dt-bindings/clock/acme,soc1-clk.h>
  //- arch/arm64/boot/dts/acme/soc1-common.dtsi
  #include "soc1.dtsi"
  //- arch/arm64/boot/dts/acme/soc1-board.dts
  #include "soc1-common.dtsi"
  //- arch/arm64/boot/dts/acme/soc1-big-board.dts
  #include "soc1-common.dtsi"
  //- arch/arm64/boot/dts/acme/another.dts
  #include "soc1.dtsi"
  //- arch/arm64/boot/dts/acme/unrelated.dts
  /dts-v1/;
  //- arch/arm64/boot/dts/far/user.dts
  #include <arm/shared/legacy.dtsi>
  //- arch/arm/boot/dts/shared/legacy.dtsi
  / { };
`;
const acme = 'arch/arm64/boot/dts/acme';

/** The root and the reason for a document. */
function chosen(fixture: string, document: string, open: readonly string[] = [], options?: ContextOptions) {
  const folder = folderWith(fixture);
  const files = createFileStore();
  for (const name of open) {
    const file = files.read(folder.at(name));
    assert.ok('text' in file);
    files.open(folder.at(name), file.text);
  }
  const { root, reason } = contextOf(folder.at(document), files, options);
  return `${path.relative(folder.root, root)}: ${reason}`;
}

describe('contexts', () => {
  afterEach(removeFolders);

  it('a board is its own root', () => {
    assert.equal(chosen(linux, `${acme}/another.dts`), `${acme}/another.dts: itself`);
  });

  it('an include is seen through the nearest board by folder and name', () => {
    assert.equal(chosen(linux, `${acme}/soc1.dtsi`), `${acme}/soc1-board.dts: nearest`);
    assert.equal(chosen(linux, 'arch/arm/boot/dts/shared/legacy.dtsi'), 'arch/arm64/boot/dts/far/user.dts: nearest');
    assert.equal(chosen(linux, 'include/dt-bindings/clock/acme,soc1-clk.h'), `${acme}/another.dts: nearest`);
  });

  it("a file that U-Boot's build includes behind a board is seen through that board", () => {
    const tree = `
      //- include/u-boot/sha.h
      //- arch/arm/dts/rock.dts
      //- arch/arm/dts/other.dts
      //- arch/arm/dts/rock-u-boot.dtsi
      #include "rk-u-boot.dtsi"
      //- arch/arm/dts/rk-u-boot.dtsi
      //- arch/arm/dts/upper-u-boot.dtsi
      //- dts/upstream/src/arm64/acme/upper.dts
    `;
    for (const name of ['rock-u-boot.dtsi', 'rk-u-boot.dtsi']) {
      assert.equal(chosen(tree, `arch/arm/dts/${name}`), 'arch/arm/dts/rock.dts: nearest');
      assert.equal(chosen(tree, `arch/arm/dts/${name}`, ['arch/arm/dts/rock.dts']), 'arch/arm/dts/rock.dts: open');
    }
    assert.equal(chosen(tree, 'arch/arm/dts/upper-u-boot.dtsi'), 'dts/upstream/src/arm64/acme/upper.dts: nearest');
  });

  describe('an overlay of Zephyr', () => {
    const zephyr = `
      //- .west/
      //- zephyr/dts/bindings/
      //- zephyr/boards/acme/sail_dk/sail_dk_soc1_cpu.dts
      //- zephyr/boards/acme/sail_dk/sail_dk.dts
      //- app/boards/own/own.dts
      //- app/boards/sail_dk_soc1_cpu.overlay
      //- app/boards/own.overlay
      //- app/boards/unknown.overlay
      //- app/app.overlay
      //- app/sail_dk.overlay
    `;
    const boards = 'zephyr/boards/acme/sail_dk';
    /** The board, the reason, and the overlays. */
    const seen = (fixture: string, document: string): string => {
      const folder = folderWith(fixture);
      const { root, reason, overlays } = contextOf(folder.at(document), createFileStore());
      const names = [root, ...overlays].map((each) => path.relative(folder.root, each));
      return `${names.join(' + ')}: ${reason}`;
    };

    it('is read behind the board that its name says', () => {
      for (const [overlay, board] of [
        ['app/boards/sail_dk_soc1_cpu.overlay', `${boards}/sail_dk_soc1_cpu.dts`],
        ['app/boards/own.overlay', 'app/boards/own/own.dts'],
        ['app/sail_dk.overlay', `${boards}/sail_dk.dts`],
      ] as const) {
        assert.equal(seen(zephyr, overlay), `${board} + ${overlay}: nearest`);
      }
    });

    it('for any board is read behind the one that was built last', () => {
      assert.equal(seen(zephyr, 'app/app.overlay'), 'app/app.overlay: alone');
      const folder = folderWith(zephyr);
      const cache = `BOARD:STRING=sail_dk@2/soc1/cpu\nBOARD_DIR:PATH=${folder.at(boards)}\n`;
      for (const build of ['app/build', 'app/build/app']) {
        const built = folderWith(`${zephyr}\n      //- ${build}/CMakeCache.txt\n${cache}`);
        const { root, overlays } = contextOf(built.at('app/app.overlay'), createFileStore());
        assert.deepEqual(
          [root, overlays],
          [folder.at(`${boards}/sail_dk_soc1_cpu.dts`), [built.at('app/app.overlay')]],
        );
      }
    });

    it('whose board nothing tells is seen alone', () => {
      assert.equal(seen(zephyr, 'app/boards/unknown.overlay'), 'app/boards/unknown.overlay: alone');
    });
  });

  it('an overlay whose comment names its board is applied to it', () => {
    const folder = folderWith(`
      //- board.dts
      /dts-v1/;
      //- hat.dtso
      // doorbell: root=board.dts
      /dts-v1/;
      /plugin/;
      //- soc.dtsi
      // doorbell: root=board.dts
    `);
    const overlays = (name: string) => contextOf(folder.at(name), createFileStore()).overlays;
    assert.deepEqual(overlays('hat.dtso'), [folder.at('hat.dtso')]);
    assert.deepEqual(overlays('soc.dtsi'), []);
  });

  it('an open board comes before the nearest, the one opened last before others', () => {
    const open = [`${acme}/another.dts`, `${acme}/soc1-big-board.dts`, `${acme}/unrelated.dts`];
    assert.equal(chosen(linux, `${acme}/soc1.dtsi`, open), `${acme}/soc1-big-board.dts: open`);
    assert.equal(chosen(linux, `${acme}/soc1.dtsi`, [`${acme}/unrelated.dts`]), `${acme}/soc1-board.dts: nearest`);
  });

  it('what the editor holds counts, not what the disk does', () => {
    const folder = folderWith('//- a.dts\n/dts-v1/;\n//- b.dtsi\n/ { };\n');
    const files = createFileStore();
    assert.equal(contextOf(folder.at('b.dtsi'), files).reason, 'alone');
    files.open(folder.at('a.dts'), '/dts-v1/;\n#include "b.dtsi"\n');
    assert.equal(contextOf(folder.at('b.dtsi'), files).root, folder.at('a.dts'));
  });

  it('a file that nothing includes stands alone; without a tree the folders beside are looked at', () => {
    assert.equal(chosen('//- a/lonely.dtsi\n', 'a/lonely.dtsi'), 'a/lonely.dtsi: alone');
    assert.equal(
      chosen('//- common/soc.dtsi\n//- boards/x.dts\n#include "../common/soc.dtsi"\n', 'common/soc.dtsi'),
      'boards/x.dts: nearest',
    );
  });

  it('a file of another name is a root when it says that it is one', () => {
    assert.equal(chosen('//- x.dtsp\n/dts-v1/;\n', 'x.dtsp'), 'x.dtsp: itself');
    assert.equal(chosen('//- x.dtsp\n/ { };\n//- b.dts\n#include "x.dtsp"\n', 'x.dtsp'), 'b.dts: nearest');
  });

  it('doorbell.json names boards, what they include, and their overlays', () => {
    const fixture = `
      //- doorbell.json
      { "contexts": [{ "root": "b/board.dts", "includePaths": ["inc"], "defines": { "X": 2 }, "overlays": ["o/cam.dtso"] }] }
      //- b/board.dts
      #include "soc.dtsi"
      //- inc/soc.dtsi
      //- inc/near.dts
      #include "soc.dtsi"
      //- o/cam.dtso
      /plugin/;
    `;
    for (const document of ['b/board.dts', 'inc/soc.dtsi', 'o/cam.dtso']) {
      assert.equal(chosen(fixture, document), 'b/board.dts: configured');
    }
    const folder = folderWith(fixture);
    const { includePaths, defines, overlays, settingsFile } = contextOf(folder.at('inc/soc.dtsi'), createFileStore());
    assert.deepEqual(includePaths, [folder.at('inc')]);
    assert.deepEqual(defines, { X: '2' });
    assert.deepEqual(overlays, [folder.at('o/cam.dtso')]);
    assert.equal(settingsFile, folder.at('doorbell.json'));
  });

  it('a comment at the head of the file has the first word', () => {
    const fixture = `
      //- a.dtsi
      // SPDX-License-Identifier: GPL-2.0
      // doorbell: root=boards/b.dts include=inc include="more inc" define=A define=B=2 overlay=o.dtso
      //- near.dts
      #include "a.dtsi"
      //- boards/b.dts
      //- inc/
      //- more inc/
      //- o.dtso
    `;
    const folder = folderWith(fixture);
    const context = contextOf(folder.at('a.dtsi'), createFileStore());
    assert.equal(context.root, folder.at('boards/b.dts'));
    assert.equal(context.reason, 'comment');
    assert.deepEqual(context.includePaths, [folder.at('inc'), folder.at('more inc')]);
    assert.deepEqual(context.defines, { A: '1', B: '2' });
    assert.deepEqual(context.overlays, [folder.at('o.dtso')]);
    assert.deepEqual(context.diagnostics, []);
  });

  it('a comment is read in every form, and only at the head', () => {
    const root = '//- r.dts\n\n';
    for (const heading of [
      '// doorbell: root=r.dts',
      '/* doorbell: root=r.dts */',
      '/*\n * Licence\n * doorbell: root=r.dts\n */',
      '\ufeff\n\n// doorbell: root=r.dts\r',
    ]) {
      assert.equal(chosen(`${root}//- a.dtsi\n${heading}\n/ { };\n`, 'a.dtsi'), 'r.dts: comment', heading);
    }
    assert.equal(chosen(`${root}//- a.dtsi\n/ { };\n// doorbell: root=r.dts\n`, 'a.dtsi'), 'a.dtsi: alone');
  });

  it('a comment without a root adds to the board that is found', () => {
    const folder = folderWith('//- a.dtsi\n// doorbell: define=FAST\n//- b.dts\n#include "a.dtsi"\n');
    const { root, reason, defines } = contextOf(folder.at('a.dtsi'), createFileStore());
    assert.deepEqual([root, reason, defines], [folder.at('b.dts'), 'nearest', { FAST: '1' }]);
  });

  it('a comment that is wrong is told so, and does no harm', () => {
    const folder = folderWith('//- a.dts\n// doorbell: root=none.dts boot=x include=nowhere\n');
    const { root, diagnostics } = contextOf(folder.at('a.dts'), createFileStore());
    assert.equal(root, folder.at('a.dts'));
    assert.deepEqual(
      diagnostics.map(({ rule, range }) => `${rule}: ${range?.file.text.slice(range.start, range.end) ?? ''}`),
      [
        'context-comment: boot=x',
        'context-comment:  root=none.dts boot=x include=nowhere',
        'context-comment:  root=none.dts boot=x include=nowhere',
      ],
    );
  });

  it('the command line overrides include paths and adds macros and overlays', () => {
    const folder = folderWith('//- a.dts\n// doorbell: include=inc define=A=1 define=B=1\n//- inc/\n');
    const options = { includePaths: ['/given'], defines: { B: '2' }, overlays: ['/o.dtbo'], kernel: '6.1' } as const;
    const context = contextOf(folder.at('a.dts'), createFileStore(), options);
    assert.deepEqual(context.includePaths, ['/given']);
    assert.deepEqual(context.defines, { A: '1', B: '2' });
    assert.deepEqual(context.overlays, ['/o.dtbo']);
    assert.equal(context.settings.kernel, '6.1');
  });

  it('contexts with equal content have equal keys', () => {
    const folder = folderWith(`${linux}\n//- doorbell.json\n{ "msiWindow": { "base": "0x9000000" } }\n`);
    const files = createFileStore();
    const [one, same] = ['soc1-board.dts', 'soc1.dtsi'].map((name) =>
      contextKey(contextOf(folder.at(`${acme}/${name}`), files)),
    );
    assert.equal(one, same);
    assert.notEqual(one, contextKey(contextOf(folder.at(`${acme}/another.dts`), files)));
  });
});

describe('the search for boards', () => {
  afterEach(removeFolders);

  it('ends at its limits', () => {
    const folder = folderWith(linux);
    const files = createFileStore();
    const file = folder.at('arch/arm/boot/dts/shared/legacy.dtsi');
    const tree = findSourceTree(file, files);
    assert.deepEqual(boardsIncluding(file, tree, files, { files: 1, milliseconds: 1e6 }), []);
    assert.equal(boardsIncluding(file, tree, createFileStore(), { files: 1000, milliseconds: 1e6 }).length, 1);
  });

  it('passes files that include each other', () => {
    const fixture = '//- a.dtsi\n#include "b.dtsi"\n//- b.dtsi\n#include "a.dtsi"\n';
    assert.equal(chosen(fixture, 'a.dtsi'), 'a.dtsi: alone');
    assert.equal(chosen(`${fixture}//- c.dts\n/include/ "b.dtsi"\n`, 'a.dtsi'), 'c.dts: nearest');
  });

  it('tells files of one name apart', () => {
    const fixture = '//- x/soc.dtsi\n\n//- x/b.dts\n#include "y/soc.dtsi"\n//- x/y/soc.dtsi\n\n';
    assert.equal(chosen(fixture, 'x/soc.dtsi'), 'x/soc.dtsi: alone');
    assert.equal(chosen(fixture, 'x/y/soc.dtsi'), 'x/b.dts: nearest');
  });
});
