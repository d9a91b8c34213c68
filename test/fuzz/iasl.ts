// `npm run fuzz:iasl -- [--count N] [--from SEED] [--only SEED]`: changed texts of tables through both versions of iasl and
// through Doorbell. Prints the seed of each text that they do not agree on; with --only the text itself.
import { parseArgs } from 'node:util';
import { compareWithIasl, textOfSeed, type Outcome } from '../acpi/text/compare-with-iasl';
import { findIasl } from '../oracle/iasl/iasl';

async function command(): Promise<void> {
  const { values } = parseArgs({
    options: { count: { type: 'string' }, from: { type: 'string' }, only: { type: 'string' } },
  });
  const from = Number(values.only ?? values.from ?? Math.floor(Math.random() * 1e9));
  const count = values.only === undefined ? Number(values.count ?? 1000) : 1;
  for (const style of ['20200925', 'current'] as const) {
    const iasl = findIasl(style);
    if (iasl === undefined) throw new Error('no iasl: npm run oracle:setup');
    const counts: Record<Outcome, number> = { same: 0, 'both refuse': 0, lost: 0, differs: 0 };
    for (let seed = from; seed < from + count; seed++) {
      const { kind, detail } = await compareWithIasl(style, iasl, seed);
      counts[kind]++;
      if (kind === 'differs') console.log(`iasl ${style}, --only ${seed}:\n${detail}\n`);
      if (values.only !== undefined) console.log(`${textOfSeed(style, seed)}\n${kind}: ${detail}`);
    }
    console.log(`iasl ${style}, ${count} texts from seed ${from}: ${JSON.stringify(counts)}`);
    if (counts.differs > 0) process.exitCode = 1;
  }
}

void command();
