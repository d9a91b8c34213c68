// A change to a guest, a host or its firmware, as a value that can be tried.
import type { AddressRange, Iova, Topology } from '../../topology/model';
import type { GuestLayout } from '../guests/layout';
import type { PredictedGroup, RegionPrediction } from '../prediction';
import type { PlanOptions } from './plan';

/** All that the plans of one container are made from. */
export interface Situation {
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
  readonly groups: readonly PredictedGroup[];
  readonly guest: GuestLayout;
  readonly options: PlanOptions;
}

/** In the order in which changes that go together are made: what leaves the guest alone first. */
export const changeKinds = [
  /** allow_unsafe_interrupts */
  'unsafe-interrupts',
  'msi-window',
  'reservation',
  /** an option of the VMM that moves RAM */
  'vmm-option',
  'other-vmm',
  /** an own layout, moved or cut */
  'layout',
  'guest-iommu',
  'less-ram',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  readonly kind: ChangeKind;
  /** What to do. */
  readonly title: string;
  /** What it costs, or what must be true for it. */
  readonly cost: string;
  /** Less is less trouble. */
  readonly rank: number;
  /** The guest that it makes, where it makes another. */
  readonly guest: GuestLayout | undefined;
  /** Where it puts the MSI window, if it moves it. */
  readonly window: AddressRange<Iova> | undefined;
  readonly apply: (situation: Situation) => Situation;
}

/** A change of the guest alone. */
export function guestChange(kind: ChangeKind, rank: number, title: string, cost: string, guest: GuestLayout): Change {
  return { kind, title, cost, rank, guest, window: undefined, apply: (situation) => ({ ...situation, guest }) };
}
