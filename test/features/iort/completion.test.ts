import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { completions } from '../../../server/src/features/iort/completion';
import type { Completion } from '../../../server/src/features/iort/completion-item';
import { exampleTable, marked, markedAt, tableOf } from './table';

type Marked = ReturnType<typeof marked>;

function labels({ document, offset }: Marked): string[] {
  return completions(document, offset).map(({ label }) => label);
}

/** The text after a choice was taken. */
function taken({ document, offset }: Marked, label: string): string {
  const found = completions(document, offset).find((each) => each.label === label);
  assert.ok(found !== undefined, `${label} is not offered`);
  const { start, end, insert, further } = found;
  const edits = [...further, { start, end, newText: insert.map(({ text }) => text).join('') }];
  let { text } = document.file;
  const starts = new Set(edits.map((edit) => edit.start));
  assert.equal(starts.size, edits.length, 'two edits at one place');
  for (const edit of edits.sort((a, b) => b.start - a.start)) {
    text = text.slice(0, edit.start) + edit.newText + text.slice(edit.end);
  }
  return text;
}

/** The place of one line of the example that is taken out, and whatever the new line begins with. */
function without(line: RegExp, begun = ''): Marked {
  return marked(exampleTable.replace(line, `${begun}‸\n`));
}

const errors = (text: string): string[] =>
  tableOf(text)
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);

