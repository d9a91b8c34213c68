// The case files in cases/: what gcc makes of a source as the preprocessor of device trees.
//
//   //! TITLE                     the source below stands in an array: /dts-v1/; / { p = <SOURCE>; };
//   //! members: TITLE            the source stands in the root node
//   //! error: TITLE              gcc refuses it; both words may be there
//   //- FILE                      further files of the case; `sys` and `sys2` are the search path
//   //= TEXT                      what gcc prints for the source, blank lines and line markers left out
//
// The `//=` lines and the `error` words are written by `npm run test:preprocess:update`; read its diff.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface PreprocessCase {
  readonly title: string;
  readonly isMembers: boolean;
  readonly isError: boolean;
  /** As written, without a frame; further files by name. */
  readonly source: string;
  readonly files: ReadonlyMap<string, string>;
  readonly expected: string;
}

export interface CaseFamily {
  readonly name: string;
  readonly file: string;
  /** What stands before the first case. */
  readonly preface: string;
  readonly cases: readonly PreprocessCase[];
}

export const rootName = 'main.dts';

export function readCaseFamilies(folder: string): CaseFamily[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dts'))
    .sort()
    .map((name) => {
      const file = path.join(folder, name);
      const [preface, ...cases] = readFileSync(file, 'utf8').split(/^\/\/! /m);
      return { name: path.basename(name, '.dts'), file, preface: preface!, cases: cases.map(readCase) };
    });
}

function readCase(text: string): PreprocessCase {
  const lineEnd = text.indexOf('\n');
  const [, error, members, title] = /^(?:(error)(?: |: )?)?(?:(members): )?(.*)$/.exec(text.slice(0, lineEnd))!;
  const expected: string[] = [];
  const source = text.slice(lineEnd + 1).replace(/^\/\/= (.*)\n/gm, (_, line: string) => {
    expected.push(line);
    return '';
  });
  const [main, ...others] = source.split(/^\/\/- /m);
  const files = others.map((other): [string, string] => {
    const nameEnd = other.indexOf('\n');
    return [other.slice(0, nameEnd), other.slice(nameEnd + 1)];
  });
  return {
    title: title!,
    isMembers: members !== undefined,
    isError: error !== undefined,
    source: main!,
    files: new Map(files),
    expected: expected.join('\n'),
  };
}

export function writeCaseFamily({ file, preface, cases }: CaseFamily): void {
  const texts = cases.map(({ title, isMembers, isError, source, files, expected }) => {
    const words = [isError ? 'error' : '', isMembers ? 'members' : ''].filter((word) => word !== '').join(' ');
    const others = [...files].map(([name, text]) => `//- ${name}\n${text}`).join('');
    const lines = expected === '' ? [] : expected.split('\n').map((line) => `//= ${line}\n`);
    return `//! ${words === '' ? '' : `${words}: `}${title}\n${source}${others}${lines.join('')}`;
  });
  writeFileSync(file, preface + texts.join(''));
}

/** What stands before and behind the source in the unit. */
export function frame(isMembers: boolean): { readonly before: string; readonly after: string } {
  const open = '/dts-v1/;\n/ {\n';
  return isMembers ? { before: open, after: '};\n' } : { before: `${open}p = <\n`, after: '>;\n};\n' };
}

export function framed({ isMembers }: Pick<PreprocessCase, 'isMembers'>, text: string): string {
  const { before, after } = frame(isMembers);
  return `${before}${text}${after}`;
}
