// MediaTek's IOMMUs as data: some divide the IOVA space into windows, and a device's ports tell which one is its own.
// Read off drivers/iommu/mtk_iommu.c of Linux 6.1, 6.12 and 7.2 (struct mtk_iommu_plat_data).
import type { AddressRange, Iova } from './address';
import { rangeOf } from './address';

export interface MediatekIommu {
  /** The windows; a device's group, its aperture and what it reserves go by its own one. */
  readonly windows: readonly MediatekWindow[];
  /** IOMMUs of one list share page tables and groups; undefined: each is alone. */
  readonly list: 'm4u' | 'infra' | undefined;
  /** Ports of a bank of its own, whose devices form a group (mtk_iommu_get_bank_id). */
  readonly bankPorts: number;
  /** All ports of a device must be of one larb (mtk_iommu_probe_device). */
  readonly oneLarb: boolean;
}

export interface MediatekWindow {
  readonly range: AddressRange<Iova>;
  /** Linux 6.1 leaves no gap at the end. */
  readonly rangeIn61: AddressRange<Iova>;
  /** Which ports of which larb (of the array's place) belong to it; from 6.4 on, before that `dma-ranges` told. */
  readonly ports: ReadonlyMap<number, number>;
}

const all = 0xffffffff;
const fourGiB = 0x1_0000_0000n;
const gap = 0x80_0000n;

function bits(...numbers: number[]): number {
  return numbers.reduce((mask, bit) => (mask | (1 << bit)) >>> 0, 0);
}

/** `larbs` with all of their ports, then those with some. */
function ports(larbs: readonly number[], some: readonly (readonly [larb: number, mask: number])[] = []) {
  return new Map([...larbs.map((larb) => [larb, all] as const), ...some]);
}

function fixed(start: bigint, size: bigint, of: ReadonlyMap<number, number>): MediatekWindow {
  const range = rangeOf(start as Iova, size);
  return { range, rangeIn61: range, ports: of };
}

/** MTK_IOMMU_IOVA_SZ_4G: the last 8 MiB are a gap. */
function large(start: bigint, of: ReadonlyMap<number, number>): MediatekWindow {
  return {
    range: rangeOf(start as Iova, fourGiB - gap),
    rangeIn61: rangeOf(start as Iova, fourGiB),
    ports: of,
  };
}

type Larbs = ReturnType<typeof ports>;

/** mt8192_multi_dom: four windows of 4 GiB, and two for the camera's processors inside the third. */
function multi(first: Larbs, second: Larbs, third: Larbs, camera0: Larbs, camera1: Larbs): MediatekWindow[] {
  return [
    large(0n, first),
    large(fourGiB, second),
    large(2n * fourGiB, third),
    large(3n * fourGiB, ports([])),
    fixed(0x2_4000_0000n, 0x400_0000n, camera0),
    fixed(0x2_4400_0000n, 0x400_0000n, camera1),
  ];
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

const single = [large(0n, ports(numbers(0, 31)))];
const alone = { list: undefined, bankPorts: 0, oneLarb: true } as const;

const mt8192: MediatekIommu = {
  ...alone,
  windows: multi(
    ports([0, 1]),
    ports([4, 5, 7]),
    ports(
      [2, 9, 11, ...numbers(16, 20)],
      [
        [13, ~bits(9, 10) >>> 0],
        [14, ~bits(4, 5) >>> 0],
      ],
    ),
    ports([], [[13, bits(9, 10)]]),
    ports([], [[14, bits(4, 5)]]),
  ),
};

const mt8186: MediatekIommu = {
  ...alone,
  windows: multi(
    ports([0, 1, 2]),
    ports([4, 7]),
    ports([8, 9, 11, 16, 17, 19, 20], [[13, ~bits(9, 10) >>> 0]]),
    ports([], [[13, bits(9, 10)]]),
    ports([14]),
  ),
};

const mt8188: MediatekIommu = {
  ...alone,
  list: 'm4u',
  windows: multi(
    ports(numbers(0, 3)),
    ports([21, 22, 23]),
    ports([...numbers(4, 20), 25]),
    ports([], [[24, bits(0, 1)]]),
    ports([], [[24, bits(2, 3)]]),
  ),
};

const mt8195: MediatekIommu = {
  ...alone,
  list: 'm4u',
  windows: multi(
    ports(numbers(0, 3)),
    ports(numbers(19, 24)),
    ports([...numbers(4, 17), ...numbers(25, 28)]),
    ports([], [[18, bits(0, 1)]]),
    ports([], [[18, bits(2, 3)]]),
  ),
};

const mt8189: MediatekIommu = {
  ...alone,
  oneLarb: false,
  windows: multi(
    ports([0, 1, 2], [[22, bits(0)]]),
    ports([3, 4]),
    ports([...numbers(5, 12), 21]),
    ports([]),
    ports([]),
  ),
};

const mt8189Apu: MediatekIommu = {
  ...alone,
  oneLarb: false,
  windows: [
    fixed(0x20_0000n, 0x2000_0000n, ports([], [[0, bits(2)]])),
    fixed(0x4000_0000n, 0xc000_0000n, ports([], [[0, bits(1)]])),
    fixed(0x7000_0000n, 0x1260_0000n, ports([], [[0, bits(3)]])),
    fixed(fourGiB, 3n * fourGiB, ports([], [[0, bits(0)]])),
  ],
};

/** One window of 4 GiB without the gap. */
const plain: MediatekIommu = { ...alone, windows: single };
const infra: MediatekIommu = { ...plain, oneLarb: false };

export const mediatekIommus: ReadonlyMap<string, MediatekIommu> = new Map([
  ['mediatek,mt2712-m4u', { ...plain, list: 'm4u' }],
  ...['mt6779-m4u', 'mt6795-m4u', 'mt8167-m4u', 'mt8173-m4u', 'mt8183-m4u', 'mt8365-m4u'].map(
    (name) => [`mediatek,${name}`, plain] as const,
  ),
  ['mediatek,mt8188-iommu-infra', infra],
  ['mediatek,mt8189-iommu-infra', { ...infra, list: 'infra' }],
  // Ports 0 to 19 are PCIe's, 20 to 31 USB's.
  ['mediatek,mt8195-iommu-infra', { ...infra, bankPorts: bits(...numbers(20, 31)) }],
  ['mediatek,mt8186-iommu-mm', mt8186],
  ['mediatek,mt8188-iommu-vdo', mt8188],
  ['mediatek,mt8188-iommu-vpp', mt8188],
  ['mediatek,mt8189-iommu-apu', mt8189Apu],
  ['mediatek,mt8189-iommu-mm', mt8189],
  ['mediatek,mt6893-iommu-mm', mt8192],
  ['mediatek,mt8192-m4u', mt8192],
  ['mediatek,mt8195-iommu-vdo', mt8195],
  ['mediatek,mt8195-iommu-vpp', mt8195],
]);
