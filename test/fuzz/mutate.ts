// Sources with something broken in them.
import type { Random } from './random';

/** What a source falls over most likely: every token of the language and of the preprocessor, half ones, odd characters. */
const scraps = [
  ...['{', '}', '<', '>', '[', ']', '(', ')', ';', '=', ',', ':', '&', '/', '\\', '"', "'", '#', '@', '?', '*', '-'],
  ...['/*', '*/', '//', '/**/', '<<', '>>', '&&', '||', '==', '};', '/ {', '&{', '&{/', '&{/}', '"\\', "'\\''", '\\x'],
  ...['/dts-v1/;', '/plugin/;', '/memreserve/', '/bits/', '/bits/ 64 <', '/incbin/("x")', '/include/ "x"', '/include/'],
  ...['/delete-node/', '/delete-property/', '/delete-node/ &', '/omit-if-no-ref/', '/delete-node/ &{/};'],
  ...[
    '\n#define A B\n',
    '\n#define f(x) x##x\n',
    '\n#define B A B\n',
    '\n#undef A\n',
    'f(',
    'f(A)',
    '\n#include "x"\n',
  ],
  ...[
    '\n#if 0\n',
    '\n#if 1\n',
    '\n#else\n',
    '\n#elif\n',
    '\n#endif\n',
    '\n#ifdef\n',
    '\n#line 7\n',
    '\n#\n',
    '\n#error\n',
  ],
  ...['\n', '\r\n', '\r', '\t', '\0', '\\\n', '\ufeff', '\ufffd', '\u00e9', '\ud800', '\v', '\f'],
  ...['0x', '0xffffffffffffffffff', '08', '1/0', '(1/0)', '-1', '99999999999', '<&x>', '<&{/soc}>', 'x:', 'x: y {'],
  ...[
    'phandle = <1>;',
    '#address-cells = <0>;',
    '#size-cells = <9>;',
    '#address-cells = "x";',
    'ranges;',
    'reg = <1>;',
  ],
  ...['iommus = <&x 1>;', 'iommu-map = <0 &x 0 0x10000>;', 'msi-map = <0>;', 'iommu-addresses = <&x>;', 'dma-ranges;'],
];

/** The source with one to eight changes: parts cut, doubled, moved, replaced, scraps put in. */
export function mutated(source: string, { below, pick }: Random): string {
  let text = source;
  for (let changes = 1 + below(8); changes > 0; changes--) {
    const from = below(text.length + 1);
    const to = Math.min(text.length, from + (below(4) === 0 ? below(2000) : below(30)));
    const part = text.slice(from, to);
    const elsewhere = below(text.length + 1);
    switch (below(6)) {
      case 0:
        text = text.slice(0, from) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, to) + part + text.slice(to);
        break;
      case 2:
        text = text.slice(0, elsewhere) + part + text.slice(elsewhere);
        break;
      case 3:
        text = text.slice(0, from) + pick(scraps) + text.slice(to);
        break;
      case 4:
        text = text.slice(0, from) + pick(scraps) + text.slice(from);
        break;
      default:
        text = text.slice(0, from) + pick(scraps) + pick(scraps).repeat(1 + below(3)) + text.slice(from);
    }
  }
  return text;
}

/** Bytes with one to eight changes: single bytes and words replaced, the end cut off. */
export function mutatedBytes(bytes: Uint8Array, { below, pick }: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let changes = 1 + below(8); changes > 0; changes--) {
    const at = below(changed.length);
    if (below(2) === 0) changed[at] = below(256);
    else {
      const word = pick([0, 1, 2, 3, 4, 9, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, changed.length]);
      if (at + 4 <= changed.length) new DataView(changed.buffer).setUint32(below(2) === 0 ? at & ~3 : at, word);
    }
  }
  return below(4) === 0 ? changed.subarray(0, below(changed.length + 1)) : changed;
}
