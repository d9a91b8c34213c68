// What the server does with a table that nobody has opened must be what it does with one that somebody has.
import assert from 'node:assert/strict';
import { createEditRehearsal, createTableRehearsal, rehearsalText } from '../../server/src/server/table-rehearsal';
import { editedFile } from '../../server/src/text/source-file';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';

describe('the rehearsal with a table', () => {
  it('has a table in which nothing is wrong, with devices that the analysis has something to say of', () => {
    const files = createFileStore();
    files.open('doorbell:test', rehearsalText(3));
    const { diagnostics, acpi, topology, prediction } = analyse(contextOf('doorbell:test', files), files);
    assert.deepEqual(
      diagnostics.filter(({ severity }) => severity === 'error'),
      [],
    );
    const kinds = new Set(acpi?.document.iort?.nodes.map(({ kind }) => kind));
    assert.equal(kinds.size, 7);
    assert.deepEqual([topology.iommus.length, topology.hostBridges.length], [9, 3], 'of three machines');
    assert.ok(prediction.groups.some(({ regions }) => regions.length > 0));
  });

  it('comes to an end', () => {
    const step = createTableRehearsal();
    let steps = 0;
    while (step()) steps++;
    assert.ok(steps > 20 && steps < 200);
    assert.equal(step(), false);
  });

  it('edits an open table for itself alone: the next real edit is judged as if nothing had been', () => {
    const files = createFileStore();
    const file = files.open('doorbell:open', rehearsalText(4));
    const context = contextOf('doorbell:open', files);
    const findings = () => analyse(context, files).diagnostics.map(({ message, range }) => [message, range?.start]);
    const before = findings();
    const rehearse = createEditRehearsal();
    let rounds = 0;
    while (rehearse(context, file)) rounds++;
    assert.ok(rounds > 0 && rounds < 50);
    assert.deepEqual(files.openPaths(), ['doorbell:open']);
    assert.deepEqual(findings(), before);
    const place = file.text.indexOf('Output Reference : ') + 'Output Reference : '.length;
    files.open('doorbell:open', editedFile(file, place, place + 8, '00000031'));
    const edited = findings();
    assert.ok(edited.length > before.length);
    const fresh = createFileStore();
    fresh.open('doorbell:fresh', file.text.slice(0, place) + '00000031' + file.text.slice(place + 8));
    const freshContext = contextOf('doorbell:fresh', fresh);
    assert.deepEqual(
      edited,
      analyse(freshContext, fresh).diagnostics.map(({ message, range }) => [message, range?.start]),
    );
  });

  it('has nothing to edit in a table without mappings', () => {
    const files = createFileStore();
    const file = files.open('doorbell:open', 'Signature : "IORT"\n');
    assert.equal(createEditRehearsal()(contextOf('doorbell:open', files), file), false);
  });
});
