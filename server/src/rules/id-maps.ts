// `iommu-map` and `msi-map`: what a kernel cannot read of them, and what kernels read differently.
import type { IdMap, IdMapReading, MapRule, ProblemCode } from '../topology/model';
import { hex } from './numbers';
import { isEnabled, propertyKey } from './references';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

export type AnyMap = IdMap<{ readonly cells: number | undefined }>;

export interface FoundMap {
  readonly map: AnyMap;
  /** The node that holds it. */
  readonly path: string;
}

/** Each map of an enabled bridge or bus, once. */
export function* maps({ topology, tree }: RuleInput): Generator<FoundMap> {
  for (const master of topology.masters) {
    // Functions share their host bridge's.
    if (!master.availability.enabled || master.kind === 'pci-function') continue;
    if (master.iommuMap !== undefined) yield { map: master.iommuMap, path: master.path };
    if (master.msi.map === undefined) continue;
    const path = master.msi.node ?? master.path;
    if (isEnabled(tree, path)) yield { map: master.msi.map, path };
  }
}

const lost = {
  'iommu-map': 'no device behind it has an IOMMU: DMA is not translated, and VFIO cannot take any of them',
  'msi-map': 'no device behind it gets MSIs, and VFIO refuses them all (EPERM)',
  iort: 'no device behind it is found',
};

export const idMapLength: Rule = {
  id: 'id-map-length',
  severity: 'error',
  summary: 'The length of iommu-map or msi-map is no whole number of entries',
  docs: {
    effect:
      'To Linux 7.1 the map is refused as a whole (“Bad iommu-map length”): no device behind the bridge has an IOMMU, or MSIs. From 7.2 on the entries before the broken one still count.',
    why: 'To 7.1 each entry has four cells: input base, phandle, output base, length. From 7.2 on an entry has three, and as many for the output as `#iommu-cells` or `#msi-cells` of its target says.',
    fix: 'Complete the entries. A target with one cell gives entries that all kernels read alike.',
    sources: ['Linux drivers/of/base.c of_map_id (6.12), of_check_bad_map (7.2)'],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0>;
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x10000>;
};`,
    },
  },
  *check(input) {
    for (const { map, path } of maps(input)) {
      const reading = map.readings[input.kernel.mapRule];
      const { problem } = reading;
      const other = map.readings[otherRule(input.kernel.mapRule)];
      const isWritten = isForm(problem?.code) || (problem?.code === 'unresolved' && isWhole(other));
      if (problem === undefined || !isWritten) continue;
      const elsewhere = elsewhereText(otherRule(input.kernel.mapRule), other);
      const outcome = reading.unusable
        ? input.kernel.mapRule === 'target-cells'
          ? `Linux ${input.kernel.version} takes no entry of it, and ${lost[map.property]}`
          : `Linux ${input.kernel.version} refuses the whole map (“Bad ${map.property} length”), and ${lost[map.property]}`
        : `Linux ${input.kernel.version} stops reading there, and devices that only later entries cover are left out`;
      yield {
        about: propertyKey(path, map.property),
        range: problem.source ?? map.source,
        node: path,
        ...(reading.unusable ? {} : { severity: 'warning' as const }),
        message: `${sentence(map.property, problem.message)}: ${outcome}.${elsewhere}`,
      };
    }
  },
};

function isForm(code: ProblemCode | undefined): boolean {
  return code === 'bad-length' || code === 'bad-cells';
}

/** The map makes sense in this reading: what is no phandle in the other one is a cell of another kind here. */
function isWhole({ problem, entries }: IdMapReading<unknown>): boolean {
  return problem === undefined && entries.every(({ target }) => target.problem?.code !== 'unresolved');
}

/** What the other kernels make of a map that this one refuses. */
function elsewhereText(rule: MapRule, { problem, unusable, entries }: IdMapReading<unknown>): string {
  if (problem === undefined) return ` ${capital(kernelsOf(rule))} take it.`;
  if (unusable || entries.length === 0) return '';
  return ` ${capital(kernelsOf(rule))} still use the ${entries.length === 1 ? 'entry' : 'entries'} before what is left over.`;
}

/** A problem's text that may start with the property's name, which keeps its case. */
function sentence(property: string, text: string): string {
  return text.startsWith(property) ? text : capital(text);
}

export const idMapCells: Rule = {
  id: 'id-map-cells',
  severity: 'info',
  summary: 'Kernels before and after 7.2 read this map differently',
  docs: {
    effect:
      'The board works with the kernels that it was written for. With the others, devices behind the bridge lose their IOMMU (or MSIs), or get other stream IDs.',
    why: 'To Linux 7.1 each entry has four cells, whatever the target asks for. From 7.2 on the target’s `#iommu-cells` (`#msi-cells`) counts. Maps to a two-cell target that were written with one cell are taken as meant only if all entries have the same target and length 1.',
    fix: 'Where both must work: entries of length 1 with the same target throughout, or a target with one cell.',
    kernels: 'all kernels: to 7.1 they read a map by one rule, from 7.2 on by another',
    sources: ['Linux drivers/of/base.c of_map_id (6.12), of_check_bad_map (7.2)'],
    example: {
      failing: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <2>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&pcie {
	iommu-map = <0x0 &smmu2 0x0 0x100>;
};`,
      corrected: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&pcie {
	iommu-map = <0x0 &smmu2 0x0 0x100>;
};`,
    },
  },
  prerequisites: ['id-map-length'],
  *check(input) {
    for (const { map, path } of maps(input)) {
      const mine = map.readings[input.kernel.mapRule];
      const theirs = map.readings[otherRule(input.kernel.mapRule)];
      const difference = differenceOf(mine, theirs);
      if (mine.problem !== undefined) continue;
      if (difference === undefined) {
        if (hasOldForm(map)) yield oldForm(map, path);
        continue;
      }
      yield {
        about: propertyKey(path, map.property),
        range: theirs.problem?.source ?? map.source,
        node: path,
        message: `Linux ${input.kernel.version} and ${kernelsOf(otherRule(input.kernel.mapRule))} do not read this ${map.property} alike. The others read each entry as ${rules[otherRule(input.kernel.mapRule)]}, Linux ${input.kernel.version} as ${rules[input.kernel.mapRule]}: ${difference}.`,
        evidence: evidenceAt([map.source, 'The map']),
      };
    }
  },
};

