// The VIOT: which devices of a virtual machine are behind which virtio-iommu. Each node's layout has its header in it.
import { fieldMakers, named, structure } from './define';
import type { Field, StructureLayout } from './field';

const specification = 'ACPI 6.5, 5.2.34 Virtual I/O Translation Table';
const table = fieldMakers(specification);

export const viotTableLayout = structure({
  name: 'viot',
  title: 'VIOT',
  meaning: 'Virtual I/O Translation Table: which devices are behind which virtio-iommu.',
  specification,
  fields: [
    table.integer('nodeCount', 'Node count', 2, 'Number of nodes.', { computed: 'node-count', shownAs: 'decimal' }),
    table.integer('nodeOffset', 'Node offset', 2, 'Where the first node is, from the table’s start.', {
      computed: 'node-offset',
    }),
    table.reserved('reserved', 8),
  ],
});

export const viotNodeTypes = [
  named(1, 'PCI Range'),
  named(2, 'MMIO Endpoint'),
  named(3, 'VirtIO-PCI IOMMU'),
  named(4, 'VirtIO-MMIO IOMMU'),
] as const;

const header = [
  table.integer('type', 'Type', 1, 'What kind of node this is.', { values: viotNodeTypes }),
  table.reserved('reserved', 1),
  table.integer('length', 'Length', 2, 'Length of the node.', {
    computed: 'node-length',
    units: 'bytes',
    shownAs: 'size',
  }),
] as const;

const outputNode = table.integer(
  'outputNode',
  'Output node',
  2,
  'The virtio-iommu that translates: where its node is, from the table’s start.',
);

/** What every node begins with; of types that nobody has published there is no more. */
export const viotNodeHeaderLayout = structure({
  name: 'viot-node',
  title: 'VIOT node',
  meaning: 'What every node begins with.',
  specification,
  fields: header,
});

interface NodeLayout {
  readonly whole: StructureLayout;
  /** Without the header. */
  readonly body: StructureLayout;
}

function node(name: string, title: string, meaning: string, fields: readonly Field[]): NodeLayout {
  const of = { name, title, meaning, specification };
  return { whole: structure({ ...of, fields: [...header, ...fields] }), body: structure({ ...of, fields }) };
}

const nodes: readonly NodeLayout[] = [
  node('viot-pci-range', 'range of PCI functions', 'PCI functions behind a virtio-iommu.', [
    table.integer('endpointStart', 'Endpoint start', 4, 'Endpoint ID of the first function of the first segment.'),
    table.integer('segmentStart', 'PCI Segment start', 2, 'The first PCI segment.'),
    table.integer('segmentEnd', 'PCI Segment end', 2, 'The last PCI segment.'),
    table.integer('functionStart', 'PCI BDF start', 2, 'The first function: bus, device and function in 16 bits.'),
    table.integer('functionEnd', 'PCI BDF end', 2, 'The last function.'),
    outputNode,
    table.reserved('reserved2', 6),
  ]),
  node('viot-mmio-endpoint', 'platform device', 'A platform device behind a virtio-iommu.', [
    table.integer('endpoint', 'Endpoint', 4, 'The device’s endpoint ID.'),
    table.integer('base', 'Base address', 8, 'Where the device’s registers begin.', { shownAs: 'address' }),
    outputNode,
    table.reserved('reserved2', 6),
  ]),
  node('viot-pci-iommu', 'virtio-iommu on PCI', 'A virtio-iommu that is a PCI function.', [
    table.integer('segment', 'PCI Segment', 2, 'Its PCI segment.'),
    table.integer('function', 'PCI BDF number', 2, 'Its bus, device and function in 16 bits.'),
    table.reserved('reserved2', 8),
  ]),
  node('viot-mmio-iommu', 'virtio-iommu on MMIO', 'A virtio-iommu that is a platform device.', [
    table.reserved('reserved2', 4),
    table.integer('base', 'Base address', 8, 'Where its registers begin.', { shownAs: 'address' }),
  ]),
];

/** A whole node of a type; undefined for types that nobody has published. */
export function viotNodeLayout(type: number): StructureLayout | undefined {
  return nodes[type - 1]?.whole;
}

/** What of it stands behind the header. */
export function viotBodyLayout(type: number): StructureLayout | undefined {
  return nodes[type - 1]?.body;
}
