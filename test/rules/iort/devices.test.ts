import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { NodeDraft } from '../../../server/src/acpi/iort/build';
import {
  all,
  checked,
  complex,
  component,
  its,
  leftAfter,
  pmcg,
  range,
  rmr,
  single,
  smmu,
  smmuv3,
  table,
} from './drafts';
import { binaryDocument, textDocument } from './table';

const base = 0x2b40_0000n;
const device = component('\\_SB_.DMA0', [single(1, 1)]);

/** Behind an SMMUv1 or v2 with some fields, and arrays of interrupts. */
function withSmmu(fields: Record<string, number | bigint>, more: Partial<ReturnType<typeof smmu>> = {}) {
  const usual = { base: 0x5000_0000n, span: 0x1_0000n, model: 3, flags: 2 };
  return table(its(1, 0), smmu([all(0)], { fields: { ...usual, ...fields }, ...more }), device);
}

describe('SMMUs of version 1 and 2', () => {
  it('have registers somewhere, at a page', () => {
    for (const at of [0n, 0x5000_0800n]) {
      assert.deepEqual(checked(withSmmu({ base: at })).rules, ['error iort-smmu-span']);
    }
    assert.deepEqual(checked(withSmmu({ base: 0xffff_ffff_ffff_0000n, span: 0x2_0000n })).rules, [
      'error iort-smmu-span',
    ]);
  });

  it('have an interrupt for global faults: Linux takes the first of the contexts for it otherwise', () => {
    const { rules, message } = checked(withSmmu({}, { globalInterrupts: { gsiv: 0, configGsiv: 0 } }));
    assert.deepEqual(rules, ['warning iort-smmu-irq-missing']);
    assert.match(message('iort-smmu-irq-missing'), /context interrupt 1 takes its place/);
  });

  it('have an interrupt for each context: one that is 0 is not counted', () => {
    const { rules, message } = checked(withSmmu({}, { contextInterrupts: [0x62, 0, 0x64] }));
    assert.deepEqual(rules, ['warning iort-smmu-irq-missing']);
    assert.match(message('iort-smmu-irq-missing'), /leaves 2 of 3/);
  });

  it('of a model that nobody knows: which was meant the fixes do not know', () => {
    const { rules, found } = checked(withSmmu({ model: 6 }));
    assert.deepEqual(rules, ['error iort-smmu-model']);
    assert.ok((found[0]!.fixes ?? []).every(({ isPreferred }) => isPreferred !== true));
  });
});

describe('SMMUv3', () => {
  it('registers do not wrap around the end of addresses', () => {
    const draft = table(its(1, 0), smmuv3(0xffff_ffff_ffff_0000n, [all(0)]), complex([all(1)]));
    assert.deepEqual(checked(draft).rules, ['error iort-smmuv3-base']);
  });

  it('HTTU override 3 is known from Linux 7.2 on', () => {
    const draft = table(
      its(1, 0),
      smmuv3(base, [all(0)], { flags: 7, eventGsiv: 1, priGsiv: 2, gerrGsiv: 3, syncGsiv: 4 }),
      complex([all(1)]),
    );
    assert.deepEqual(checked(draft).rules, ['error iort-smmuv3-flags']);
    assert.deepEqual(checked(draft, { kernel: '7.2' }).rules, []);
    assert.deepEqual(leftAfter(draft, 'iort-smmuv3-flags', /\(2\)/), []);
  });
});

describe('ITS groups', () => {
  it('with an ITS that is unknown behind the first lose nothing in Linux', () => {
    const madt = textDocument(readFileSync(path.join(import.meta.dirname, '../../../docs/rules/madt.dsl'), 'utf8'));
    const second = checked(table(its(1, 0, 9), complex([all(0)])), { madt });
    assert.deepEqual(second.rules, ['info iort-its-duplicate', 'warning iort-its-unknown']);
    assert.match(second.message('iort-its-unknown'), /does not miss it/);
    const first = checked(table(its(1, 9, 0), complex([all(0)])), { madt });
    assert.deepEqual(first.rules, ['error iort-its-unknown', 'info iort-its-duplicate']);
  });
});

