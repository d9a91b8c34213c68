import assert from 'node:assert/strict';
import { plainText } from '../../../server/src/features/hover';
import { tableHover } from '../../../server/src/features/iort/hover';
import { analysed, exampleTable, markedAt, tableOf } from './table';

/** What hovering over the value of a line of table.dsl says. */
function hoverText(label: string, which = 0, text = exampleTable): string {
  const { document: marked, offset } = markedAt(label, which, text);
  const { document, analysis } = analysed(marked);
  const found = tableHover(document, analysis, offset);
  return found === undefined ? 'nothing' : plainText(found.markdown);
}

describe('hover in an IORT', () => {
  const cases: readonly (readonly [title: string, label: string, which: number, ...says: RegExp[]])[] = [
    [
      'a field: meaning, value, place, specification',
      'Base Address',
      0,
      /Base Address of the SMMUv3: Physical address of the registers/,
      /Value: 0x2b400000 = 692 MiB/,
      /Offset 0x58, 0x10 in the SMMUv3, 8 bytes\. Arm DEN0049, SMMUv3 node/,
    ],
    ['units and base 10', 'Memory Size Limit', 0, /0x40 = 64 bits = addresses up to 0xffffffffffffffff/],
    ['the revision that brought a field', 'PASID Capabilities', 0, /Since node revision 4\./],
    ['a value that has a name', 'Type', 3, /0x2, PCI root complex: All requester IDs of one PCI segment/],
    [
      'the bits of an integer',
      'Flags (decoded below)',
      0,
      /bit 0 COHACC Override: set/,
      /bits 1–2 HTTU Override: 0 \(none\)/,
    ],
    ['a flag line', 'Coherent Walk', 0, /bit 1 of Flags \(decoded below\): set/, /iasl compiles the integer above/],
    ['what the compiler computes', 'Node Count', 0, /Value: 0x8/, /Computed by the compiler, from the nodes/],
    ['the checksum', 'Checksum', 0, /the bytes sum to zero/],
    ['a node offset', 'Node Reference', 0, /Leads to SMMUv3 0x2b400000\./],
    ['a name', 'Device Name', 1, /Value: \\_SB_\.GPU0/],
    ['a heading', 'Memory Properties', 0, /How the device accesses memory/],
    [
      'an interrupt of 64 bits',
      'Context Interrupt',
      0,
      /bits 0–31 GSIV: 0x81 = 129/,
      /bit 32 Edge Triggered: clear \(level\)/,
    ],
    [
      'the chain of a root complex’s IDs',
      'Input base',
      2,
      /requester IDs 0x0–0xffff \(0000:00:00\.0 to 0000:ff:1f\.7\)\n {2}→ stream IDs 0x0–0xffff of SMMUv3 0x2b400000\n {4}→ device IDs 0x0–0xffff at ITS group 0 at 0x30\n/,
    ],
    [
      'the chain of a device’s ID, on any line of the mapping',
      'Output Reference',
      4,
      /\\_SB_\.GPU0\n {2}→ stream ID 0x0 of SMMU 0x2b600000\n {4}→ device ID 0x20000 at ITS group 0 at 0x30\n/,
    ],
    [
      'a master: its regions',
      'Type',
      3,
      /predicted for Linux 6\.12:/,
      /0x8000000–0x80fffff .* msi, the software MSI window/,
    ],
    ['an SMMU: what it is', 'Type', 1, /SMMUv3 0x2b400000 at 0x48, 88 bytes/],
    ['a signature', 'Signature', 0, /Value: IORT/, /ACPI 6\.5, 5\.2\.6/],
  ];
  for (const [title, label, which, ...says] of cases) {
    it(title, () => {
      const text = hoverText(label, which);
      for (const part of says) assert.match(text, part);
    });
  }

  it('a flag line that says something else than its integer', () => {
    const text = exampleTable.replace('COHACC Override : 1', 'COHACC Override : 0');
    assert.match(hoverText('COHACC Override', 0, text), /COHACC Override|set\. The line says 0x0\./);
    assert.match(hoverText('COHACC Override', 0, text), /The line says 0x0\./);
  });

  it('a computed field that says something else', () => {
    const text = exampleTable.replace('Node Count : 00000008', 'Node Count : 00000009');
    assert.match(hoverText('Node Count', 0, text), /The line says 0x9, computed is 0x8\./);
  });

  it('a mapping that leads nowhere', () => {
    const text = exampleTable.replace('Output Reference : 00000048', 'Output Reference : 0000004C');
    assert.match(hoverText('Input base', 2, text), /→ IDs 0x0–0xffff at 0x4c, where no node begins/);
  });

  it('IDs that another mapping takes: QEMU’s last bus of the first', () => {
    const text = exampleTable.replace(
      /(Segment[^]*?ID Count : )0000FFFF([^]*?Single Mapping : 0\n)/,
      (_, head: string, mapping: string) =>
        `${head}00000100${mapping}\nInput base : 100\nID Count : FEFF\nOutput Base : 100\nOutput Reference : 30\nFlags (decoded below) : 0\nSingle Mapping : 0\n`,
    );
    assert.match(
      hoverText('Input base', 2, text),
      /→ stream IDs 0x0–0x100 of SMMUv3 0x2b400000\n {4}→ device IDs 0x0–0x100 at ITS group 0 at 0x30\nbut 0x100: taken by mapping 2\n/,
    );
    assert.doesNotMatch(hoverText('Input base', 3, text), /taken/);
  });

  it('an ITS identifier: where the MADT says that it is', () => {
    const { document: marked, offset } = markedAt('Identifiers');
    const { document, analysis } = analysed(marked);
    const said = (madt: string): string => {
      const acpi = { madt: tableOf(madt) };
      return plainText(tableHover(document, { ...analysis, acpi }, offset)!.markdown);
    };
    const madt = (id: number): string =>
      `Signature : "APIC"\nRevision : 05\nLocal Apic Address : 0\nFlags : 0\nSubtable Type : 0F\nLength : 14\nReserved : 0000\nTranslation ID : ${id}\nBase Address : 8080000\nReserved : 0\n`;
    assert.match(said(madt(0)), /In the MADT: registers at 0x8080000, devices write their MSIs to 0x8090040\./);
    assert.match(said(madt(1)), /The MADT has no GIC ITS 0\./);
    assert.doesNotMatch(plainText(tableHover(document, analysis, offset)!.markdown), /MADT has|In the MADT/);
  });

  it('a mapping whose stream IDs reach an ITS in part', () => {
    const text = exampleTable.replace('ID Count : 0000FFFF', 'ID Count : 00007FFF');
    assert.match(
      hoverText('Input base', 2, text),
      /→ 0x0–0x7fff: device IDs 0x0–0x7fff at ITS group 0 at 0x30\n {4}→ 0x8000–0xffff: no ITS: no ID mapping of the SMMUv3 at 048h takes the ID/,
    );
  });

  it('a memory range: the devices that have it, and none', () => {
    assert.match(
      hoverText('Base Address of RMR'),
      /Reserved memory 0x90000000–0x900fffff .*\n\nLinux 6\.12 reserves for\n\n- \\_SB_\.DMA0: 0x90000000–0x900fffff .* direct-relaxable\n\ndirect-relaxable: mapped 1:1 for the host’s own drivers; VFIO takes no notice/,
    );
    const odd = exampleTable.replace(/(Base Address of RMR : )0000000090000000/, '$10000000090001800');
    assert.match(hoverText('Base Address of RMR', 0, odd), /no multiple of 64 KiB: Linux calls that a firmware bug/);
    const other = exampleTable.replace(/(Base Address of RMR[^]*Output Base : )00000001/, '$10000E000');
    assert.match(
      hoverText('Base Address of RMR', 0, other),
      /reserves it for no device: no device in an IOMMU group has/,
    );
  });

  it('blank lines, comments and text that means nothing: nothing', () => {
    const { document: marked, offset } = markedAt('Signature', 0, exampleTable);
    const { document, analysis } = analysed(marked);
    assert.notEqual(tableHover(document, analysis, offset), undefined);
    assert.equal(tableHover(document, analysis, 0), undefined);
  });
});
