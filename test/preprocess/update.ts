// `npm run test:preprocess:update`: writes what gcc says into the case files.
import path from 'node:path';
import { readCaseFamilies, writeCaseFamily } from './case-file';
import { judgedByGcc } from './judge';

async function update(): Promise<void> {
  for (const family of readCaseFamilies(path.join(__dirname, 'cases'))) {
    const cases = [];
    for (const example of family.cases) {
      const { isError, text } = await judgedByGcc(example);
      if (isError !== example.isError)
        console.log(`${family.name}: ${example.title}: ${isError ? 'refused' : 'taken'}`);
      cases.push({ ...example, isError, expected: text });
    }
    writeCaseFamily({ ...family, cases });
  }
}

void update();
