// Writes docs/rules from the rules; pages of rules that are gone are removed.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withWorkspace } from '../server/src/rules/catalogue';
import { documentationPages } from '../server/src/rules/documentation';
import { workspaceRules } from '../server/src/workspace/problems';

const folder = path.join(import.meta.dirname, '../docs/rules');
const pages = documentationPages(withWorkspace(workspaceRules));
for (const name of readdirSync(folder)) {
  if (name.endsWith('.md') && !pages.has(name)) rmSync(path.join(folder, name));
}
for (const [name, text] of pages) writeFileSync(path.join(folder, name), text);
