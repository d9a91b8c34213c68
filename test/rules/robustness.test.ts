import assert from 'node:assert/strict';
import { defaultKernel, kernelProfiles } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { rules } from '../../server/src/rules/catalogue';
import { checkRules } from '../../server/src/rules/check';
import type { Diagnostic } from '../../server/src/text/diagnostic';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { readFdt } from '../../server/src/tree/fdt-read';
import { writeFdt } from '../../server/src/tree/fdt-write';
import type { DeviceTree } from '../../server/src/tree/model';
import { analyseSources, boardSource, diagnosticsOf, onBoard } from './board';

/** A board with a bit of everything that the rules look at. */
const everything = rules
  .map(({ docs }) => docs.example.failing.replaceAll('hole', `r${docs.effect.length}`))
  .join('\n');

function check(tree: DeviceTree, kernel = defaultKernel): Diagnostic[] {
  const topology = topologyFromTree(tree);
  return checkRules({ tree, topology, prediction: predictRegions(topology, kernel), kernel, settings: {} });
}

describe('rules', function () {
  this.timeout(60_000);

  it('never fail, whatever the board: every example at once, with lines left out', () => {
    const lines = everything.split('\n');
    for (let skip = 0; skip < lines.length; skip += 3) {
      const text = lines.filter((_, index) => index !== skip && index !== skip + 7).join('\n');
      const found = diagnosticsOf(onBoard(text));
      assert.deepEqual(
        found.filter(({ rule }) => rule === 'internal-error'),
        [],
      );
      for (const { fixes = [] } of found) for (const fix of fixes) assert.ok(Array.isArray(fix.change().edits));
    }
  });

  it('never fail on trees whose cells are anything', () => {
    const text = boardSource + everything.replaceAll('/delete-property/', '//');
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const values = [
      '0x0',
      '0x1',
      '0x2',
      '0x3',
      '0x8004',
      '0x8000000',
      '0xffffffff',
      '0x02000000',
      '',
      '&smmu',
      '&net',
      '&its',
    ];
    for (let round = 0; round < 20; round++) {
      const broken = text.replace(/0x[0-9a-f]+|<[0-9]>/g, (cell) =>
        random(6) !== 0 ? cell : cell.startsWith('<') ? `<${random(6)}>` : values[random(values.length)]!,
      );
      const sources = { 'board.dts': `/dts-v1/;\n${broken}` };
      for (const kernel of ['6.1', '6.12', '7.2'] as const) {
        assert.deepEqual(
          diagnosticsOf(sources, kernel).filter(({ rule }) => rule === 'internal-error'),
          [],
          broken,
        );
      }
    }
  });

  it('report a failure of their own as a diagnostic, and go on', () => {
    const { tree, topology, prediction } = analyseSources(onBoard('&dma { iommus = <&gic 0x1>; };'));
    const broken = Object.defineProperty({ ...prediction }, 'groups', {
      get: () => {
        throw new Error('no groups');
      },
    });
    const found = checkRules({ tree, topology, prediction: broken, kernel: defaultKernel, settings: {} });
    assert.ok(found.some(({ rule, message }) => rule === 'internal-error' && message.includes('no groups')));
    assert.ok(found.some(({ rule }) => rule === 'iommu-target-not-iommu'));
  });

  it('say the same of a blob, without places', () => {
    const source = analyseSources(
      onBoard('&pcie { dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>; };'),
    );
    const blob = readFdt(writeFdt(source.tree));
    assert.ok('tree' in blob);
    const [found] = check(blob.tree);
    assert.equal(found?.rule, 'msi-window-not-forwarded');
    assert.equal(found.range, undefined);
    assert.equal(found.node, '/pcie@40000000');
    assert.equal(found.message, source.diagnostics[0]!.message);
    assert.equal(found.fixes, undefined);
  });

  it('know every kernel', () => {
    const { tree } = analyseSources(onBoard(''));
    for (const kernel of Object.values(kernelProfiles)) assert.deepEqual(check(tree, kernel), []);
  });
});

describe('findings in an include', () => {
  it('are pointed to from the block of the same node in the board', () => {
    const limited = boardSource.replace(
      'iommu-map',
      'dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>;\n\t\tiommu-map',
    );
    const found = diagnosticsOf({ ...onBoard('&pcie { status = "okay"; };'), 'board.dtsi': limited });
    assert.deepEqual(
      found.map(({ rule, severity, range }) => [severity, rule, range?.file.path.split('/').at(-1)]),
      [
        ['info', 'msi-window-not-forwarded', 'board.dts'],
        ['warning', 'msi-window-not-forwarded', 'board.dtsi'],
      ],
    );
    assert.equal(found[0]!.evidence?.[0]?.range, found[1]!.range);
  });
});
