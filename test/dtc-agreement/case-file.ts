// The case files in cases/: what dtc accepts and rejects, one family of constructs a file.
//
//   //! accept: TITLE             the source below, up to the next case, is a whole unit, which dtc accepts
//   //! reject members: TITLE     the source is what stands in the root node: /dts-v1/; / { SOURCE };
//   //! accept value: TITLE       the source is one property's value: /dts-v1/; / { p = SOURCE; };
//   //! accept -@: TITLE          with dtc's option -@ (symbols for every label)
//   //- FILE                      further files of the case; what stands above is main.dts
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface AgreementCase {
  readonly title: string;
  readonly accepted: boolean;
  readonly symbols: boolean;
  /** By name; `main.dts` is the root file. */
  readonly files: ReadonlyMap<string, string>;
}

export interface CaseFamily {
  readonly name: string;
  readonly cases: readonly AgreementCase[];
}

export function readCaseFamilies(folder: string): CaseFamily[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dts'))
    .sort()
    .map((name) => ({ name: path.basename(name, '.dts'), cases: readCases(path.join(folder, name)) }));
}

function readCases(file: string): AgreementCase[] {
  const [, ...cases] = readFileSync(file, 'utf8').split(/^\/\/! /m);
  return cases.map((text) => {
    const lineEnd = text.indexOf('\n');
    const head = /^(accept|reject)( -@)?( members| value)?: (.+)$/.exec(text.slice(0, lineEnd));
    if (head === null) throw new Error(`${file}: no case head: ${text.slice(0, lineEnd)}`);
    const [, verdict, symbols, frame, title] = head;
    const [main, ...others] = text.slice(lineEnd + 1).split(/^\/\/- /m);
    const files = new Map([['main.dts', framed(main!, frame?.trim())]]);
    for (const other of others) {
      const nameEnd = other.indexOf('\n');
      files.set(other.slice(0, nameEnd), other.slice(nameEnd + 1));
    }
    return { title: title!, accepted: verdict === 'accept', symbols: symbols !== undefined, files };
  });
}

function framed(source: string, frame: string | undefined): string {
  if (frame === 'members') return `/dts-v1/; / {\n${source}};\n`;
  if (frame === 'value') return `/dts-v1/; / { p = \n${source}; };\n`;
  return source;
}
