import Ajv from 'ajv';
import assert from 'node:assert/strict';
import sarifSchema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell, program } from './run';

const broken = `
  //- board.dts
  /dts-v1/;
  / {
    a = <1>
    b = <&nowhere>;
  };
`;
const good = '//- good.dts\n/dts-v1/;\n/ { };\n';

const rulePages = path.join(import.meta.dirname, '../../docs/rules');

interface SarifRule {
  readonly id: string;
  readonly helpUri: string;
  readonly shortDescription: { readonly text: string };
}

interface JsonReport {
  readonly diagnostics: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly rule: string;
    readonly severity: string;
    readonly fixes: readonly string[];
    readonly evidence: readonly { readonly file: string; readonly message: string }[];
  }[];
}

function jsonOf(stdout: string): JsonReport {
  return JSON.parse(stdout) as JsonReport;
}

describe('doorbell check', () => {
  afterEach(removeFolders);

  it('prints a line for each problem, with paths as seen from here', () => {
    const folder = folderWith(broken);
    const { status, stdout, stderr } = doorbell(['check', 'board.dts'], folder.root);
    assert.match(
      stdout,
      /^board\.dts:3:10: error: .* \[syntax-missing-semicolon\]\nboard\.dts:4:8: error: .*nowhere.* \[unresolved-reference\]\n/,
    );
    assert.ok(!stdout.includes('\u001b'));
    assert.equal(stderr, '');
    assert.equal(status, 1);
    assert.match(
      doorbell(['check', path.join(folder.root, 'board.dts')], path.join(folder.root, '..')).stdout,
      /^doorbell-\w+\/board\.dts:3:/,
    );
  });

  it('says nothing and succeeds where nothing is wrong', () => {
    const folder = folderWith(good);
    assert.deepEqual(doorbell(['check', 'good.dts'], folder.root), { status: 0, stdout: '', stderr: '' });
  });

  it("finds the example's conflict, with the places that it comes from", () => {
    const { status, stdout } = doorbell(['check', 'examples/lab-board.dts']);
    assert.match(
      stdout,
      /^examples\/lab-board\.dts:23:\d+: \w+: .*0x8000000.*\[msi-window-overlap\]\n {4}\S+:\d+:\d+: /m,
    );
    assert.equal(status, 1);
  });

  it('prints from the asked severity on, and counts no others', () => {
    const folder = folderWith('//- w.dts\n/dts-v1/;\n#warning be careful\n/ { };\n');
    assert.equal(doorbell(['check', 'w.dts'], folder.root).status, 1);
    assert.deepEqual(doorbell(['check', '--severity', 'error', 'w.dts'], folder.root), {
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('prints rules that are asked for, and not those that are ignored', () => {
    const folder = folderWith(broken);
    const rules = (...args: string[]) =>
      jsonOf(doorbell(['check', '--format', 'json', ...args, 'board.dts'], folder.root).stdout).diagnostics.map(
        ({ rule }) => rule,
      );
    assert.deepEqual(rules(), ['syntax-missing-semicolon', 'unresolved-reference']);
    assert.deepEqual(rules('--only', 'unresolved-reference,duplicate-label'), ['unresolved-reference']);
    assert.deepEqual(rules('--ignore', 'unresolved-reference'), ['syntax-missing-semicolon']);
    assert.equal(
      doorbell(['check', '--ignore', 'syntax-missing-semicolon,unresolved-reference', 'board.dts'], folder.root).status,
      0,
    );
    assertOneLineError(
      doorbell(['check', '--only', 'no-such-rule', 'board.dts'], folder.root),
      'there is no rule no-such-rule',
    );
  });

  it('takes severities from doorbell.json, and what is ignored in place', () => {
    const folder = folderWith(`
      ${broken}
      //- doorbell.json
      { "rules": { "syntax-missing-semicolon": "hint", "unresolved-reference": "off" } }
      //- ignored.dts
      /dts-v1/;
      / {
        // doorbell-ignore unresolved-reference
        b = <&nowhere>;
      };
      //- other.json
      { "rules": { "unresolved-reference": "warning" } }
    `);
    assert.equal(doorbell(['check', 'board.dts'], folder.root).status, 0);
    assert.match(
      doorbell(['check', '--severity', 'hint', 'board.dts'], folder.root).stdout,
      /^board.dts:3:\d+: hint: /,
    );
    assert.equal(doorbell(['check', '--config', 'other.json', 'ignored.dts'], folder.root).status, 0);
    assert.match(
      doorbell(['check', '--config', 'other.json', 'board.dts'], folder.root).stdout,
      /: warning: .*\[unresolved-reference\]/,
    );
  });

  it('checks an include through a board, and says so', () => {
    const folder = folderWith(
      '//- soc.dtsi\n/ { x = <&l>; };\n//- board.dts\n/dts-v1/;\n#include "soc.dtsi"\n/ { l: l { }; };\n',
    );
    const { status, stderr } = doorbell(['check', 'soc.dtsi'], folder.root);
    assert.deepEqual([status, stderr], [0, 'doorbell: soc.dtsi: checked as part of board.dts\n']);
  });

  it('takes include paths, macros and overlays', () => {
    const folder = folderWith(`
      //- b.dts
      /dts-v1/;
      #include <x.dtsi>
      / { v = <VALUE>; w = <FLAG>; };
      //- deep/x.dtsi
      / { n: n { }; };
      //- o.dtso
      /dts-v1/;
      /plugin/;
      &n { ok; };
    `);
    const args = ['-I', 'deep', '-DVALUE=2', '-D', 'FLAG', '--overlay', 'o.dtso', 'b.dts'];
    assert.deepEqual(doorbell(['check', ...args], folder.root), { status: 0, stdout: '', stderr: '' });
    assert.match(doorbell(['tree', ...args], folder.root).stdout, /v = <0x2>;\s+w = <0x1>;[^]*ok;/);
  });

  it('has JSON with everything in it', () => {
    const { stdout } = doorbell(['check', '--format', 'json', 'examples/lab-board.dts']);
    const conflict = jsonOf(stdout).diagnostics.find(({ rule }) => rule === 'msi-window-overlap');
    assert.ok(conflict !== undefined);
    const { file, line, evidence, fixes } = conflict;
    assert.deepEqual([file, line], ['examples/lab-board.dts', 23]);
    assert.ok(evidence.length > 0 && fixes.length > 0);
    assert.deepEqual(Object.keys(conflict).sort(), [
      ...['column', 'endColumn', 'endLine', 'evidence', 'file', 'fixes', 'line', 'message', 'node', 'rule', 'severity'],
    ]);
    assert.deepEqual(
      jsonOf(doorbell(['check', '--format', 'json', 'examples/lab-soc.dtsi']).stdout).diagnostics.length > 0,
      true,
    );
  });

  it('has SARIF that the published schema accepts', () => {
    const folder = folderWith(`${broken}\n${good}`);
    const schema = { ...sarifSchema, $schema: undefined, id: undefined };
    const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(
      JSON.parse(JSON.stringify(schema)) as object,
    );
    for (const [cwd, file] of [
      [folder.root, 'board.dts'],
      [folder.root, 'good.dts'],
      [undefined, 'examples/lab-board.dts'],
    ] as const) {
      const log = JSON.parse(doorbell(['check', '--format', 'sarif', file], cwd).stdout) as {
        version: string;
        runs: { tool: { driver: { rules: SarifRule[] } }; results: { level: string; ruleIndex: number }[] }[];
      };
      assert.ok(validate(log), JSON.stringify(validate.errors));
      assert.equal(log.version, '2.1.0');
      const { tool, results } = log.runs[0]!;
      assert.equal(results.length > 0, file !== 'good.dts');
      assert.equal(new Set(results.map(({ ruleIndex }) => ruleIndex)).size, tool.driver.rules.length);
      for (const { id, helpUri, shortDescription } of tool.driver.rules) {
        const page = readFileSync(path.join(rulePages, path.basename(new URL(helpUri).pathname)), 'utf8');
        assert.ok(page.startsWith(`# ${id}\n\n${shortDescription.text}.`), id);
      }
    }
    assert.equal(validate({ version: '2.1.0', runs: [{}] }), false, 'the schema does refuse');
  });

  it('checks many files in the order they are given, on several threads', () => {
    const names = Array.from({ length: 40 }, (_, at) => `b${(at * 7) % 40}.dts`);
    const fixture = names.map((name) => `//- ${name}\n/dts-v1/;\n#error ${name}\n/ { };\n`).join('');
    const folder = folderWith(fixture);
    const { stdout, status } = doorbell(['check', ...names], folder.root);
    assert.deepEqual(
      [...stdout.matchAll(/^(b\d+\.dts):2:/gm)].map((match) => match[1]),
      names,
    );
    assert.equal(status, 1);
  });

  it('goes on with the other files where one cannot be used, and tells by its status', () => {
    const folder = folderWith(`${broken}//- dir/x\n\n`);
    const { stdout, stderr, status } = doorbell(['check', 'dir', 'none.dts', 'board.dts'], folder.root);
    assert.equal(stderr, 'doorbell: dir: is a directory\ndoorbell: none.dts: no such file\n');
    assert.match(stdout, /^board\.dts:3/);
    assert.equal(status, 2);
  });

  it('paints on terminals only: not in pipes, whatever the environment says', () => {
    const folder = folderWith(broken);
    const { stdout } = doorbell(['check', 'board.dts'], folder.root, { TERM: 'xterm-256color', NO_COLOR: '' });
    assert.ok(stdout.includes('error: ') && !stdout.includes('\u001b'));
  });

  it('ends quietly when the reader of its output goes away', async () => {
    const fixture = `//- b.dts\n/dts-v1/;\n/ {\n${'a = <&nowhere>;\n'.repeat(5000)}};\n`;
    const folder = folderWith(fixture);
    const child = spawn(process.execPath, [program, 'check', 'b.dts'], { cwd: folder.root });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(stderr, '');
  });
});
