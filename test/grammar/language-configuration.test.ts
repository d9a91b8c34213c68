// What a double click selects, where a new line is indented to, what folds.
import assert from 'node:assert/strict';
import tables from '../../language-configuration.acpi-table.json';
import configuration from '../../language-configuration.json';

function wordAt(marked: string, pattern: string): string | undefined {
  const cursor = marked.indexOf('^');
  const matches = [...marked.replace('^', '').matchAll(new RegExp(pattern, 'g'))];
  return matches.find(({ index, 0: match }) => index <= cursor && cursor <= index + match.length)?.[0];
}

describe('language configuration', () => {
  // The text with a cursor ^ in it, and the word that a double click there selects.
  const words: readonly [string, string][] = [
    ['#addr^ess-cells = <2>;', '#address-cells'],
    ['linux,cma-^default;', 'linux,cma-default'],
    ['iommus = <&smmu_^pcie 0x4>;', '&smmu_pcie'],
    ['reg = <0x0 0x40^000000>;', '0x40000000'],
    ['pcie@40^000000 {', '40000000'],
    ['pc^ie@40000000 {', 'pcie'],
    ['compatible = "arm,^mmu-401", "arm,smmu-v1";', 'arm,mmu-401'],
    ['x = <GPIO(^A,B)>;', 'A'],
    ['x = <FOO(1,^2)>;', '2'],
    ['3v3-^supply;', '3v3-supply'],
    ['l^0: node', 'l0'],
  ];
  for (const [marked, expected] of words) {
    it(`the word at ^ in ${marked}`, () => {
      assert.equal(wordAt(marked, configuration.wordPattern), expected);
    });
  }

  const { increaseIndentPattern, decreaseIndentPattern } = configuration.indentationRules;
  const indents: readonly [string, boolean][] = [
    ['soc {', true],
    ['uart0: serial@1000 { // debug', true],
    ['&{/soc/pcie} {', true],
    ['x = "{";', false],
    ['// soc {', false],
    ['/* soc { */', false],
    ['empty { };', false],
    ['};', false],
  ];
  for (const [line, indented] of indents) {
    it(`${indented ? 'indents' : 'does not indent'} after ${line}`, () => {
      assert.equal(new RegExp(increaseIndentPattern).test(line), indented);
    });
  }
  it('a closing brace goes back', () => {
    assert.match('\t\t};', new RegExp(decreaseIndentPattern));
  });

  it('conditionals fold, properties that only look like them do not', () => {
    const { start, end } = configuration.folding.markers;
    for (const line of ['#if 0', '# ifdef X', '#ifndef X', '// #region clocks']) assert.match(line, new RegExp(start));
    for (const line of ['#endif', '// #endregion']) assert.match(line, new RegExp(end));
    for (const line of ['#if-cells = <1>;', '#include "x"']) assert.doesNotMatch(line, new RegExp(start));
  });
});

describe('language configuration of ACPI tables', () => {
  const words: readonly [string, string][] = [
    ['Output Re^ference : 00000030', 'Reference'],
    ['Output Reference : 0000^0030', '00000030'],
    ['ID Count : 0xF^F', '0xFF'],
    ['ID Count : FF^FF', 'FFFF'],
    ['Device Name : "\\_SB_.VR^05"', '\\_SB_.VR05'],
    ['Table : $L^1 + 18', '$L1'],
  ];
  for (const [marked, expected] of words) {
    it(`the word at ^ in ${marked}`, () => {
      assert.equal(wordAt(marked, tables.wordPattern), expected);
    });
  }
});
