// What the parts of from-tree share: the tree, the problems found so far, and small questions about nodes.
import { cellsSource } from '../tree/cells';
import { isAvailable, nodePath, stringValue } from '../tree/navigate';
import type { DeviceTree, DtNode, DtProperty } from '../tree/model';
import type { SourceRange } from '../text/source-file';
import type { HardwareSettings } from './iommu-drivers';
import type { Availability, Link, Problem, ProblemCode } from './model';
import { dmaParent } from '../tree/addresses';

export interface Builder {
  readonly tree: DeviceTree;
  readonly hardware: HardwareSettings;
  readonly problems: Problem[];
}

/** A problem about `count` cells of a property from cell `first` on; all of it without them. It joins the topology's list. */
export function problemAt(
  builder: Builder,
  code: ProblemCode,
  message: string,
  property: DtProperty,
  first?: number,
  count = 1,
): Problem {
  const { length } = property.data.bytes;
  const cellCount = length >> 2;
  const from = first === undefined ? 0 : Math.min(first, Math.max(cellCount - 1, 0));
  const upTo = first === undefined ? cellCount : Math.min(first + count, cellCount);
  const source = (upTo > from ? cellsSource(property, from, upTo - from) : undefined) ?? propertySource(property);
  const problem: Problem = { code, message, node: nodePath(property.node), property: property.name, source };
  builder.problems.push(problem);
  return problem;
}

/** Where the property in force is written. */
export function propertySource(property: DtProperty | undefined): SourceRange | undefined {
  return property?.definitions.at(-1)?.whole;
}

/** Where the node's name is first written. */
export function nodeSource(node: DtNode): SourceRange | undefined {
  return node.definitions[0]?.name;
}

export function labelNames(node: DtNode): readonly string[] {
  return node.labels.map((label) => label.name);
}

/** Whether the kernel makes a device of a node: its own `status` and those above it (of_device_is_available, of_platform_populate). */
export function availabilityOf(node: DtNode): Availability {
  for (let at: DtNode | undefined = node; at !== undefined; at = at.parent) {
    const status = at.properties.get('status');
    if (status === undefined || isAvailable(at)) continue;
    const value = stringValue(at, 'status');
    const written = value === undefined ? 'an unreadable status' : `status = "${value}"`;
    const reason = at === node ? written : `${nodePath(at)} above it has ${written}`;
    return { enabled: false, reason, source: propertySource(status) };
  }
  return { enabled: true };
}

/** drivers/of/address.c of_dma_is_coherent, for an architecture whose devices are not coherent by default. */
export function isDmaCoherent(tree: DeviceTree, node: DtNode): boolean {
  let at: DtNode | undefined = node;
  for (let depth = 0; at !== undefined && depth < 64; depth++) {
    if (at.properties.has('dma-coherent')) return true;
    if (at.properties.has('dma-noncoherent')) return false;
    at = dmaParent(tree, at);
  }
  return false;
}

/** What a phandle leads to, where `find` knows the things of the right kind; the target must be enabled. */
export function linkTo<Target extends { readonly path: string; readonly availability: Availability }>(
  builder: Builder,
  property: DtProperty,
  cell: number,
  phandle: number,
  find: (node: DtNode) => Target | undefined,
  wanted: string,
): Link<Target> {
  const node = builder.tree.phandles.get(phandle);
  if (node === undefined) {
    const message = phandle === 0 ? 'phandle 0 leads nowhere' : `no node has phandle 0x${phandle.toString(16)}`;
    const problem = problemAt(builder, 'unresolved', message, property, cell);
    return new CellLink<Target>(property, cell, phandle, undefined, undefined, problem);
  }
  const path = nodePath(node);
  const target = find(node);
  if (target === undefined) {
    const problem = problemAt(builder, 'wrong-target', `${path} is no ${wanted}`, property, cell);
    return new CellLink(property, cell, phandle, path, target, problem);
  }
  // Of what is itself off, nothing leads anywhere.
  if (!target.availability.enabled && availabilityOf(property.node).enabled) {
    const message = `${path} is not enabled: ${target.availability.reason}`;
    const problem = problemAt(builder, 'disabled-target', message, property, cell);
    return new CellLink(property, cell, phandle, path, target, problem);
  }
  return new CellLink(property, cell, phandle, path, target, undefined);
}

/** A class because of its getter: of thousands of links, the places of few are asked for. */
class CellLink<Target> implements Link<Target> {
  constructor(
    private readonly property: DtProperty,
    private readonly cell: number,
    readonly phandle: number,
    readonly path: string | undefined,
    readonly target: Target | undefined,
    readonly problem: Problem | undefined,
  ) {}

  get source(): SourceRange | undefined {
    return cellsSource(this.property, this.cell, 1);
  }
}
