import assert from 'node:assert/strict';
import { sourceFile } from '../../server/src/text/source-file';
import { inputKind } from '../../server/src/workspace/input-kind';

const kind = (text: string) => inputKind(sourceFile('/test/file', text));
const table = '[000h 0000 004h]    Signature : "IORT"    [IO Remapping Table]\n';

describe('what a file holds', () => {
  it('is a table’s text by its signature, behind comments of any length', () => {
    const long = `/*\n${' * /soc/usb@1: its stream IDs are left out\n'.repeat(400)} */\n\n`;
    assert.equal(kind(table), 'acpi-text');
    assert.equal(kind('[000h 0000 004h] [x] Signature : IORT\n'), 'acpi-text');
    assert.equal(kind('IORT @ 0x0000000000000000\n    0000: 49 4F 52 54  IORT\n'), 'acpi-dump');
    assert.equal(kind(`${long}// and\n${long}${table}`), 'acpi-text');
    assert.equal(kind(`${long}/dts-v1/;\n`), 'source');
  });

  it('is a table’s text with a misspelled signature too, but no devicetree with such a label', () => {
    for (const written of ['"iort"', '"IORT "', 'iort', 'Iort // x', 'IORTX', '"ASF!"', '"" [x]', 'ASF!\r']) {
      assert.equal(kind(`Signature : ${written}\nTable Length : 0\n`), 'acpi-text', written);
    }
    for (const written of ['node { };', '&node { };', 'node@1 {', '<1>;', '']) {
      assert.equal(kind(`/ {\n  Signature: ${written}\n};\n`), 'source', written);
    }
  });

  it('is nothing of ours where it is JSON, and a source where a node has no name yet', () => {
    for (const text of ['{"kernel": "6.12"}', '\n{\r\n  "kernel": "6.12"\n}\n', '[ { "a": 1 } ]', '[["a"]]', '["a"]']) {
      assert.equal(kind(text), 'binary', text);
    }
    for (const text of ['{', '{ };', '{\n\tstatus = "okay";\n};\n', '[', '[00 11]', '// x\n{ }']) {
      assert.equal(kind(text), 'source', text);
    }
  });

  it('is a source where a comment is all there is, closed or not', () => {
    assert.equal(kind(`/* Signature : "IORT" */\n/ { };\n`), 'source');
    assert.equal(kind(`/*${' x'.repeat(9000)}`), 'source');
    assert.equal(kind('//'), 'source');
  });
});
