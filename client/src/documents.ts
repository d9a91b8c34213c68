// Which documents are ours.
import type { TextDocument, Uri } from 'vscode';
import type { DocumentFilter } from 'vscode-languageclient/node';
import { devicetreeLanguages, tableLanguage, tableScheme } from '../../server/src/protocol';

/** Languages that the server understands. */
const languages: readonly string[] = [...devicetreeLanguages, tableLanguage];

/** The server reads from the disk what documents name; those of other file systems are coloured alone. */
const schemes: readonly string[] = ['file', 'untitled', tableScheme];

/** The documents that the server is told of. */
export const documentSelector: DocumentFilter[] = [
  ...languages.flatMap((language) => schemes.map((scheme) => ({ language, scheme }))),
  // Open configuration counts before it is saved, as every other open document does.
  { scheme: 'file', pattern: '**/doorbell.json' },
];

/** Whether the server analyses this document: a devicetree source, or an ACPI table as text. */
export function isAnalysed({ languageId, uri }: TextDocument): boolean {
  return languages.includes(languageId) && schemes.includes(uri.scheme);
}

export function isTable({ languageId }: TextDocument): boolean {
  return languageId === tableLanguage;
}

/** A binary table as Git has it, which is shown beside the one on the disk. */
export function isOldVersion({ scheme, query }: Uri): boolean {
  return scheme === tableScheme && query.startsWith('git:');
}
