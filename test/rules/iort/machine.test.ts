import assert from 'node:assert/strict';
import path from 'node:path';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import { analyse } from '../../../server/src/workspace/analysis';
import { contextOfRoot } from '../../../server/src/workspace/contexts';
import { createFileStore } from '../../../server/src/workspace/files';
import { amendTable } from './table';

const folder = '/doorbell-test-machine';

/** The example's table beside a doorbell.json, through the whole analysis. */
function found(amendment: string, settings: object): readonly Diagnostic[] {
  const files = createFileStore();
  const root = path.join(folder, 'iort.dsl');
  files.open(root, amendTable(amendment));
  files.open(path.join(folder, 'doorbell.json'), JSON.stringify(settings));
  const unimportant = ['info', 'hint'];
  return analyse(contextOfRoot(root, files), files).diagnostics.filter(
    ({ severity }) => !unimportant.includes(severity),
  );
}

const ids = (diagnostics: readonly Diagnostic[]) => diagnostics.map(({ rule }) => rule).sort();
const guest = (start: string, size: string) => ({ guests: { mine: { ram: [{ start, size }] } } });
const direct = '// RMR\n       Flags (decoded below) : 00000000\n         Remapping Permitted : 0';

describe('machines that an IORT describes', () => {
  it('take a guest whose RAM is clear of everything', () => {
    assert.deepEqual(ids(found('', guest('0x40000000', '0x40000000'))), []);
  });

  it('do not take one whose RAM covers the MSI window', () => {
    assert.deepEqual(ids(found('', guest('0x0', '0x20000000'))), ['guest-ram-over-msi-window']);
  });

  it('do not take one whose RAM covers memory that a device keeps', () => {
    const diagnostics = found(direct, guest('0x80000000', '0x40000000'));
    assert.deepEqual(ids(diagnostics), ['guest-ram-over-reservation', 'iort-rmr-vfio']);
    const [over] = diagnostics.filter(({ rule }) => rule === 'guest-ram-over-reservation');
    assert.ok(over !== undefined);
    assert.ok(over.message.includes('\\_SB_.DMA0'));
    assert.ok(!over.message.includes('6.3'), 'RMR nodes are not as young as iommu-addresses');
    assert.equal(over.range?.file.path, path.join(folder, 'iort.dsl'));
  });

  it('take one there where the memory may be remapped: VFIO ignores the region', () => {
    assert.deepEqual(ids(found('', guest('0x80000000', '0x40000000'))), []);
  });

  it('do not reach all RAM where the root complex says so', () => {
    const limited = '// Root complex\n           Memory Size Limit : 20';
    assert.deepEqual(ids(found(limited, guest('0x100000000', '0x40000000'))), ['guest-ram-not-reached']);
  });

  it('are checked for the window that doorbell.json gives', () => {
    const settings = { msiWindow: { base: '0x90080000', size: '0x100000' } };
    assert.deepEqual(ids(found('', settings)), ['iort-rmr-doorbell']);
  });

  it('have the boot configuration that doorbell.json says', () => {
    const functions = '// RMR\n                 Output Base : 00000008\n            Output Reference : 00000048';
    assert.deepEqual(ids(found(functions, {})), ['iort-rmr-pci-preserve']);
    assert.deepEqual(ids(found(functions, { preserveBootConfiguration: true })), []);
  });

  it('are judged by severities of doorbell.json', () => {
    const settings = { rules: { 'iort-rmr-pci-preserve': 'error' } };
    const [first] = found(
      '// RMR\n                 Output Base : 00000008\n            Output Reference : 00000048',
      settings,
    );
    assert.equal(first?.severity, 'error');
  });
});
