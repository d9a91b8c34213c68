// A language server that does nothing: it answers each document that is opened with no diagnostics. What remains is what a
// message of megabytes costs to write, send and read. A program of its own, bundled by bench.ts as the server is.
import { createConnection, TextDocumentSyncKind } from 'vscode-languageserver/node';

const connection = createConnection();
connection.onInitialize(() => ({ capabilities: { textDocumentSync: TextDocumentSyncKind.Incremental } }));
connection.onDidOpenTextDocument(
  ({ textDocument: { uri, version } }) => void connection.sendDiagnostics({ uri, version, diagnostics: [] }),
);
connection.listen();
