// The IORT of the machine that a devicetree describes, and what of it no IORT can say.
import type { DeviceTree } from '../tree/model';
import { nodeAt } from '../tree/navigate';
import { hex } from '../text/numbers';
import type { DmaMaster, Iommu, MsiController, Topology } from './model';
import { registersOf } from './registers';
import { newDeviceIds } from './to-iort/device-ids';
import { makeComponent, makeRootComplex } from './to-iort/masters';
import {
  nodeRevision,
  note,
  type GeneratedIort,
  type IortBuilder,
  type IortSettings,
  type MadeNode,
  type Note,
} from './to-iort/model';
import { isPmcg, makePmcgs } from './to-iort/pmcgs';
import { makeRanges } from './to-iort/reservations';
import { makeSmmu } from './to-iort/smmus';

export type { AcpiObjects, GeneratedIort, IortSettings, Note, NoteKind } from './to-iort/model';

/** `topology` is that of the tree. The draft has ITS groups, SMMUs, PMCGs, root complexes, named components, RMRs, in that order. */
export function iortFromTree(tree: DeviceTree, topology: Topology, settings: IortSettings): GeneratedIort {
  const notes: Note[] = [];
  const controllers = topology.msiControllers.filter(
    ({ kind, availability }) => kind === 'its' && availability.enabled,
  );
  const its = new Map(controllers.map((controller, index) => [controller, index]));
  const iommus = topology.iommus.filter((iommu) => isCarried(iommu, settings, notes));
  const smmus = new Map(iommus.map((iommu, index) => [iommu, its.size + index]));
  const builder: IortBuilder = { tree, topology, settings, notes, unnamed: [], segments: new Map(), its, smmus };
  const deviceIds = newDeviceIds();
  noteControllers(builder);
  noteFunctions(builder);
  noteUnusedNames(builder);
  const ids = itsIds(builder, controllers);
  const groups = controllers.map((controller, index) => makeGroup(builder, controller, ids[index]!));
  const pmcgs = makePmcgs(builder);
  const masters = topology.masters.filter((master) => isOwnMaster(builder, master));
  // What stands for many devices comes first: a component can reach its ITS by itself where the SMMU leads elsewhere.
  const complexes = masters
    .filter(({ kind, availability }) => kind === 'pci-host' && availability.enabled)
    .flatMap((master) => makeRootComplex(builder, master, deviceIds) ?? []);
  const others = masters.filter(({ kind }) => kind === 'bus' || kind === 'platform');
  const ordered = [...others].sort((one, other) => Number(other.kind === 'bus') - Number(one.kind === 'bus'));
  const components = ordered.flatMap((master) => makeComponent(builder, master, deviceIds) ?? []);
  const ranges = makeRanges(builder, components);
  const made: MadeNode[] = [
    ...groups,
    ...iommus.map((iommu) => makeSmmu(builder, iommu, deviceIds)),
    ...pmcgs,
    ...complexes,
    ...components.map((component) => component.made),
    ...ranges,
  ];
  const isNumbered = settings.revision > 0;
  const nodes = made.map(({ node }, index) => (isNumbered ? { ...node, identifier: index } : node));
  return {
    draft: { revision: settings.revision, header: { oemRevision: 1, creatorRevision: 1 }, nodes },
    origins: made.map(({ origin }) => origin),
    notes,
    unnamed: builder.unnamed,
  };
}

/** Arm's SMMUs that come up. Another IOMMU has a table of its own (VIOT), or none. */
function isCarried(iommu: Iommu, { busRule }: IortSettings, notes: Note[]): boolean {
  const { path, driver, availability, laterProblem, registers } = iommu;
  const problem = iommu.problem ?? (busRule === 'own-cells' ? laterProblem : undefined);
  if (!availability.enabled) return false;
  if (driver.name !== 'arm-smmu-v3' && driver.name !== 'arm-smmu') {
    const which = driver.known ? `an IOMMU of the driver ${driver.name}` : 'no IOMMU that Linux has a driver for';
    note({ notes }, 'lost', path, `it is ${which}, and an IORT describes Arm’s SMMUs`);
    return false;
  }
  if (problem === undefined && registers.length > 0) return true;
  note({ notes }, 'lost', path, `it does not come up from the tree: ${problem?.message ?? 'it has no registers'}`);
  return false;
}

