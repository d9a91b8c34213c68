// What dtc demands of the order of items, headers and members, beyond what the grammar's rules say.
import { problemAfter } from './problems';
import type { Reporter } from './reporter';
import { Shape } from './shape';
import type { HeaderSyntax, MemberSyntax, NodeSyntax, TopLevelItem } from './syntax-tree';

/** dtc-parser.y subnodes: "Properties must precede subnodes". One report a block: it is one mistake. */
export function checkMemberOrder(members: readonly MemberSyntax[], shape: string, reporter: Reporter): void {
  let node: NodeSyntax | undefined;
  let isBehindNode = false;
  for (const member of members) {
    if (member.kind === 'node') {
      // A block by reference has been reported as such.
      if (isReference(shape.charCodeAt(member.name))) continue;
      isBehindNode = true;
      node = member;
    } else if (member.kind === 'delete-node') {
      isBehindNode = true;
    } else if (isBehindNode) {
      const name = reporter.textOf(member.name, member.name);
      const which = node === undefined ? 'a `/delete-node/`' : `the node ${reporter.textOf(node.name, node.name)}`;
      const message = `Properties must precede subnodes: ${name} comes behind ${which}.`;
      reporter.report('syntax-property-after-node', member.name, member.name, message);
      return;
    }
  }
}

/** dtc-parser.y headers: there is one, and those that repeat it have the same flags. */
export function checkHeaders(
  headers: readonly (readonly HeaderSyntax[])[],
  items: readonly TopLevelItem[],
  reporter: Reporter,
): void {
  if (headers.length === 0 && !items.some(({ kind }) => kind === 'version')) {
    const message = 'Expected `/dts-v1/;` at the beginning: dtc rejects sources without it.';
    reporter.add(problemAfter('syntax-missing-version', -1, message, '/dts-v1/;\n'));
  }
  const other = headers.find((header) => header.length !== headers.at(-1)!.length);
  if (other === undefined) return;
  const message = "Header flags don't match: some of the repeated headers have `/plugin/`, some have not.";
  reporter.report('syntax-header-mismatch', other[0]!.first, other.at(-1)!.last, message);
}

/** dtc-parser.y devicetree: it begins with a root block or a block by reference, which has no label there. */
export function checkFirstItem(items: readonly TopLevelItem[], shape: string, reporter: Reporter): void {
  const first = items.find(({ kind }) => kind !== 'version' && kind !== 'plugin' && kind !== 'memreserve');
  if (first === undefined) {
    if (items.length === 0) return;
    const message = 'Expected a root node `/ { … };` here.';
    reporter.add(problemAfter('syntax-missing-tree', items.at(-1)!.last, message));
  } else if (first.kind !== 'node') {
    const message = 'The first item of a tree must be a node: `/ { … };`.';
    reporter.report('syntax-first-item', first.first, first.last, message);
  } else if (first.labels.length === 1 && shape.charCodeAt(first.name) !== Shape.slash) {
    reporter.report('syntax-label-place', first.first, first.first, 'The first node by reference takes no label.');
  }
}

function isReference(kind: number): boolean {
  return kind === Shape.labelReference || kind === Shape.pathReference || kind === Shape.slash;
}
