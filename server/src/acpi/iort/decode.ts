// An IORT from its bytes. Any bytes give a table: what they do not hold is absent, what makes no sense is a problem with
// its offset, and every byte is in a value or in a gap.
import { iortFixedSize, iortTableLayout } from '../layout/iort';
import { tableHeaderLayout } from '../layout/table-header';
import { byName, gapsBetween, inOrder, structureValues } from '../structure-values';
import { decodeHeader } from '../table-header';
import { hex } from '../../text/numbers';
import { decodeContent, nodeHeaderSize } from './decode-node';
import { decodedInPlace, endVersions, nodeAtOf, noteVersion } from './decode-in-place';
import { decodedNode } from './decoded-node';
import type { TableSource } from './decoded-node';
import { earlierNodes, joinedNodes, type EarlierNodes } from './kept-nodes';
import type { NodeContent } from './node-content';
import type { Gap, IortNode, IortTable, TableProblem, Value } from './model';

/**
 * The table in some bytes, whether or not they are one. The signature is not looked at. Takes time in proportion to the
 * bytes, never throws, and shares the bytes' memory: do not change them afterwards.
 *
 * `before` is an earlier version of the table. A node whose bytes, place and index are as they were there, and with which the
 * same holds of every node that its references reach, is the same object in both; so whatever is known of such a node
 * remains true. Of one whose references reach something else now, `content` is the same. Equal bytes give the same table.
 */
export function decodeIort(bytes: Uint8Array, before?: IortTable): IortTable {
  if (before !== undefined && Buffer.compare(bytes, before.bytes) === 0) return before;
  const decoded = decodeHeader(bytes, iortFixedSize);
  const problems = [...decoded.problems];
  const { header, end } = decoded;
  const fixed = structureValues({ bytes }, iortTableLayout, tableHeaderLayout.size, end);
  const { nodeCount, nodeOffset, reserved } = byName<'nodeCount' | 'nodeOffset' | 'reserved'>(fixed);

  if (before !== undefined && problems.length === 0) {
    const table = decodedInPlace({ bytes, end, header, nodeCount, nodeOffset, reserved }, before);
    if (table !== undefined) return table;
  }
  if (before !== undefined) endVersions(before);
  const nodes: IortNode[] = [];
  const indices = new Map<number, number>();
  const nodeAt = nodeAtOf(nodes, indices);
  const source: TableSource = { bytes, nodeAt };
  const start = firstNode(nodeOffset, end, problems);
  const earlier = before && earlierNodes(before, bytes);
  const { contents, readTo } = walkNodes(source, start, end, problems, earlier);
  for (const { places } of contents) indices.set(places.offset, places.index);
  for (const node of joinedNodes(contents, indices, source, earlier)) nodes.push(node);
  const counted = walkAsLinux(source, end, nodes, header.length, nodeCount, start);
  if (nodeCount !== undefined && nodeCount.value !== BigInt(nodes.length) && !problems.some(stopsTheWalk)) {
    const message = `Node Count is ${nodeCount.value}, but ${nodes.length} nodes lie in the table`;
    problems.push({ code: 'node-count', offset: nodeCount.offset, size: nodeCount.size, message });
  }

  const fixedValues = [...decoded.values, ...fixed];
  const table: IortTable = {
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
    lineage: before?.lineage ?? {},
  };
  noteVersion(table, source, indices);
  return table;
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

/** What the nodes say, as they lie, and where the last one that could be read ends. */
function walkNodes(
  source: TableSource,
  start: number | undefined,
  end: number,
  problems: TableProblem[],
  earlier: EarlierNodes | undefined,
): { readonly contents: readonly NodeContent[]; readonly readTo: number } {
  const contents: NodeContent[] = [];
  let offset = start ?? end;
  while (offset < end) {
    const index = contents.length;
    const content = earlier?.contentAt(offset, index, end) ?? decodeContent(source, end, offset, index);
    if (content === undefined) {
      const size = end - offset;
      const message = `${size} bytes at ${hex(offset)} are too few for the header of a node`;
      problems.push({ code: 'node-truncated', offset, size, message });
      break;
    }
    contents.push(content);
    for (const problem of content.problems) problems.push(problem);
    offset = content.places.end;
    if (content.places.length < nodeHeaderSize) break;
  }
  return { contents, readTo: offset };
}

/**
 * The nodes that Linux visits: Node Count steps, each as long as the node before says, none at or behind the table's end. A
 * length below 16 leads into the node itself; a length of 0 gives the same node again and again, here once.
 */
function walkAsLinux(
  source: TableSource,
  end: number,
  nodes: readonly IortNode[],
  tableLength: Value | undefined,
  nodeCount: Value | undefined,
  start: number | undefined,
): readonly IortNode[] {
  if (tableLength === undefined || nodeCount === undefined || start === undefined) return [];
  const limit = Math.min(Number(tableLength.value), end);
  const count = Number(nodeCount.value);
  const last = nodes.at(-1);
  if (limit === end && (last === undefined || last.length >= nodeHeaderSize || count < nodes.length)) {
    return count >= nodes.length ? nodes : nodes.slice(0, count);
  }
  const visited: IortNode[] = [];
  for (let offset = start; visited.length < count && offset < limit;) {
    const node = nodeOrBytesAt(source, end, offset);
    if (node === undefined) break;
    visited.push(node);
    if (node.length === 0) break;
    offset += node.length;
  }
  return visited;
}

/** The node that Linux would see at an offset to which a reference leads, whatever is there. */
export function nodeAsLinuxReads({ bytes, end, nodeAt }: IortTable, offset: number): IortNode | undefined {
  return nodeOrBytesAt({ bytes, nodeAt }, end, offset);
}

function nodeOrBytesAt(source: TableSource, end: number, offset: number): IortNode | undefined {
  const known = source.nodeAt(offset);
  if (known !== undefined) return known;
  const content = decodeContent(source, end, offset, -1);
  return content && decodedNode(source, content);
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
