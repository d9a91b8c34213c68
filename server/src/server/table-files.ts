// Requests of our own client: binary tables as text and back. What they say of bytes and text is in features/table-forms.ts.
import { ErrorCodes, ResponseError, type Connection } from 'vscode-languageserver/node';
import { lspRange } from '../features/diagnostics';
import { newTable, savedEdits, tableBytes, tableText } from '../features/table-forms';
import { newTableRequest, tableBytesRequest, tableSavedRequest, tableTextRequest } from '../protocol';
import type { TableSavedResult } from '../protocol';
import { sourceFile } from '../text/source-file';
import { isRecord } from './params';

export function answerTableFiles(connection: Connection): void {
  connection.onRequest(tableTextRequest, (params: unknown): unknown =>
    tableText(Buffer.from(text(params, 'bytes'), 'base64'), optionalText(params, 'table')),
  );
  connection.onRequest(tableBytesRequest, (params: unknown) => tableBytes(text(params, 'text')));
  connection.onRequest(tableSavedRequest, (params: unknown): TableSavedResult => {
    const file = sourceFile('', text(params, 'text'));
    const { edits, hasOwnComments } = savedEdits(file.text);
    return {
      edits: edits.map(({ newText, ...range }) => ({ newText, range: lspRange({ file, ...range }) })),
      hasOwnComments,
    };
  });
  connection.onRequest(newTableRequest, (params: unknown) => newTable(optionalText(params, 'issue')));
}

function text(params: unknown, key: string): string {
  const value = optionalText(params, key);
  if (value === undefined) throw new ResponseError(ErrorCodes.InvalidParams, `${key} is missing`);
  return value;
}

function optionalText(params: unknown, key: string): string | undefined {
  const value = isRecord(params) ? params[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}
