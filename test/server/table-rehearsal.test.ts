// What the server does with a table that nobody has opened must be what it does with one that somebody has.
import assert from 'node:assert/strict';
import { createTableRehearsal, rehearsalText } from '../../server/src/server/table-rehearsal';
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
    assert.deepEqual([topology.iommus.length, topology.hostBridges.length], [6, 3]);
    assert.ok(prediction.groups.some(({ regions }) => regions.length > 0));
  });

  it('comes to an end', () => {
    const step = createTableRehearsal();
    let steps = 0;
    while (step()) steps++;
    assert.ok(steps > 20 && steps < 200);
    assert.equal(step(), false);
  });
});
