import assert from 'node:assert/strict';
import { printDts } from '../../server/src/tree/print';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { compileBoard } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { folderWith, removeFolders } from './folder';

const base = `
  //- base.dts
  /dts-v1/;
  / {
    gic: gic { interrupt-controller; };
    i2c: i2c@1000 { status = "disabled"; clock = <&gic>; };
  };
`;

/** The board with overlays, as DTS without `__symbols__`, and the messages of what went wrong. */
function overlaid(fixture: string, overlays: readonly string[], root = 'base.dts') {
  const folder = folderWith(fixture);
  const files = createFileStore();
  const context = contextOf(folder.at(root), files, { overlays: overlays.map(folder.at) });
  const { tree, diagnostics } = compileBoard(context, files);
  const text = printDts(tree).replace(/\n\t__symbols__ \{[^}]*\};\n/, '');
  return {
    tree,
    text: text.replace(/\s+/g, ' '),
    messages: diagnostics.map(({ message }) => message.replaceAll(folder.root, '')),
  };
}

describe('overlays', () => {
  afterEach(removeFolders);

  it('change nodes by label, add nodes with references of both kinds, and apply one after the other', () => {
    const { text, messages, tree } = overlaid(
      `${base}
      //- one.dtso
      /dts-v1/;
      /plugin/;
      &i2c {
        status = "okay";
        clk: clk { };
        sensor: sensor@48 { interrupt-parent = <&gic>; clocks = <&clk 7>; };
      };
      //- two.dtso
      /dts-v1/;
      /plugin/;
      &sensor { label = "second"; };
      `,
      ['one.dtso', 'two.dtso'],
    );
    assert.deepEqual(messages, []);
    assert.match(text, /i2c: i2c@1000 \{ status = "okay"; clock = <&gic>;/);
    assert.match(
      text,
      /sensor: sensor@48 \{ interrupt-parent = <&gic>; clocks = <&clk (7|0x7|0x07)>;.*label = "second"; \}/,
    );
    const { phandle: gic } = tree.labels.get('gic') ?? {};
    const { phandle: clk, properties } = tree.labels.get('clk') ?? {};
    assert.ok(gic !== undefined && clk !== undefined && gic !== clk);
    assert.equal(Buffer.from(properties?.get('phandle')?.data.bytes ?? []).readUInt32BE(), clk);
    assert.equal(tree.phandles.get(clk)?.name, 'clk');
  });

  it('keep the places of both sides', () => {
    const { tree } = overlaid(`${base}//- o.dtso\n/dts-v1/;\n/plugin/;\n&i2c { status = "okay"; };\n`, ['o.dtso']);
    const status = tree.labels.get('i2c')?.properties.get('status');
    assert.deepEqual(
      status?.definitions.map(({ name }) => name.file.path.replace(/.*\//, '')),
      ['base.dts', 'o.dtso'],
    );
  });

  it('apply to blobs, and may be blobs', () => {
    const folder = folderWith(`${base}//- o.dtso\n/dts-v1/;\n/plugin/;\n&i2c { status = "okay"; };\n`);
    const files = createFileStore();
    for (const name of ['base.dts', 'o.dtso']) {
      const { tree } = compileBoard(contextOf(folder.at(name), files), files, { symbols: true });
      folder.write(`${name}.blob`, writeFdt(tree));
    }
    const context = contextOf(folder.at('base.dts.blob'), files, { overlays: [folder.at('o.dtso.blob')] });
    const { tree, diagnostics, kind } = compileBoard(context, files);
    assert.deepEqual([kind, diagnostics], ['fdt', []]);
    const i2c = tree.root.children.get('i2c@1000');
    assert.equal(Buffer.from(i2c?.properties.get('status')?.data.bytes ?? []).toString(), 'okay\0');
  });

  it('without /plugin/ are read behind the board, as Zephyr does it', () => {
    const { text, messages } = overlaid(`${base}//- app.overlay\n&i2c { status = "okay"; };\n`, ['app.overlay']);
    assert.deepEqual(messages, []);
    assert.match(text, /status = "okay"/);
  });

  it('that do not fit are left out, with the reason', () => {
    const { text, messages } = overlaid(
      `${base}
      //- no-label.dtso
      /dts-v1/;
      /plugin/;
      &spi { status = "okay"; };
      //- no-path.dtso
      /dts-v1/;
      /plugin/;
      / { fragment@0 { target-path = "/none"; __overlay__ { }; }; };
      //- good.dtso
      /dts-v1/;
      /plugin/;
      &i2c { status = "okay"; };
      `,
      ['no-label.dtso', 'no-path.dtso', 'good.dtso', 'none.dtbo'],
    );
    assert.deepEqual(messages, [
      'The overlay /no-label.dtso does not apply: the base tree has no label "spi"',
      'The overlay /no-path.dtso does not apply: the target of /fragment@0 is not in the base tree',
      'The overlay /none.dtbo is left out: no such file',
    ]);
    assert.match(text, /status = "okay"/);
  });
});
