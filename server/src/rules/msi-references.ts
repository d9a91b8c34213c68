// `msi-parent` and `#msi-cells`.
import type { Fix } from '../text/diagnostic';
import type { DmaMaster, MsiParent } from '../topology/model';
import { replace } from './address-edits';
import { count } from './numbers';
import { propertyKey } from './references';
import { evidenceAt, type Rule } from './rule';

export const msiParentCellCount: Rule = {
  id: 'msi-parent-cell-count',
  severity: 'error',
  summary: 'msi-parent does not have the cells that its MSI controller asks for',
  docs: {
    effect: 'The device gets no MSIs, and VFIO refuses it with EPERM (“No interrupt remapping support”).',
    why: 'An entry of `msi-parent` is a phandle and as many cells as `#msi-cells` of the controller says (none if it has no such property). Linux finds no controller where cells are missing.',
    fix: 'For a PCI host bridge write `msi-map`, or the cell as 0 (functions have their own IDs). For another device write its device ID.',
    sources: [
      'Linux drivers/of/irq.c of_msi_get_domain',
      'Documentation/devicetree/bindings/interrupt-controller/msi.txt',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ msi-map;
	msi-parent = <&its>;
};`,
      corrected: `&pcie {
	/delete-property/ msi-map;
	msi-parent = <&its 0x0>;
};`,
    },
  },
  prerequisites: ['unresolved-phandle', 'msi-target-not-controller'],
  *check({ topology }) {
    for (const master of topology.masters) {
      if (!master.availability.enabled || master.kind === 'pci-function') continue;
      for (const parent of master.msi.parents) {
        const { problem, controller } = parent;
        if (problem?.code !== 'bad-length') continue;
        // With a map, the host bridge's own entry is not needed.
        const isCovered = master.kind === 'pci-host' && master.msi.map !== undefined;
        yield {
          about: propertyKey(master.path, 'msi-parent'),
          range: parent.source ?? master.msi.source,
          node: master.path,
          ...(isCovered ? { severity: 'info' as const } : {}),
          message: isCovered
            ? `${problem.message}. msi-map serves the functions behind ${master.path} all the same.`
            : `${problem.message}. ${whom(master)} no MSIs, and VFIO refuses them (EPERM).`,
          evidence: evidenceAt([controller.target?.source, 'The MSI controller']),
          fixes: missingCellFix(master, parent),
        };
      }
    }
  },
};

function whom({ kind, path }: DmaMaster): string {
  return kind === 'pci-host' || kind === 'bus' ? `Devices behind ${path} get` : `${path} gets`;
}

/** Functions bring their own IDs, so for a host bridge any value does. For another device only its manual knows it. */
function missingCellFix({ kind }: DmaMaster, { controller, cells, source }: MsiParent): Fix[] {
  const missing = (controller.target?.cells ?? 0) - cells.length;
  if (missing <= 0 || missing > 4 || source === undefined) return [];
  if (!source.file.text.startsWith('&', source.start)) return [];
  const what = count(missing, 'missing cell');
  return [
    {
      title: kind === 'pci-host' ? `Insert ${what} as 0x0` : `Insert ${what} as 0x0, to be replaced by the device ID`,
      isPreferred: kind === 'pci-host',
      change: () => replace({ ...source, start: source.end }, ' 0x0'.repeat(missing)),
    },
  ];
}
