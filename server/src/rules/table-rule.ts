// What a rule about an IORT is: like one about a devicetree, with the table as its input and examples in data-table text.
import type { IortNode, IortTable } from '../acpi/iort/model';
import type { MadtTable } from '../acpi/madt/model';
import type { TableDocument } from '../acpi/text/document';
import type { Finding, MachineInput, RuleFacts } from './rule';

/** A machine described by an IORT. */
export interface TableMachine extends MachineInput {
  readonly document: TableDocument;
  readonly table: IortTable;
  /** Of the machine's MADT, where there is one; what it would say is unknown without. */
  readonly madt?: MadtTable | undefined;
}

export interface TableInput extends TableMachine {
  /** The nodes to look at: all of the table, but for a rule of single nodes without those that are known to be in order. */
  readonly nodes: readonly IortNode[];
}

/** Amendments of `iort.dsl` of docs/rules (see `amendTable`), beside the MADT `madt.dsl`; both are run as tests. */
export interface TableExample {
  readonly failing: string;
  readonly corrected: string;
  /**
   * What text cannot say, as a compiler computes it: bytes put into the compiled table, by offset. The example is then
   * about the binary, and it is corrected by what text says.
   */
  readonly bytes?: readonly (readonly [offset: number, ...values: number[]])[];
  readonly settings?: object;
  readonly correctedSettings?: object;
}

/** About an IORT and the machine that it describes. */
export interface TableRule extends RuleFacts<TableExample> {
  /**
   * It looks at each of `input.nodes` by itself: whether it finds something (with `finding`, about that node) depends on the node,
   * on those that its references reach, and on what all rules may go by (`wayOfLooking`): the table's revision, whether there is
   * an ITS group, the MADT, the kernel, whether boot configurations are preserved, how wide stream IDs are; on no other nodes,
   * on no other settings.
   */
  readonly perNode?: true;
  /**
   * Of a rule about the table as a whole: what of a node’s own bytes has to do with it, as one value; undefined for a node that it
   * does not look at. Whether it finds something depends on that, on the nodes’ kinds and places, and on what all rules may go by.
   * As long as no edit changes it, a rule that has found nothing is not asked again; one without is asked each time.
   */
  readonly sight?: (node: IortNode) => string | bigint | undefined;
  readonly check: (input: TableInput) => Iterable<Finding>;
}
