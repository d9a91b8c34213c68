// What a rule is: one exported constant with its documentation and its check.
import type { GuestLayout } from '../iova/guests/layout';
import type { KernelProfile } from '../iova/kernel-profile';
import type { RegionPrediction } from '../iova/prediction';
import type { Evidence, Fix, Severity } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';
import type { Topology } from '../topology/model';
import type { DeviceTree } from '../tree/model';

/** What is known of a machine, however it was described. */
export interface MachineInput {
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
  readonly kernel: KernelProfile;
  readonly settings: RuleSettings;
  /** Where a devicetree describes it. */
  readonly tree?: DeviceTree;
}

/** A machine described by a devicetree. */
export interface RuleInput extends MachineInput {
  readonly tree: DeviceTree;
  /** The board's own file: what is wrong in its includes is pointed to from there. Undefined for a blob. */
  readonly root?: SourceFile | undefined;
}

/** What doorbell.json says that rules need to know beside the kernel profile that was made of it. */
export interface RuleSettings {
  /** The value of `msiWindow` in doorbell.json, for evidence; undefined where the kernel's own constant holds. */
  readonly msiWindowSource?: SourceRange | undefined;
  /** The guests that devices are meant to be passed through to; none where doorbell.json names none. */
  readonly guests?: readonly GuestLayout[];
  /** ACPI: host bridges keep the PCI configuration of the firmware (`_DSM` function 5 returns 0). */
  readonly preserveBootConfiguration?: boolean;
  /** How many bits the stream IDs of the SMMUv3s have; undefined: not known. */
  readonly streamIdBits?: number | undefined;
  /** Where doorbell.json gives a value, by its path of keys and indices; undefined where it does not. */
  readonly place?: (key: readonly (string | number)[]) => SourceRange | undefined;
}

/** A failing source and the same one corrected; both include `board.dtsi` of docs/rules and are run as tests. */
export interface RuleExample {
  readonly failing: string;
  readonly corrected: string;
  /** Version of the kernel that it is about, where the default one does not mind. */
  readonly kernel?: string;
  /** The doorbell.json beside the failing source, and beside the corrected one where that is what is corrected. */
  readonly settings?: object;
  readonly correctedSettings?: object;
}

export interface RuleDocs<Example> {
  /** What happens at run time, and to whom. */
  readonly effect: string;
  /** Why the kernel or the hardware behaves like that. */
  readonly why: string;
  readonly fix: string;
  /** Where it does not hold for all kernels: for which, as in `Linux 6.3 and later`. */
  readonly kernels?: string;
  /** Kernel file and function, binding, or specification. */
  readonly sources: readonly string[];
  readonly example: Example;
}

/** What all rules have, whatever they look at. */
export interface RuleFacts<Example = unknown> {
  /** Stable; the diagnostic's code. */
  readonly id: string;
  readonly severity: Severity;
  /** Where doorbell.json names guests: what stands in the way of a use that somebody has in mind weighs more. */
  readonly severityWithGuests?: Severity;
  /** One line, no full stop. */
  readonly summary: string;
  readonly docs: RuleDocs<Example>;
  /** Left out: all kernels. `docs.kernels` says it in words. */
  readonly holdsFor?: (kernel: KernelProfile) => boolean;
  /** Rules whose findings on the same thing silence this one's: what they found explains it. */
  readonly prerequisites?: readonly string[];
  /** The same, where it holds for all rules of a kind; not told on each page. */
  readonly foundations?: readonly string[];
}

/** About a devicetree and the machine that it describes. */
export interface Rule extends RuleFacts<RuleExample> {
  readonly check: (input: RuleInput) => Iterable<Finding>;
}

/** About a machine, whoever describes it: what VFIO and a guest meet. Run on devicetrees and on IORTs. */
export interface MachineRule extends RuleFacts<RuleExample> {
  readonly check: (input: MachineInput) => Iterable<Finding>;
}

/** One place where a rule does not hold. */
export interface Finding {
  /** Name of the thing it is about, such as a node's path and property; prerequisites are matched by it. */
  readonly about: string;
  /** Further things whose problems would explain this one. */
  readonly restsOn?: readonly string[];
  /** Undefined where the tree came without sources, or the table's text does not show it. */
  readonly range: SourceRange | undefined;
  /** Path of the node; of a table, what kind it is and where. */
  readonly node: string | undefined;
  /** In a binary table: the byte that it is about. */
  readonly offset?: number | undefined;
  readonly message: string;
  /** Where it differs from the rule's. */
  readonly severity?: Severity;
  readonly evidence?: readonly Evidence[] | undefined;
  readonly fixes?: readonly Fix[] | undefined;
  /** Of a table: the text does not show what it is about, and `range` is the next best place. */
  readonly isElsewhere?: true;
  /** The object in the machine's description that is wrong, where it is one: an IORT's node. */
  readonly subject?: object | undefined;
}

/** Somebody has said that devices are to be passed through. */
export function hasGuests({ settings }: Pick<MachineInput, 'settings'>): boolean {
  return (settings.guests?.length ?? 0) > 0;
}

/** The evidence that has a place in a source; the rest has nothing to show. */
export function evidenceAt(
  ...places: readonly (readonly [range: SourceRange | undefined, message: string] | undefined)[]
): Evidence[] {
  const found: Evidence[] = [];
  for (const place of places) {
    if (place?.[0] !== undefined) found.push({ range: place[0], message: place[1] });
  }
  return found;
}
