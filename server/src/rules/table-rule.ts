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
   * on those that its references reach, on the table's revision, on whether there is an ITS group, and on the kernel; on no other
   * nodes, on no settings, on no other table.
   */
  readonly perNode?: true;
  readonly check: (input: TableInput) => Iterable<Finding>;
}