describe('completion of values in an IORT', () => {
  it('offers the nodes that a mapping may lead to; what is inserted is the offset', () => {
    const place = markedAt('Output Reference', 2);
    assert.deepEqual(labels(place), ['SMMUv3 0x2b400000', 'SMMU 0x2b600000', 'ITS group 0']);
    const text = taken(place, 'SMMU 0x2b600000');
    assert.equal(text, exampleTable.replace('Output Reference : 00000048', 'Output Reference : 000000A0'));
    assert.deepEqual(labels(markedAt('Output Reference', 0)), ['ITS group 0']);
    assert.deepEqual(labels(markedAt('Node Reference')).slice(0, 2), ['SMMUv3 0x2b400000', 'SMMU 0x2b600000']);
  });

  it('does so where there is no value yet', () => {
    const place = marked(exampleTable.replace('Output Reference : 00000048', 'Output Reference : ‸'));
    const text = taken(place, 'SMMUv3 0x2b400000');
    assert.equal(text, exampleTable);
    const bare = marked(exampleTable.replace('Output Reference : 00000048', 'Output Reference :‸'));
    assert.deepEqual(labels(bare), ['SMMUv3 0x2b400000', 'SMMU 0x2b600000', 'ITS group 0']);
  });

  it('finds a node by its name or its digits, whatever stands there', () => {
    const { document, offset } = markedAt('Output Reference', 2);
    for (const typed of [0, 4, 8]) {
      for (const { filter, label } of completions(document, offset + typed)) {
        assert.ok(filter.startsWith('00000048'.slice(0, typed)), label);
        assert.ok(filter.includes(label));
      }
    }
  });

  it('offers enumerations by name', () => {
    assert.ok(taken(markedAt('Type', 1), 'SMMUv1/v2').includes('Type : 03'));
    assert.ok(labels(markedAt('Model', 1)).includes('MMU-500'));
    assert.ok(labels(markedAt('Signature')).includes('IORT'));
    assert.ok(taken(markedAt('Revision', 0), '06').includes('Revision : 06'));
  });

  it('changes the integer with the flag line, and the flag line with the integer', () => {
    const cleared = taken(markedAt('COHACC Override'), 'clear');
    assert.ok(cleared.includes('Flags (decoded below) : 00000000\n             COHACC Override : 0'));
    const set = taken(markedAt('Flags (decoded below)', 0), 'Proximity Domain Valid: set');
    assert.ok(set.includes('Flags (decoded below) : 00000009'));
    assert.ok(set.includes('Proximity Domain Valid : 1'));
  });

  it('changes the flag line where the integer has no value yet', () => {
    const place = marked(exampleTable.replace('Flags (decoded below) : 00000001', 'Flags (decoded below) : ‸'));
    const set = taken(place, 'Proximity Domain Valid: set');
    assert.ok(set.includes('Proximity Domain Valid : 1\n'), set.slice(place.offset, place.offset + 300));
    assert.equal(set.split('\n').length, exampleTable.split('\n').length);
  });

  it('offers the ITS that the MADT has, those that no group names first', () => {
    const itsEntry = (id: number): string =>
      [
        'Subtable Type : 0F',
        'Length : 14',
        'Reserved : 0000',
        `Translation ID : ${id}`,
        'Base Address : 8080000',
        'Reserved : 0',
      ].join('\n');
    const madt = tableOf(
      `Signature : "APIC"\nRevision : 05\nLocal Apic Address : 0\nFlags : 0\n${itsEntry(0)}\n${itsEntry(3)}\n`,
    ).madt!;
    const { document, offset } = markedAt('Identifiers');
    const found = completions(document, offset, () => madt);
    assert.deepEqual(
      found.map(({ label, detail, insert }) => [label, detail, insert[0]!.text]),
      [
        ['GIC ITS 3', 'at 0x8080000', '00000003'],
        ['GIC ITS 0', 'at 0x8080000', '00000000'],
      ],
    );
    assert.deepEqual(completions(document, offset), []);
    const end = marked(`${exampleTable}\n‸`);
    const group = completions(end.document, end.offset, () => madt).find(({ label }) => label.endsWith('ITS group'))!;
    assert.ok(
      group.insert
        .map(({ text }) => text)
        .join('')
        .includes('Identifiers : 00000003'),
    );
  });

  it('offers what a computed field comes to', () => {
    assert.deepEqual(labels(markedAt('Node Count')), ['00000008']);
    assert.deepEqual(labels(markedAt('Checksum')), [
      tableOf(exampleTable).bytes[9]!.toString(16).toUpperCase().padStart(2, '0'),
    ]);
  });

  it('offers nothing where a line goes on behind a backslash', () => {
    const name = /Padding : 00.*\n/.exec(exampleTable)![0];
    for (const end of ['\n', '\r\n']) {
      const continued = exampleTable.replace(name, `${name.trimEnd()} /* .... */\\\n‸\n`).replaceAll('\n', end);
      assert.deepEqual(labels(marked(continued)), []);
    }
  });

  it('offers nothing in comments, addresses and names', () => {
    for (const place of [markedAt('Base Address'), markedAt('Device Name'), marked(`// ‸${exampleTable}`)]) {
      assert.deepEqual(labels(place), []);
    }
    for (const comment of ['// Ty‸', '//doorbell Fl‸', '/* Ty‸', '/* Ty‸ */']) {
      assert.deepEqual(labels(marked(`${exampleTable}\n${comment}`)), [], comment);
      assert.deepEqual(labels(marked(exampleTable.replace('// SMMUv3,', `${comment}\n// SMMUv3,`))), [], comment);
    }
    assert.notDeepEqual(labels(marked(`${exampleTable}\n/* Ty */‸`)), []);
  });
});

