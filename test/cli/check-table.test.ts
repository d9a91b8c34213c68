import assert from 'node:assert/strict';
import path from 'node:path';
import { doorbell } from './run';

const folder = path.join(import.meta.dirname, '../fixtures/truth/iort');

interface Report {
  readonly diagnostics: readonly {
    readonly file: string;
    readonly line: number;
    readonly rule: string;
    readonly node: string;
    readonly offset?: string;
    readonly fixes: readonly string[];
  }[];
}

describe('doorbell check with an IORT', () => {
  it('flags the range of QEMU’s own table that is one ID too long, at its byte', () => {
    const { status, stdout } = doorbell(['check', '00-qemu.aml'], folder);
    assert.equal(status, 1);
    assert.match(stdout, /^00-qemu\.aml:\d+:\d+: error: .* \(byte 0xc8\) \[iort-mapping-off-by-one\]$/m);
  });

  it('gives the byte of a binary in JSON and SARIF, and of a text lines alone', () => {
    const binary = JSON.parse(doorbell(['check', '--format', 'json', '00-qemu.aml'], folder).stdout) as Report;
    assert.equal(binary.diagnostics.length, 1);
    assert.equal(binary.diagnostics[0]!.offset, '0xc8');
    assert.equal(binary.diagnostics[0]!.node, 'root complex of segment 0x0');
    assert.deepEqual(binary.diagnostics[0]!.fixes, ['Set ID Count to 0xff']);
    const sarif = JSON.parse(doorbell(['check', '--format', 'sarif', '00-qemu.aml'], folder).stdout) as {
      runs: { results: { locations: { physicalLocation: { region: object } }[] }[] }[];
    };
    assert.deepEqual(sarif.runs[0]!.results[0]!.locations[0]!.physicalLocation.region, { byteOffset: 0xc8 });

    const args = ['check', '--format', 'json', 'a35-bad-reference.dsl'];
    const [text] = (JSON.parse(doorbell(args, folder).stdout) as Report).diagnostics;
    assert.equal(text?.rule, 'iort-ref-not-node');
    assert.equal(text.offset, undefined);
    assert.equal(text.line, 94);
    assert.ok(text.fixes.includes('Ignore iort-ref-not-node here'));
  });

  it('has nothing to say of tables that are right', () => {
    const { status, stdout } = doorbell(
      ['check', 'a02-roundtrip.dsl', 'a02-roundtrip.aml', 'a21-no-its-node.dsl'],
      folder,
    );
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
});
