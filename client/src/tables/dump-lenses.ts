// What acpidump printed has a lens on each table that can be shown as text.
import { CodeLens, languages, Range } from 'vscode';
import type { CodeLensProvider, Disposable } from 'vscode';
import { dumpLanguage } from './table-language';

const shownTable = /^(IORT|APIC|VIOT) @ (?:0x)?[0-9A-Fa-f]+[ \t]*$/gm;

export function registerDumpLenses(): Disposable {
  const provider: CodeLensProvider = {
    provideCodeLenses: (document) =>
      Array.from(document.getText().matchAll(shownTable), ({ index, 1: table }) => {
        const at = document.positionAt(index);
        const command = { title: 'Show as text', command: 'doorbell.openTable', arguments: [document.uri, table] };
        return new CodeLens(new Range(at, at), command);
      }),
  };
  return languages.registerCodeLensProvider({ language: dumpLanguage }, provider);
}
