// Medians of the pipeline's stages in one warm process, after an edit of the board file. A program of its own, bundled by
// bench.ts as the server is: run from source through tsx, each function that is made costs several times as much.
import { readFileSync } from 'node:fs';
import { lex } from '../../server/src/preprocess/lexed-files';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { checkRules } from '../../server/src/rules/check';
import { parseUnit } from '../../server/src/syntax/parse';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { buildTree } from '../../server/src/tree/build';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { benchBoards, type BenchBoard } from './boards';
import { median, table } from './statistics';

const rounds = 60;

// Milliseconds. `analyse` is the whole, measured by itself.
const rows = [['board', 'tokens', 'lex', 'preprocess', 'parse', 'tree', 'topology', 'prediction', 'rules', 'analyse']];
for (const board of benchBoards(process.argv[2]!)) {
  if (board.name.includes(process.argv[3] ?? '')) rows.push(measureBoard(board));
}
console.log(table(rows));

function measureBoard({ name, file }: BenchBoard): string[] {
  const files = createFileStore();
  const text = readFileSync(file, 'utf8');
  const times: number[][] = Array.from({ length: 8 }, () => []);
  let tokens = 0;
  files.open(file, text);
  const context = contextOf(file, files);
  for (let round = 0; round < rounds; round++) {
    const edited = files.open(file, `${text}\n/ { bench = <${round}>; };\n`);
    const marks = [performance.now()];
    const mark = (): void => void marks.push(performance.now());
    lex(edited);
    mark();
    const unit = preprocess(edited, context, files);
    mark();
    const syntax = parseUnit(unit.tokens);
    mark();
    const { tree } = buildTree(syntax, { readBinary: () => ({ error: 'not measured' }) });
    mark();
    const topology = topologyFromTree(tree);
    mark();
    const { kernel } = context.settings;
    const prediction = predictRegions(topology, kernelProfile({ kernel }));
    mark();
    checkRules({ tree, topology, prediction, kernel: prediction.kernel, settings: {}, root: edited });
    mark();
    const again = files.open(file, `${text}\n/ { bench = <${round + rounds}>; };\n`);
    const started = performance.now();
    analyse(context, files);
    times[7]!.push(performance.now() - started);
    if (again === edited) throw new Error('the edit was not seen');
    for (let stage = 0; stage < 7; stage++) times[stage]!.push(marks[stage + 1]! - marks[stage]!);
    tokens = unit.tokens.count;
  }
  return [name, `${tokens}`, ...times.map((list) => median(list.slice(10)).toFixed(2))];
}
