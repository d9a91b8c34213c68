// The pipeline's stages in one warm process, after an edit of the board file, and the rules that cost most. A program of
// its own, bundled by bench.ts as the server is: run from source through tsx, each function that is made costs several
// times as much.
import { readFileSync } from 'node:fs';
import { lex } from '../../server/src/preprocess/lexed-files';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { rules } from '../../server/src/rules/catalogue';
import { checkRules } from '../../server/src/rules/check';
import type { RuleInput } from '../../server/src/rules/rule';
import { parseUnit } from '../../server/src/syntax/parse';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { buildTree } from '../../server/src/tree/build';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { benchBoards, type BenchBoard } from './boards';
import { median, minimum, table } from './statistics';

const rounds = 60;
const warmRounds = 10;
const rulesListed = 6;
const [tree, wanted = '', kind] = process.argv.slice(2);
const typical = kind === 'minima' ? minimum : median;

/** Milliseconds, as they are printed. */
interface BoardTimes {
  readonly row: readonly string[];
  readonly dearestRules: string;
}

// `analyse` is the whole, measured by itself.
const heading = ['board', 'tokens', 'lex', 'preprocess', 'parse', 'tree', 'topology', 'prediction', 'rules', 'analyse'];
const measured = benchBoards(tree!)
  .filter(({ name }) => name.includes(wanted))
  .map(measureBoard);
console.log(table([heading, ...measured.map(({ row }) => row)]));
console.log('\nThe rules that cost most, each with what it is the first to ask for:');
for (const { row, dearestRules } of measured) console.log(`${row[0]}: ${dearestRules}`);

function measureBoard({ name, file }: BenchBoard): BoardTimes {
  const files = createFileStore();
  const text = readFileSync(file, 'utf8');
  const times: number[][] = Array.from({ length: 8 }, () => []);
  const ruleTimes = new Map<string, number[]>(rules.map(({ id }) => [id, []]));
  let edits = 0;
  let tokens = 0;
  const edit = () => files.open(file, `${text}\n/ { bench = <${++edits}>; };\n`);
  edit();
  const context = contextOf(file, files);
  for (let round = 0; round < rounds; round++) {
    const edited = edit();
    const marks = [performance.now()];
    const mark = (): void => void marks.push(performance.now());
    lex(edited);
    mark();
    const unit = preprocess(edited, context, files);
    mark();
    const syntax = parseUnit(unit.tokens);
    mark();
    const built = buildTree(syntax, { readBinary: () => ({ error: 'not measured' }) });
    mark();
    const topology = topologyFromTree(built.tree);
    mark();
    const { kernel } = context.settings;
    const prediction = predictRegions(topology, kernelProfile({ kernel }));
    mark();
    const input: RuleInput = {
      tree: built.tree,
      topology,
      prediction,
      kernel: prediction.kernel,
      settings: {},
      root: edited,
    };
    if (round % 2 === 0) checkRules(input);
    else timeRules(input, ruleTimes);
    mark();
    edit();
    const started = performance.now();
    analyse(context, files);
    times[7]!.push(performance.now() - started);
    for (let stage = 0; stage < 7; stage++) times[stage]!.push(marks[stage + 1]! - marks[stage]!);
    tokens = unit.tokens.count;
  }
  const warm = (list: readonly number[]): number => typical(list.slice(warmRounds));
  const dearest = [...ruleTimes]
    .map(([id, list]) => ({ id, time: typical(list.slice(warmRounds / 2)) }))
    .sort((one, other) => other.time - one.time)
    .slice(0, rulesListed)
    .map(({ id, time }) => `${id} ${time.toFixed(2)}`);
  return { row: [name, `${tokens}`, ...times.map((list) => warm(list).toFixed(2))], dearestRules: dearest.join(', ') };
}

function timeRules(input: RuleInput, times: ReadonlyMap<string, number[]>): void {
  for (const rule of rules) {
    if (rule.holdsFor?.(input.kernel) === false) continue;
    const started = performance.now();
    Array.from(rule.check(input));
    times.get(rule.id)!.push(performance.now() - started);
  }
}
