// Trees and topologies of small sources, for tests.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FileHost } from '../../server/src/preprocess/preprocess';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { parseUnit } from '../../server/src/syntax/parse';
import type { SourceRange } from '../../server/src/text/source-file';
import { sourceFile } from '../../server/src/text/source-file';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { DmaMaster, Topology } from '../../server/src/topology/model';
import { buildTree } from '../../server/src/tree/build';
import type { DeviceTree } from '../../server/src/tree/model';

const disk: FileHost = {
  read(file) {
    try {
      return sourceFile(file, readFileSync(file, 'utf8'));
    } catch (error) {
      return { error: String(error) };
    }
  },
};

/** The tree of a source that must be free of errors; `file` is where its includes are looked for. */
export function treeOf(text: string, file = '/test/board.dts'): DeviceTree {
  const unit = preprocess(sourceFile(file, text), { includePaths: [], defines: {} }, disk);
  const syntax = parseUnit(unit.tokens);
  const { tree, diagnostics } = buildTree(syntax, { readBinary: () => ({ error: 'no binary files here' }) });
  const problems = [...unit.diagnostics, ...diagnostics].filter(({ severity }) => severity === 'error');
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  return tree;
}

export function treeOfFile(file: string): DeviceTree {
  return treeOf(readFileSync(file, 'utf8'), path.resolve(file));
}

/** A board with 2 + 2 cells at the root, an SMMUv3 `smmu`, an ITS `its`, and what the test adds below the root. */
export function board(nodes: string, outside = ''): DeviceTree {
  return treeOf(`/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
	smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
	its: msi@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
${nodes}
};
${outside}`);
}

export function topologyOf(nodes: string, outside?: string): Topology {
  return topologyFromTree(board(nodes, outside));
}

export function masterAt({ masters }: Topology, wanted: string): DmaMaster {
  const master = masters.find((each) => each.path === wanted);
  if (master === undefined) throw new Error(`no master ${wanted} among ${masters.map((each) => each.path).join(' ')}`);
  return master;
}

/** The text of a place in a source. */
export function textAt(range: SourceRange | undefined): string | undefined {
  return range?.file.text.slice(range.start, range.end);
}

/** Problems as `node property code`, in order. */
export function problemList({ problems }: Topology): string[] {
  return problems.map(({ node, property, code }) => `${node} ${property} ${code}`);
}