describe('ITS groups of machines with a GICv5', () => {
  it('name frames that the MADT has in entries of other types', () => {
    const header = ['Signature : "APIC"', 'Table Length : 0', 'Revision : 07', 'Checksum : 00', 'Oem ID : "DOORBL"'];
    const rest = [
      'Oem Table ID : "EXAMPLE "',
      'Oem Revision : 1',
      'Asl Compiler ID : "INTL"',
      'Asl Compiler Revision : 1',
    ];
    const apic = ['Local Apic Address : 0', 'Flags (decoded below) : 0', 'PC-AT Compatibility : 0'];
    const bytes = textDocument([...header, ...rest, ...apic, ''].join('\n')).bytes;
    // A frame of ITS 1 that devices write to, with the number 9.
    const entry = [0x1e, 24, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x2f, 0, 0, 0, 0];
    const madt = binaryDocument(Uint8Array.from([...bytes, ...entry]).fill(bytes.length + entry.length, 4, 5));
    assert.equal(madt.madt?.entries.length, 1);
    assert.deepEqual(checked(table(its(1, 9), complex([all(0)])), { madt }).rules, []);
    assert.deepEqual(checked(table(its(1, 1), complex([all(0)])), { madt }).rules, ['error iort-its-unknown']);
  });
});

describe('counter groups', () => {
  it('that have two mappings are told which is not single', () => {
    const draft = table(
      its(1, 0),
      smmuv3(base, [all(0)]),
      complex([all(1)]),
      pmcg(1, {
        fields: { page0Base: 0x9000_0000n, page1Base: 0x9001_0000n },
        mappings: [{ ...single(1, 0), flags: 0 }, single(2, 0)],
      }),
    );
    const { rules, found } = checked(draft);
    assert.deepEqual(rules, ['error iort-pmcg-irq', 'error iort-pmcg-irq']);
    assert.ok(found.some(({ message }) => message.startsWith('Mapping 1 of 2')));
  });
});

describe('names of components', () => {
  const named = (name: string) => checked(table(its(1, 0), smmu([all(0)]), component(name, [single(1, 1)])));

  it('are what is wrong with them, in words', () => {
    for (const [name, words, fix] of [
      ['\\_SB.DMA0', /segment “_SB”, of fewer than four characters/, 'Write \\_SB_.DMA0'],
      ['\\_SB_.dma0', /lower case/, 'Write \\_SB_.DMA0'],
      ['_SB_.DMA0', /no path from the root/, 'Write \\_SB_.DMA0'],
      ['\\_SB_.DMA00', /segment “DMA00”, of more than four characters/, undefined],
      ['\\_SB_.0DMA', /“0DMA”, which begins with a digit/, undefined],
      ['\\_SB_.DM-0', /“DM-0”, with characters that no name has/, undefined],
      ['DMA0', /no path from the root/, undefined],
      ['\\_SB_.', /an empty segment/, undefined],
      ['\\_SB_..DMA0', /an empty segment/, undefined],
      ['\\', /names the root/, undefined],
    ] as const) {
      const { rules, found } = named(name);
      assert.deepEqual(rules, ['error iort-nc-name'], name);
      assert.match(found[0]!.message, words);
      assert.deepEqual(
        (found[0]!.fixes ?? []).map(({ title }) => title),
        fix === undefined ? [] : [fix],
        name,
      );
    }
  });
});

describe('limits of addresses', () => {
  it('above 64 bits are what Linux makes ZONE_DMA of', () => {
    const { message } = checked(table(its(1, 0), complex([all(0)], { memorySizeLimit: 0x41 })));
    assert.match(message('iort-rc-limit'), /65 bits.* as if it were 1/);
    const { message: typed } = checked(table(its(1, 0), complex([all(0)], { memorySizeLimit: 0x64 })));
    assert.match(typed('iort-rc-limit'), /hexadecimal/);
  });
});

describe('identifiers', () => {
  it('of firmware that numbers few of its nodes are told once', () => {
    const draft = table(
      { ...its(1, 0), identifier: 0 },
      { ...smmuv3(base, [all(0)]), identifier: 1 },
      { ...complex([all(1)]), identifier: 0 },
      { ...pmcg(1), identifier: 0 },
      { ...rmr([[0x9800_0000n, 0x1_0000n]], [single(1, 1)]), identifier: 0 },
    );
    const { rules, message } = checked(draft, { preserveBootConfiguration: true });
    assert.deepEqual(rules, ['warning iort-identifier']);
    assert.match(message('iort-identifier'), /^4 of 5 nodes have the identifier 0/);
  });
});

