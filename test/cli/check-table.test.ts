import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dumpOf } from '../acpi/dump-of';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const folder = path.join(import.meta.dirname, '../fixtures/truth/iort');

interface Report {
  readonly diagnostics: readonly {
    readonly file: string;
    readonly line: number;
    readonly rule: string;
    readonly node: string;
    readonly offset?: string;
    readonly fixes: readonly string[];
    readonly evidence: readonly { readonly offset?: string }[];
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

    const { evidence } = binary.diagnostics[0]!;
    assert.deepEqual([evidence.length, evidence[0]!.offset], [1, '0xd8']);

    const args = ['check', '--format', 'json', 'a35-bad-reference.dsl'];
    const [text] = (JSON.parse(doorbell(args, folder).stdout) as Report).diagnostics;
    assert.equal(text?.rule, 'iort-ref-not-node');
    assert.equal(text.offset, undefined);
    assert.equal(text.line, 94);
    assert.ok(text.fixes.includes('Ignore iort-ref-not-node here'));
  });

  it('gives the byte also for what is about the machine, and of what is elsewhere none', () => {
    const settings = '{ "guests": { "a": { "preset": "qemu-virt:4G" } }, "preserveBootConfiguration": true }';
    const { root, write } = folderWith(`//- doorbell.json\n${settings}`);
    const bytes = readFileSync(path.join(folder, 'a04-rmr-pci.aml'));
    write('IORT', bytes);
    const { stdout } = doorbell(['check', '--format', 'json', '--only', 'guest-ram-over-reservation', 'IORT'], root);
    const [found, ...others] = (JSON.parse(stdout) as Report).diagnostics;
    assert.equal(others.length, 0);
    assert.equal(bytes.readBigUInt64LE(Number(found?.offset)), 0x70000000n);
    assert.deepEqual(
      found?.evidence.map(({ offset }) => offset),
      [undefined],
    );
    removeFolders();
  });

  it('has nothing to say of tables that are right', () => {
    const { status, stdout } = doorbell(
      ['check', 'a02-roundtrip.dsl', 'a02-roundtrip.aml', 'a21-no-its-node.dsl'],
      folder,
    );
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });

  describe('in a dump', () => {
    afterEach(removeFolders);
    const qemu = dumpOf(readFileSync(path.join(folder, '00-qemu.aml')), 'IORT');
    const checked = (text: string) => {
      const { root } = folderWith(`//- dump.txt\n${text}`);
      return doorbell(['check', 'dump.txt'], root);
    };

    it('says the place of the bytes in the dump', () => {
      const { stdout } = checked(qemu);
      const [, line, column] = /^dump\.txt:(\d+):(\d+): error: .* \[iort-mapping-off-by-one\]$/m.exec(stdout)!;
      const row = qemu.split('\n')[Number(line) - 1]!;
      assert.deepEqual([row.slice(0, 10), row.slice(Number(column) - 1).slice(0, 11)], ['    00C0: ', '00 01 00 00']);
      assert.match(stdout, /^ {4}dump\.txt:\d+:\d+: /m);
      const json = doorbell(['check', '--format', 'json', 'dump.txt'], folderWith(`//- dump.txt\n${qemu}`).root).stdout;
      assert.deepEqual((JSON.parse(json) as Report).diagnostics[0]!.fixes, []);
    });

    it('says which lines are damaged', () => {
      const { stdout, status } = checked(qemu.replace(/ +0010:.*\n/, '').replace('0040: 0', '0040: X'));
      assert.match(stdout, /^dump\.txt:3:1: warning: 16 bytes before 0020 are missing in the dump\. \[table-dump\]$/m);
      assert.match(stdout, /^dump\.txt:5:1: warning: This line of the dump has no bytes\. \[table-dump\]$/m);
      assert.equal(status, 1);
    });

    it('says which tables are passed over, as another of the name comes before', () => {
      const { stdout } = checked(`${qemu}\n${qemu}`);
      const line = qemu.split('\n').length + 1;
      const warnings = stdout.split('\n').filter((each) => each.endsWith('[table-dump]'));
      assert.deepEqual(warnings, [
        `dump.txt:${line}:1: warning: This is the second IORT of the dump or a later one; as Linux does, the first is taken, and nothing is said of this one. [table-dump]`,
      ]);
    });

    it('is no dump without an IORT', () => {
      assertOneLineError(
        checked(qemu.replaceAll('IORT', 'DSDT')),
        /is what acpidump printed of a machine without an IORT/,
      );
    });
  });
});
