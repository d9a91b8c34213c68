// IOMMUs and MSI controllers that are referred to and not enabled: one finding for each, however many devices it concerns.
import type { SourceRange } from '../text/source-file';
import { usableEntries } from '../topology/id-maps';
import type { Availability, DmaMaster, IdMap, Link, MapRule } from '../topology/model';
import { count, hex, list } from './numbers';
import { propertyKey } from './references';
import { evidenceAt, hasGuests, type Finding, type Rule, type RuleInput } from './rule';

interface Target {
  readonly path: string;
  readonly availability: Availability;
}

interface Reference {
  readonly master: DmaMaster;
  /** IDs that the entry of a map covers; undefined for the other properties. */
  readonly ids?: { readonly first: number; readonly last: number };
  /** Other entries of the same map lead to enabled targets. */
  readonly isPartly?: boolean;
  readonly property: string;
  readonly source: SourceRange | undefined;
}

export const iommuTargetDisabled: Rule = {
  id: 'iommu-target-disabled',
  severity: 'warning',
  summary: 'iommus or iommu-map leads to an IOMMU that is not enabled',
  docs: {
    effect:
      'The devices have no IOMMU: their DMA is not translated, they are in no group and VFIO cannot take them. Where the hardware or firmware keeps the IOMMU on, their DMA and MSIs are lost as well. (An info where both the reference and `status = "disabled"` come with an include, so that the board chooses, and `doorbell.json` names no guests; a hint for one port of several.)',
    why: 'Any `status` other than `okay` makes the kernel pass over the node (`of_device_is_available`), `reserved` as well as `disabled`. `iommu-map` and `iommus` that lead there are then ignored without a message.',
    fix: 'Set `status = "okay"` on the IOMMU if the kernel is to drive it. Otherwise remove the reference.',
    sources: ['Linux drivers/iommu/of_iommu.c of_iommu_xlate', 'Linux drivers/of/base.c __of_device_is_available'],
    example: {
      failing: `&smmu {
	status = "reserved";
};`,
      corrected: `&smmu {
	status = "okay";
};`,
    },
  },
  check(input) {
    const severityOf = (availability: Disabled, users: readonly Reference[]) =>
      isOffAsAWhole(availability, users) ?? leftToTheBoard(input, availability, users) ?? {};
    return disabledTargets(input, iommuLinks(input), severityOf, (path, state, whom) => {
      return `${path} is not enabled (${state}), so Linux passes over it: ${whom} no IOMMU. DMA is not translated, there is no IOMMU group, and VFIO can take no such device; where hardware or firmware keeps the IOMMU on, DMA and MSIs do not arrive at all. Set status = "okay" if Linux is to use it; if the board leaves it off on purpose, this is how it works.`;
    });
  },
};

export const msiTargetDisabled: Rule = {
  id: 'msi-target-disabled',
  severity: 'warning',
  summary: 'msi-parent or msi-map leads to an MSI controller that is not enabled',
  docs: {
    effect:
      'The devices get no MSIs; PCI functions fall back to wired interrupts if they can. VFIO refuses them with EPERM.',
    why: 'A node whose `status` is not `okay` gets no driver, so no interrupt domain is found for it.',
    fix: 'Set `status = "okay"` on the MSI controller, or refer to another one.',
    sources: [
      'Linux drivers/of/irq.c of_msi_get_domain, of_msi_map_get_device_domain',
      'Linux drivers/irqchip/irq-gic-v3-its.c its_of_probe',
    ],
    example: {
      failing: `&its {
	status = "disabled";
};`,
      corrected: `&its {
	status = "okay";
};`,
    },
  },
  check(input) {
    const severityOf = (availability: Disabled, users: readonly Reference[]) =>
      isOffAsAWhole(availability, users) ?? {};
    return disabledTargets(input, msiLinks(input), severityOf, (path, state, whom) => {
      return `${path} is not enabled (${state}), so Linux has no driver for it: ${whom} no MSIs from it, and VFIO refuses devices without another MSI controller (EPERM). Set status = "okay", or refer to another one.`;
    });
  },
};

type Disabled = Exclude<Availability, { readonly enabled: true }>;

/** One port of several that is off along with its IOMMU: nothing is behind it. */
function isOffAsAWhole({ reason }: Disabled, users: readonly Reference[]): { severity: 'hint' } | undefined {
  const isOff = reason === 'status = "disabled"' && users.every((user) => user.isPartly === true);
  return isOff ? { severity: 'hint' } : undefined;
}

