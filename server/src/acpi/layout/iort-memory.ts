// Memory access properties: 8 bytes that named components and root complexes share.
import { fieldMakers, named } from './define';

const { integer, flags, reserved } = fieldMakers('Arm DEN0049, memory access properties');

export const memoryAccessFields = [
  {
    name: 'memoryProperties',
    label: 'Memory Properties',
    size: 8,
    kind: 'heading',
    note: 'IORT Memory Access Properties',
    meaning: 'How the device accesses memory; the fields follow.',
    specification: 'Arm DEN0049, memory access properties',
  },
  integer('cacheCoherency', 'Cache Coherency', 4, 'Whether the device’s accesses are coherent with the CPUs’ caches.', {
    values: [
      named(0, 'not coherent', 'The device is not coherent with the CPUs’ caches'),
      named(1, 'coherent', 'The device is fully coherent; no software maintenance of caches is needed'),
    ],
    isClosed: true,
  }),
  flags('hints', 'Hints (decoded below)', 1, 'Allocation hints of the device’s accesses.', [
    { name: 'transient', label: 'Transient', bit: 0, width: 1, meaning: 'Data is used for a short time' },
    { name: 'writeAllocate', label: 'Write Allocate', bit: 1, width: 1, meaning: 'Writes allocate in caches' },
    { name: 'readAllocate', label: 'Read Allocate', bit: 2, width: 1, meaning: 'Reads allocate in caches' },
    { name: 'override', label: 'Override', bit: 3, width: 1, meaning: 'The device may override the hints' },
  ]),
  reserved('memoryReserved', 2),
  flags('memoryFlags', 'Memory Flags (decoded below)', 1, 'Properties of the path to memory.', [
    {
      name: 'coherentPath',
      label: 'Coherency',
      bit: 0,
      width: 1,
      meaning: 'CPM: the path to memory is coherent',
    },
    {
      name: 'deviceAttributes',
      label: 'Device Attribute',
      bit: 1,
      width: 1,
      meaning: 'DACS: the device’s attributes are inner and outer write-back cacheable, inner shareable',
    },
    {
      name: 'ensuredCoherency',
      label: 'Ensured Coherency of Accesses',
      bit: 2,
      width: 1,
      lines: ['current'],
      sinceTable: 6,
      meaning: 'CANWBS: coherency is ensured whatever the attributes of the translation are (issue E.f)',
    },
  ]),
] as const;
