// IORTs of machines with thousands of nodes, for the bench and for tests of what comes out: nothing is wrong with them.
import type { MappingDraft, NodeDraft, TableDraft } from '../../server/src/acpi/iort/build';

/** How the nodes are dealt out, in a hundred. */
const share = { itsGroups: 10, smmus: 10, complexes: 5, regions: 5 };

const smmuSpan = 0x20000n;
const firstSmmu = 0x2_0000_0000n;
const firstRegion = 0x80_0000_0000n;
const regionSize = 0x10000n;
const coherentMemory = { cacheCoherency: 1, memoryFlags: 3 };

/**
 * A machine with an ITS for each SMMUv3, a few root complexes and many named components behind each, and reserved memory for
 * some of these. Revision 5, in the order that references lead back.
 */
export function crowdedTable(nodes: number): TableDraft {
  const part = (percent: number): number => Math.max(1, Math.floor((nodes * percent) / 100));
  const smmus = part(share.smmus);
  const complexes = part(share.complexes);
  const regions = part(share.regions);
  const components = nodes - 2 * smmus - complexes - regions;
  const all: NodeDraft[] = [];
  const add = (node: NodeDraft): void => void all.push({ ...node, identifier: all.length });
  for (let its = 0; its < smmus; its++) add({ kind: 'its-group', revision: 1, identifiers: [its] });
  for (let smmu = 0; smmu < smmus; smmu++) add(smmuv3(smmu));
  for (let segment = 0; segment < complexes; segment++) {
    const everything = { inputBase: 0, count: 0xffff, outputBase: 0, target: smmus + (segment % smmus) };
    const fields = { ...coherentMemory, atsAttribute: 1, segment, memorySizeLimit: 64 };
    add({ kind: 'root-complex', revision: 4, fixedSize: 0x24, fields, mappings: [everything] });
  }
  for (let component = 0; component < components; component++) {
    const fields = { ...coherentMemory, memorySizeLimit: 48 };
    const name = `\\_SB_.${objectName(component)}`;
    const mappings = [{ ...streamId(component, smmus, complexes), flags: 1 }];
    add({ kind: 'named-component', revision: 4, fields, name, padding: new Uint8Array(4), mappings });
  }
  for (let region = 0; region < regions; region++) {
    const descriptor = { base: firstRegion + 2n * BigInt(region) * regionSize, length: regionSize };
    const component = region % components;
    add({
      kind: 'rmr',
      revision: 3,
      fields: { flags: 1 },
      descriptors: [descriptor],
      mappings: [streamId(component, smmus, complexes)],
    });
  }
  return { revision: 5, nodes: all };
}

function smmuv3(smmu: number): NodeDraft {
  const interrupt = 100 + 4 * smmu;
  return {
    kind: 'smmuv3',
    revision: 4,
    fields: {
      base: firstSmmu + BigInt(smmu) * smmuSpan,
      flags: 1,
      eventGsiv: interrupt,
      priGsiv: interrupt + 1,
      gerrGsiv: interrupt + 2,
      syncGsiv: interrupt + 3,
    },
    mappings: [{ inputBase: 0, count: 0xfffff, outputBase: 0, target: smmu }],
  };
}

/** On an SMMU that no root complex is behind, whose functions would have all IDs. */
function streamId(component: number, smmus: number, complexes: number): MappingDraft {
  const first = Math.min(complexes, smmus - 1);
  const others = smmus - first;
  const outputBase = Math.floor(component / others);
  return { inputBase: 0, count: 0, outputBase, target: smmus + first + (component % others) };
}

/** `D000` to `DZZZ`: a letter in front, as every name of the namespace has. */
function objectName(component: number): string {
  return `D${component.toString(36).toUpperCase().padStart(3, '0')}`;
}
