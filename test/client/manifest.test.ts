// The manifest promises files, commands and settings; here it is held to them.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import manifest from '../../package.json';
import { devicetreeLanguages, tableLanguage, tableScheme } from '../../server/src/protocol';
import { editorSettings, noSettings } from '../../server/src/server/settings';
import { rulesSchema } from '../../server/src/workspace/rule-schema';

const root = path.join(import.meta.dirname, '../..');
const { contributes } = manifest;

describe('extension manifest', () => {
  it('names files that exist, and the package holds them', () => {
    const packed = readFileSync(path.join(root, '.vscodeignore'), 'utf8').split('\n');
    const named = [
      ...contributes.languages.flatMap(({ configuration }) => configuration ?? []),
      ...contributes.grammars.map((grammar) => grammar.path),
      ...contributes.jsonValidation.map(({ url }) => url),
    ];
    for (const file of named) {
      assert.ok(existsSync(path.join(root, file)), file);
      assert.ok(packed.includes(`!${path.normalize(file)}`), `${file} in .vscodeignore`);
    }
    assert.ok(packed.includes(`!${path.normalize(manifest.main)}`));
  });

  it('declares the commands that the client registers, and no others', () => {
    const folder = path.join(root, 'client/src');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const sources = files.map((file) => readFileSync(path.join(folder, file), 'utf8'));
    const registered = sources.flatMap((source) =>
      [...source.matchAll(/registerCommand\(\s*'([^']+)'/g)].map(([, command]) => command),
    );
    const declared = contributes.commands.map(({ command }) => command);
    assert.deepEqual(registered.sort(), declared.sort());
  });

  it('knows the languages and the scheme that the server knows', () => {
    const languages: readonly string[] = contributes.languages.map(({ id }) => id);
    for (const id of [devicetreeLanguages[0]!, tableLanguage]) assert.ok(languages.includes(id), id);
    for (const id of languages) assert.ok(manifest.activationEvents.includes(`onLanguage:${id}`), id);
    assert.ok(manifest.activationEvents.includes(`onFileSystem:${tableScheme}`));
  });

  it('offers no setting that the server does not read', () => {
    const values: Record<string, unknown> = {
      kernel: '7.2',
      pageSize: '64K',
      rules: { 'msi-window-overlap': 'off' },
      includePaths: ['include'],
      defines: { A: '1' },
      'tables.updateReferencesOnFormat': true,
    };
    // What the client reads itself.
    const own = /^doorbell\.(?:trace\.|tables\.openAsText$)/;
    const offered = Object.keys(contributes.configuration.properties).filter((key) => !own.test(key));
    assert.deepEqual(offered.map((key) => key.replace('doorbell.', '')).sort(), Object.keys(values).sort());
    for (const [key, value] of Object.entries(values)) {
      // A client sends `a.b` as `{ a: { b } }`.
      const section = key.split('.').reduceRight((inner: unknown, name) => ({ [name]: inner }), value);
      assert.notDeepEqual(editorSettings(section), noSettings, key);
    }
  });

  it('explains every rule in its setting, as `npm run docs:rules` writes it', () => {
    const { properties, additionalProperties } = contributes.configuration.properties['doorbell.rules'];
    assert.deepEqual({ properties, additionalProperties }, rulesSchema(), 'run npm run docs:rules');
  });
});