/** Written with one cell for a target that asks for two, in the one way that both kinds of kernel take as meant. */
function hasOldForm({ readings }: AnyMap): boolean {
  const { entries } = readings['four-cells'];
  const cells = entries[0]?.target.target?.cells;
  return readings['four-cells'] !== readings['target-cells'] && cells === 2 && entries.length > 0;
}

function oldForm(map: AnyMap, path: string): Finding {
  const target = map.readings['four-cells'].entries[0]?.target.path ?? 'the target';
  return {
    about: propertyKey(path, map.property),
    range: map.source,
    node: path,
    severity: 'hint',
    message: `The entries of this ${map.property} have one cell for the target's ID, but ${target} asks for two. Kernels to 7.1 always read one; those from 7.2 on read two, but take this map as it was meant, because all its entries have the same target and length 1. An entry with another target or length would break it there.`,
  };
}

const rules: Readonly<Record<MapRule, string>> = {
  'four-cells': 'four cells',
  'target-cells': 'three cells and those of the target (#iommu-cells, #msi-cells)',
};

function kernelsOf(rule: MapRule): string {
  return rule === 'four-cells' ? 'kernels to 7.1' : 'kernels from 7.2 on';
}

function otherRule(rule: MapRule): MapRule {
  return rule === 'four-cells' ? 'target-cells' : 'four-cells';
}

