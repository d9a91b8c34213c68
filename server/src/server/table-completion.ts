// Completion in tables over the wire: with places to fill in where the client has snippets, as plain text where not.
import {
  CompletionItemKind,
  InsertTextFormat,
  InsertTextMode,
  type CompletionItem,
  type CompletionList,
  type Connection,
} from 'vscode-languageserver/node';
import type { TableDocument } from '../acpi/text/document';
import { lspRange } from '../features/diagnostics';
import { completions } from '../features/iort/completion';
import type { Completion } from '../features/iort/completion-item';
import type { Abilities } from './abilities';
import { checked, toOffset } from './params';
import type { Session } from './session';

export function answerCompletion(connection: Connection, session: Session, abilities: Abilities): void {
  connection.onCompletion((params): CompletionList | null => {
    const { uri, position } = checked.position(params);
    const table = session.tableAt(uri);
    if (table === undefined) return null;
    const madt = () => session.analysisAt(uri)?.analysis.snapshot.acpi?.madt?.madt;
    const found = completions(table, toOffset(table.file, position), madt);
    // What is typed makes other numbers likely: the list is asked for anew.
    return { isIncomplete: true, items: found.map((each, index) => completionItem(table, each, index, abilities)) };
  });
}

const kinds: Readonly<Record<Completion['kind'], CompletionItemKind>> = {
  field: CompletionItemKind.Field,
  structure: CompletionItemKind.Struct,
  value: CompletionItemKind.EnumMember,
  node: CompletionItemKind.Reference,
};

function completionItem(
  { file }: TableDocument,
  { label, detail, documentation, kind, start, end, insert, filter, isLikely, further }: Completion,
  index: number,
  { snippets, insertTextModes }: Abilities,
): CompletionItem {
  const isSnippet = snippets && insert.some(({ isOpen }) => isOpen);
  return {
    label,
    kind: kinds[kind],
    ...(detail === '' ? {} : { detail }),
    ...(documentation === '' ? {} : { documentation }),
    filterText: filter,
    sortText: index.toString().padStart(5, '0'),
    ...(isLikely ? { preselect: true } : {}),
    insertTextFormat: isSnippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
    // Columns are those of iasl, whatever the line of the cursor is indented by.
    ...(insertTextModes ? { insertTextMode: InsertTextMode.asIs } : {}),
    textEdit: { range: lspRange({ file, start, end }), newText: isSnippet ? snippetOf(insert) : plainOf(insert) },
    ...(further.length === 0
      ? {}
      : {
          additionalTextEdits: further.map((edit) => ({
            range: lspRange({ file, start: edit.start, end: edit.end }),
            newText: edit.newText,
          })),
        }),
  };
}

function plainOf(insert: Completion['insert']): string {
  return insert.map(({ text }) => text).join('');
}

function snippetOf(insert: Completion['insert']): string {
  let stop = 0;
  return insert
    .map(({ text, isOpen }) => {
      const escaped = text.replace(/[\\$}]/g, '\\$&');
      return isOpen ? `\${${++stop}:${escaped}}` : escaped;
    })
    .join('');
}
