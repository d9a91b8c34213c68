// Documents whose content says what their name does not: the text of a table in a `.dsl` file, which is otherwise ASL or
// something else's, and what acpidump printed in any file of text.
import { Disposable, languages, workspace } from 'vscode';
import type { TextDocument } from 'vscode';
import { tableLanguage, tableScheme } from '../../../server/src/protocol';
import { isDump, isTableText } from './table-content';

export const dumpLanguage = 'acpidump';

/** Languages that a name alone leads to; other languages know what they are. */
const undecided: readonly string[] = ['plaintext', 'log', 'asl', 'acpi', 'dsl', 'structurizr'];

export function registerTableLanguage(): Disposable {
  // Asked once a document: who chooses another language keeps it.
  const decided = new Set<string>();
  const decide = (document: TextDocument): void => {
    const key = document.uri.toString();
    if (decided.has(key)) return;
    decided.add(key);
    const language = languageOf(document);
    if (language !== undefined && language !== document.languageId) {
      // A document that is closed meanwhile needs none.
      Promise.resolve(languages.setTextDocumentLanguage(document, language)).catch(() => undefined);
    }
  };
  for (const document of workspace.textDocuments) decide(document);
  return Disposable.from(
    workspace.onDidOpenTextDocument(decide),
    workspace.onDidCloseTextDocument((document) => {
      // A change of language closes the document as well, which stays among those that are open.
      if (!workspace.textDocuments.includes(document)) decided.delete(document.uri.toString());
    }),
  );
}

function languageOf(document: TextDocument): string | undefined {
  const { uri, languageId } = document;
  if (uri.scheme === tableScheme) return tableLanguage;
  if (!['file', 'untitled', 'vscode-vfs', 'git'].includes(uri.scheme)) return undefined;
  if (!undecided.includes(languageId) && !uri.path.toLowerCase().endsWith('.dsl')) return undefined;
  const text = document.getText();
  if (isTableText(text)) return tableLanguage;
  return isDump(text) ? dumpLanguage : undefined;
}