describe('limits of 0', () => {
  it('are an error of a component behind an SMMU, and of one that is there for its limit', () => {
    const limit = { memorySizeLimit: 0 };
    const device = component('\\_SB_.DMA0', [single(1, 1)], limit);
    assert.deepEqual(checked(table(its(1, 0), smmu([all(0)]), device)).rules, ['error iort-nc-limit']);
    assert.deepEqual(checked(table(component('\\_SB_.DMA0', [], limit))).rules, ['error iort-nc-limit']);
  });

  it('are a note of one that has nothing but MSIs', () => {
    const generator = component('\\_SB_.MBI0', [single(1, 0)], { memorySizeLimit: 0 });
    assert.deepEqual(checked(table(its(1, 0), generator)).rules, ['info iort-nc-limit']);
  });
});

describe('what follows from something else', () => {
  it('is not said of a root complex that never counts', () => {
    const second = complex([range(0, 0xff, 0x1_0000, 1)]);
    const draft = table(its(1, 0), smmuv3(base, [range(0, 0x1_ffff, 0, 0)]), complex([all(1)]), second);
    assert.deepEqual(checked(draft).rules, ['error iort-rc-segment-duplicate']);
  });

  it('is not said of reserved memory whose IDs go past 32 bits', () => {
    const memory = rmr([[0x9000_0000n, 0x1_0000n]], [range(0, 0xffff, 0xffff_ff00, 1)]);
    assert.deepEqual(checked(table(its(1, 0), smmu([all(0)]), device, memory)).rules, ['error iort-mapping-range']);
  });

  it('is not said of a group that names one ITS twice', () => {
    assert.deepEqual(checked(table(its(1, 0, 0), complex([all(0)]))).rules, ['warning iort-its-duplicate']);
  });
});

describe('interrupts of a Cavium CN99xx', () => {
  const withGsivs = (eventGsiv: number, priGsiv: number, gerrGsiv: number, syncGsiv: number) =>
    checked(
      table(its(1, 0), smmuv3(base, [all(0)], { model: 2, eventGsiv, priGsiv, gerrGsiv, syncGsiv }), complex([all(1)])),
    ).rules;

  it('are one, or four: two that are one cannot be requested', () => {
    assert.deepEqual(withGsivs(5, 5, 5, 5), []);
    assert.deepEqual(withGsivs(5, 6, 7, 8), []);
    assert.deepEqual(withGsivs(5, 6, 5, 8), ['warning iort-smmuv3-gsiv']);
  });
});

describe('wire bridges', () => {
  const bridges = (...names: readonly string[]) => padded(new Uint8Array(), ...names);
  const padded = (padding: Uint8Array, ...names: readonly string[]) => ({
    revision: 7,
    nodes: [
      its(1, 0),
      ...names.map((name, index): NodeDraft => ({
        kind: 'iwb',
        revision: 0,
        identifier: index + 1,
        name,
        fields: { configBase: 0x2f80_0000n, index },
        padding,
        mappings: [single(index, 0)],
      })),
    ],
  });

  it('have names as named components have', () => {
    const good = checked(bridges('\\_SB_.IWB0', '\\_SB_.IWB1'), { kernel: '7.2' });
    assert.deepEqual(good.rules, []);
    const short = checked(bridges('\\_SB.IWB0'), { kernel: '7.2' });
    assert.deepEqual(short.rules, ['error iort-iwb']);
    assert.match(short.message('iort-iwb'), /segment “_SB”/);
    const twice = checked(bridges('\\_SB_.IWB0', '\\_SB_.IWB0'), { kernel: '7.2' });
    assert.deepEqual(twice.rules, ['error iort-iwb']);
    assert.match(twice.message('iort-iwb'), /both called/);
  });

  it('lose the padding behind their names on the way through iasl, with all that refers past it', () => {
    const { rules, message } = checked(padded(new Uint8Array(3), '\\_SB_.IWB0', '\\_SB_.IWB1'), { kernel: '7.2' });
    assert.deepEqual(rules, ['info iort-iasl-lossy', 'info iort-iasl-lossy']);
    assert.match(message('iort-iasl-lossy'), /drops it, and references past it then point to wrong places/);
  });
});
