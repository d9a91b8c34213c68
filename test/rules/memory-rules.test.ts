// Reserved memory: what the examples of the pages leave open.
import assert from 'node:assert/strict';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { diagnosticsOf, onBoard } from './board';

function findings(rule: string, text: string, settings?: object, kernel?: KernelVersion): string[] {
  return diagnosticsOf(onBoard(text, settings), kernel)
    .filter((diagnostic) => diagnostic.rule === rule)
    .map(({ severity, message }) => `${severity}: ${message}`);
}

const reserved = (nodes: string): string => `&{/reserved-memory} { ${nodes} };`;

describe('reserved regions', () => {
  it('overlap with the header as well, and weigh more where one is a CMA pool', () => {
    const header = (node: string): string => reserved(node).replace(/^/, '/memreserve/ 0x90000000 0x1000;\n');
    // A reservation must come before the first node, so the board is written out.
    const sources = {
      ...onBoard(''),
      'board.dts': `/dts-v1/;\n${header('a@90000000 { reg = <0x0 0x90000000 0x0 0x200000>; };').replace(/\n&/, '\n#include "board.dtsi"\n&')}`,
    };
    const found = diagnosticsOf(sources).filter(({ rule }) => rule === 'reserved-memory-overlap');
    assert.deepEqual(
      found.map(({ severity }) => severity),
      ['hint'],
    );
    const pool =
      reserved(`a@90000000 { reg = <0x0 0x90000000 0x0 0x400000>; compatible = "shared-dma-pool"; reusable; };
b@90200000 { reg = <0x0 0x90200000 0x0 0x1000>; };`);
    assert.match(
      findings('reserved-memory-overlap', pool).join(),
      /^warning: .*0x90200000–0x90200fff.*a@90000000 is a CMA pool/,
    );
  });

  it('that touch, or of which one is off, do not overlap', () => {
    const two = (status: string, start: string): string =>
      reserved(
        `a@90000000 { reg = <0x0 0x90000000 0x0 0x100000>; }; b@${start} { reg = <0x0 0x${start} 0x0 0x1000>; ${status} };`,
      );
    assert.deepEqual(findings('reserved-memory-overlap', two('', '90100000')), []);
    assert.deepEqual(findings('reserved-memory-overlap', two('status = "disabled";', '90000000')), []);
    assert.equal(findings('reserved-memory-overlap', two('', '90000000')).length, 1);
  });

  it('at the last address are read to the end, past it not at all', () => {
    const last = reserved(
      'a { reg = <0xffffffff 0xfffff000 0x0 0x1000>; }; b { reg = <0xffffffff 0xfffff000 0x0 0x1000>; };',
    );
    assert.match(findings('reserved-memory-overlap', last).join(), /0xfffffffffffff000–0xffffffffffffffff/);
    const past = reserved('a { reg = <0xffffffff 0xfffff000 0x0 0x2000>; }; b { reg = <0x0 0x0 0x0 0x1000>; };');
    assert.deepEqual(findings('reserved-memory-overlap', past), []);
  });

  it('are measured by the page size of the settings', () => {
    const text = reserved('a@90001000 { reg = <0x0 0x90001000 0x0 0x10000>; no-map; };');
    assert.deepEqual(findings('reserved-memory-misaligned', text), []);
    assert.match(
      findings('reserved-memory-misaligned', text, { pageSize: '64K' }).join(),
      /^info: Its start 0x90001000 .*64 KiB/,
    );
    const pool = reserved(
      'a@90200000 { reg = <0x0 0x90200000 0x0 0x400000>; compatible = "shared-dma-pool"; reusable; };',
    );
    assert.deepEqual(findings('cma-region-misaligned', pool), []);
    assert.match(findings('cma-region-misaligned', pool, { pageSize: '16K' }).join(), /no multiple of 32 MiB/);
    assert.match(findings('cma-region-misaligned', pool, { pageSize: '64K' }).join(), /no multiple of 512 MiB/);
  });

  it('that are mailboxes, smaller than any page, are worth a hint', () => {
    const text = reserved('shmem@10f000 { reg = <0x0 0x10f000 0x0 0x100>; no-map; };');
    assert.match(findings('reserved-memory-misaligned', text).join(), /^hint: Its size 0x100 /);
  });

  it('across the edge of memory are told what of them is none', () => {
    const at = (reg: string): string[] =>
      findings('reserved-memory-partly-outside', reserved(`a@0 { reg = <${reg}>; no-map; };`));
    assert.match(at('0x0 0xbff00000 0x0 0x200000').join(), /^info: .*0xc0000000–0xc00fffff \(1 MiB .* lies outside/);
    assert.match(at('0x0 0x7ff00000 0x0 0x200000').join(), /0x7ff00000–0x7fffffff/);
    assert.deepEqual(at('0x0 0xc0000000 0x0 0x200000'), []);
    assert.deepEqual(at('0x0 0xbff00000 0x0 0x100000'), []);
  });

  it('with two entries lose the second from 7.2 on', () => {
    const text = reserved('a@90000000 { reg = <0x0 0x90000000 0x0 0x1000>, <0x0 0x94000000 0x0 0x100000>; };');
    assert.match(
      findings('reserved-memory-extra-reg', text).join(),
      /^info: .*from Linux 7\.2 on only that is set aside \(1 MiB are not\)/,
    );
    assert.match(
      findings('reserved-memory-extra-reg', text, undefined, '7.2').join(),
      /^warning: .*uses the other 1 MiB/,
    );
  });

  it('of a node that the kernel ignores are not judged one by one', () => {
    const text = reserved('#size-cells = <1>; a@90000000 { reg = <0x0 0x90000000 0x1000 0x0>; };');
    const rules = diagnosticsOf(onBoard(text)).map(({ rule }) => rule);
    assert.deepEqual(
      rules.filter((rule) => rule.startsWith('reserved-memory')),
      ['reserved-memory-format'],
    );
  });

  it('get their ranges by a fix', () => {
    const text = `/ { /delete-node/ reserved-memory; };
/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; a@90000000 { reg = <0x0 0x90000000 0x0 0x1000>; }; }; };`;
    const [found] = diagnosticsOf(onBoard(text)).filter(({ rule }) => rule === 'reserved-memory-format');
    assert.match(found!.message, /because it has no ranges/);
    const { edits } = found!.fixes![0]!.change();
    assert.deepEqual(
      edits.map(({ newText }) => newText),
      [' ranges;'],
    );
  });
});

describe('memory that a device has mapped 1:1', () => {
  const direct = (place: string, more = ''): string => `
${place.replace('%', `fw: fw@90000000 { reg = <0x0 0x90000000 0x0 0x100000>; iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>; ${more} };`)}
&dma { memory-region = <&fw>; };`;

  it('is in use where the node is off, reusable, or elsewhere', () => {
    assert.deepEqual(findings('direct-region-in-use', direct('&{/reserved-memory} { % };')), []);
    assert.match(
      findings('direct-region-in-use', direct('&{/reserved-memory} { % };', 'status = "disabled";')).join(),
      /no enabled child/,
    );
    assert.match(
      findings('direct-region-in-use', direct('&{/reserved-memory} { % };', 'reusable;')).join(),
      /the region is reusable/,
    );
    assert.match(findings('direct-region-in-use', direct('/ { % };')).join(), /no enabled child/);
  });

  it('is not where another region keeps it, or where no memory is', () => {
    const kept = `${direct('/ { % };')}\n${reserved('all@90000000 { reg = <0x0 0x90000000 0x0 0x1000000>; no-map; };')}`;
    assert.deepEqual(findings('direct-region-in-use', kept), []);
    assert.deepEqual(findings('direct-region-in-use', direct('/ { % };').replaceAll('0x90000000', '0x10000000')), []);
  });

  it('stays reserved when it is switched off', () => {
    const off = direct('&{/reserved-memory} { % };', 'status = "disabled";');
    assert.match(findings('disabled-region-reserves', off).join(), /^warning: .*stays direct for \/dma@10000000/);
    assert.deepEqual(findings('disabled-region-reserves', direct('&{/reserved-memory} { % };')), []);
  });
});