/**
 * A SoC's include that has the references and leaves the IOMMU off lets each board choose: its devices work untranslated,
 * and only somebody who wants to pass them through misses something.
 */
function leftToTheBoard(
  input: RuleInput,
  { reason, source }: Disabled,
  users: readonly Reference[],
): { severity: 'info' } | undefined {
  const { root } = input;
  if (root === undefined || hasGuests(input) || reason !== 'status = "disabled"') return undefined;
  const isTheBoards = [source, ...users.map((user) => user.source)].some((place) => place?.file === root);
  return isTheBoards ? undefined : { severity: 'info' };
}

/** A link to what is not enabled, and who has it. */
type LinkTo = readonly [link: Link<Target>, reference: Reference];

function* iommuLinks({ topology, kernel }: RuleInput): Generator<LinkTo> {
  for (const master of topology.masters) {
    if (!master.availability.enabled || master.kind === 'pci-function') continue;
    for (const { iommu } of master.streams) {
      if (isDisabled(iommu)) yield [iommu, { master, property: 'iommus', source: iommu.source }];
    }
    yield* mapLinks(master, master.iommuMap, kernel.mapRule);
  }
}

function* msiLinks({ topology, kernel }: RuleInput): Generator<LinkTo> {
  for (const master of topology.masters) {
    if (!master.availability.enabled || master.kind === 'pci-function') continue;
    for (const { controller } of master.msi.parents) {
      if (isDisabled(controller)) yield [controller, { master, property: 'msi-parent', source: controller.source }];
    }
    yield* mapLinks(master, master.msi.map, kernel.mapRule);
  }
}

function* mapLinks(master: DmaMaster, map: IdMap<Target> | undefined, rule: MapRule): Generator<LinkTo> {
  const entries = usableEntries(map, rule).filter(({ length }) => length > 0);
  const isPartly = entries.some(({ target }) => target.problem === undefined);
  for (const { target, input, length } of entries) {
    if (!isDisabled(target)) continue;
    const ids = { first: input, last: input + length - 1 };
    yield [target, { master, property: map!.property, source: target.source, ids, isPartly }];
  }
}

function isDisabled({ problem }: Link<Target>): boolean {
  return problem?.code === 'disabled-target';
}

function* disabledTargets(
  input: RuleInput,
  links: Iterable<LinkTo>,
  severityOf: (availability: Disabled, users: readonly Reference[]) => Pick<Finding, 'severity'>,
  message: (path: string, state: string, whom: string) => string,
): Generator<Finding> {
  const references = new Map<Target, Reference[]>();
  for (const [{ target }, reference] of links) {
    if (target === undefined) continue;
    const known = references.get(target);
    if (known === undefined) references.set(target, [reference]);
    else known.push(reference);
  }
  for (const [{ path, availability }, users] of references) {
    if (availability.enabled) continue;
    // Where the board's own file refers to it, there.
    const shown = users.find(({ source }) => source !== undefined && source.file === input.root) ?? users[0]!;
    const masters = [...new Set(users.map(concernedBy))];
    const isOne = masters.length === 1 && users[0]!.ids === undefined;
    const whom = isOne ? `${masters[0]!} has` : `${list(masters)} have`;
    yield {
      about: path,
      restsOn: [propertyKey(shown.master.path, shown.property)],
      range: shown.source ?? shown.master.source,
      node: shown.master.path,
      ...severityOf(availability, users),
      message: message(path, availability.reason, whom),
      evidence: evidenceAt(
        [availability.source, `Why ${path} is not enabled`],
        ...users
          .filter((user) => user !== shown)
          .slice(0, 8)
          .map(
            ({ source, master }) =>
              [source, `${master.path} refers to it too (${count(users.length, 'reference')} in all)`] as const,
          ),
      ),
    };
  }
}

/** `/dma@1000`, or `devices 0x100–0x1ff behind /pcie@1000`. */
function concernedBy({ master, ids }: Reference): string {
  if (ids === undefined) return master.path;
  const which =
    ids.first === 0 && ids.last >= 0xffff ? '' : ` ${hex(ids.first)}${ids.last > ids.first ? `–${hex(ids.last)}` : ''}`;
  return `devices${which} behind ${master.path}`;
}
