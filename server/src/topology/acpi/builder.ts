// What the parts of from-acpi share: the table as the kernel reads it, where its values stand in the text, the problems so far.
// What has a place in the text is of a class, whose getters find the place when somebody asks: of thousands of nodes hardly any
// is asked for.
import type { IortTable } from '../../acpi/iort/model';
import type { PlaceOf } from '../../acpi/text/table-text';
import type { SourceRange } from '../../text/source-file';
import type { HardwareSettings } from '../iommu-drivers';
import type { Availability, DeviceIdRule, Link, Problem, ProblemCode } from '../model';
import {
  mappingField,
  mappingSize,
  nodeType,
  type KernelMapping,
  type KernelNode,
  type KernelTable,
  type MappingField,
} from './kernel-table';
import type { Router, StopReason } from './translate';

/** What no data table says. */
export interface AcpiSettings extends HardwareSettings {
  /** The host bridges' `_DSM` function 5 returns 0: the PCI configuration of the firmware stays. */
  readonly preserveBootConfiguration: boolean;
}

/** What a version of the table is read with. */
export interface TableVersion {
  readonly iort: IortTable;
  readonly table: KernelTable;
  readonly routers: Readonly<Record<DeviceIdRule, Router>>;
  readonly placeOf: PlaceOf;
}

/**
 * The table in its latest version. What the next version takes over of the topology goes on to hold this object, and finds its
 * places where they are then; a place that was looked up before does not move, so that nothing is taken over which has one.
 */
export class AcpiBuilder implements TableVersion {
  iort: IortTable;
  table: KernelTable;
  routers: Readonly<Record<DeviceIdRule, Router>>;
  /** Of what is being read just now. */
  readonly problems: Problem[] = [];
  private lookUps = 0;
  private places: PlaceOf;

  constructor(
    version: TableVersion,
    /** Some SMMUv3's own mapping is another one by the one rule than by the other. */
    readonly rulesDiffer: boolean,
    readonly hardware: HardwareSettings,
  ) {
    this.iort = version.iort;
    this.table = version.table;
    this.routers = version.routers;
    this.places = version.placeOf;
  }

  moveTo({ iort, table, routers, placeOf }: TableVersion): void {
    this.iort = iort;
    this.table = table;
    this.routers = routers;
    this.places = placeOf;
  }

  readonly placeOf: PlaceOf = (place, part) => {
    this.lookUps++;
    return this.places(place, part);
  };

  /** Reads something, and says what is wrong with it and whether the next version of the table may take it over. */
  readApart<T>(read: () => T): { readonly value: T; readonly problems: readonly Problem[]; readonly mayStay: boolean } {
    const { lookUps } = this;
    const value = read();
    const problems = this.problems.length === 0 ? nothing : this.problems.splice(0);
    return { value, problems, mayStay: this.lookUps === lookUps };
  }
}

/** Says what is wrong with something of a node; `field` in the words of the table's text. It joins the topology's list. */
export function tableProblem(
  builder: AcpiBuilder,
  code: ProblemCode,
  message: string,
  node: string,
  field: string,
  source: SourceRange | undefined,
): Problem {
  const problem: Problem = { code, message, node, property: field, source };
  builder.problems.push(problem);
  return problem;
}

export function mappingPlace(
  builder: AcpiBuilder,
  mapping: KernelMapping,
  field: MappingField,
): SourceRange | undefined {
  return builder.placeOf(mappingField(mapping, field));
}

/** All lines of a mapping. */
export function wholeMapping(builder: AcpiBuilder, mapping: KernelMapping): SourceRange | undefined {
  const first = builder.placeOf(mappingField(mapping, 'inputBase'), 'line');
  const last = builder.placeOf({ offset: mapping.offset + mappingSize - 4, size: 4 }, 'line');
  return first && { ...first, end: last?.file === first.file ? last.end : first.end };
}

/** A node's first value, which stands for the node. */
export function nodePlace(builder: AcpiBuilder, { offset }: KernelNode): SourceRange | undefined {
  return builder.placeOf({ offset, size: 1 }, 'line');
}

const typeNames: Readonly<Record<number, string>> = {
  [nodeType.itsGroup]: 'ITS group',
  [nodeType.namedComponent]: 'named component',
  [nodeType.rootComplex]: 'root complex',
  [nodeType.smmu]: 'SMMU',
  [nodeType.smmuv3]: 'SMMUv3',
  [nodeType.pmcg]: 'PMCG',
  [nodeType.rmr]: 'RMR',
  [nodeType.iwb]: 'IWB',
};

/** For messages: the kind of a node and where it is. */
export function nodeText({ type, offset }: KernelNode): string {
  return `${typeNames[type] ?? `node of type ${String(type)}`} at ${tableOffset(offset)}`;
}

/** As iasl writes offsets. */
export function tableOffset(offset: number): string {
  return `${offset.toString(16).toUpperCase().padStart(3, '0')}h`;
}

/** Why IDs end without reaching what they should. */
export function stopText(reason: StopReason, node: KernelNode, mapping: KernelMapping | undefined): string {
  const where = nodeText(node);
  switch (reason) {
    case 'no-mappings':
      return `the ${where} has no ID mappings`;
    case 'null-reference':
      return `the first ID mapping of the ${where} has output reference 0, and Linux then takes none of its mappings`;
    case 'not-covered':
      return `no ID mapping of the ${where} takes the ID`;
    case 'outside-table':
      return `an ID mapping of the ${where} leads to ${tableOffset(mapping?.reference ?? 0)}, outside of the table: Linux takes what it finds there for a node, or crashes where there is no memory`;
    case 'beyond-table':
      return `the ${where} counts more ID mappings than the table has bytes for: what Linux reads behind it, no source tells`;
    case 'loop':
      return `the ID mappings lead in a circle by way of the ${where}: Linux follows it without end`;
    case 'too-much':
      return `the ID mappings behind the ${where} are too intricate to be followed`;
  }
}

export interface Target {
  readonly path: string;
  readonly availability: { readonly enabled: boolean };
}

/** A mapping's reference to what is there, or with the problem that keeps it from leading anywhere. */
export class TableLink<Found extends Target> implements Link<Found> {
  constructor(
    private readonly builder: AcpiBuilder,
    readonly phandle: number,
    readonly target: Found | undefined,
    readonly problem: Problem | undefined,
    /** Whose reference it is; undefined where none says it. */
    private readonly mapping: KernelMapping | undefined,
  ) {}

  get path(): string | undefined {
    return this.target?.path;
  }

  get source(): SourceRange | undefined {
    return this.mapping && mappingPlace(this.builder, this.mapping, 'outputReference');
  }
}

/** A reference that leads nowhere. */
export function brokenLink(offset: number, problem: Problem): Link<never> {
  return { phandle: offset, path: undefined, target: undefined, problem, source: problem.source };
}

/** For what no table has. */
export const nothing: readonly never[] = [];

export const isEnabled: Availability = { enabled: true };

/** Linux makes no device of a node. */
export class NodeOff {
  readonly enabled = false;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly node: KernelNode,
    readonly reason: string,
  ) {}

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.node);
  }
}
