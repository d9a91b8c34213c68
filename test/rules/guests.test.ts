import assert from 'node:assert/strict';
import { applyFix, diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

const gib = 0x40000000;

/** A doorbell.json with one guest; spans are start and size. That the board's DMA controllers have no MSIs is not the point. */
function guest(...spans: readonly (readonly [start: string, size: string])[]): {
  readonly rules: object;
  readonly guests: object;
} {
  return {
    rules: { 'vfio-no-msi-controller': 'off' },
    guests: { mine: { ram: spans.map(([start, size]) => ({ start, size })) } },
  };
}

const inRam = guest(['0x80000000', `0x${(2 * gib).toString(16)}`]);

describe('guests of doorbell.json', () => {
  const hole = (cells: string) => `
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma ${cells}>; }; };
&dma { memory-region = <&hole>; };`;

  it('cannot have a device that reserves a page of their RAM, and it is counted what leaving it out costs', () => {
    const found = checkMarks(
      `
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x90000000 0x0 0x1000>; }; };
                                                    //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning[guest-ram-over-reservation]
                                                    //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info[hugepage-cost]
&dma { memory-region = <&hole>; };`,
      undefined,
      inRam,
    );
    const rejected = found.find(({ rule }) => rule === 'guest-ram-over-reservation')!;
    assert.match(rejected.message, /RAM 0x80000000–0xffffffff \(2 GiB at 2 GiB\) of guest "mine"/);
    assert.match(rejected.message, /refuses to map this RAM, all of it, with EINVAL/);
    const place = rejected.evidence!.find(({ range }) => range.file.path.endsWith('doorbell.json'))!;
    const { file, start, end } = place.range;
    assert.deepEqual(JSON.parse(file.text.slice(start, end)), { start: '0x80000000', size: '0x80000000' });
    const cost = found.find(({ rule }) => rule === 'hugepage-cost')!;
    assert.match(cost.message, /costs 1021 more blocks .* turns one 1 GiB block into 511 × 2 MiB \+ 511 × 4 KiB/);
    assert.match(cost.message, /2 × 1 GiB without holes, 1 × 1 GiB \+ 511 × 2 MiB \+ 511 × 4 KiB with it/);
  });

  it('keep what is moved by a fix out of their RAM', () => {
    const before = onBoard(hole('0x0 0x90000000 0x0 0x1000'), inRam);
    const [found] = diagnosticsOf(before).filter(({ rule }) => rule === 'guest-ram-over-reservation');
    const [move] = found!.fixes!;
    assert.match(move!.title, /nearest free IOVA, 0x7ff00000/);
    assert.deepEqual(ruleIds(diagnosticsOf(applyFix(before, move!))), []);
  });

  it('take a reservation behind the last byte of their RAM', () => {
    checkMarks(hole('0x1 0x0 0x0 0x1000'), undefined, inRam);
    checkMarks(hole('0x0 0x7ffff000 0x0 0x1000'), undefined, inRam);
  });

  it('lose blocks by the host’s pages: 64 KiB hosts have blocks of 512 MiB', () => {
    const found = diagnosticsOf(onBoard(hole('0x0 0x90000000 0x0 0x10000'), { ...inRam, pageSize: '64K' }));
    const cost = found.find(({ rule }) => rule === 'hugepage-cost')!;
    assert.match(cost.message, /turns one 512 MiB block into 8191 × 64 KiB/);
  });

  it('are not warned of regions that 6.1 does not read', () => {
    const found = diagnosticsOf(onBoard(hole('0x0 0x90000000 0x0 0x1000'), inRam), '6.1');
    assert.deepEqual(ruleIds(found), ['warning iommu-addresses-ignored']);
  });

  it('from address 0 upwards meet the window; RAM or window may move', () => {
    const before = onBoard('', guest(['0x0', '0x10000000']));
    const found = diagnosticsOf(before);
    assert.deepEqual(ruleIds(found), ['warning guest-ram-over-msi-window']);
    const [{ range, message, fixes }] = found.filter(({ rule }) => rule === 'guest-ram-over-msi-window') as [
      (typeof found)[0],
    ];
    assert.match(range!.file.path, /doorbell\.json$/);
    assert.match(message, /devices behind \/pcie@40000000, \/dma@10000000 and \/dma@10010000/);
    for (const fix of fixes!.filter(({ title }) => title.startsWith('Relocate'))) {
      assert.deepEqual(ruleIds(diagnosticsOf(applyFix(before, fix))), [], fix.title);
    }
  });

  it('above what a bridge forwards are mapped and not reached', () => {
    const limited = '&pcie { dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>; };';
    const found = diagnosticsOf(onBoard(limited, guest(['0x40000000', '0x40000000'], ['0x100000000', '0x40000000'])));
    assert.deepEqual(ruleIds(found), ['warning guest-ram-not-reached']);
    assert.match(
      found[0]!.message,
      /devices behind \/pcie@40000000 does not reach all of the RAM 0x100000000–0x13fffffff/,
    );
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(limited, guest(['0x40000000', '0x40000000'])))), []);
  });

  it('are judged by the host’s pages, the address space and each other', () => {
    const of = (settings: object, kernel?: '7.2') => ruleIds(diagnosticsOf(onBoard('', settings), kernel));
    assert.deepEqual(of({ ...guest(['0x80001000', '0x1000']), pageSize: '16K' }), ['warning guest-ram-misaligned']);
    assert.deepEqual(of(guest(['0x80001000', '0x1000'])), []);
    assert.deepEqual(of(guest(['0x80000000', '0x2000'], ['0x80001000', '0x1000'])), ['warning guest-ram-overlap']);
    assert.deepEqual(of(guest(['0x80000000', '0x1000'], ['0x80001000', '0x1000'])), []);
    const wrapping = guest(['0xfffffffffffff000', '0x2000']);
    assert.deepEqual(of(wrapping), ['warning guest-ram-wraps']);
    const messages = diagnosticsOf(onBoard('', wrapping), '7.2').map(({ message }) => message);
    assert.match(messages.join(), /EOVERFLOW on Linux 7\.2/);
    assert.deepEqual(of(guest(['0xffffffffff000', '0x1000'])), ['warning guest-ram-outside-aperture']);
  });

  it('may overlap with those of other guests', () => {
    const ram = { ram: [{ start: '0x80000000', size: '0x1000' }] };
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard('', { guests: { one: ram, two: ram } }))), []);
  });

  it('get no device of a board whose devices have no IOMMU', () => {
    const found = diagnosticsOf(onBoard('&smmu { status = "disabled"; };', inRam));
    const none = found.find(({ rule }) => rule === 'guest-nothing-to-pass');
    assert.match(none?.message ?? '', /\/iommu@2b400000/);
    assert.ok(none?.evidence?.some(({ message }) => message === '/iommu@2b400000 is not enabled'));
  });

  it('may be switched off by the name that settings use', () => {
    const settings = { ...inRam, rules: { ...inRam.rules, 'hugepage-cost': 'off' } };
    const found = diagnosticsOf(onBoard(hole('0x0 0x90000000 0x0 0x1000'), settings));
    assert.deepEqual(
      found.map(({ rule }) => rule),
      ['guest-ram-over-reservation'],
    );
  });
});
