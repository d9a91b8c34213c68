// What a rule about an IORT is: like one about a devicetree, with the table as its input and examples in data-table text.
import type { IortTable } from '../acpi/iort/model';
import type { MadtTable } from '../acpi/madt/model';
import type { TableDocument } from '../acpi/text/document';
import type { Finding, MachineInput, RuleFacts } from './rule';

/** A machine described by an IORT. */
export interface TableInput extends MachineInput {
  readonly document: TableDocument;
  readonly table: IortTable;
  /** Of the machine's MADT, where there is one; what it would say is unknown without. */
  readonly madt?: MadtTable | undefined;
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
  readonly check: (input: TableInput) => Iterable<Finding>;
}
