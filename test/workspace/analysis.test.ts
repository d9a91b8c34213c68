import assert from 'node:assert/strict';
import path from 'node:path';
import { analyse, type Snapshot } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { allRules } from '../../server/src/workspace/rule-index';
import { folderWith, removeFolders, type Folder } from './folder';

function snapshotOf(folder: Folder, file: string, overlays: readonly string[] = []): Snapshot {
  const files = createFileStore();
  return analyse(contextOf(folder.at(file), files, { overlays: overlays.map(folder.at) }), files);
}

function rulesOf({ diagnostics }: Snapshot): string[] {
  return diagnostics.map(({ rule, range }) => `${path.basename(range?.file.path ?? 'nowhere')}: ${rule}`);
}

describe('the analysis of a board', () => {
  afterEach(removeFolders);

  it('gives the diagnostics of all layers in the order of the files, and in each by place', () => {
    const folder = folderWith(`
      //- doorbell.json
      { "kernal": "6.1" }
      //- b.dts
      /dts-v1/;
      #include "one.dtsi"
      #include "two.dtsi"
      / { z = <&none>; };
      //- one.dtsi
      / { a = <&none> };
      //- two.dtsi
      #warning two
      / { };
    `);
    assert.deepEqual(rulesOf(snapshotOf(folder, 'b.dts')), [
      'b.dts: unresolved-reference',
      'one.dtsi: unresolved-reference',
      'one.dtsi: syntax-missing-semicolon',
      'two.dtsi: warning-directive',
      'doorbell.json: settings-unknown-key',
    ]);
  });

  it('quotes no more of what is written than somebody reads', () => {
    const folder = folderWith(
      `//- b.dts\n/dts-v1/;\n#include "${'p/'.repeat(3000)}x.h"\n/ { a = <0x${'f'.repeat(5000)}>, <&${'l'.repeat(5000)}>; };\n#error ${'w'.repeat(5000)}`,
    );
    const { diagnostics } = snapshotOf(folder, 'b.dts');
    assert.equal(diagnostics.length, 4);
    for (const { message } of diagnostics) {
      assert.ok(message.length < 500, message);
      assert.match(message, /….* \(\d{4} characters\)/);
    }
  });

  it("is no wall of unknown macros where U-Boot's tree is not configured", () => {
    const tree = `
      //- include/u-boot/sha.h
      //- include/linux/kconfig.h
      #include <generated/autoconf.h>
      #define IS_ENABLED(option) 1
      //- arch/arm/dts/rock.dts
      /dts-v1/;
      #include <config.h>
      / { base = <CONFIG_BASE CFG_SIZE>; other = <TYPO>;
      #if IS_ENABLED(CONFIG_FIT)
        fit { };
      #endif
      };
    `;
    const board = 'arch/arm/dts/rock.dts';
    assert.deepEqual(rulesOf(snapshotOf(folderWith(tree), board)), [
      'rock.dts: configuration-unknown',
      'rock.dts: syntax-unknown-word',
    ]);
    const configured = `
      //- include/generated/autoconf.h
      #define CONFIG_BASE 0x80000000
      //- include/config.h
      #define CFG_SIZE 0x100
    `;
    assert.deepEqual(rulesOf(snapshotOf(folderWith(tree + configured), board)), ['rock.dts: syntax-unknown-word']);
  });

  it('is no wall of unresolved labels where a part of a board is seen without one', () => {
    const source = '&uart0 {\n\tclock = <CLOCK_UART &osc>;\n\tgood = <1>\n};\n';
    for (const name of ['soc.dtsi', 'app.overlay']) {
      const folder = folderWith(`//- ${name}\n${source}`);
      assert.deepEqual(rulesOf(snapshotOf(folder, name)), [
        `${name}: board-unknown`,
        `${name}: syntax-missing-semicolon`,
      ]);
    }
    const board = folderWith(`//- b.dts\n/dts-v1/;\n/ { };\n#include "soc.dtsi"\n//- soc.dtsi\n${source}`);
    assert.deepEqual(rulesOf(snapshotOf(board, 'soc.dtsi')), [
      'soc.dtsi: unresolved-reference',
      'soc.dtsi: syntax-unknown-word',
      'soc.dtsi: syntax-missing-semicolon',
    ]);
  });

  it('says with an include that brings nothing what is missed for it', () => {
    const board = (include: string): Folder =>
      folderWith(
        `//- b.dts\n/dts-v1/;\n#include ${include}\n/ { a = <&osc CLOCK_A>; b = <CLOCK_B>; };\n&uart { c = <1> };\n`,
      );
    const missed = 'Not checked for want of it: 2 references to labels and 2 macros that nothing else defines';
    for (const [include, rule] of [
      ['"soc.dtsi"', 'include-not-found'],
      ['"soc.dt', 'include-malformed'],
    ] as const) {
      const { diagnostics } = snapshotOf(board(include), 'b.dts');
      assert.deepEqual(
        diagnostics.map((each) => each.rule),
        [rule, 'syntax-missing-semicolon'],
      );
      assert.ok(diagnostics[0]!.message.endsWith(missed), diagnostics[0]!.message);
    }
    const { diagnostics } = snapshotOf(board('<clocks.h>'), 'b.dts');
    assert.deepEqual(
      diagnostics.map((each) => each.rule),
      ['include-not-found', 'unresolved-reference', 'unresolved-reference', 'syntax-missing-semicolon'],
    );
    assert.match(diagnostics[0]!.message, /for want of it: 2 macros that/);
  });

  it('refuses a text that is something else', () => {
    const folder = folderWith('//- README.md\n# Hello\n\nworld\n');
    assert.equal(
      snapshotOf(folder, 'README.md').unusable,
      'is neither devicetree source, nor a flattened devicetree, nor an ACPI table',
    );
  });

  it('refuses an empty file that nobody calls a source', () => {
    const folder = folderWith('//- host.tar.gz\n//- empty.dtsi\n');
    assert.equal(snapshotOf(folder, 'host.tar.gz').unusable, 'is empty');
    assert.equal(snapshotOf(folder, 'empty.dtsi').unusable, undefined);
  });

  it('says once what a file that is included twice has wrong', () => {
    const folder = folderWith(
      '//- b.dts\n/dts-v1/;\n#include "x.dtsi"\n#include "x.dtsi"\n//- x.dtsi\n/ { a = <&none>; };\n',
    );
    assert.deepEqual(rulesOf(snapshotOf(folder, 'b.dts')), ['x.dtsi: unresolved-reference']);
  });

  it('knows the files that it was made of', () => {
    const folder = folderWith(`
      //- doorbell.json
      {}
      //- b.dts
      /dts-v1/;
      #include "x.dtsi"
      / { };
      //- x.dtsi
      #include "h.h"
      //- h.h
      #define A 1
      //- o.dtso
      /dts-v1/;
      /plugin/;
      #include "p.dtsi"
      //- p.dtsi
    `);
    const { files } = snapshotOf(folder, 'b.dts', ['o.dtso']);
    assert.deepEqual([...files].map((file) => path.basename(file)).sort(), [
      ...['b.dts', 'doorbell.json', 'h.h', 'o.dtso', 'p.dtsi', 'x.dtsi'],
    ]);
  });

  it('reads /incbin/ beside the file and beside the root', () => {
    const folder = folderWith(`
      //- b.dts
      /dts-v1/;
      #include "sub/x.dtsi"
      / { a = /incbin/("root.bin"); };
      //- sub/x.dtsi
      / { b = /incbin/("sub.bin"); c = /incbin/("none.bin"); };
      //- root.bin
      root
      //- sub/sub.bin
      sub
    `);
    const snapshot = snapshotOf(folder, 'b.dts');
    const text = (name: string) => Buffer.from(snapshot.tree.root.properties.get(name)?.data.bytes ?? []).toString();
    assert.deepEqual([text('a'), text('b')], ['root\n', 'sub\n']);
    assert.deepEqual(rulesOf(snapshot), ['x.dtsi: unreadable-incbin']);
  });

  it('gives an empty snapshot with the reason for what it cannot use', () => {
    const folder = folderWith('//- dir/x\n\n');
    const { unusable, diagnostics, tree, prediction, syntax } = snapshotOf(folder, 'dir');
    assert.equal(unusable, 'is a directory');
    assert.deepEqual(
      diagnostics.map(({ rule }) => rule),
      ['unusable-input'],
    );
    assert.deepEqual([tree.root.children.size, prediction.groups.length, syntax.items.length], [0, 0, 0]);
  });

  it('says of a file that is too large that it is, and nothing that only follows from that', () => {
    const folder = folderWith(`
      //- b.dts
      /dts-v1/;
      / { a: a { }; };
      //- b.dtso
      /dts-v1/;
      /plugin/;
      &a { b; };
      //- b.overlay
      &a { b; };
    `);
    const large = `/dts-v1/;\n/plugin/;\n&a { c; };\n// ${'.'.repeat(8 * 1024 * 1024)}\n`;
    folder.write('large.dts', large.replace('/plugin/;', ''));
    folder.write('large.dtso', large);
    assert.deepEqual(rulesOf(snapshotOf(folder, 'large.dts')), ['large.dts: unit-too-large']);
    const { diagnostics, unit } = snapshotOf(folder, 'large.dts', ['b.dtso', 'b.overlay']);
    assert.deepEqual(
      diagnostics.map(({ rule, severity }) => `${severity}: ${rule}`),
      ['error: unit-too-large'],
    );
    assert.equal(unit.tokens.count, 0);

    const overlaid = snapshotOf(folder, 'b.dts', ['large.dtso', 'b.dtso']);
    assert.deepEqual(rulesOf(overlaid), ['large.dtso: unit-too-large']);
    const { properties } = overlaid.tree.root.children.get('a')!;
    assert.deepEqual([properties.has('b'), properties.has('c')], [true, false]);
    folder.write('small.dts', large.slice(0, 8 * 1024 * 1024));
    assert.ok(!rulesOf(snapshotOf(folder, 'small.dts')).includes('small.dts: unit-too-large'), 'the limit is allowed');
  });

  it('takes any text and any bytes', () => {
    const folder = folderWith('');
    const inputs: Record<string, string | Uint8Array> = {
      empty: '',
      nul: '/dts-v1/;\n/ { a\0b = <1>; };\n',
      mixed: '\ufeff/dts-v1/;\r\n/ {\r\n\ta;\n};\r',
      comment: '/dts-v1/; /* never closed',
      string: '/dts-v1/; / { a = "never closed; };',
      open: `/dts-v1/; / {${' a {'.repeat(10_000)}`,
      bomb: `#define A0 x x\n${Array.from({ length: 40 }, (_, at) => `#define A${at + 1} A${at} A${at}\n`).join('')}A40`,
      latin1: Uint8Array.of(...Buffer.from('/dts-v1/; / { a = "'), 0xe9, ...Buffer.from('"; };')),
      fdt: Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed),
      noise: Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251),
    };
    for (const [name, content] of Object.entries(inputs)) {
      folder.write(`${name}.dts`, content);
      const snapshot = snapshotOf(folder, `${name}.dts`);
      assert.ok(
        snapshot.diagnostics.every(({ rule }) => rule !== 'internal-error'),
        name,
      );
      assert.equal(snapshot.unusable !== undefined, name === 'fdt' || name === 'noise', name);
    }
  });

  it('reads a file again only when it changed', () => {
    const folder = folderWith('//- b.dts\n/dts-v1/;\n#include "x.dtsi"\n/ { };\n//- x.dtsi\n/ { };\n');
    const files = createFileStore();
    const context = contextOf(folder.at('b.dts'), files);
    const before = analyse(context, files);
    files.open(folder.at('b.dts'), '/dts-v1/;\n#include "x.dtsi"\n/ { a; };\n');
    const after = analyse(context, files);
    const included = ({ unit }: Snapshot) => unit.includes[0]?.to;
    assert.notEqual(after.root, before.root);
    assert.equal(included(after), included(before));
    assert.ok(after.tree.root.properties.has('a') && !before.tree.root.properties.has('a'));
  });
});

describe('rules of all layers', () => {
  it('have ids of their own', () => {
    const ids = allRules().map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, at) => ids.indexOf(id) !== at),
      [],
    );
  });
});
