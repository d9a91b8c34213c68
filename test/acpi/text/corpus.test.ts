// What iasl makes of a table, and of a text, is what Doorbell makes of it: for all tables that an iasl can handle, in both
// versions of it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { TextStyle } from '../../../server/src/acpi/layout/field';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { printTable } from '../../../server/src/acpi/text/print';
import { newIort } from '../../../server/src/acpi/text/template';
import { sourceFile } from '../../../server/src/text/source-file';
import { compileText, decompileTable, templateOf } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';
import { buildIort, type NodeDraft } from '../../../server/src/acpi/iort/build';
import { generateTable } from '../generate-table';
import { machines } from './machines';

const recorded = path.join(__dirname, '../../fixtures/truth/iort');
const styles: readonly TextStyle[] = ['20200925', 'current'];

interface Entry {
  readonly name: string;
  readonly style: TextStyle;
  readonly bytes: Uint8Array;
}

/** Tables that this version of iasl writes and reads without loss. */
const corpus: readonly Entry[] = [
  ...machines.map(({ name, revision, bytes }): Entry => ({
    name,
    style: revision === 0 ? '20200925' : 'current',
    bytes,
  })),
  ...machines.map(({ name, bytes }): Entry => ({ name, style: 'current', bytes })),
  ...styles.flatMap((style) =>
    Array.from({ length: 30 }, (_, seed): Entry => {
      // iasl drops what stands behind the name of an IWB.
      const types = style === 'current' ? { types: [0, 1, 2, 3, 4, 5, 6] } : {};
      return { name: `seed ${seed}`, style, bytes: generateTable(seed, { iasl: style, mostNodes: 12, ...types }) };
    }),
  ),
];

function compiled(text: string): { readonly bytes: Buffer; readonly errors: readonly string[] } {
  const document = documentOfText(sourceFile('table.dsl', text, 'latin1'));
  const errors = document.diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  return { bytes: Buffer.from(document.bytes), errors };
}

/** From the first field on: what stands before tells the date and the file's name. */
function fieldsOf(text: string): string {
  return text.slice(text.search(/^\[/m));
}

/** A current iasl shows the first bytes of the table where padding is. */
function withoutPadding(text: string): string {
  return text.replace(/(Padding : )[^]*?\n\n/g, '$1\n\n');
}

describe('tables as text and back', () => {
  it('has a corpus of 60 tables and more', () => {
    assert.ok(new Set(corpus.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size >= 60);
  });

  it('gives every table back, in either form of the text', () => {
    for (const { name, bytes } of corpus) {
      for (const style of styles) {
        const result = compiled(printTable(bytes, { style }));
        assert.deepEqual([result.bytes.toString('hex'), result.errors], [Buffer.from(bytes).toString('hex'), []], name);
      }
    }
  });

  it('gives the tables of recorded kernels, text and binary', () => {
    const texts = fs.readdirSync(recorded).filter((file) => file.endsWith('.dsl'));
    assert.ok(texts.length >= 15);
    for (const file of texts) {
      const { bytes, errors } = compiled(fs.readFileSync(path.join(recorded, file), 'latin1'));
      const binary = fs.readFileSync(path.join(recorded, file.replace('.dsl', '.aml')));
      // The binary was made by iasl, which puts its own name and version there.
      for (const each of [bytes, binary]) each.fill(0, 0x1c, 0x24).fill(0, 9, 10);
      assert.deepEqual([bytes.toString('hex'), errors], [binary.toString('hex'), []], file);
    }
  });

  it('has templates that compile without a word', () => {
    for (const revision of [0, 3, 5, 6, 7]) {
      const document = documentOfText(sourceFile('new.dsl', newIort(revision, 'current')));
      assert.deepEqual(document.diagnostics, []);
      assert.deepEqual(document.iort?.problems, []);
      assert.equal(document.iort.nodes.length, 3);
    }
  });
});

describeWithIasl('tables as iasl writes and reads them', function (iasl) {
  this.timeout(180_000);

  it('prints what iasl -d prints', async () => {
    for (const { name, style, bytes } of corpus) {
      const { output } = await decompileTable(iasl[style], bytes);
      const [theirs, ours] = [output?.toString('latin1') ?? '', printTable(bytes, { style })].map(fieldsOf);
      if (style === 'current') assert.equal(withoutPadding(ours!), withoutPadding(theirs!), name);
      else assert.equal(ours, theirs, name);
    }
  });

  it('writes text that iasl compiles to the same bytes', async () => {
    for (const { name, style, bytes } of corpus) {
      const { output, messages } = await compileText(iasl[style], printTable(bytes, { style }));
      assert.equal(output?.toString('hex'), Buffer.from(bytes).toString('hex'), `${name}: ${messages}`);
    }
  });

  it('compiles what iasl -d wrote as iasl does', async () => {
    for (const { name, style, bytes } of corpus) {
      const text = (await decompileTable(iasl[style], bytes)).output?.toString('latin1') ?? '';
      const { output } = await compileText(iasl[style], text);
      const result = compiled(text);
      assert.deepEqual([result.bytes.toString('hex'), result.errors], [output?.toString('hex'), []], name);
    }
  });

  it('compiles the templates of iasl as iasl does', async () => {
    for (const style of styles) {
      for (const signature of ['IORT', 'APIC']) {
        const text = (await templateOf(iasl[style], signature)).output?.toString('latin1') ?? '';
        const { output, messages } = await compileText(iasl[style], text);
        const { bytes, errors } = compiled(text);
        assert.deepEqual([bytes.toString('hex'), errors], [output?.toString('hex'), []], `${signature} ${messages}`);
      }
    }
  });

  it('has the IWB as iasl has it, whose name nothing pads', async () => {
    const its: NodeDraft = { kind: 'its-group', revision: 1, identifiers: [0] };
    const mapping = { inputBase: 0, count: 0, outputBase: 1, target: 0, flags: 1 };
    for (const name of ['\\_SB_.IWB0', '\\_SB_.IWB', '']) {
      for (const mappings of [[], [mapping]]) {
        const wire: NodeDraft = { kind: 'iwb', revision: 0, name, padding: new Uint8Array(), mappings };
        const built = buildIort({ revision: 7, nodes: [its, wire, its] });
        assert.ok('bytes' in built);
        const text = printTable(built.bytes, { style: 'current' });
        const theirs = (await decompileTable(iasl.current, built.bytes)).output?.toString('latin1') ?? '';
        assert.equal(fieldsOf(text), fieldsOf(theirs));
        const { output, messages } = await compileText(iasl.current, text);
        assert.equal(output?.toString('hex'), Buffer.from(built.bytes).toString('hex'), messages);
      }
    }
  });

  it('prints a MADT as 20200925 does', async () => {
    const bytes = fs.readFileSync(path.join(recorded, 'qemu-madt.aml'));
    const { output } = await decompileTable(iasl['20200925'], bytes);
    assert.equal(fieldsOf(printTable(bytes, { style: '20200925' })), fieldsOf(output?.toString('latin1') ?? ''));
  });
});
