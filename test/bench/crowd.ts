// 10,000 reserved regions on 1,000 masters: the stages in one process, each round from the text on, and the built command
// line as a user has it. Bundled by bench.ts as stages.ts is, whose first lines say why.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { printSysfs } from '../../server/src/iova/print-regions';
import { checkRules } from '../../server/src/rules/check';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { compileBoard } from '../../server/src/workspace/analysis';
import { contextOfRoot } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { crowdedSource, type Crowd } from './crowded-trees';
import { median, minimum, table } from './statistics';

const rounds = 7;
const [cli = '', kind] = process.argv.slice(2);
const typical = kind === 'minima' ? minimum : median;

const crowds: readonly (readonly [name: string, crowd: Crowd])[] = [
  ['10,000 × 1,000', { regions: 10_000, masters: 1_000, devicesPerRegion: 1 }],
  ['10,000 on one', { regions: 10_000, masters: 1, devicesPerRegion: 1 }],
  ['1,000 × 1,000, 10 each', { regions: 1_000, masters: 1_000, devicesPerRegion: 10 }],
];

const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-'));
try {
  const heading = ['tree', 'compile', 'topology', 'prediction', 'rules', 'print', 'analysis', 'check', 'regions'];
  console.log(table([heading, ...crowds.map(measure)]));
  console.log('analysis: topology, prediction and rules; check, regions: the command line, its start included');
} finally {
  rmSync(folder, { recursive: true });
}

function measure([name, crowd]: (typeof crowds)[number]): string[] {
  const file = path.join(folder, 'crowd.dts');
  writeFileSync(file, crowdedSource(crowd));
  const times: number[][] = Array.from({ length: 8 }, () => []);
  for (let round = 0; round < rounds; round++) stages(file).forEach((time, stage) => times[stage]!.push(time));
  for (let round = 0; round < rounds; round++) {
    for (const [index, verb] of (['check', 'regions'] as const).entries()) {
      const started = performance.now();
      spawnSync(process.execPath, [cli, verb, file], { stdio: 'ignore' });
      times[6 + index]!.push(performance.now() - started);
    }
  }
  return [name, ...times.map((list) => `${typical(list).toFixed(0)} ms`)];
}

/** Milliseconds of each stage, and of the three that are the analysis. */
function stages(file: string): number[] {
  const files = createFileStore();
  const kernel = kernelProfile({ kernel: '6.12' });
  const marks = [performance.now()];
  const mark = (): void => void marks.push(performance.now());
  const { tree, root } = compileBoard(contextOfRoot(file, files), files);
  mark();
  const topology = topologyFromTree(tree);
  mark();
  const prediction = predictRegions(topology, kernel);
  mark();
  checkRules({ tree, topology, prediction, kernel, settings: {}, root });
  mark();
  printSysfs(prediction);
  mark();
  const times = marks.slice(1).map((end, index) => end - marks[index]!);
  return [...times, times[1]! + times[2]! + times[3]!];
}
