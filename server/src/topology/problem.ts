// What the description of a thing may lack: problems, references that lead nowhere, and nodes that are off.
import type { SourceRange } from '../text/source-file';

/** Something that the kernel will refuse, ignore or read otherwise than it was meant. */
export interface Problem {
  readonly code: ProblemCode;
  /** What is wrong, with numbers; no more than one sentence. */
  readonly message: string;
  /** Path of the node that holds the property. */
  readonly node: string;
  readonly property: string;
  readonly source: SourceRange | undefined;
}

export type ProblemCode =
  /** a phandle that no node has */
  | 'unresolved'
  /** the target exists, but is not what the property must lead to */
  | 'wrong-target'
  /** the target is not enabled */
  | 'disabled-target'
  /** too few cells for what the target's `#…-cells` asks, or a length that is no whole number of entries */
  | 'bad-length'
  /** a cell count that is missing, zero where it may not be, or larger than the kernel takes */
  | 'bad-cells'
  /** input base of a map with bits outside the mask */
  | 'outside-mask'
  /** an entry of a map that an earlier entry hides */
  | 'hidden-entry'
  /** a stream ID that the IOMMU cannot hold */
  | 'stream-id-range'
  /** the parent buses' `dma-ranges` do not cover the address */
  | 'not-translatable'
  /** whether it is a resource at all depends on what no source tells */
  | 'unknown-resource'
  /** no registers, or fewer than the driver asks for */
  | 'no-registers'
  /** its own DMA reaches no memory */
  | 'no-reach'
  /** an entry of size 0 */
  | 'zero-size'
  /** an address or size that does not fit 64 bits, or an end before the start */
  | 'overflow'
  /** a property whose value could not be read, because of an error reported elsewhere */
  | 'unreadable'
  /** an ID mapping of a named component that is a range, where only single ones count */
  | 'not-single'
  /** a table whose revision makes the kernel ignore some of its nodes */
  | 'table-revision'
  /** a direct region that its IOMMU has not the address bits for */
  | 'not-mappable'
  /** well-formed, and a bug of the kernel makes it crash all the same */
  | 'kernel-crash';

/** A reference to another node, as written and as found. `target` is absent when there is a `problem`, except where the problem is only that the target is disabled. */
export interface Link<Target> {
  readonly phandle: number;
  /** Path of the node that the phandle leads to, right kind or not. */
  readonly path: string | undefined;
  readonly target: Target | undefined;
  readonly problem: Problem | undefined;
  /** The reference alone. */
  readonly source: SourceRange | undefined;
}

/** Whether the kernel makes a device of the node. */
export type Availability =
  | { readonly enabled: true }
  | {
      readonly enabled: false;
      /** `status = "reserved"`, or the ancestor that is off. */
      readonly reason: string;
      readonly source: SourceRange | undefined;
    };
