// The boards whose behaviour on real kernels is recorded (fixtures/truth): what is said of each, by kernel.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOfRoot } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { ruleIds } from './board';

const folder = path.join(import.meta.dirname, '../fixtures/truth/dt');

/** By case: rule ids with 6.12. Cases that are not named have nothing to be said of. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'd02-direct': ['warning direct-region'],
  'd04-nonidentity': Array<string>(3).fill('warning iommu-addresses-not-direct'),
  'd06-same-start-msi': ['warning direct-region', ...Array<string>(3).fill('warning msi-window-overlap')],
  'd09-phandle-in-address': ['warning iommu-addresses-false-phandle'],
  'd11-pci-two-cells': Array<string>(3).fill('error iommu-addresses-cell-count'),
  'd13-cells': [...Array<string>(3).fill('warning direct-region'), 'warning iommu-addresses-shifted'],
  'd14-dma-ranges': ['warning msi-window-not-forwarded'],
  'd16-dma-ranges-outside': ['error iommu-addresses-outside-dma-ranges', 'warning msi-window-not-forwarded'],
  'd22-msi-parent': ['error msi-parent-cell-count'],
  'd25-smmu-disabled': ['warning iommu-target-disabled'],
  'd26-platform': [
    'error iommu-target-not-iommu',
    'error iommus-cell-count',
    'error unresolved-phandle',
    'warning direct-region',
    'warning duplicate-stream-id',
    'warning msi-window-overlap',
  ],
  'd28-zero-size': ['warning iommu-addresses-zero-size'],
  'd30-whole-space': ['warning msi-window-overlap', 'warning vfio-no-usable-iova'],
  'd32-passthrough': ['warning direct-region'],
  'd36-virtio-iommu-direct': ['error direct-region'],
  'd43-iommu-map-two-ranges': ['warning id-map-hidden-entry'],
  'd44-driverless': ['warning direct-region'],
  'd47-reg-empty-ranges': ['error reserved-memory-format', 'warning reserved-region-untranslatable'],
  'd50-sid-out-of-range': ['warning stream-id-range'],
  'd51-iommu-map-short': ['error id-map-length'],
  'd54-two-direct-one-phys': Array<string>(3).fill('warning direct-region'),
  'd55-dma-ranges-1to1': ['warning direct-region', 'warning iommu-addresses-shifted'],
  'd58-iommu-cells-two': ['error iommu-cells-refused'],
};

/** Where another kernel makes a difference; of 6.1, only what does not go back to `iommu-addresses`. */
const expectedOn72: typeof expected = {
  'd36-virtio-iommu-direct': ['warning direct-region'],
  'd51-iommu-map-short': ['warning id-map-length'],
  'd58-iommu-cells-two': ['error id-map-length', 'error iommu-cells-refused'],
};

describe('rules on recorded boards', () => {
  const files = createFileStore();
  const idsOf = (name: string, kernel: KernelVersion): string[] =>
    ruleIds(analyse(contextOfRoot(path.join(folder, `${name}.dts`), files, { kernel }), files).diagnostics);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.dts'))
    .map((name) => name.slice(0, -'.dts'.length));

  it('cover all cases that are named', () => {
    assert.deepEqual(
      Object.keys({ ...expected, ...expectedOn72 }).filter((name) => !names.includes(name)),
      [],
    );
  });

  for (const name of names) {
    it(`say of ${name} what the kernels did`, () => {
      assert.deepEqual(idsOf(name, '6.12'), expected[name] ?? []);
      assert.deepEqual(idsOf(name, '7.2'), expectedOn72[name] ?? expected[name] ?? []);
    });

    it(`say of ${name} on 6.1 only that iommu-addresses are ignored`, () => {
      const about = /iommu-addresses|direct-region|reserved-region|msi-window-overlap|vfio-no-usable-iova/;
      const others = (expected[name] ?? []).filter((each) => !about.test(each));
      const found = idsOf(name, '6.1').filter((each) => each !== 'warning iommu-addresses-ignored');
      assert.deepEqual(found, others);
    });
  }
});
