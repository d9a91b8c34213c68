import assert from 'node:assert/strict';
import { amendTable, applyFix, binaryDocument, checkTable, textDocument, type CheckOptions } from './table';

/** Rules whose findings only say that the text's own numbers were not kept up. */
const unrelated = new Set(['iort-text-computed-mismatch']);

function found(amendment: string, options?: CheckOptions): string[] {
  const document = textDocument(amendTable(amendment));
  assert.deepEqual(
    document.diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  return checkTable(document, options)
    .filter(({ rule }) => !unrelated.has(rule))
    .map(({ rule, severity }) => `${severity} ${rule}`)
    .sort();
}

function lines(node: string, ...given: readonly string[]): string {
  return [`// ${node}`, ...given.map((line) => (line === '' ? '' : `    ${line}`))].join('\n');
}

function mapping(input: string, count: string, output: string, reference: string, single = '0'): string[] {
  return [
    ...[`Input base : ${input}`, `ID Count : ${count}`, `Output Base : ${output}`, `Output Reference : ${reference}`],
    ...[`Flags (decoded below) : 0000000${single}`, `Single Mapping : ${single}`],
  ];
}

const itsHeader = ['Type : 00', 'Length : 0018', 'Revision : 01', 'Identifier : 00000008'];
const noMappings = ['Mapping Count : 00000000', 'Mapping Offset : 00000000'];

/** What each amendment of the table has; one without findings has an empty list. */
const cases: readonly (readonly [
  name: string,
  amendment: string,
  expected: readonly string[],
  options?: CheckOptions,
])[] = [
  ['table revision 8', lines('Header', 'Revision : 08'), ['error iort-table-revision', 'info iort-node-revision']],
  [
    'table revision 2',
    lines('Header', 'Revision : 02'),
    ['error iort-node-revision', 'error iort-rmr-table-revision', 'warning iort-table-revision'],
  ],
  ['an RMR node of the withdrawn revision 2', lines('RMR', 'Revision : 02'), ['error iort-node-revision']],
  [
    'an RMR node of revision 1: older, and read all the same',
    lines('RMR', 'Revision : 01'),
    ['info iort-node-revision'],
  ],
  [
    'all identifiers 0',
    ['SMMUv3', 'MMU-500', 'Root complex', 'Named component DMA0', 'Named component GPU0', 'PMCG', 'RMR']
      .map((node) => lines(node, 'Identifier : 00000000'))
      .join('\n'),
    ['warning iort-identifier'],
  ],
  [
    'stream IDs of 17 bits for an MMU-500, whose upper half is a mask',
    lines('Named component DMA0', 'Output Base : 00010001'),
    ['info iort-smmu-no-its', 'warning iort-rmr-no-master'],
  ],
  [
    'a mapping that ends where the next begins, of one ID',
    lines(
      'Root complex',
      ...mapping('00000000', '00000000', '00000000', '00000048'),
      ...mapping('00000000', '0000FFFF', '00000000', '00000048'),
    ),
    ['warning iort-mapping-overlap'],
  ],
  [
    'ranges that touch',
    lines(
      'Root complex',
      ...mapping('00000000', '000000FF', '00000000', '00000048'),
      ...mapping('00000100', '0000FEFF', '00000100', '00000048'),
    ),
    [],
  ],
  [
    'the off-by-one range second',
    lines(
      'Root complex',
      ...mapping('00000100', '0000FEFF', '00000100', '00000030'),
      ...mapping('00000000', '00000100', '00000000', '00000048'),
    ),
    ['error iort-mapping-off-by-one', 'info iort-smmu-bypass'],
  ],
  [
    'ranges that share two IDs',
    lines(
      'Root complex',
      ...mapping('00000000', '00000101', '00000000', '00000048'),
      ...mapping('00000100', '0000FEFF', '00000100', '00000030'),
    ),
    ['error iort-mapping-overlap', 'info iort-smmu-bypass'],
  ],
  [
    'output IDs past 32 bits',
    lines('MMU-500', ...mapping('00000000', '0000FFFF', 'FFFF8000', '00000030')),
    ['error iort-mapping-range'],
  ],
  [
    'a count that is a power of two but does not fit its base',
    lines('MMU-500', ...mapping('00000080', '00000100', '00000080', '00000030')),
    ['info iort-smmu-no-its', 'info iort-smmu-no-its'],
  ],
  [
    'no mapping at all at a root complex',
    lines(
      'Root complex',
      'Type : 02',
      'Length : 0024',
      'Revision : 04',
      'Identifier : 00000003',
      ...noMappings,
      '',
      'Memory Properties : [IORT Memory Access Properties]',
      'Cache Coherency : 00000001',
      'Hints (decoded below) : 00',
      'Transient : 0',
      'Write Allocate : 0',
      'Read Allocate : 0',
      'Override : 0',
      'Reserved : 0000',
      'Memory Flags (decoded below) : 03',
      'Coherency : 1',
      'Device Attribute : 1',
      'Ensured Coherency of Accesses : 0',
      'ATS Attribute : 00000000',
      'PCI Segment Number : 00000000',
      'Memory Size Limit : 40',
      'PASID Capabilities : 0000',
      'Reserved : 00',
    ),
    ['warning iort-mapping-gap'],
  ],
  [
    'a root complex that refers to itself',
    lines('Root complex', 'Output Reference : 00000108'),
    ['error iort-ref-loop'],
  ],
  [
    'a root complex behind a counter group',
    lines('Root complex', 'Output Reference : 000001C0'),
    ['error iort-ref-type'],
  ],
  [
    'a single mapping of a root complex',
    lines('Root complex', ...mapping('00000000', '00000000', '00000000', '00000048', '1')),
    [],
  ],
  [
    'single at an SMMUv3 whose index does not name it',
    lines('SMMUv3', ...mapping('00000000', '0001FFFF', '00000000', '00000030', '1')),
    ['error iort-single-type'],
  ],
  [
    'single in an RMR node, of several IDs',
    lines('RMR', ...mapping('00000000', '00000001', '00000000', '000000A0', '1')),
    ['info iort-single-type'],
  ],
  [
    'two ITS in one group',
    lines(
      'Second ITS group',
      ...itsHeader,
      ...noMappings,
      '',
      'ItsCount : 00000002',
      'Identifiers : 00000001',
      'Identifiers : 00000005',
    ),
    ['info iort-its-duplicate', 'warning iort-its-unknown'],
  ],
  ['an ITS that no MADT tells of', lines('ITS group', 'Identifiers : 00000005'), [], { madt: undefined }],
  ['an SMMUv3 at address 0', lines('SMMUv3', 'Base Address : 0000000000000000'), ['error iort-smmuv3-base']],
  ['an SMMUv3 over another SMMU', lines('SMMUv3', 'Base Address : 000000002B5F0000'), ['error iort-smmuv3-base']],
  [
    'a Cavium SMMUv3 just before another SMMU, with one interrupt for all',
    lines(
      'SMMUv3',
      'Base Address : 000000002B5F0000',
      'Model : 00000002',
      'Event GSIV : 0000006A',
      'PRI GSIV : 0000006A',
      'GERR GSIV : 0000006A',
      'Sync GSIV : 0000006A',
    ),
    [],
  ],
  [
    'reserved memory over an SMMUv3',
    lines('RMR', 'Base Address of RMR : 000000002B410000', 'Length of RMR : 0000000000010000'),
    ['error iort-smmuv3-base'],
  ],
  [
    'counters in the free part of an SMMUv3’s page',
    lines(
      'PMCG',
      'Page 0 Base Address : 000000002B402000',
      'Overflow Interrupt GSIV : 00000070',
      'Node Reference : 00000048',
      'Page 1 Base Address : 000000002B412000',
    ),
    [],
  ],
  [
    'counters at an SMMUv3’s own registers',
    lines('PMCG', 'Page 0 Base Address : 000000002B400000'),
    ['error iort-smmuv3-base'],
  ],
  [
    'coherent walk clear',
    lines('MMU-500', 'Flags (decoded below) : 00000000', 'DVM Supported : 0', 'Coherent Walk : 0'),
    ['info iort-smmu-not-coherent'],
  ],
  ['reserved flags of an SMMUv2', lines('MMU-500', 'Flags (decoded below) : 00000006'), ['warning iort-flag-bits']],
  [
    'HTTU override 3',
    lines('SMMUv3', 'Flags (decoded below) : 00000007', 'COHACC Override : 1', 'HTTU Override : 1'),
    ['error iort-smmuv3-flags'],
  ],
  [
    'DeviceID Valid in revision 4',
    lines(
      'SMMUv3',
      'Flags (decoded below) : 00000011',
      'COHACC Override : 1',
      'HTTU Override : 0',
      'Proximity Domain Valid : 0',
      'DeviceID Valid : 1',
    ),
    ['error iort-smmuv3-flags'],
  ],
  [
    'no event interrupt, and revision 0: no mapping counts',
    lines('SMMUv3', 'Revision : 00', 'Event GSIV : 00000000'),
    ['info iort-node-revision', 'warning iort-smmuv3-gsiv'],
  ],
  [
    'an interrupt 0 in revision 4 takes the range of all devices',
    lines('SMMUv3', 'GERR GSIV : 00000000'),
    ['error iort-smmuv3-index-not-single'],
  ],
  [
    'a proximity domain that is valid',
    lines(
      'SMMUv3',
      'Flags (decoded below) : 00000009',
      'COHACC Override : 1',
      'HTTU Override : 0',
      'Proximity Domain Valid : 1',
    ),
    ['info iort-smmuv3-pxm'],
  ],
  ['an SMMUv3 of model 3', lines('SMMUv3', 'Model : 00000003'), ['error iort-smmu-model']],
  ['a span that is no whole page', lines('MMU-500', 'Span : 0000000000000800'), ['error iort-smmu-span']],
  ['no global interrupt', lines('MMU-500', 'NSgIrpt : 00000000'), ['warning iort-smmu-irq-missing']],
  ['an edge-triggered context interrupt', lines('MMU-500', 'Context Interrupt : 0000000100000081'), []],
  [
    'reserved bits of a context interrupt',
    lines('MMU-500', 'Context Interrupt : 0000000200000081'),
    ['warning iort-flag-bits'],
  ],
  [
    'a counter group with a wire and a mapping',
    lines(
      'PMCG',
      'Page 0 Base Address : 000000002B440000',
      'Overflow Interrupt GSIV : 00000070',
      'Node Reference : 00000048',
      'Page 1 Base Address : 000000002B450000',
      ...mapping('00000000', '00000000', '00000001', '00000030', '1'),
    ),
    ['warning iort-pmcg-irq'],
  ],
  [
    'a counter group with an MSI',
    lines(
      'PMCG',
      'Page 0 Base Address : 000000002B440000',
      'Overflow Interrupt GSIV : 00000000',
      'Node Reference : 00000048',
      'Page 1 Base Address : 000000002B450000',
      ...mapping('00000000', '00000000', '00000001', '00000030', '1'),
    ),
    [],
  ],
  ['a counter group of an ITS', lines('PMCG', 'Node Reference : 00000030'), ['error iort-pmcg-ref']],
  ['an unaligned counter page', lines('PMCG', 'Page 1 Base Address : 000000002B450800'), ['error iort-pmcg-page1']],
  ['an empty name', lines('Named component DMA0', 'Device Name : ""', 'Padding : 00 00'), ['error iort-nc-name']],
  ['a name in lower case', lines('Named component DMA0', 'Device Name : "\\_SB_.dma0"'), ['error iort-nc-name']],
  ['one name twice', lines('Named component GPU0', 'Device Name : "\\_SB_.DMA0"'), ['warning iort-nc-name']],
  ['a deep name', lines('Named component DMA0', 'Device Name : "\\_SB_.PC00.DMA0"', 'Padding : 00 00 00'), []],
  ['a limit of 65 bits', lines('Named component DMA0', 'Memory Size Limit : 41'), ['error iort-nc-limit']],
  ['a limit of 31 bits', lines('Root complex', 'Memory Size Limit : 1F'), ['warning iort-rc-limit']],
  ['a limit of 32 bits', lines('Root complex', 'Memory Size Limit : 20'), []],
  [
    'a root complex of revision 0: it has no limit',
    lines('Root complex', 'Revision : 00', 'Memory Size Limit : 00'),
    ['info iort-node-revision'],
  ],
  ['stall, and PASIDs of 20 bits', lines('Named component DMA0', 'Node Flags : 00000029'), []],
  ['PASIDs of 21 bits', lines('Named component DMA0', 'Node Flags : 0000002A'), ['error iort-nc-flags']],
  [
    'not coherent, with a coherent path',
    lines('Named component DMA0', 'Cache Coherency : 00000000'),
    ['error iort-mem-attributes'],
  ],
  [
    'not coherent at all',
    lines(
      'Named component DMA0',
      'Cache Coherency : 00000000',
      'Memory Flags (decoded below) : 00',
      'Coherency : 0',
      'Device Attribute : 0',
    ),
    [],
  ],
  [
    'ensured coherency before revision 6',
    lines(
      'Root complex',
      'Memory Flags (decoded below) : 07',
      'Coherency : 1',
      'Device Attribute : 1',
      'Ensured Coherency of Accesses : 1',
    ),
    ['warning iort-mem-bits'],
  ],
  ['reserved bits of the ATS attribute', lines('Root complex', 'ATS Attribute : 00000009'), ['warning iort-rc-ats']],
  [
    'PASIDs in a node of revision 3',
    lines('Root complex', 'Revision : 03', 'PASID Capabilities : 0010'),
    ['info iort-node-revision', 'warning iort-rc-pasid'],
  ],
  [
    'a range past the end of addresses',
    lines('RMR', 'Base Address of RMR : FFFFFFFFFFFF0000', 'Length of RMR : 0000000000020000'),
    ['error iort-rmr-align'],
  ],
  [
    'a range to the end of addresses',
    lines('RMR', 'Base Address of RMR : FFFFFFFFFFFF0000', 'Length of RMR : 0000000000010000'),
    [],
  ],
  [
    'ranges that touch in one node',
    lines(
      'RMR',
      'Base Address of RMR : 0000000090000000',
      'Length of RMR : 0000000000100000',
      'Reserved : 00000000',
      '',
      'Base Address of RMR : 0000000090100000',
      'Length of RMR : 0000000000100000',
      'Reserved : 00000000',
    ),
    ['info iort-rmr-overlap'],
  ],
  [
    'reserved memory in the MSI window',
    lines('RMR', 'Base Address of RMR : 0000000008000000'),
    ['warning iort-rmr-doorbell'],
  ],
  ['reserved memory just behind the MSI window', lines('RMR', 'Base Address of RMR : 0000000008100000'), []],
  [
    'an unknown attribute',
    lines(
      'RMR',
      'Flags (decoded below) : 00000019',
      'Remapping Permitted : 1',
      'Access Privileged : 0',
      'Access Attributes : 06',
    ),
    ['warning iort-rmr-flags'],
  ],
  [
    'reserved memory of functions, kept and direct',
    lines(
      'RMR',
      'Flags (decoded below) : 00000000',
      'Remapping Permitted : 0',
      'Output Base : 00000008',
      'Output Reference : 00000048',
    ),
    ['info iort-rmr-vfio'],
    { preserveBootConfiguration: true },
  ],
  [
    'direct reserved memory before Linux 6.6',
    lines('RMR', 'Flags (decoded below) : 00000000', 'Remapping Permitted : 0'),
    [],
    { kernel: '6.1' },
  ],
  ['a flag line that is no number', lines('SMMUv3', 'COHACC Override : yes'), ['warning iort-text-flag-mismatch']],
  ['what iasl drops behind a number', lines('Root complex', 'Memory Size Limit : 40h'), ['warning iort-text-decimal']],
  ['an expression', lines('Root complex', 'Memory Size Limit : (20 + 20)'), []],
];

describe('rules about an IORT at their edges', () => {
  for (const [name, amendment, expected, options] of cases) {
    it(name, () => {
      assert.deepEqual(found(amendment, options), [...expected].sort());
    });
  }

  it('a name without NUL', () => {
    const bytes = Uint8Array.from(textDocument(amendTable('')).bytes);
    // The name of DMA0 with its padding, up to the mapping.
    bytes.fill(0x41, 0x15d, 0x16c);
    const rules = checkTable(binaryDocument(bytes)).map(({ rule }) => rule);
    assert.deepEqual(rules, ['iort-checksum', 'iort-nc-name']);
  });

  it('mappings right behind a name: right, but iasl cannot show it', () => {
    const amendment = lines('Named component GPU0', 'Mapping Offset : 00000028').concat('\n');
    const text = amendTable(amendment).replace(/( +Device Name : "\\_SB_\.GPU0"\n) +Padding : .*\n/, '$1');
    const rules = checkTable(textDocument(text)).map(({ rule, severity }) => `${severity} ${rule}`);
    assert.ok(rules.includes('info iort-nc-padding'));
    assert.ok(!rules.some((each) => /^(?:error|warning)/.test(each)), rules.join());
  });

  it('a table of revision 0 with identifiers and RMR, and the fix that takes the identifiers out', () => {
    const bytes = Uint8Array.from(textDocument(amendTable('')).bytes);
    bytes[8] = 0;
    const document = binaryDocument(bytes);
    const diagnostics = checkTable(document);
    const count = (wanted: string) => diagnostics.filter(({ rule }) => rule === wanted).length;
    assert.equal(count('iort-identifier'), 7);
    assert.equal(count('iort-rmr-table-revision'), 1);
    assert.equal(count('iort-node-type'), 0);
    assert.equal(count('iort-node-revision'), 7);
    const [fix] = diagnostics.find(({ rule }) => rule === 'iort-identifier')?.fixes ?? [];
    assert.ok(fix !== undefined);
    const fixed = textDocument(applyFix(document, fix).text);
    assert.ok(!checkTable(fixed).some(({ rule }) => rule === 'iort-identifier'));
  });
});
