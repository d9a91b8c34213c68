// Ranges of IDs through an IORT against the kernel's own look-up of one ID after the other, written down as it stands in
// drivers/acpi/arm64/iort.c (iort_id_map, iort_node_map_id).
import assert from 'node:assert/strict';
import type { MappingDraft, NodeDraft } from '../../server/src/acpi/iort/build';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import {
  itsTypes,
  kernelTable,
  nodeType,
  smmuTypes,
  type KernelNode,
  type KernelTable,
} from '../../server/src/topology/acpi/kernel-table';
import { specialIndex } from '../../server/src/topology/acpi/node-mappings';
import { newRouter } from '../../server/src/topology/acpi/translate';
import type { DeviceIdRule } from '../../server/src/topology/model';
import { randomFrom, type Random } from '../oracle/kernel/random';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { complex, component, itsGroup, range, rmr, smmuv3, tableBytes, tableTopology, topologyOfNodes } from './tables';

/** As far as the routes are followed. */
const longestChain = 34;

/** What the kernel makes of one ID; undefined where it finds nothing. */
function mapId(
  table: KernelTable,
  from: KernelNode,
  idIn: number,
  wanted: number,
  rule: DeviceIdRule,
): { readonly node: number; readonly id: number } | undefined {
  let node: KernelNode | undefined = from;
  let id = idIn;
  for (let steps = 0; node !== undefined && steps < longestChain; steps++) {
    if (((1 << node.type) & wanted) !== 0) return { node: node.offset, id };
    const { mappings } = table.mappingsOf(node);
    if (mappings[0] === undefined || mappings[0].reference === 0) return undefined;
    const mapFrom = id;
    const takesSingle: boolean = node.type === nodeType.namedComponent || node.type === nodeType.rootComplex;
    const skipped = specialIndex(table, node, rule);
    let remembered = 0;
    let reference: number | undefined;
    for (const { index, ...map } of mappings) {
      if (index === skipped) continue;
      if (map.single) {
        if (!takesSingle) continue;
        id = map.outputBase;
        ({ reference } = map);
        break;
      }
      if (mapFrom < map.inputBase || mapFrom > map.last) continue;
      if (remembered !== 0 && mapFrom !== map.inputBase) continue;
      id = (map.outputBase + (mapFrom - map.inputBase)) >>> 0;
      if (map.count > 0 && mapFrom === map.last) {
        remembered = map.reference;
        continue;
      }
      ({ reference } = map);
      break;
    }
    if (reference === undefined && remembered === 0) return undefined;
    node = table.nodeAt(reference ?? remembered);
  }
  return undefined;
}

function randomNodes(random: Random): NodeDraft[] {
  const count = random.between(3, 7);
  const bases = [0, 0, 1, 8, 0x10, 0x20, 0x100, 0xfff0, 0xffff, 0xfffffff0, 0xffffffff];
  const mapping = (): MappingDraft => ({
    inputBase: random.pick(bases),
    count: random.pick([0, 0, 1, 7, 8, 0xf, 0x10, 0xff, 0xffff, 0xfffffff0]),
    outputBase: random.pick(bases),
    target: random.chance(0.93) ? random.int(count) : { offset: random.pick([0, 0x30, 0x34, 0x4000]) },
    flags: random.chance(0.1) ? 1 : 0,
  });
  const mappings = (): MappingDraft[] => Array.from({ length: random.between(0, 5) }, mapping);
  return Array.from({ length: count }, (): NodeDraft => {
    switch (random.int(6)) {
      case 0:
        return itsGroup(0);
      case 1:
      case 2:
        return smmuv3(mappings(), { syncGsiv: random.pick([0, 1]), deviceIdIndex: random.int(3) }, random.int(6));
      case 3:
        return component('\\_SB_.DEV0', mappings());
      case 4:
        return rmr(mappings(), [[0n, 0x10000n]]);
      default:
        return complex(mappings());
    }
  });
}

