// Hovers on node names and labels: what the device is to DMA, and the regions that are predicted for it.
import { hex } from '../../rules/numbers';
import { effectsText } from '../../iova/explain-region';
import type { UngroupedMaster } from '../../iova/prediction';
import type { Iommu, MsiController } from '../../topology/model';
import { translateReg } from '../../tree/addresses';
import type { DtNode } from '../../tree/model';
import { compatibles, nodePath, stringValue } from '../../tree/navigate';
import { bullets, code, nodeText, rangeText, type Analysis, type Text } from './subject';
import { groupOf, masterAt, regionText } from './touches';

export function nodeHover(analysis: Analysis, node: DtNode): readonly Text[] {
  const path = nodePath(node);
  return [
    titleText(node),
    placeInMemory(analysis, node),
    ...masterText(analysis, path),
    ...bridgeText(analysis, path),
    iommuText(
      analysis,
      analysis.topology.iommus.find((iommu) => iommu.path === path),
    ),
    controllerText(analysis.topology.msiControllers.find((controller) => controller.path === path)),
  ];
}

/** One line on a node that something refers to. */
export function titleText(node: DtNode): string {
  const labels = node.labels.map(({ name }) => code(`&${name}`)).join(', ');
  const [compatible] = compatibles(node);
  const status = stringValue(node, 'status');
  const words = [
    labels,
    compatible === undefined ? '' : code(compatible),
    status === undefined ? '' : `status ${code(status)}`,
    node.phandle === undefined ? '' : `phandle ${code(hex(node.phandle))}`,
  ].filter((word) => word !== '');
  return `**${nodePath(node)}**${words.length === 0 ? '' : `: ${words.join(', ')}`}`;
}

function placeInMemory({ tree }: Analysis, node: DtNode): Text {
  const found = translateReg(tree, node, 0);
  if (found?.translation.ok !== true || found.size === 0n) return undefined;
  const start = found.translation.address;
  return `At ${rangeText({ start, end: start + found.size - 1n })} for the CPU.`;
}

function masterText(analysis: Analysis, path: string): Text[] {
  const master = masterAt(analysis, path);
  if (master === undefined) return [];
  const group = groupOf(analysis, path);
  if (group === undefined) {
    const reason = analysis.prediction.ungrouped.find((each: UngroupedMaster) => each.path === path)?.reason;
    return [reason === undefined ? undefined : `DMA master without an IOMMU group: ${reason}.`];
  }
  const device = group.devices.find((each) => each.path === path);
  const streams =
    device === undefined || device.streamIds.length === 0
      ? ''
      : `, stream ID ${code(device.streamIds.slice(0, 8).map(hex).join(' '))}`;
  const others = group.devices.length - 1;
  const shared = others === 0 ? '' : ` together with ${others === 1 ? 'one other device' : `${others} other devices`}`;
  const stands =
    device?.standsForUndescribed === true ? ' (for the functions behind it that the sources do not describe)' : '';
  const { kernel } = analysis.prediction;
  return [
    `DMA master behind ${nodeText(device?.iommu.path ?? 'an IOMMU')}${streams}${shared}${stands}.`,
    group.oops === undefined
      ? undefined
      : `**Linux ${kernel.version} crashes when this group's regions are read: ${group.oops.message}**`,
    `Reserved regions predicted for Linux ${kernel.version}:`,
    group.regions.length === 0 ? 'none' : bullets(group.regions.slice(0, 16).map(regionText)),
    effectsText(group.regions, kernel),
    bullets(group.unknown.map((reason) => `unknown: ${reason}`)),
    inboundText(master.inbound.windows),
  ];
}

function inboundText(
  windows: readonly { readonly device: { readonly start: bigint; readonly end: bigint } }[] | undefined,
): Text {
  if (windows === undefined) return undefined;
  if (windows.length === 0) return `${code('dma-ranges')} lets no DMA out, or cannot be read.`;
  return `${code('dma-ranges')} forwards ${windows
    .slice(0, 8)
    .map(({ device }) => rangeText(device))
    .join(', ')}.`;
}

function bridgeText({ topology }: Analysis, path: string): Text[] {
  const bridge = topology.hostBridges.find((each) => each.path === path);
  if (bridge === undefined || bridge.outbound.length === 0) return [];
  const windows = bridge.outbound.slice(0, 8).map(({ bus, cpu, kind, prefetchable }) => {
    const reached =
      cpu === undefined
        ? 'not reachable'
        : BigInt(cpu.start) === BigInt(bus.start)
          ? 'the same for the CPU'
          : `${rangeText(cpu)} for the CPU`;
    return `${kind}${prefetchable ? ', prefetchable' : ''}: ${rangeText(bus)}, ${reached}`;
  });
  return [
    `PCI host bridge of segment ${bridge.segment}${bridge.segmentKnown ? '' : ' (a guess)'}. Outbound windows:`,
    bullets(windows),
  ];
}

function iommuText({ topology }: Analysis, iommu: Iommu | undefined): Text {
  if (iommu === undefined) return undefined;
  const behind = topology.masters.filter(({ streams }) => streams.some((entry) => entry.iommu.target === iommu)).length;
  const bits = iommu.driver.streamIdBits;
  const width = bits === undefined ? '' : `, stream IDs of ${bits.bits} bits${bits.known ? '' : ' as a rule'}`;
  const off = iommu.availability.enabled ? '' : ` It is off: ${iommu.availability.reason}.`;
  const problem = iommu.problem === undefined ? '' : ` **${iommu.problem.message}**`;
  return `IOMMU, driver ${iommu.driver.known ? code(iommu.driver.name) : 'unknown'}${width}; ${behind} ${behind === 1 ? 'device lists' : 'devices list'} it in ${code('iommus')}.${off}${problem}`;
}

function controllerText(controller: MsiController | undefined): Text {
  if (controller === undefined) return undefined;
  const doorbells = controller.doorbells
    .slice(0, 8)
    .map(({ address, page }) => `${code(hex(address))} (page ${rangeText(page)})`);
  const where = doorbells.length === 0 ? (controller.doorbellsUnknown ?? 'unknown') : doorbells.join(', ');
  return `MSI controller (${controller.kind}); devices write to ${where}.`;
}
