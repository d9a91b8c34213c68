import assert from 'node:assert/strict';
import { sourceFile } from '../../server/src/text/source-file';
import { createFileStore } from '../../server/src/workspace/files';
import { findSettingsFile, loadSettings, settingsProfile } from '../../server/src/workspace/settings';
import { settingsEdit } from '../../server/src/workspace/settings-edit';
import { allRules } from '../../server/src/workspace/rule-index';
import { configuredGuests } from '../../server/src/workspace/guest-file';
import { rulesSchema } from '../../server/src/workspace/rule-schema';
import { parseSettings, settingsSchema, type SettingsFile } from '../../server/src/workspace/settings-file';
import { folderWith, removeFolders } from './folder';

/** Each problem as `rule: the text it is at`. */
function problemsOf(text: string): string[] {
  const { diagnostics } = parseSettings(sourceFile('/doorbell.json', text));
  return diagnostics.map(({ rule, range }) => `${rule}: ${text.slice(range?.start, range?.end)}`);
}

describe('doorbell.json', () => {
  afterEach(removeFolders);

  it('may hold comments and trailing commas, and every key that it can have', () => {
    const text = `{
      // the machine in the lab
      "$schema": "./schemas/doorbell.schema.json",
      "kernel": "7.2", "pageSize": "64K",
      "msiWindow": { "base": "0x9000000", "size": 1048576 },
      "preserveBootConfiguration": true, "streamIdBits": 24,
      "acpi": { "madt": "/tables/apic.dat" },
      "rules": { "msi-window-overlap": "error", "hugepage-cost": "off" },
      "guests": { "mine": { "ram": [{ "start": "0x40000000", "size": "0x80000000" }] } },
      "virtioIommuRegions": [{ "start": "0x8090000", "size": "0x10000", "type": "msi" }],
      "contexts": [{ "root": "b.dts", "includePaths": ["include"], "defines": { "A": 1 }, "overlays": ["o.dtso"] }],
    }`;
    assert.deepEqual(problemsOf(text), []);
    const folder = folderWith('');
    const { settings } = loadSettings(folder.write('doorbell.json', text), createFileStore());
    assert.deepEqual(settings, {
      kernel: '7.2',
      pageSize: '64K',
      msiWindow: { base: 0x9000000n, size: 0x100000n },
      preserveBootConfiguration: true,
      streamIdBits: 24,
      madt: '/tables/apic.dat',
      rules: { 'msi-window-overlap': 'error', 'hugepage-cost': 'off' },
      guests: { mine: { ram: [{ start: 0x40000000n, size: 0x80000000n }] } },
      virtioIommuRegions: [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
      contexts: [
        {
          root: folder.at('b.dts'),
          includePaths: [folder.at('include')],
          defines: { A: '1' },
          overlays: [folder.at('o.dtso')],
        },
      ],
    });
  });

  it('is told where it is wrong, and the rest counts', () => {
    const wrong: Record<string, string[]> = {
      '{ "kernal": "6.1" }': ['settings-unknown-key: "kernal"'],
      '{ "kernel": 6.1 }': ['settings-wrong-value: 6.1'],
      '{ "kernel": "5.4" }': ['settings-wrong-value: "5.4"'],
      '{ "msiWindow": { "size": "0x1000" } }': ['settings-wrong-value: { "size": "0x1000" }'],
      '{ "msiWindow": { "base": "8000000h" } }': ['settings-wrong-value: "8000000h"'],
      '{ "msiWindow": { "base": -1 } }': ['settings-wrong-value: -1'],
      '{ "msiWindow": { "base": "0x0", "size": "0x00" } }': ['settings-wrong-value: "0x00"'],
      '{ "msiWindow": { "base": "0x10000000000000000" } }': ['settings-wrong-value: "0x10000000000000000"'],
      '{ "rules": { "msi-window-overlap": "fatal" } }': ['settings-wrong-value: "fatal"'],
      '{ "rules": { "msi-window-overlp": "off" } }': ['settings-unknown-key: "msi-window-overlp"'],
      '{ "rules": { "a-rule": "fatal" } }': ['settings-wrong-value: "fatal"', 'settings-unknown-key: "a-rule"'],
      '{ "rules": ["off"] }': ['settings-wrong-value: ["off"]'],
      '{ "guests": { "g": { "ram": [{ "start": 0 }] } } }': ['settings-wrong-value: { "start": 0 }'],
      '{ "guests": { "g": {} } }': ['settings-wrong-value: {}'],
      '{ "guests": { "g": { "preset": "qemu" } } }': ['settings-wrong-value: "qemu"'],
      '{ "guests": { "g": { "preset": "firecracker:2T" } } }': ['settings-wrong-value: "firecracker:2T"'],
      '{ "guests": { "g": { "preset": 4 } } }': ['settings-wrong-value: 4'],
      '{ "contexts": {} }': ['settings-wrong-value: {}'],
      '{ "kernel": "6.1", "kernel": "7.2" }': ['settings-unknown-key: "kernel"'],
      '[]': ['settings-wrong-value: []'],
      '{ "kernel": }': ['settings-syntax: }'],
      '{ "kernel": "6.1" "pageSize": "4K" }': ['settings-syntax: "pageSize"'],
    };
    for (const [text, problems] of Object.entries(wrong)) assert.deepEqual(problemsOf(text), problems, text);
    const { content } = parseSettings(
      sourceFile('/doorbell.json', '{ "kernel": "7.2", "rules": { "a": "fatal", "b": "off" }, "pageSize": 4, "x": 1 }'),
    );
    assert.equal(JSON.stringify(content), '{"kernel":"7.2","rules":{"b":"off"}}');
  });

  it('is the nearest one upwards, over the settings of the editor, over the defaults', () => {
    const folder = folderWith(`
      //- doorbell.json
      { "kernel": "6.1" }
      //- boards/doorbell.json
      { "pageSize": "16K", "rules": { "b": "off" } }
      //- boards/a/board.dts
      //- other/board.dts
    `);
    const files = createFileStore();
    assert.equal(findSettingsFile(folder.at('other/board.dts'), files), folder.at('doorbell.json'));
    const nearest = findSettingsFile(folder.at('boards/a/board.dts'), files);
    assert.equal(nearest, folder.at('boards/doorbell.json'));
    const editor = {
      kernel: '7.2',
      pageSize: '64K',
      rules: { a: 'hint', b: 'error' },
      msiWindow: 'nonsense',
    } as unknown;
    const { settings } = loadSettings(nearest, files, editor as SettingsFile);
    assert.equal(settings.kernel, '7.2');
    assert.equal(settings.pageSize, '16K');
    assert.deepEqual(settings.rules, { a: 'hint', b: 'off' });
    assert.equal(settings.msiWindow, undefined);
  });

  it('takes guests by the preset of their VMM', () => {
    const text = '{ "guests": { "small": { "preset": "kvmtool:1G@0x100000000" }, "bad": { "preset": "none" } } }';
    const { settings } = loadSettings(folderWith('').write('doorbell.json', text), createFileStore());
    assert.deepEqual(settings.guests, {
      small: { ram: [{ start: 0x100000000n, size: 0x40000000n }], preset: 'kvmtool:1G@0x100000000' },
    });
    const [guest] = configuredGuests(settings);
    assert.deepEqual([guest?.name, guest?.strict, guest?.ram[0]?.start], ['small', true, 0x100000000n]);
  });

  it('gives the kernel profile its window, and says where', () => {
    const text = '{ "kernel": "6.12", "msiWindow": { "base": "0x9000000" } }';
    const file = folderWith('').write('doorbell.json', text);
    const { settings, msiWindowSource } = loadSettings(file, createFileStore());
    const { msiWindow, msiWindowOrigin, pageSize } = settingsProfile(settings);
    assert.deepEqual({ ...msiWindow }, { start: 0x9000000n, end: 0x90fffffn });
    assert.equal(msiWindowOrigin, 'settings');
    assert.equal(pageSize, 4096n);
    assert.equal(text.slice(msiWindowSource?.start, msiWindowSource?.end), '"msiWindow": { "base": "0x9000000" }');
  });

  it('has a schema with exactly the keys of the type', () => {
    const keys: Record<keyof SettingsFile, true> = {
      kernel: true,
      pageSize: true,
      msiWindow: true,
      preserveBootConfiguration: true,
      streamIdBits: true,
      acpi: true,
      rules: true,
      guests: true,
      virtioIommuRegions: true,
      contexts: true,
    };
    const { $schema, ...properties } = settingsSchema.properties ?? {};
    assert.ok($schema);
    assert.deepEqual(Object.keys(properties).sort(), Object.keys(keys).sort());
    const context: Record<keyof NonNullable<SettingsFile['contexts']>[number], true> = {
      root: true,
      includePaths: true,
      defines: true,
      overlays: true,
    };
    assert.deepEqual(Object.keys(properties.contexts?.items?.properties ?? {}).sort(), Object.keys(context).sort());
  });

  it('has a schema that explains every rule, as `npm run docs:rules` writes it', () => {
    const { properties, additionalProperties } = settingsSchema.properties?.rules ?? {};
    const message = 'run npm run docs:rules';
    assert.deepEqual({ properties, additionalProperties }, rulesSchema(), message);
    assert.deepEqual(Object.keys(properties ?? {}), [...new Set(allRules().map(({ id }) => id))], message);
  });

  it('may set each rule to each severity, its own among them', () => {
    for (const [id, { enum: words, default: own }] of Object.entries(rulesSchema().properties)) {
      assert.ok((words as readonly string[]).includes(own), id);
      for (const word of words) assert.deepEqual(problemsOf(JSON.stringify({ rules: { [id]: word } })), [], id);
    }
  });
});

describe('edits of doorbell.json', () => {
  afterEach(removeFolders);

  const relocate = [
    [['msiWindow', 'base'], '0x9000000'],
    [['msiWindow', 'size'], '0x100000'],
  ] as const;

  function edited(fixture: string, board: string, folders: readonly string[] = []) {
    const folder = folderWith(fixture);
    const result = settingsEdit(folder.at(board), relocate, createFileStore(), folders.map(folder.at));
    if ('error' in result) return result;
    const { file, edit, isNew } = result;
    const text = file.text.slice(0, edit.start) + edit.newText + file.text.slice(edit.end);
    return { path: file.path.slice(folder.root.length + 1), isNew, text };
  }

  it('keep comments and layout', () => {
    const fixture = '//- doorbell.json\n{\n\t// ours\n\t"kernel": "6.1", // old\n\t"rules": {}\n}\n//- a/board.dts\n';
    assert.deepEqual(edited(fixture, 'a/board.dts'), {
      path: 'doorbell.json',
      isNew: false,
      text: '{\n\t// ours\n\t"kernel": "6.1", // old\n\t"rules": {},\n\t"msiWindow": {\n\t\t"base": "0x9000000",\n\t\t"size": "0x100000"\n\t}\n}\n',
    });
  });

  it('replace a value that is there', () => {
    const found = edited(
      '//- doorbell.json\n{ "msiWindow": { "base": "0x1", "size": "0x100000" } }\n//- b.dts\n',
      'b.dts',
    );
    assert.equal('text' in found && found.text, '{ "msiWindow": { "base": "0x9000000", "size": "0x100000" } }\n');
  });

  it('create the file at the root of the source tree, within the workspace', () => {
    const linux = '//- w/linux/include/dt-bindings/x.h\n//- w/linux/arch/arm64/boot/dts/arm/b.dts\n';
    const board = 'w/linux/arch/arm64/boot/dts/arm/b.dts';
    const text = '{\n  "msiWindow": {\n    "base": "0x9000000",\n    "size": "0x100000"\n  }\n}\n';
    assert.deepEqual(edited(linux, board), { path: 'w/linux/doorbell.json', isNew: true, text });
    assert.deepEqual(edited(linux, board, ['w']), { path: 'w/linux/doorbell.json', isNew: true, text });
    const inside = edited(linux, board, ['other', 'w/linux/arch']);
    assert.equal('path' in inside && inside.path, 'w/linux/arch/doorbell.json');
    const outside = edited(linux, board, ['other']);
    assert.equal('path' in outside && outside.path, 'w/linux/arch/arm64/boot/dts/arm/doorbell.json');
    const alone = edited('//- x/b.dts\n', 'x/b.dts');
    assert.equal('path' in alone && alone.path, 'x/doorbell.json');
  });

  it('of a broken file are refused or leave what is there', () => {
    const found = edited('//- doorbell.json\n[1]\n//- b.dts\n', 'b.dts');
    assert.ok('error' in found || found.text.includes('1'));
  });
});
