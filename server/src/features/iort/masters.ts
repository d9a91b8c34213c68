// The devices that nodes of an IORT describe, with what is predicted for them.
import type { IortNode } from '../../acpi/iort/model';
import type { TableDocument } from '../../acpi/text/document';
import type { PredictedDevice, PredictedGroup, RegionPrediction, UngroupedMaster } from '../../iova/prediction';
import type { Topology } from '../../topology/model';

/** The part of a snapshot that tells what a machine's devices reserve. */
export interface MachineAnalysis {
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
  /** The MADT that was read with the IORT. */
  readonly acpi?: { readonly madt: TableDocument | undefined } | undefined;
}

export interface NodePrediction {
  readonly groups: readonly PredictedGroup[];
  /** Of those groups, the ones that the node describes. */
  readonly devices: readonly PredictedDevice[];
  /** Why it is in no group. */
  readonly ungrouped: UngroupedMaster | undefined;
}

/** What is predicted, by where in the text the node of the master begins. One pass for all masters. */
export function predictionsByPlace(
  { prediction }: MachineAnalysis,
  { file }: TableDocument,
): ReadonlyMap<number, NodePrediction> {
  const found = new Map<number, NodePrediction>();
  const placeOf = (source: { readonly file: unknown; readonly start: number } | undefined): number | undefined =>
    source?.file === file ? source.start : undefined;
  const nothing: NodePrediction = { groups: [], devices: [], ungrouped: undefined };
  for (const group of prediction.groups) {
    for (const device of group.devices) {
      const place = placeOf(device.master.source);
      if (place === undefined) continue;
      const { groups, devices, ungrouped } = found.get(place) ?? nothing;
      const all = groups.includes(group) ? groups : [...groups, group];
      found.set(place, { groups: all, devices: [...devices, device], ungrouped });
    }
  }
  for (const ungrouped of prediction.ungrouped) {
    const place = placeOf(ungrouped.master.source);
    if (place !== undefined && !found.has(place)) found.set(place, { ...nothing, ungrouped });
  }
  return found;
}

export function isMaster({ kind }: IortNode): boolean {
  return kind === 'root-complex' || kind === 'named-component';
}
