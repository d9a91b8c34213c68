import assert from 'node:assert/strict';
import { gicInterrupt, interruptsOf } from '../../server/src/tree/interrupts';
import { nodeAt, nodePath } from '../../server/src/tree/navigate';
import { treeOf } from '../topology/trees';

/** What becomes of the interrupts of `/dev`: the GSIV and its trigger, the controller of another kind, or why there is none. */
function interrupts(dev: string, around = ''): string[] {
  const tree = treeOf(`/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>;
    gic: gic { compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>; #address-cells = <2>; #size-cells = <2>; };
    other: other { compatible = "test,mux"; interrupt-controller; #interrupt-cells = <1>; };
    ${around} dev: dev { ${dev} }; };`);
  return interruptsOf(tree, nodeAt(tree, '/dev')!).map((interrupt) => {
    if (!interrupt.ok) return interrupt.reason;
    const found = gicInterrupt(interrupt);
    if (found === undefined) return `${nodePath(interrupt.controller)} ${interrupt.specifier.join(' ')}`;
    return `${String(found.gsiv)} ${found.isEdge ? 'edge' : 'level'}`;
  });
}

describe('interrupts', () => {
  it('are counted as the GIC counts: SPIs from 32, PPIs from 16, extended SPIs from 4096, extended PPIs from 1056', () => {
    assert.deepEqual(interrupts('interrupts = <0 74 1>, <1 9 4>, <2 3 2>, <3 5 8>;'), [
      '106 edge',
      '25 level',
      '4099 edge',
      '1061 level',
    ]);
  });

  it('go to the controller that interrupts-extended names, each to its own', () => {
    assert.deepEqual(interrupts('interrupts = <0 1 4>; interrupts-extended = <&gic 0 8 4>, <&other 7>;'), [
      '40 level',
      '/other 7',
    ]);
  });

  it('end where an entry leads nowhere', () => {
    assert.deepEqual(interrupts('interrupts-extended = <&gic 0 8 4>, <0xdead 7>, <&gic 0 9 4>;'), [
      '40 level',
      'the entry leads to no interrupt controller',
    ]);
  });

  it('go through a nexus by its map, mask and address', () => {
    const nexus = `nexus: nexus { #address-cells = <1>; #interrupt-cells = <1>; interrupt-map-mask = <0xff000000 0x3f>;
      interrupt-map = <0 5 &gic 0 0 0 15 4>, <0x2000000 5 &gic 0 0 0 20 1>, <0x2000000 6 &other 3>; };`;
    const dev = (number: number, reg: string) =>
      interrupts(`interrupt-parent = <&nexus>; reg = <${reg} 0x1000>; interrupts = <${String(number)}>;`, nexus);
    assert.deepEqual(dev(5, '0x1000'), ['47 level']);
    assert.deepEqual(dev(5, '0x2001000'), ['52 edge']);
    assert.deepEqual(dev(0x46, '0x2001000'), ['/other 3']);
    assert.deepEqual(dev(9, '0x1000'), ['no entry of the interrupt-map of /nexus takes it']);
  });

  it('that lead in a circle, or to nobody, say so', () => {
    const circle = `one: one { #address-cells = <0>; #interrupt-cells = <1>; interrupt-map = <1 &two 1>; };
      two: two { #address-cells = <0>; #interrupt-cells = <1>; interrupt-map = <1 &one 1>; };`;
    assert.deepEqual(interrupts('interrupt-parent = <&one>; interrupts = <1>;', circle), [
      'it leads to no interrupt controller',
    ]);
    assert.deepEqual(interrupts('interrupt-parent = <0xdead>; interrupts = <1>;'), [
      'interrupts has no interrupt parent that says how many cells it takes',
    ]);
  });
});
