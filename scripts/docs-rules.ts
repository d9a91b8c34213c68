// Writes what is made from the rules: docs/rules, where pages of rules that are gone are removed, docs/kernels.md from the
// table of kernels, and the rules that the schema of doorbell.json and the extension's setting `doorbell.rules` list.
import { applyEdits, modify } from 'jsonc-parser';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { kernelsPage } from '../server/src/iova/kernels-page';
import { withWorkspace } from '../server/src/rules/catalogue';
import { documentationPages } from '../server/src/rules/documentation';
import { workspaceRules } from '../server/src/workspace/problems';
import { rulesSchema } from '../server/src/workspace/rule-schema';

const root = path.join(import.meta.dirname, '..');

function writePages(): void {
  const folder = path.join(root, 'docs/rules');
  const pages = documentationPages(withWorkspace(workspaceRules));
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.md') && !pages.has(name)) rmSync(path.join(folder, name));
  }
  for (const [name, text] of pages) writeFileSync(path.join(folder, name), text);
}

/** Replaces what the setting at `setting` may hold; the rest of the file stays as it is written. */
async function writeSchema(name: string, setting: readonly string[]): Promise<void> {
  const file = path.join(root, name);
  let text = readFileSync(file, 'utf8');
  for (const [key, value] of Object.entries(rulesSchema())) {
    const formattingOptions = { insertSpaces: true, tabSize: 2 };
    text = applyEdits(text, modify(text, [...setting, key], value, { formattingOptions }));
  }
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

async function run(): Promise<void> {
  writePages();
  writeFileSync(path.join(root, 'docs/kernels.md'), kernelsPage());
  await writeSchema('schemas/doorbell.schema.json', ['properties', 'rules']);
  await writeSchema('package.json', ['contributes', 'configuration', 'properties', 'doorbell.rules']);
}

void run();
