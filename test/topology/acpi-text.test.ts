// The recorded IORTs as text and as what iasl made of it: the same machine, with the places of the text.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { documentOfBinary, documentOfText } from '../../server/src/acpi/text/document';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { regionsJson } from '../../server/src/iova/print-regions';
import { sourceFile } from '../../server/src/text/source-file';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import type { TableDocument } from '../../server/src/acpi/text/document';
import { textAt } from './trees';

const folder = path.join(import.meta.dirname, '../fixtures/truth/iort');

function topologyOf({ iort, placeOf }: TableDocument) {
  return topologyFromAcpi({ table: iort!, placeOf }, undefined, { preserveBootConfiguration: true });
}

function groupsOf(document: TableDocument): unknown {
  const { groups } = regionsJson(predictRegions(topologyOf(document), kernelProfile()));
  return groups.map((group) => ({ ...group, regions: group.regions.map((region) => ({ ...region, source: null })) }));
}

describe('an IORT as text', () => {
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.dsl'))) {
    it(`${name} is the machine that its binary is`, () => {
      const file = path.join(folder, name);
      const text = documentOfText(sourceFile(file, fs.readFileSync(file, 'latin1')));
      const binary = file.replace('.dsl', '.aml');
      assert.deepEqual(groupsOf(text), groupsOf(documentOfBinary(binary, fs.readFileSync(binary))));
    });
  }

  it('gives everything its place', () => {
    const file = path.join(folder, 'a07-rmr-named-component.dsl');
    const topology = topologyOf(documentOfText(sourceFile(file, fs.readFileSync(file, 'latin1'))));
    const component = topology.masters.find(({ path: name }) => name === '\\_SB_.VR00')!;
    assert.match(textAt(component.source)!, /Type : 01/);
    assert.match(textAt(component.streams[0]!.source)!, /Input base : 0+\n[^]*Output Base : 00000201\n[^]*Flags /);
    const bridge = topology.masters.find(({ kind }) => kind === 'pci-host')!;
    const entry = bridge.iommuMap!.readings['four-cells'].entries[0]!;
    assert.deepEqual([entry.inputSource, entry.outputSource, entry.lengthSource].map(textAt), [
      '00000000',
      '00000000',
      '000000FF',
    ]);
    const [reservation] = topology.iommus[0]!.streamReservations!.flatMap(({ reservations }) => reservations);
    assert.equal(textAt(reservation!.addressSource), '0000000070000000');
    assert.equal(textAt(reservation!.sizeSource), '0000000000010000');
    assert.match(textAt(reservation!.source)!, /Base Address of RMR : .*\n.*Length of RMR : /);
  });
});