describe('completion of lines in an IORT', () => {
  it('offers the field that is next first, in iasl’s columns', () => {
    const place = without(/^ +VATOS Address.*\n/m);
    assert.equal(labels(place)[0], 'VATOS Address');
    assert.equal(taken(place, 'VATOS Address'), exampleTable);
    const begun = without(/^ +VATOS Address.*\n/m, '  VAT');
    assert.equal(taken(begun, 'VATOS Address'), exampleTable);
  });

  it('gives the rest of a node with flag lines that say what the integer does, and an identifier of its own', () => {
    const flags = marked(
      exampleTable.replace(/(Flags \(decoded below\) : 00000001\n) +COHACC[^]*?DeviceID Valid.*\n/, '$1‸\n'),
    );
    assert.ok(taken(flags, 'COHACC Override').includes('COHACC Override : 1\n'));
    const end = marked(`${exampleTable}\n                        Type : 01\n‸`);
    const whole = taken(end, 'Rest of the Named component');
    assert.deepEqual(errors(whole), []);
    const identifiers = tableOf(whole).iort!.nodes.map(({ header }) => header.identifier.value);
    assert.equal(new Set(identifiers).size, identifiers.length);
  });

  it('gives the rest of an SMMU with the global interrupts that iasl wants, where they are not there', () => {
    const end = marked(`${exampleTable}\n                        Type : 03\n‸`);
    assert.deepEqual(errors(taken(end, 'Rest of the SMMUv1/v2')), []);
    const without = marked(
      exampleTable.replace(/( +PMU Interrupt Offset : .*\n)\n? +NSgIrpt :[^]*?NSgCfgIrpt Flags.*\n.*\n/, '$1‸\n'),
    );
    assert.equal(labels(without)[0], 'NSgIrpt');
    const there = marked(exampleTable.replace(/( +PMU Interrupt Offset : .*\n)/, '$1‸\n'));
    assert.ok(!labels(there).includes('NSgIrpt'), labels(there).join());
  });

  it('does so in a file with carriage returns', () => {
    const place = without(/^ +VATOS Address.*\n/m);
    const { document, offset } = place;
    const text = document.file.text;
    const returned = marked(`${text.slice(0, offset)}‸${text.slice(offset)}`.replace(/\n/g, '\r\n'));
    assert.deepEqual(labels(returned), labels(place));
    const end = marked(`${exampleTable}\n‸`);
    assert.deepEqual(labels(marked(`${exampleTable}\n‸`.replace(/\n/g, '\r\n'))), labels(end));
    assert.ok(labels(end).length > 0);
  });

  it('offers nothing that is there already', () => {
    const place = without(/^ +VATOS Address.*\n/m);
    assert.deepEqual(labels(place), ['VATOS Address']);
    assert.equal(labels(marked(exampleTable.replace('Model : 0', '‸\nModel : 0'))).length, 0);
  });

  it('offers the rest of a structure at once, with all flag lines and defaults', () => {
    const place = marked(exampleTable.replace(/(Mapping Offset : 00000044\n)[^]*?(\n *Input base)/, '$1\n‸\n$2'));
    const text = taken(place, 'Rest of the SMMUv3');
    assert.deepEqual(errors(text), []);
    assert.equal(tableOf(text).iort!.nodes[1]!.length, 0x58);
  });

  it('writes offsets in front where the text has them', () => {
    const prefixed = exampleTable.replace(/^ +Signature/m, '[000h 0000 004h]                   Signature');
    const place = marked(prefixed.replace(/^ +VATOS Address.*\n/m, '‸\n'));
    assert.ok(
      taken(place, 'VATOS Address').includes('\n[068h 0104 008h]               VATOS Address : 0000000000000000\n'),
    );
  });

  it('offers a further mapping, identifier, interrupt and memory range behind those that are there', () => {
    const mapping = taken(marked(exampleTable.replace('\n// MMU-500', '\n‸\n// MMU-500')), 'ID mapping');
    assert.equal(tableOf(mapping).iort!.nodes[1]!.mappings.length, 2);
    assert.equal(tableOf(mapping).iort!.nodes[1]!.mappings[1]!.outputReference.value, 0x30n);
    const its = taken(
      marked(exampleTable.replace('Identifiers : 00000000\n', 'Identifiers : 00000000\n‸\n')),
      'Identifiers',
    );
    assert.equal((tableOf(its).iort!.nodes[0] as { identifiers?: unknown[] }).identifiers!.length, 2);
    const interrupt = marked(exampleTable.replace(/(Context Interrupt : .*\n)/, '$1‸\n'));
    assert.ok(labels(interrupt).includes('Context Interrupt'));
    const range = marked(exampleTable.replace(/(Length of RMR.*\n.*\n)/, '$1‸\n'));
    assert.deepEqual(errors(taken(range, 'Base Address of RMR')), []);
  });

  it('offers the lines of a MADT’s entries', () => {
    const madt = readFileSync(path.join(import.meta.dirname, '../../../docs/rules/madt.dsl'), 'utf8');
    const place = marked(madt.replace(/(Translation ID.*\n).*Base Address.*\n/, '$1‸\n'));
    assert.equal(labels(place)[0], 'Base Address');
    const begun = marked(madt.replace(/(Translation ID.*\n)(?:.+\n)+/, '$1‸\n'));
    const text = taken(begun, 'Rest of the GIC ITS');
    assert.equal(tableOf(text).bytes.length, tableOf(madt).bytes.length);
  });

  it('leaves a blank line between a new node and what follows', () => {
    const text = taken(marked(exampleTable.replace('// SMMUv3, at', '‸\n// SMMUv3, at')), 'New node: ITS group');
    assert.match(text, /Identifiers : 00000001\n\n\/\/ SMMUv3, at/);
    const apart = taken(marked(exampleTable.replace('// SMMUv3, at', '‸\n\n// SMMUv3, at')), 'New node: ITS group');
    assert.equal(apart, text);
  });

  it('gives a further mapping the IDs that are free', () => {
    const half = exampleTable.replace(/(Segment[^]*?ID Count : 0000)FFFF/, '$17FFF');
    const next = taken(marked(half.replace('\n// Named component DMA0', '\n‸\n// Named component DMA0')), 'ID mapping');
    const rc = tableOf(next).iort!.nodes.find(({ kind }) => kind === 'root-complex')!;
    assert.deepEqual(
      rc.mappings.map(({ inputBase, count }) => [inputBase.value, count.value]),
      [
        [0n, 0x7fffn],
        [0x8000n, 0x7fffn],
      ],
    );
  });

  const kinds = ['ITS group', 'Named component', 'PCI root complex', 'SMMUv1/v2', 'SMMUv3', 'PMCG', 'RMR', 'IWB'];
  for (const kind of kinds) {
    it(`offers a new node with all fields: ${kind}`, () => {
      for (const place of [
        marked(`${exampleTable}\n‸`),
        marked(exampleTable.replace('// Root complex', '‸\n\n// Root complex')),
        marked(exampleTable.replace('// ITS group', '‸\n\n// ITS group')),
      ]) {
        const text = taken(place, `New node: ${kind}`);
        const document = tableOf(text);
        assert.deepEqual(errors(text), []);
        assert.equal(document.iort!.nodes.length, 9);
        const before = new Set(place.document.iort!.nodes.map(({ header }) => header.identifier.value));
        const added = document.iort!.nodes.find(({ header }) => !before.has(header.identifier.value))!;
        // What the compiler computes stands there as it computes it.
        for (const { field, flag, written, compiled, line } of document.syntax.fields) {
          if (flag !== undefined || field.computed === undefined || field.computed === 'compiler') continue;
          const place = document.placeOf(added.header.type, 'line')!;
          if (line.start < place.start || line.start > place.start + 400) continue;
          assert.equal(written, compiled, field.label);
        }
        for (const { target } of added.mappings) assert.ok(target !== undefined, 'a reference that leads nowhere');
      }
    });
  }

  it('offers whole tables in an empty text', () => {
    const place = marked('‸\n');
    assert.deepEqual(labels(place)[0], 'IORT of revision 6');
    for (const label of labels(place)) {
      const document = tableOf(taken(place, label));
      assert.deepEqual(document.diagnostics, [], label);
      assert.equal(document.iort!.nodes.length, 3);
    }
  });

  it('offers nodes of the form of the text: iasl 20200925 knows no RMR', () => {
    const old = exampleTable
      .replace('Revision : 05', 'Revision : 00')
      .replaceAll(/ +Identifier : .*\n/g, '                    Reserved : 00000000\n')
      .replaceAll(/ +DeviceID Valid.*\n|Ensured Coherency.*\n/g, '')
      .replaceAll(/ +PASID Capabilities.*\n +Reserved : 00\n/g, '                    Reserved : 000000\n')
      .replace(/\/\/ RMR[^]*$/, '');
    const offered = labels(marked(`${old}\n‸`));
    assert.ok(offered.includes('New node: SMMUv3'));
    assert.ok(!offered.includes('New node: RMR'));
    const text = taken(marked(`${old}\n‸`), 'New node: PCI root complex');
    assert.deepEqual(errors(text), []);
  });

  it('has something to say, or nothing, at every place of a text', () => {
    const texts = [exampleTable, exampleTable.replaceAll(/ : .*$/gm, ' : '), exampleTable.replaceAll(':', '')];
    for (const text of texts) {
      const document = tableOf(text);
      for (let offset = 0; offset <= text.length; offset += 37) {
        const found: readonly Completion[] = completions(document, offset);
        for (const { start, end } of found) assert.ok(start <= offset && offset <= end);
      }
    }
  });
});
