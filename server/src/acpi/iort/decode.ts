// An IORT from its bytes. Any bytes give a table: what they do not hold is absent, what makes no sense is a problem with
// its offset, and every byte is in a value or in a gap.
import { iortTableLayout } from '../layout/iort';
import { tableHeaderLayout } from '../layout/table-header';
import { byName, gapsBetween, inOrder, structureValues } from '../structure-values';
import { decodeHeader } from '../table-header';
import { hex } from '../../text/numbers';
import { decodeNode, nodeHeaderSize } from './decode-node';
import type { NodeContext } from './decode-node';
import type { Gap, IortNode, IortTable, TableProblem, Value } from './model';

/** Bytes of the table before its first node, at least. */
export const iortFixedSize = tableHeaderLayout.size + iortTableLayout.size;

/**
 * The table in some bytes, whether or not they are one. The signature is not looked at. Takes time in proportion to the
 * bytes, never throws, and shares the bytes' memory: do not change them afterwards.
 */
export function decodeIort(bytes: Uint8Array): IortTable {
  const decoded = decodeHeader(bytes, iortFixedSize);
  const problems = [...decoded.problems];
  const { header, end } = decoded;
  const fixed = structureValues(bytes, iortTableLayout, tableHeaderLayout.size, end);
  const { nodeCount, nodeOffset, reserved } = byName<'nodeCount' | 'nodeOffset' | 'reserved'>(fixed);

  const byOffset = new Map<number, IortNode>();
  const nodeAt = (offset: number) => byOffset.get(offset);
  const context: NodeContext = { bytes, end, report: (problem) => problems.push(problem), nodeAt };
  const start = firstNode(nodeOffset, end, problems);
  const { nodes, readTo } = walkNodes(context, start, byOffset);
  const counted = walkAsLinux({ ...context, report: undefined }, nodes, header.length, nodeCount, start);
  if (nodeCount !== undefined && nodeCount.value !== BigInt(nodes.length) && !problems.some(stopsTheWalk)) {
    const message = `Node Count is ${nodeCount.value}, but ${nodes.length} nodes lie in the table`;
    problems.push({ code: 'node-count', offset: nodeCount.offset, size: nodeCount.size, message });
  }

  const fixedValues = [...decoded.values, ...fixed];
  return {
    bytes,
    end,
    header,
    nodeCount,
    nodeOffset,
    reserved,
    nodes,
    counted,
    nodeAt,
    gaps: [...tableGaps(fixedValues, nodes, start, readTo, end), ...decoded.tail],
    problems: problems.sort((a, b) => a.offset - b.offset),
  };
}

/** Problems after which it is unknown how many nodes there are. */
function stopsTheWalk({ code }: TableProblem): boolean {
  return code === 'node-offset' || code === 'node-length' || code === 'too-short' || code === 'too-large';
}

/** Where the first node begins; undefined where Node Offset leads into the header or to the table's end. */
function firstNode(nodeOffset: Value | undefined, end: number, problems: TableProblem[]): number | undefined {
  if (nodeOffset === undefined) return undefined;
  const start = Number(nodeOffset.value);
  const isInside = start >= iortFixedSize && start < end;
  // A table without nodes ends where its first one would begin.
  if (isInside || start === end) return isInside ? start : undefined;
  const where = start < iortFixedSize ? 'inside the header' : `behind the table, which ends at ${hex(end)}`;
  const message = `Node Offset is ${hex(start)}, ${where}`;
  problems.push({ code: 'node-offset', offset: nodeOffset.offset, size: nodeOffset.size, message });
  return undefined;
}

/** The nodes as they lie, and where the last one that could be read ends. */
function walkNodes(
  context: NodeContext,
  start: number | undefined,
  byOffset: Map<number, IortNode>,
): { readonly nodes: readonly IortNode[]; readonly readTo: number } {
  const nodes: IortNode[] = [];
  let offset = start ?? context.end;
  while (offset < context.end) {
    const node = decodeNode(context, offset, nodes.length);
    if (node === undefined) {
      const size = context.end - offset;
      const message = `${size} bytes at ${hex(offset)} are too few for the header of a node`;
      context.report?.({ code: 'node-truncated', offset, size, message });
      break;
    }
    nodes.push(node);
    byOffset.set(offset, node);
    offset = node.end;
    if (node.length < nodeHeaderSize) break;
  }
  return { nodes, readTo: offset };
}

/**
 * The nodes that Linux visits: Node Count steps, each as long as the node before says, none at or behind the table's end. A
 * length below 16 leads into the node itself; a length of 0 gives the same node again and again, here once.
 */
function walkAsLinux(
  context: NodeContext,
  nodes: readonly IortNode[],
  tableLength: Value | undefined,
  nodeCount: Value | undefined,
  start: number | undefined,
): readonly IortNode[] {
  if (tableLength === undefined || nodeCount === undefined || start === undefined) return [];
  const limit = Math.min(Number(tableLength.value), context.end);
  const count = Number(nodeCount.value);
  const last = nodes.at(-1);
  if (limit === context.end && (last === undefined || last.length >= nodeHeaderSize || count < nodes.length)) {
    return count >= nodes.length ? nodes : nodes.slice(0, count);
  }
  const visited: IortNode[] = [];
  for (let offset = start; visited.length < count && offset < limit;) {
    const node = context.nodeAt(offset) ?? decodeNode(context, offset, -1);
    if (node === undefined) break;
    visited.push(node);
    if (node.length === 0) break;
    offset += node.length;
  }
  return visited;
}

/** The node that Linux would see at an offset to which a reference leads, whatever is there. */
export function nodeAsLinuxReads(table: IortTable, offset: number): IortNode | undefined {
  const { bytes, end, nodeAt } = table;
  return nodeAt(offset) ?? decodeNode({ bytes, end, nodeAt, report: undefined }, offset, -1);
}

function tableGaps(
  fixedValues: Value[],
  nodes: readonly IortNode[],
  start: number | undefined,
  readTo: number,
  end: number,
): Gap[] {
  const covered = nodes.map(({ offset, end: nodeEnd }) => ({ offset, size: nodeEnd - offset }));
  return gapsBetween([...inOrder(fixedValues), ...covered], 0, end, (offset) => {
    if (nodes.length > 0 && offset >= readTo) return 'rest';
    return start !== undefined && offset >= iortFixedSize && offset < start ? 'optional-padding' : 'table';
  });
}
