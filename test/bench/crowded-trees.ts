// Trees with thousands of reservations and masters, for the bench and for tests of what comes out.

export interface Crowd {
  readonly regions: number;
  readonly masters: number;
  /** Devices that each region names, and that list it. */
  readonly devicesPerRegion: number;
  /** Every master lists every region, whether or not that names it. */
  readonly allListed?: boolean;
}

const regionSize = 0x10000;
/** Within 48 bits, and with cells that no phandle of the tree equals. */
const firstRegion = 0x9000_0000_0000;

/** The device that a region's entry number `place` names: regions are dealt out in turn. */
export function namedDevice({ masters, devicesPerRegion }: Crowd, region: number, place: number): number {
  return (region * devicesPerRegion + place) % masters;
}

/** Where a region lies; each keeps a gap to the next one, so that no two of them join. */
export function regionStart(region: number): number {
  return firstRegion + region * regionSize * 2;
}

export const crowdedRegionSize = regionSize;

/** The source of a board with an SMMUv3, an ITS, a host bridge, `regions` nodes under /reserved-memory and `masters` devices. */
export function crowdedSource(crowd: Crowd): string {
  const { regions, masters, devicesPerRegion } = crowd;
  const listed: string[][] = Array.from({ length: masters }, () => []);
  const nodes: string[] = [];
  for (let region = 0; region < regions; region++) {
    const start = regionStart(region);
    const cells = [`0x${Math.floor(start / 2 ** 32).toString(16)}`, `0x${(start % 2 ** 32).toString(16)}`, '0x0'];
    const entries: string[] = [];
    for (let place = 0; place < devicesPerRegion; place++) {
      const device = namedDevice(crowd, region, place);
      entries.push(`<&d${device} ${cells.join(' ')} 0x${regionSize.toString(16)}>`);
      if (crowd.allListed !== true) listed[device]!.push(`&r${region}`);
    }
    nodes.push(`\t\tr${region}: region-${region} { iommu-addresses = ${entries.join(', ')}; };\n`);
  }
  const all = crowd.allListed === true ? Array.from({ length: regions }, (_, region) => `&r${region}`).join(' ') : '';
  const devices = listed.map((names, device) => {
    const list = crowd.allListed === true ? all : names.join(' ');
    const memory = list === '' ? '' : ` memory-region = <${list}>;`;
    return `\td${device}: dma-${device} { compatible = "test,dma"; iommus = <&smmu 0x${(device + 1).toString(16)}>; msi-parent = <&its ${device}>;${memory} };\n`;
  });
  return `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>; compatible = "test,crowd"; model = "crowd";
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
	smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
	its: msi-controller@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
	reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
${nodes.join('')}	};
${devices.join('')}};
`;
}
