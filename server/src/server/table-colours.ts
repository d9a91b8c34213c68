// Colours of tables over the wire. A table has a hundred thousand tokens, and an edit changes a few: clients that can are sent these.
import { SemanticTokensBuilder, type Connection, type SemanticTokens } from 'vscode-languageserver/node';
import type { TableDocument } from '../acpi/text/document';
import { semanticTokens } from '../features/iort/semantic-tokens';
import { checked, toOffset } from './params';
import type { Session } from './session';

/** Documents whose tokens are remembered for the next edit: some megabytes each. */
const mostRemembered = 4;

export function answerColours(connection: Connection, session: Session): void {
  const builders = new Map<string, SemanticTokensBuilder>();

  const all = (uri: string, table: TableDocument): SemanticTokens => {
    const builder = new SemanticTokensBuilder();
    put(builder, table, 0, Infinity);
    builders.delete(uri);
    builders.set(uri, builder);
    if (builders.size > mostRemembered) builders.delete(builders.keys().next().value!);
    return builder.build();
  };

  connection.languages.semanticTokens.on((params) => {
    const uri = checked.document(params);
    const table = session.tableAt(uri);
    return table === undefined ? { data: [] } : all(uri, table);
  });
  connection.languages.semanticTokens.onDelta((params) => {
    const uri = checked.document(params);
    const table = session.tableAt(uri);
    if (table === undefined) return { data: [] };
    const previous: unknown = params.previousResultId;
    const builder = builders.get(uri);
    // To one who has others, all are sent.
    if (builder === undefined || builder.id !== previous) return all(uri, table);
    builder.previousResult(builder.id);
    put(builder, table, 0, Infinity);
    return builder.buildEdits();
  });
  connection.languages.semanticTokens.onRange((params) => {
    const { uri, range } = checked.range(params);
    const table = session.tableAt(uri);
    const builder = new SemanticTokensBuilder();
    if (table !== undefined) put(builder, table, toOffset(table.file, range.start), toOffset(table.file, range.end));
    return { data: builder.build().data };
  });
}

function put(builder: SemanticTokensBuilder, table: TableDocument, from: number, to: number): void {
  semanticTokens(table, from, to, (line, character, length, type, modifiers) => {
    builder.push(line, character, length, type, modifiers);
  });
}
