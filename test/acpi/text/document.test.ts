import assert from 'node:assert/strict';
import { nodeKinds } from '../../../server/src/acpi/iort/decode-node';
import { nodeTypes } from '../../../server/src/acpi/layout/iort';
import { documentOfBinary, documentOfText, type TableDocument } from '../../../server/src/acpi/text/document';
import { newIort } from '../../../server/src/acpi/text/template';
import { computedFields } from '../../../server/src/acpi/text/disagreements';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import { sourceFile, type SourceRange } from '../../../server/src/text/source-file';
import { machines } from './machines';

function read(text: string): TableDocument {
  return documentOfText(sourceFile('table.dsl', text));
}

function textAt(range: SourceRange | undefined): string | undefined {
  return range?.file.text.slice(range.start, range.end);
}

function errors(document: TableDocument): string[] {
  return document.diagnostics.map(({ rule, range }) => `${rule} ${textAt(range) ?? ''}`);
}

describe('the document of a table', () => {
  it('knows the place of every value of the model', () => {
    for (const { name, bytes } of machines) {
      const document = documentOfBinary('table.aml', bytes);
      for (const node of document.iort?.nodes ?? []) {
        for (const value of node.all) {
          const line = textAt(document.placeOf(value, 'line')) ?? '';
          const written = textAt(document.placeOf(value)) ?? '';
          assert.ok(line.includes(`h ${String(value.offset).padStart(4, '0')} `), `${name}: ${line}`);
          if (value.text === undefined) assert.equal(BigInt(`0x${written}`), value.value, name);
          else assert.equal(written, `"${value.text}"`, name);
        }
      }
    }
  });

  it('knows the field on every line', () => {
    const document = documentOfBinary('table.aml', machines[0]!.bytes);
    const { text } = document.file;
    const field = document.fieldAt(text.indexOf('HTTU Override'));
    assert.deepEqual([field?.field.name, field?.flag?.name, field?.structure?.kind], ['flags', 'httuOverride', 'node']);
    const heading = document.fieldAt(text.indexOf('Memory Properties'));
    assert.deepEqual([heading?.field.kind, heading?.written], ['heading', undefined]);
    const reference = document.fieldAt(text.indexOf('Output Reference') + 20);
    assert.deepEqual([reference?.field.reference, reference?.structure?.kind], ['table-offset', 'mapping']);
    assert.equal(document.fieldAt(0), undefined);
    assert.equal(document.fieldAt(text.length), undefined);
  });

  it('has structures with their lines and bytes', () => {
    const { syntax, iort, file } = documentOfBinary('table.aml', machines[0]!.bytes);
    const nodes = syntax.structures.filter(({ kind }) => kind === 'node');
    assert.deepEqual(
      nodes.map(({ offset, size, index, children }) => [offset, size, index, children.length]),
      iort!.nodes.map(({ offset, length, index, mappings }) => [offset, length, index, mappings.length]),
    );
    for (const node of nodes) {
      const [first, ...rest] = file.text.slice(node.start, node.end).split('\n');
      assert.match(first!, /^\[.{14}\] +Type : /);
      assert.doesNotMatch(rest.join('\n'), / Type : /);
      for (const child of node.children) assert.equal(child.parent, node);
    }
  });

  it('says what was written and what was compiled', () => {
    const document = read(newIort(6, 'current').replace('Node Count : 00000003', 'Node Count : 2 + 7'));
    const [found, ...others] = computedFields(document);
    assert.deepEqual([found?.field.name, found?.written, found?.compiled, others.length], ['nodeCount', 9n, 3n, 0]);
  });

  it('has a fix for a missing line that ends it as the others end', () => {
    for (const end of ['\n', '\r\n']) {
      const text = newIort(6, 'current')
        .replace(/.*GERR GSIV.*\n/, '')
        .replaceAll('\n', end);
      const [missing] = documentOfText(sourceFile('table.dsl', text)).diagnostics;
      const [edit] = missing!.fixes![0]!.change().edits;
      assert.equal(edit!.newText, `${'GERR GSIV : '.padStart(46)}0${end}`);
    }
  });

  it('leaves a missing line out and reads on', () => {
    const document = read(newIort(6, 'current').replace(/^.* PRI GSIV : .*\n/m, ''));
    assert.deepEqual(errors(document), ['table-line-missing [07Ch 0124 004h]                   GERR GSIV : 0000006D']);
    const smmu = document.iort?.nodes[1];
    assert.ok(smmu?.kind === 'smmuv3');
    assert.deepEqual([smmu.values.priGsiv?.value, smmu.values.gerrGsiv?.value, smmu.mappings.length], [0n, 0x6dn, 1]);
    const [edit] = document.diagnostics[0]!.fixes![0]!.change().edits;
    const { text } = document.file;
    const fixed = text.slice(0, edit!.start) + edit!.newText + text.slice(edit!.end);
    assert.deepEqual(errors(read(fixed)), []);
  });

  it('takes a misspelled name for the one that belongs there', () => {
    const document = read(newIort(6, 'current').replace('PRI GSIV', 'PRl GSIV'));
    assert.deepEqual(errors(document), ['table-line-unexpected PRl GSIV']);
    assert.deepEqual(document.bytes, read(newIort(6, 'current')).bytes);
    const [edit] = document.diagnostics[0]!.fixes![0]!.change().edits;
    assert.equal(edit?.newText, 'PRI GSIV');
  });

  for (const [type, { name }] of nodeTypes.entries()) {
    it(`says once that the lines of a node do not fit its type, and offers the one they are of: ${name}`, () => {
      const kind = nodeKinds[type]!;
      const text = newIort(kind === 'iwb' ? 7 : 6, 'current', [{ kind }, { kind: 'its-group' }]);
      const whole = read(text).bytes;
      const at = text.lastIndexOf(' Type : ', text.lastIndexOf(' Type : ') - 1) + ' Type : '.length;
      for (const written of ['', 'FF', '0F']) {
        const document = read(`${text.slice(0, at)}${written}${text.slice(at + 2)}`);
        const unexpected = document.diagnostics.filter(({ rule }) => rule === 'table-line-unexpected');
        assert.equal(unexpected.length, 1, written);
        const [{ message, fixes = [] }] = unexpected as [Diagnostic];
        assert.match(
          message,
          /^“.*” stands where .* is expected; (one line|\d+ lines) behind it fits? nowhere either\.$/,
        );
        const [edit] = fixes[0]!.change().edits;
        const unknown = document.diagnostics.filter(({ rule }) => rule === 'table-node-unknown');
        assert.equal(unknown.length, written === '' ? 0 : 1);
        for (const each of [...unknown, ...unexpected])
          assert.equal(each.fixes?.[0]?.title, `Set the type to 0${type}: ${name}`);
        const mended = document.file.text.slice(0, edit!.start) + edit!.newText + document.file.text.slice(edit!.end);
        assert.deepEqual(read(mended).bytes, whole);
      }
    });
  }

  it('finds the next node behind half of one', () => {
    const document = read(newIort(6, 'current').replace(/ +Base Address : [^]*?(?=\n.* Type : 02)/, ''));
    assert.deepEqual(
      document.iort?.nodes.map(({ kind }) => kind),
      ['its-group', 'smmuv3', 'root-complex'],
    );
    assert.ok(document.diagnostics.every(({ rule }) => rule === 'table-line-missing'));
  });

  it('reads a text that ends anywhere', () => {
    const whole = newIort(6, 'current');
    for (let length = 0; length < whole.length; length += 37) {
      const document = read(whole.slice(0, length));
      assert.ok(document.bytes.length <= 216 + 64);
      assert.ok(document.syntax.fields.length >= 0);
    }
  });

  it('compiles the same characters anew where they are other bytes', () => {
    const text = newIort(6, 'current').replace('"OEM', '"É');
    const [wide, narrow] = (['utf8', 'latin1'] as const).map((encoding) =>
      Buffer.from(documentOfText(sourceFile('encoded.dsl', text, encoding)).bytes.subarray(10, 13)).toString('hex'),
    );
    assert.deepEqual([wide, narrow], ['c38900', 'c90000']);
  });

  it('recognises other tables and leaves them alone', () => {
    const document = read('[0004] Signature : "DSDT" [Differentiated]\nTable Length : zz\n');
    assert.deepEqual([document.signature, document.bytes.length, document.diagnostics], ['DSDT', 0, []]);
    assert.deepEqual(read('Signature : "ASF!"\nTable Length : zz\n').diagnostics, []);
    assert.deepEqual(errors(read('Name : 1\n')), ['table-signature Name']);
    assert.deepEqual([read('').signature, read(' \n').diagnostics], ['', []]);
  });

  it('says where nothing tells which table it is', () => {
    for (const text of ['/* a table */\n', 'IORT\n', 'Raw Table Data\n', 'Signature :\n']) {
      const { diagnostics } = read(text);
      const missing = diagnostics.filter(({ rule }) => rule === 'table-signature-missing');
      assert.deepEqual([missing.length, missing[0]?.severity], [1, 'info'], text);
    }
  });

  it('leaves tables of one’s own alone, whose body is of generic fields', () => {
    const header = newIort(0, 'current').replace('"IORT"', '"OEM1"');
    const head = header.slice(0, header.indexOf('\n', header.indexOf('Asl Compiler Revision')));
    assert.deepEqual(read(`${head}\nUINT32 : 5\nLabel : L\nString : "x"\n`).diagnostics, []);
    assert.deepEqual(errors(read(`${head}\nNode Count : 5\n`)), ['table-signature "OEM1"']);
  });

  it('mends the case of a signature', () => {
    const [found] = read(newIort(6, 'current').replace('"IORT"', '"Iort"')).diagnostics;
    const [edit] = found!.fixes![0]!.change().edits;
    assert.equal(edit?.newText, '"IORT"');
    assert.deepEqual(errors(read('Signature : "iort"\nTable Length : 0\n')), ['table-signature "iort"']);
    assert.deepEqual(errors(read('Signature : "OEM1"\nTable Length : 0\n')), []);
  });

  it('is linear in hostile text', () => {
    for (const piece of ['[', '"', '\\\n', '/*', '//doorbell Bytes : 00\n', 'a:', '(', '~', ': ', '/* */ x : 1\n']) {
      const text = `Signature : "IORT"\n${piece.repeat(100_000)}`;
      assert.ok(read(text).diagnostics.length <= 1001, piece);
    }
    const deep = newIort(6, 'current').replace(/(VATOS Address :) .*/, `$1 ${'('.repeat(50_000)}1`);
    assert.deepEqual(
      read(deep).diagnostics.map(({ rule }) => rule),
      ['table-number'],
    );
  });
});