/** GIC ITS IDs: those that the map gives, the others counted around them. */
function itsIds({ settings }: IortBuilder, controllers: readonly MsiController[]): number[] {
  const { numbers } = settings.objects;
  const taken = new Set(controllers.flatMap(({ path }) => numbers.get(path) ?? []));
  let next = 0;
  return controllers.map(({ path }) => {
    const given = numbers.get(path);
    if (given !== undefined) return given;
    while (taken.has(next)) next++;
    return next++;
  });
}

function makeGroup(builder: IortBuilder, controller: MsiController, id: number): MadeNode {
  const { path } = controller;
  const { settings, its } = builder;
  const given = settings.objects.numbers.get(path);
  if (given === undefined && its.size > 1) {
    note(builder, 'assumed', path, `GIC ITS ID ${String(id)}, by the order of the tree: the map can say another`);
  }
  const node = nodeAt(builder.tree, path);
  const base = node && registersOf(builder.tree, node)[0]?.start;
  note(builder, 'elsewhere', path, `MADT: GIC ITS ID ${String(id)}${base === undefined ? '' : ` at ${hex(base)}`}`);
  return {
    origin: path,
    node: { kind: 'its-group', revision: nodeRevision(settings, 'its-group'), identifiers: [id] },
  };
}

/** Other controllers of MSIs that masters go to. */
function noteControllers(builder: IortBuilder): void {
  for (const { path, kind, availability } of builder.topology.msiControllers) {
    if (!availability.enabled || kind === 'its') continue;
    if (kind === 'gicv2m') {
      note(builder, 'elsewhere', path, 'MADT: a GICv2m frame, which takes the MSIs of all host bridges');
      continue;
    }
    const users = builder.topology.masters.filter((master) => rings(master, path));
    if (users.length === 0) continue;
    note(builder, 'lost', path, `the MSIs of ${users[0]!.path}: an IORT leads to ITS alone`);
  }
}

/** Names that nothing comes of; the others are looked at with their devices. */
function noteUnusedNames(builder: IortBuilder): void {
  const masters = new Map(builder.topology.masters.map((master) => [master.path, master]));
  for (const [path, name] of builder.settings.objects.names) {
    const kind = masters.get(path)?.kind;
    if (kind === 'platform' || kind === 'bus') continue;
    const reason =
      kind === 'pci-host' ? 'a root complex has a PCI segment, and no name' : 'it has no IOMMU and no MSIs';
    note(builder, 'assumed', path, `${name} gets no node: ${reason}`);
  }
}

/** A function whose node is off is none to Linux (drivers/pci/of.c pci_set_of_node); ACPI hides no functions. */
function noteFunctions(builder: IortBuilder): void {
  for (const { path, kind, availability, hostBridge } of builder.topology.masters) {
    if (kind !== 'pci-function' || availability.enabled || hostBridge?.availability.enabled === false) continue;
    note(builder, 'lost', path, `the function is off in the tree (${availability.reason}); under ACPI it is there`);
  }
}

function rings({ msi }: DmaMaster, path: string): boolean {
  return msi.parents.some(({ controller }) => controller.path === path);
}

/** IOMMUs, PMCGs and interrupt controllers have an `msi-parent` for themselves. */
function isOwnMaster({ tree, topology, settings }: IortBuilder, { path, streams }: DmaMaster): boolean {
  if (topology.iommus.some((iommu) => iommu.path === path)) return false;
  const node = nodeAt(tree, path);
  if (node === undefined || isPmcg(node)) return false;
  // Display controllers hand on the interrupts of their parts, and have stream IDs all the same.
  return streams.length > 0 || !node.properties.has('interrupt-controller') || settings.objects.names.has(path);
}