/** What the others make of it; undefined where both read the same. */
function differenceOf(mine: IdMapReading<unknown>, theirs: IdMapReading<unknown>): string | undefined {
  if (mine === theirs) return undefined;
  if (theirs.problem !== undefined && (isForm(theirs.problem.code) || isWhole(mine))) {
    return theirs.unusable
      ? `they refuse it (${theirs.problem.message})`
      : `they stop inside it (${theirs.problem.message})`;
  }
  const refused = theirs.entries.find(({ problem }) => problem?.code === 'bad-cells');
  if (refused?.problem !== undefined && !mine.entries.some(({ problem }) => problem?.code === 'bad-cells')) {
    return `devices that the entry from ${hex(refused.input)} covers are refused (${refused.problem.message})`;
  }
  for (const [index, entry] of mine.entries.entries()) {
    const other = theirs.entries[index];
    if (other === undefined) return `they find ${theirs.entries.length} entries instead of ${mine.entries.length}`;
    const isSame =
      entry.input === other.input &&
      entry.target.phandle === other.target.phandle &&
      entry.output === other.output &&
      entry.length === other.length;
    if (!isSame) {
      return `they map ${hex(other.input)} to ${hex(other.output)} with length ${hex(other.length)} where ${hex(entry.input)} to ${hex(entry.output)} with length ${hex(entry.length)} is meant`;
    }
  }
  return undefined;
}

export const idMapOutsideMask: Rule = {
  id: 'id-map-outside-mask',
  severity: 'error',
  summary: 'An entry of a map starts at an ID that the map’s mask cuts off',
  docs: {
    effect:
      'The kernel stops at this entry with “Invalid iommu-map translation”: devices that no earlier entry covers get no IOMMU, or no MSIs.',
    why: 'IDs are masked before the look-up, so an input base with bits outside the mask can never match; Linux takes it for an error.',
    fix: 'Correct the input base, or the mask.',
    sources: ['Linux drivers/of/base.c of_map_id'],
    example: {
      failing: `&pcie {
	iommu-map-mask = <0xff00>;
	iommu-map = <0x0 &smmu 0x0 0x100>, <0x108 &smmu 0x100 0x100>;
};`,
      corrected: `&pcie {
	iommu-map-mask = <0xff00>;
	iommu-map = <0x0 &smmu 0x0 0x100>, <0x100 &smmu 0x100 0x100>;
};`,
    },
  },
  prerequisites: ['id-map-length'],
  *check(input) {
    for (const { map, path } of maps(input)) {
      const broken = map.readings[input.kernel.mapRule].entries.find(({ problem }) => problem?.code === 'outside-mask');
      if (broken === undefined) continue;
      yield {
        about: propertyKey(path, map.property),
        range: broken.inputSource ?? broken.source ?? map.source,
        node: path,
        message: `The input base ${hex(broken.input)} has bits outside ${map.property}-mask ${hex(map.mask)}: Linux says “Invalid ${map.property} translation” and stops there, so devices that no earlier entry covers get ${map.property === 'msi-map' ? 'no MSIs' : 'no IOMMU'}. Correct the base or the mask.`,
        evidence: evidenceAt([map.maskSource, 'The mask']),
      };
    }
  },
};

export const idMapHiddenEntry: Rule = {
  id: 'id-map-hidden-entry',
  severity: 'warning',
  summary: 'An entry of a map that earlier entries hide',
  docs: {
    effect: 'The entry has no effect: the devices are mapped by the earlier entry.',
    why: 'The first entry that covers an ID wins.',
    fix: 'Put the more specific entry first, or remove the one that is not meant.',
    sources: ['Linux drivers/of/base.c of_map_id'],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &smmu 0x0 0x10000>, <0x8 &smmu 0x100 0x8>;
};`,
      corrected: `&pcie {
	iommu-map = <0x8 &smmu 0xff00 0x8>, <0x0 &smmu 0x0 0xff00>;
};`,
    },
  },
  prerequisites: ['id-map-length', 'id-map-outside-mask'],
  *check(input) {
    for (const { map, path } of maps(input)) {
      for (const entry of map.readings[input.kernel.mapRule].entries) {
        const { problem } = entry;
        if (problem?.code !== 'hidden-entry') continue;
        yield {
          about: propertyKey(path, map.property),
          range: entry.source ?? map.source,
          node: path,
          message: `This entry of ${map.property} has no effect: ${problem.message}. Put the more specific entry first.`,
        };
      }
    }
  },
};

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
