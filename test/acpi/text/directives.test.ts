// iasl's preprocessor in a table's text: what each writing comes to here, and that both versions of iasl say the same.
import assert from 'node:assert/strict';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { newIort } from '../../../server/src/acpi/text/template';
import { sourceFile } from '../../../server/src/text/source-file';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';

interface Case {
  readonly head: string;
  /** The value of VATOS Address; 0 where absent. */
  readonly written?: string;
  /** What it comes to, or the rule of the error. */
  readonly gives: bigint | string;
  /** iasl takes it, or crashes: nothing to compare with. */
  readonly isOurs?: true;
}

const cases: readonly Case[] = [
  { head: '#define XY 3', written: 'XY', gives: 3n },
  { head: '  # define XY 3 // note', written: 'XY', gives: 3n },
  { head: '#define XY 3 /* note */', written: '(XY)', gives: 3n },
  { head: '#define XY 3 + 4', written: 'XY', gives: 7n },
  { head: '#define FACE 3', written: 'FACE', gives: 3n },
  { head: '#define 5 3', written: '5', gives: 3n },
  { head: '#define XY 3', written: '1 + XY + XY', gives: 7n },
  { head: '#define XY 3', written: 'XY+1', gives: 'table-number' },
  { head: '#define XY 3', written: 'XY[x]', gives: 'table-number' },
  { head: '#define XY 3', written: '"XY"', gives: 'table-number' },
  { head: '#define A B\n#define B 3', written: 'A', gives: 0xbn },
  { head: '#define A 3\n#undef A', written: 'A', gives: 0xan },
  { head: '#define A 3', written: 'a', gives: 0xan },
  { head: '#define A', written: 'A', gives: 'table-line-missing' },
  { head: '#define A 3\n#define A 4', written: 'A', gives: 'table-directive' },
  { head: '#define A 3 \\\n + 1', written: 'A', gives: 'table-directive' },
  { head: '#define Model 5', gives: 'table-line-unexpected' },
  { head: '#define OEM XYZ', gives: 0n },
  { head: '#if 10 == 0x0A\n#define A 1\n#else\n#define A 2\n#endif', written: 'A', gives: 1n },
  { head: '#ifdef Q\n#define A 1\n#elif 1\n#define A 7\n#else\n#define A 2\n#endif', written: 'A', gives: 7n },
  { head: '#ifndef Q\n#define A 1\n#endif', written: 'A', gives: 1n },
  { head: '#define Q 1\n#if Q > 0 && !(Q == 2)\n#define A 9\n#endif', written: 'A', gives: 9n },
  { head: '#if UNDEF\n#define A 1\n#else\n#define A 4\n#endif', written: 'A', gives: 4n },
  { head: '#if 1\n#if 0\n#define A 1\n#else\n#define A 8\n#endif\n#endif', written: 'A', gives: 8n },
  { head: '#if 0\n#if 1\n#define A 1\n#else\n#define A 8\n#endif\n#endif', written: 'A', gives: 0xan },
  { head: '#if 0\nExtra : 5\n#endif', written: '5', gives: 5n },
  { head: '#if 0\n# nonsense\n#endif', gives: 'table-directive' },
  { head: '#if 1', written: '5', gives: 5n },
  { head: '#if 0', gives: 'table-directive' },
  { head: '#endif', gives: 'table-directive' },
  { head: '#else', gives: 'table-directive' },
  { head: '#define Q\n#if defined(Q)\n#endif', gives: 'table-directive' },
  { head: '# a comment', gives: 'table-directive' },
  { head: '#', gives: 'table-directive' },
  { head: '#x : 5', gives: 'table-directive' },
  { head: '#error not yet', gives: 'table-directive' },
  { head: '#include "other.asl"', gives: 'table-directive' },
  { head: '#define A(x) (x)', gives: 'table-directive', isOurs: true },
  { head: '#line 5 "f"\n#warning hi\n#pragma message("x")', written: '5', gives: 5n },
  { head: '/*\n# c\n*/ // # c\nx # c', written: '5', gives: 5n },
];

function textOf({ head, written = '0' }: Case, style: '20200925' | 'current'): string {
  const [comment, ...fields] = newIort(0, style).split(/(?=^\[000h)/m);
  return `${comment}${head}\n${fields.join('').replace(/(VATOS Address :) .*/, (_, name: string) => `${name} ${written}`)}`;
}

function read(text: string) {
  return documentOfText(sourceFile('table.dsl', text));
}

describe('directives in a table’s text', () => {
  for (const each of cases) {
    it(JSON.stringify([each.head, each.written ?? '0']), () => {
      const { diagnostics, syntax } = read(textOf(each, 'current'));
      const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
      const vatos = syntax.fields.find(({ field }) => field.label === 'VATOS Address');
      if (typeof each.gives === 'string') assert.ok(errors.includes(each.gives), errors.join());
      else assert.deepEqual([errors, vatos?.compiled], [[], each.gives]);
    });
  }

  it('hold from where they stand, through edits', () => {
    const defined = textOf({ head: '#define XY 3', written: 'XY', gives: 3n }, 'current');
    const value = (text: string) => {
      const { syntax } = read(text);
      return syntax.fields.find(({ field }) => field.label === 'VATOS Address')?.compiled;
    };
    assert.equal(value(defined), 3n);
    assert.equal(value(defined.replace('XY 3', 'XY 4')), 4n);
    assert.equal(value(defined.replace('#define', '# efine')), 0n);
    assert.equal(value(defined.replace('#', '//')), 0n);
    assert.equal(value(defined), 3n);
    const later = defined.replace('#define XY 3\n', '').replace(/$/, '\n#define XY 3\n');
    assert.equal(value(later), 0n);
  });

  it('are linear in hostile text', () => {
    for (const head of ['#define A B\n', '#if 1\n', '#if 0\n', '#', '#undef A\n', '/*\n#\n*/']) {
      const text = textOf({ head: head.repeat(20_000), gives: 0n }, 'current');
      assert.ok(read(text).diagnostics.length <= 1001, head);
    }
    const many = Array.from({ length: 20_000 }, (_, index) => `#define M${index} 1\n`).join('');
    const { diagnostics } = read(textOf({ head: many, written: 'M5', gives: 0n }, 'current'));
    assert.deepEqual(
      diagnostics.map(({ rule }) => rule),
      ['table-directive'],
    );
  });
});

describeWithIasl('directives and iasl', function (iasl) {
  this.timeout(60_000);
  for (const each of cases.filter(({ isOurs }) => isOurs !== true)) {
    it(JSON.stringify([each.head, each.written ?? '0']), async () => {
      for (const style of ['20200925', 'current'] as const) {
        const text = textOf(each, style);
        const { output, messages } = await compileText(iasl[style], text);
        if (typeof each.gives === 'string') assert.equal(output, undefined, messages);
        else assert.equal(Buffer.from(read(text).bytes).toString('hex'), output?.toString('hex'), messages);
      }
    });
  }
});
