import assert from 'node:assert/strict';
import {
  all,
  checked,
  complex,
  component,
  its,
  leftAfter,
  range,
  rmr,
  single,
  smmu,
  smmuv3,
  table,
  wired,
} from './drafts';

const base = 0x2b40_0000n;

/** A root complex behind an SMMUv3 that takes all its stream IDs. */
const behind = (...mappings: Parameters<typeof complex>[0]) =>
  table(its(1, 0), smmuv3(base, [all(0)]), complex(mappings));

describe('counts of IDs', () => {
  it('that are one too large are told apart by what Linux does with the ID', () => {
    const first = checked(behind(range(0, 0x100, 0, 1), range(0x100, 0xfeff, 0x100, 0)));
    assert.ok(first.rules.includes('error iort-mapping-off-by-one'));
    assert.match(first.message('iort-mapping-off-by-one'), /“conflicting mapping for input ID” .* in its log/);
    const second = checked(behind(range(0x100, 0xfeff, 0x100, 0), range(0, 0x100, 0, 1)));
    assert.ok(second.rules.includes('error iort-mapping-off-by-one'));
    assert.match(second.message('iort-mapping-off-by-one'), /by mapping 1, which stands first/);
    assert.doesNotMatch(second.message('iort-mapping-off-by-one'), /conflicting/);
  });

  it('are found at every kind of node that maps ranges', () => {
    const halves = [range(0, 0x100, 0, 0), range(0x100, 0xfeff, 0x100, 0)];
    for (const node of [smmuv3(base, halves), smmu(halves)]) {
      const { rules } = checked(table(its(1, 0), node, complex([all(1)])));
      assert.deepEqual(rules, ['error iort-mapping-off-by-one']);
    }
    const bus = component('\\_SB_.MCE0', [range(0, 0x10, 0, 1), range(0x10, 0xef, 0x10, 1)]);
    const { rules } = checked(table(its(1, 0), smmuv3(base, [all(0)]), bus));
    assert.deepEqual(rules, ['error iort-mapping-off-by-one', 'info iort-nc-range-mapping']);
  });

  it('that hold whole buses and one function are suspect, whatever their number', () => {
    for (const count of [0x100, 0x200, 0x300, 0xa00]) {
      const { rules } = checked(behind(range(0x7400, count, 0x7400, 1)));
      assert.deepEqual(rules, ['info iort-mapping-gap', 'warning iort-mapping-count-suspect']);
    }
  });

  it('are not suspect where the next range goes on behind them', () => {
    assert.deepEqual(checked(behind(range(0, 0x100, 0, 1), range(0x101, 0xfefe, 0x101, 1))).rules, []);
  });

  it('are not suspect where the range does not begin with a bus, or is no whole number of them', () => {
    for (const [start, count] of [
      [0x80, 0x100],
      [0x100, 0x180],
      [0x100, 0x2ff],
    ] as const) {
      assert.deepEqual(checked(behind(range(start, count, start, 1))).rules, ['info iort-mapping-gap']);
    }
  });
});

describe('circles of references', () => {
  const circle = 'error iort-ref-loop';

  it('hang the kernel where IDs come back', () => {
    const self = table(its(1, 0), smmuv3(base, [all(1)]), complex([all(1)]));
    assert.deepEqual(checked(self).rules, [circle]);
    const two = table(its(1, 0), smmuv3(base, [all(2)]), smmu([all(1)]), complex([all(1)]));
    // The first reference is of the wrong kind whatever the second is.
    assert.deepEqual(checked(two).rules, [circle, 'error iort-ref-type']);
  });

  it('are references to the wrong kind of node where no ID comes back', () => {
    const away = table(its(1, 0), smmuv3(base, [range(0, 0xffff, 0x10_0000, 1)]), complex([all(1)]));
    const { rules } = checked(away);
    assert.ok(rules.includes('error iort-ref-type') && !rules.includes(circle), rules.join());
  });

  it('are none through mappings that Linux does not follow', () => {
    const own = smmuv3(base, [all(0), single(7, 1)], { deviceIdIndex: 1 });
    const { rules } = checked(table(its(1, 0), own, complex([all(1)])));
    assert.ok(!rules.includes(circle) && rules.some((rule) => rule.startsWith('error')), rules.join());
    const device = component('\\_SB_.DMA0', [single(1, 1)]);
    const memory = table(its(1, 0), smmu([all(0)]), device, rmr([[0x9000_0000n, 0x1_0000n]], [range(0, 0, 1, 3)]));
    assert.deepEqual(checked(memory).rules, ['error iort-rmr-target']);
  });
});

