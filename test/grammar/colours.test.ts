// Colours before the server is up: the TextMate grammar in the editor's own engine.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { markedScope, printScopes, tokenize } from './tokenize';

describe('DTS colours', () => {
  it('are as recorded for every construct (UPDATE_EXPECTED=1 records anew)', async () => {
    const source = readFileSync(new URL('fixtures/everything.dts', import.meta.url), 'utf8');
    const recorded = new URL('fixtures/everything.scopes', import.meta.url);
    const scopes = printScopes(source, await tokenize('dts', source));
    if (process.env.UPDATE_EXPECTED === '1') writeFileSync(recorded, scopes);
    assert.equal(scopes, readFileSync(recorded, 'utf8'));
  });

  // Source with the text of interest between ‹ and ›, and the innermost scope that it must have.
  const cases: readonly [string, string][] = [
    ['#‹define›\tX 1', 'keyword.control.directive.define'],
    ['‹#define-cells› = <1>;', 'support.type.property-name'],
    ['‹#if-cells› = <1>;', 'support.type.property-name'],
    ['\t‹#address-cells› = <1>;', 'support.type.property-name'],
    ['\t‹linux,cma-default›;', 'support.type.property-name'],
    ['\t‹compat›', 'support.type.property-name'],
    ['\t‹SOME_MACRO›', 'constant.other.macro'],
    ['‹pcie›@10000000 {', 'entity.name.tag.node'],
    ['pcie@‹10000000› {', 'constant.numeric.unit-address'],
    ['‹memory› {', 'entity.name.tag.node'],
    ['‹/› {', 'entity.name.tag.node.root'],
    ['‹__symbols__› {', 'entity.name.tag.node.special'],
    ['l: ‹&›gic {', 'punctuation.definition.reference'],
    ['x = <&‹gic› 1>;', 'entity.name.type.reference.label'],
    ['x = <(1 ‹<<› 2)>;', 'keyword.operator.bitwise.shift'],
    ['x = <(1 ‹>› 0)>;', 'keyword.operator.comparison'],
    ['x = <1‹>›;', 'punctuation.section.cells.end'],
    ['x = "a‹\\x41›";', 'constant.character.escape'],
    ['x = [‹0a› FF];', 'constant.numeric.hex.byte'],
    ['x = <‹GIC_SPI› 1>;', 'constant.other.macro'],
    ['x = <‹PIN›(1, 2)>;', 'entity.name.function.preprocessor'],
    ['x = "/* ‹not› a comment";', 'string.quoted.double'],
    ['#define A(‹x›) x', 'variable.parameter.preprocessor'],
    ["#error it‹'›s fine", 'string.unquoted.message'],
    ['#if 0\n#if 1\n‹no›\n#endif\nno\n#endif', 'comment.block.if-zero'],
    ['#if 0\n#if 1\nno\n#endif\n‹no›\n#endif', 'comment.block.if-zero'],
    ['#if 0\nno\n#endif\n‹yes›;', 'support.type.property-name'],
    ['#if 0\nno\n#else\n‹yes›;', 'support.type.property-name'],
    // What is broken on one line stays there.
    ['x = <1 2\n};\n‹y›;', 'support.type.property-name'],
    ['x = (1 + 2;\n‹y›;', 'support.type.property-name'],
    ['#define OPEN {\n‹y›;', 'support.type.property-name'],
    ['#define LESS(a, b) ((a) < (b))\n‹y›;', 'support.type.property-name'],
    ['x = <1>\n};\n‹y› = <2>;', 'support.type.property-name'],
    // A directive goes on behind a backslash and a block comment.
    ['#define A \\\n\t‹0x10›', 'constant.numeric.hex'],
    ['#define A /* one\n two */ ‹3›', 'constant.numeric.decimal'],
  ];
  for (const [marked, scope] of cases) {
    it(JSON.stringify(marked), async () => {
      assert.equal(await markedScope('dts', marked), `${scope}.dts`);
    });
  }
});
