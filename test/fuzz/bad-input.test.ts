// Whatever is wrong with a source, there is a diagnostic for it, and what stands beside it keeps its meaning.
import assert from 'node:assert/strict';
import { readFdt } from '../../server/src/tree/fdt-read';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { decodeSource } from '../oracle/ours';
import { analysed, readBlob } from './engine';

/** The errors of a source, and the paths of the tree's nodes. */
function outcome(main: string, others: Readonly<Record<string, string>> = {}): { errors: string[]; nodes: string[] } {
  const { diagnostics, tree } = analysed({ 'main.dts': main, ...others });
  const nodes: string[] = [];
  const visit = (node: typeof tree.root, path: string): void => {
    for (const child of node.children.values()) {
      if (nodes.length < 100) nodes.push(`${path}/${child.name}`);
      if (path.length < 100) visit(child, `${path}/${child.name}`);
    }
  };
  visit(tree.root, '');
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
  return { errors: [...new Set(errors)], nodes };
}

describe('bad input', () => {
  const head = '/dts-v1/;\n/ {\n';

  describe('what is never finished', () => {
    const unfinished: Readonly<Record<string, string>> = {
      'a comment': '/* b { };',
      'a string': 'p = "text;',
      'a character': "p = <'a>;",
      'a node': 'b {',
      'an array': 'p = <1 2',
      'an expression': 'p = <(1 + 2',
      'a byte string': 'p = [00 11',
      'a reference': 'p = <&',
      'a path reference': 'p = <&{/a',
      'a property': 'p',
      'a value': 'p = ',
      'a label': 'l:',
      'a keyword': '/delete-node/',
      'half a keyword': '/delete',
      'an inclusion': '/include/',
      'a binary file': 'p = /incbin/("a"',
      'a reservation': '}; /memreserve/ 1',
      'a conditional': '\n#if 1',
      'a skipped conditional': '\n#if 0',
      'a macro call': '\n#define f(x) x\nf(1',
      'a macro definition': '\n#define f(x',
      'an include directive': '\n#include "a',
      'a backslash': 'p \\',
    };
    for (const [what, text] of Object.entries(unfinished)) {
      it(what, () => {
        const { errors, nodes } = outcome(`${head}a { };\nl: b { };\n c { ${text}`);
        assert.notDeepEqual(errors, []);
        assert.deepEqual(nodes.slice(0, 2), ['/a', '/b']);
      });
    }
  });

  describe('characters and ends of lines', () => {
    const board = `${head}a { p = "x"; };\nb { };\n};\n`;
    it('a byte order mark is no error where gcc drops it', () => {
      assert.deepEqual(outcome(`\ufeff${board}`), { errors: [], nodes: ['/a', '/b'] });
    });
    it('CR LF', () => {
      assert.deepEqual(outcome(board.replaceAll('\n', '\r\n')), { errors: [], nodes: ['/a', '/b'] });
    });
    it('CR LF with directives and continued lines', () => {
      const text = `#define A \\\r\n  1\r\n#if A == 1\r\n${board}#endif\r\n`;
      assert.deepEqual(outcome(text), { errors: [], nodes: ['/a', '/b'] });
    });
    it('mixed ends of lines', () => {
      assert.deepEqual(outcome(board.replace('\n', '\r\n')), { errors: [], nodes: ['/a', '/b'] });
    });
    it('a NUL', () => {
      const { nodes } = outcome(board.replace('p = "x"', 'p = \0"x"'));
      assert.deepEqual(nodes, ['/a', '/b']);
    });
    it('bytes that are no UTF-8 are read one by one', () => {
      const bytes = Buffer.concat([
        Buffer.from(`${head}a { p = "`),
        Buffer.from([0xe9, 0xff]),
        Buffer.from('"; };\n};'),
      ]);
      const { text, encoding } = decodeSource('main.dts', bytes);
      assert.equal(encoding, 'latin1');
      assert.deepEqual(outcome(text), { errors: [], nodes: ['/a'] });
    });
    it('half of a surrogate pair', () => {
      assert.deepEqual(outcome(board.replace('"x"', '"\ud800"')).nodes, ['/a', '/b']);
    });
    it('nothing at all', () => {
      assert.notDeepEqual(outcome('').errors, []);
    });
    it('nothing but white space', () => {
      assert.notDeepEqual(outcome(' \n\t\n').errors, []);
    });
    it('nothing but NULs', () => {
      assert.notDeepEqual(outcome('\0'.repeat(1000)).errors, []);
    });
  });

  describe('files', () => {
    it('a file that includes itself', () => {
      const { errors, nodes } = outcome(`#include "main.dts"\n${head}a { };\n};\n`);
      assert.ok(errors.includes('include-too-deep'), errors.join());
      assert.deepEqual(nodes, ['/a']);
    });
    it('two files that include each other', () => {
      const others = { 'a.dtsi': '#include "b.dtsi"\n', 'b.dtsi': '#include "a.dtsi"\n' };
      const { errors, nodes } = outcome(`#include "a.dtsi"\n${head}a { };\n};\n`, others);
      assert.deepEqual(errors, ['include-too-deep']);
      assert.deepEqual(nodes, ['/a']);
    });
    it('files that include themselves twice', () => {
      const { errors } = outcome(`#include "a.dtsi"\n${head}};\n`, { 'a.dtsi': '#include "a.dtsi"\n'.repeat(2) });
      assert.deepEqual(errors, ['include-too-deep']);
    });
    it('a file of the other inclusion that includes itself', () => {
      const { errors, nodes } = outcome(`${head}a { };\n/include/ "a.dtsi"\n};\n`, {
        'a.dtsi': '/include/ "a.dtsi"\n',
      });
      assert.notDeepEqual(errors, []);
      assert.deepEqual(nodes, ['/a']);
    });
    it('a file that is missing', () => {
      const { errors, nodes } = outcome(`#include "nowhere.dtsi"\n${head}a { };\n};\n&l { };\n`);
      assert.ok(errors.includes('include-not-found'));
      assert.deepEqual(nodes, ['/a']);
    });
    it('a folder for a file', () => {
      const { errors, nodes } = outcome(`#include "/"\n/include/ "/"\n${head}a { p = /incbin/("/"); };\n};\n`);
      assert.ok(errors.length > 0);
      assert.deepEqual(nodes, ['/a']);
    });
    it('a device for a file', () => {
      const { errors, nodes } = outcome(`#include "/dev/zero"\n${head}a { p = /incbin/("/dev/zero"); };\n};\n`);
      assert.ok(errors.length > 0);
      assert.deepEqual(nodes, ['/a']);
    });
    it('a conditional that a file leaves open', () => {
      const { errors, nodes } = outcome(`#include "a.dtsi"\n${head}a { };\n};\n`, { 'a.dtsi': '#if 0\n' });
      assert.deepEqual(errors, ['conditional-unterminated']);
      assert.deepEqual(nodes, ['/a']);
    });
  });

  describe('too much', () => {
    const deep = 10_000;
    const cases: Readonly<Record<string, string>> = {
      'nested nodes': `${head}${'a {'.repeat(deep)}${'};'.repeat(deep)}};`,
      'nested nodes that are never closed': `${head}${'a {'.repeat(deep)}`,
      'nested parentheses': `${head}p = <${'('.repeat(deep)}1${')'.repeat(deep)}>; };`,
      'nested parentheses that are never closed': `${head}p = <${'('.repeat(deep)}`,
      'a chain of signs': `${head}p = <(${'-'.repeat(deep)}1)>; };`,
      'a chain of conditionals': `${head}p = <(${'1 ? 2 : '.repeat(deep)}3)>; };`,
      'nested conditionals': `${head}p = <(${'1 ? '.repeat(deep)}3${' : 4'.repeat(deep)})>; };`,
      'a condition of many parentheses': `#if ${'('.repeat(deep)}1${')'.repeat(deep)}\n#endif\n${head}};`,
      'a condition of many signs': `#if ${'!'.repeat(deep)}1\n#endif\n${head}};`,
      'a condition of many branches': `#if ${'1 ? 1 : '.repeat(deep)}1\n#endif\n${head}};`,
      'nested #if': `${'#if 1\n'.repeat(deep)}${'#endif\n'.repeat(deep)}${head}};`,
      'nested macro calls': `#define f(x) x\n${head}p = <${'f('.repeat(2000)}1${')'.repeat(2000)}>; };`,
      'macros that double thirty times': doublings(30),
      'macro calls that double thirty times': doublingCalls(30),
      'a macro bomb in a condition': `${bomb(30)}#if X30\n#endif\n${head}};`,
      'strings that double': stringBomb(24),
    };
    for (const [what, text] of Object.entries(cases)) {
      it(what, () => {
        outcome(text);
      });
    }

    it('a condition that goes on and on is given up where it begins, and the rest is read', () => {
      const { errors, nodes } = outcome(`#if ${'1+'.repeat(30_000)}1\n#endif\n${head}a { }; };`);
      assert.deepEqual([errors, nodes], [['condition-malformed'], ['/a']]);
    });
  });

  describe('one thing over and over', () => {
    const repeated = [
      '{',
      '}',
      '<',
      '>',
      '[',
      '(',
      ')',
      '&',
      '/',
      '\\',
      '"',
      "'",
      '#',
      ';',
      ',',
      '=',
      ':',
      'a=',
      'a{',
      'a;',
    ];
    const words = [
      'a{};',
      'l:',
      '&l',
      '<&l>',
      '/*',
      '*/',
      '//',
      '/include/',
      '/delete-node/',
      '1',
      '0x',
      '-',
      '!',
      '?',
      '\0',
    ];
    const lines = ['#', '#if\n', '#endif\n', '#else\n', '#define a a\n', '#include "a"\n', '\n', '\r', '\\\n', 'a\\\n'];
    for (const part of [...repeated, ...words, ...lines]) {
      it(JSON.stringify(part), () => {
        outcome(part.repeat(100_000 / part.length));
        outcome(`${head}a { };\nb = ${part.repeat(20_000 / part.length)};\n};`);
      });
    }
  });

  describe('more of it than any board has', function () {
    this.timeout(10_000);
    const soc = `/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0x9000000 0x20000>; #iommu-cells = <1>; };
`;
    const many = (count: number, write: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => write(index)).join(' ');

    it('functions behind a long map', () => {
      const { errors } = outcome(`${soc} pcie@10000000 {
        compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x10000000 0x10000000>;
        #address-cells = <3>; #size-cells = <2>;
        iommu-map = <${many(60_000, (index) => `${index} &smmu ${index} 1`)}>;
        ${many(5000, (index) => `f@${index.toString(16)} { reg = <${index << 8} 0 0 0 0>; };`)} }; };`);
      assert.deepEqual(errors, []);
    });

    it('reservations in the way of the MSI window', () => {
      const { diagnostics } = analysed({
        'main.dts': `${soc} reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
        ${many(5000, (index) => `r${index}: r${index} { iommu-addresses = <&dma ${0x8000000 + index * 0x100} 0x80>; };`)} };
        dma: dma@b000000 { reg = <0xb000000 0x1000>; iommus = <&smmu 1>;
        memory-region = <${many(5000, (index) => `&r${index}`)}>; }; };`,
      });
      assert.ok(diagnostics.some(({ rule }) => rule === 'msi-window-overlap'));
    });
  });

  describe('blobs', () => {
    const source = `/dts-v1/; /memreserve/ 1 2; / { p = <1 2>; l: a { q = "x", &l; b { r; }; }; };`;
    const bytes = writeFdt(analysed({ 'main.dts': source }).tree);

    it('is fine as it is', () => {
      assert.ok('tree' in readFdt(bytes));
    });
    it('cut off anywhere', () => {
      for (let length = 0; length < bytes.length; length++) {
        const read = readFdt(bytes.subarray(0, length));
        assert.ok('error' in read, `cut at ${length} of ${bytes.length}`);
      }
    });
    it('with every byte wrong in turn', () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const broken = Uint8Array.from(bytes);
          broken[at] = value;
          readBlob(broken);
        }
      }
    });
    it('with every word huge in turn', () => {
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        for (const word of [0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc]) {
          const broken = Uint8Array.from(bytes);
          new DataView(broken.buffer).setUint32(at, word);
          readBlob(broken);
        }
      }
    });
    it('nothing, and a header alone', () => {
      readBlob(new Uint8Array(0));
      readBlob(new Uint8Array(40));
      readBlob(bytes.subarray(0, 40));
    });
  });
});

function bomb(levels: number): string {
  const lines = ['#define X0 1'];
  for (let level = 1; level <= levels; level++) lines.push(`#define X${level} X${level - 1} X${level - 1}`);
  return `${lines.join('\n')}\n`;
}

function doublings(levels: number): string {
  return `${bomb(levels)}/dts-v1/;\n/ { p = <X${levels}>; };`;
}

function doublingCalls(levels: number): string {
  const calls = `${'f('.repeat(levels)}1${')'.repeat(levels)}`;
  return `#define f(x) x x\n/dts-v1/;\n/ { p = <${calls}>; };`;
}

function stringBomb(levels: number): string {
  const lines = ['#define S(x) #x', '#define T(x) S(x x)', '#define X0 a'];
  for (let level = 1; level <= levels; level++) lines.push(`#define X${level} X${level - 1} X${level - 1}`);
  return `${lines.join('\n')}\n/dts-v1/;\n/ { p = T(X${levels}); };`;
}