describe('single mappings', () => {
  it('of an SMMUv3 that wires its interrupts are left over, and only noted', () => {
    const left = smmuv3(base, [all(0), single(0xf0, 0, 1)], { ...wired, deviceIdIndex: 1 });
    const { rules, message } = checked(table(its(1, 0), left, complex([all(1)])));
    assert.deepEqual(rules, ['info iort-single-type']);
    assert.match(message('iort-single-type'), /all four interrupts are wired/);
  });

  it('are an error where the IDs of devices were meant', () => {
    const lost = smmuv3(base, [single(0, 0, 0xffff)]);
    assert.deepEqual(checked(table(its(1, 0), lost, complex([all(1)]))).rules, ['error iort-single-type']);
    const older = smmu([single(0, 0)]);
    assert.deepEqual(checked(table(its(1, 0), older, complex([all(1)]))).rules, ['error iort-single-type']);
  });

  it('of an SMMUv3 before revision 5 count by its interrupts; from Linux 6.2 on by the flag in revision 5', () => {
    const msi = smmuv3(base, [all(0), single(0xf0, 0)], { deviceIdIndex: 0 }, 5);
    const draft = { ...table(its(1, 0), msi, complex([all(1)])), revision: 6 };
    assert.ok(!checked(draft).rules.includes('error iort-smmuv3-index-not-single'));
    assert.ok(checked(draft, { kernel: '6.1' }).rules.includes('error iort-smmuv3-index-not-single'));
  });

  it('of an SMMUv3 whose index is not marked valid: the fix marks it', () => {
    const msi = smmuv3(base, [all(0), single(0xf0, 0)], {}, 5);
    const draft = { ...table(its(1, 0), msi, complex([all(1)])), revision: 6 };
    assert.ok(checked(draft).rules.includes('warning iort-smmuv3-gsiv'));
    assert.deepEqual(leftAfter(draft, 'iort-smmuv3-gsiv', /^Say that mapping 2/), []);
  });

  it('of reserved memory with one ID say nothing else than a range of one', () => {
    const device = component('\\_SB_.DMA0', [single(1, 1), single(2, 1)]);
    const memory = (mapping: ReturnType<typeof single>) =>
      table(its(1, 0), smmu([all(0)]), device, rmr([[0x9000_0000n, 0x1_0000n]], [mapping]));
    assert.deepEqual(checked(memory(single(1, 1))).rules, []);
    assert.deepEqual(checked(memory(single(1, 1, 1))).rules, ['info iort-single-type']);
  });

  it('of a component to its ITS beside those to its SMMU give the device ID of its MSIs', () => {
    const device = (...mappings: Parameters<typeof component>[1]) => component('\\_SB_.DMA0', mappings);
    const withoutIts = table(its(1, 0), smmu([]), device(single(1, 1), single(0x20, 0)));
    assert.deepEqual(checked(withoutIts).rules, []);
    const withIts = checked(table(its(1, 0), smmu([all(0)]), device(single(1, 1), single(0x20, 0))));
    assert.deepEqual(withIts.rules, ['info iort-smmu-bypass']);
    assert.match(withIts.message('iort-smmu-bypass'), /never used/);
    const first = checked(table(its(1, 0), smmu([]), device(single(0x20, 0), single(1, 1))));
    assert.deepEqual(first.rules, ['warning iort-smmu-bypass']);
    assert.match(first.message('iort-smmu-bypass'), /no stream ID/);
  });
});

describe('stream IDs that a component never gets', () => {
  it('are nobody’s: no function has them as well', () => {
    const device = component('\\_SB_.DMA0', [single(0x20, 0), single(0x100, 1)]);
    const { rules } = checked(table(its(1, 0), smmuv3(base, [all(0)]), complex([all(1)]), device));
    assert.deepEqual(rules, ['warning iort-smmu-bypass']);
  });
});

describe('stream IDs without a way to the ITS', () => {
  it('are told once for a component', () => {
    const device = component(
      '\\_SB_.DPU0',
      [0, 1, 3, 4, 5].map((id) => single(id, 1)),
    );
    const { rules, message } = checked(table(its(1, 0), smmuv3(base, []), device));
    assert.deepEqual(rules, ['info iort-smmu-no-its']);
    assert.match(message('iort-smmu-no-its'), /IDs 0x0, 0x1 and 3 more/);
  });
});

describe('mappings that refer to nothing', () => {
  it('silence what follows from them at reserved memory', () => {
    const device = component('\\_SB_.DMA0', [{ ...single(1, 1), target: { offset: 0 } }]);
    const draft = table(its(1, 0), smmu([all(0)]), device, rmr([[0x9000_0000n, 0x1_0000n]], [range(0, 0, 1, 1)]));
    const { rules, found } = checked(draft);
    assert.deepEqual(rules, ['error iort-ref-null']);
    const fixes = found[0]!.fixes ?? [];
    assert.match(fixes[0]!.title, /SMMU/);
    assert.ok(
      fixes.every(({ isPreferred }) => isPreferred !== true),
      'which of several was meant nobody knows',
    );
  });
});