describe('IDs through an IORT', () => {
  it('go, as ranges, where the kernel sends each of them', () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = randomFrom(seed);
      const table = kernelTable(decodeIort(tableBytes(randomNodes(random))));
      const rule: DeviceIdRule = random.pick(['by-flag', 'by-interrupts']);
      const router = newRouter(table, rule);
      const ids = [
        0, 1, 7, 8, 9, 0xf, 0x10, 0x11, 0x1f, 0x20, 0xff, 0x100, 0x101, 0x1ff, 0x1234, 0xfff0, 0xfffe, 0xffff,
      ];
      for (const node of table.nodes) {
        for (const wanted of [smmuTypes, itsTypes]) {
          const { arrivals, stops } = router.route(node, 0, 0xffff, wanted);
          for (const id of ids) {
            const expected = mapId(table, node, id, wanted, rule);
            const holds = ({ first, last }: { first: number; last: number }): boolean => first <= id && id <= last;
            const found = arrivals.filter(holds);
            const got = found[0] && {
              node: found[0].node.offset,
              id: found[0].single ? found[0].output : found[0].output + (id - found[0].first),
            };
            assert.deepEqual(got, expected, `seed ${seed}, node at ${node.offset}, ID ${id}`);
            assert.equal(
              found.length + stops.filter(holds).length > 0,
              true,
              `seed ${seed}: ID ${id} is accounted for`,
            );
          }
        }
      }
    }
  });

  it('of thousands of mappings are found in no time, and of millions it is said that they are not followed', () => {
    const mappings = Array.from({ length: 3000 }, (_, at) => ({
      inputBase: at * 16,
      count: 15,
      outputBase: at * 16,
      target: 1,
    }));
    const nodes = [itsGroup(0), smmuv3(mappings.map((each) => ({ ...each, target: 0 }))), complex(mappings)];
    const table = kernelTable(decodeIort(tableBytes(nodes)));
    const { arrivals } = newRouter(table, 'by-flag').route(table.nodes[2]!, 0, 0xffff, itsTypes);
    assert.equal(arrivals.length, 3000);
    const overlapping = Array.from({ length: 3000 }, (_, at) => ({
      inputBase: at,
      count: 0xffff,
      outputBase: at,
      target: 1,
    }));
    const deep = [itsGroup(0), ...Array.from({ length: 20 }, () => complex(overlapping))];
    const hostile = kernelTable(decodeIort(tableBytes(deep)));
    const { stops } = newRouter(hostile, 'by-flag').route(hostile.nodes[2]!, 0, 0xffff, itsTypes);
    assert.ok(stops.some(({ reason }) => reason === 'loop' || reason === 'too-much'));
  });

  it('and arrays that lie over each other are not read without end', () => {
    const nodes = Array.from({ length: 3000 }, (_, at) =>
      at % 2 === 0 ? complex([range(0, 0, 0, 1)]) : rmr([range(0, 0, 0, 1)], [[0n, 0n]]),
    );
    const bytes = Buffer.from(tableBytes([itsGroup(0), smmuv3([]), ...nodes]));
    for (const { offset, kind } of decodeIort(bytes).nodes) {
      bytes.writeUInt32LE(0xffffffff, offset + 8);
      bytes.writeUInt32LE(16, offset + 12);
      // Descriptors and identifiers as well.
      if (kind === 'rmr' || kind === 'its-group')
        bytes.fill(0xff, offset + (kind === 'rmr' ? 0x14 : 0x10), offset + (kind === 'rmr' ? 0x18 : 0x14));
    }
    const topology = tableTopology(bytes);
    predictRegions(topology, kernelProfile());
    assert.equal(topology.masters.length, 1500);
  });

  it('and RMRs by the thousand for one SMMU are not held against each function without end', () => {
    const ranges = Array.from({ length: 3000 }, (_, at) => range(0, 7, at * 16, 1));
    const many = Array.from({ length: 60 }, () => rmr(ranges, [[0x70000000n, 0x10000n]]));
    const topology = topologyOfNodes([itsGroup(0), smmuv3([]), complex([range(0, 0xffff, 0, 1)]), ...many]);
    const { groups } = predictRegions(topology, kernelProfile());
    assert.match(groups[0]!.unknown.join(), /more RMRs than/);
  });
});
