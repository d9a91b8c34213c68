// Checks of what clients send. The types of the protocol are promises of the other side; a request that breaks them is
// refused, and the server goes on.
import { ErrorCodes, ResponseError } from 'vscode-languageserver/node';
import { offsetAt, type Position, type SourceFile } from '../text/source-file';
import type { ContentChange } from './documents';

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isPosition(value: unknown): value is Position {
  return isRecord(value) && Number.isInteger(value.line) && Number.isInteger(value.character);
}

export function isRange(value: unknown): value is { readonly start: Position; readonly end: Position } {
  return isRecord(value) && isPosition(value.start) && isPosition(value.end);
}

export const checked = {
  change: (value: unknown): value is ContentChange =>
    isRecord(value) && typeof value.text === 'string' && (value.range === undefined || isRange(value.range)),
  /** The document of a notification; without a version it is taken for the first one. */
  textDocument(params: unknown):
    | {
        readonly uri: string;
        readonly version: number;
        readonly text: unknown;
        readonly languageId: string | undefined;
      }
    | undefined {
    const document = isRecord(params) ? params.textDocument : undefined;
    if (!isRecord(document) || typeof document.uri !== 'string') return undefined;
    return {
      uri: document.uri,
      version: typeof document.version === 'number' ? document.version : 0,
      text: document.text,
      languageId: typeof document.languageId === 'string' ? document.languageId : undefined,
    };
  },
  /** The URIs of a list of things that have one. */
  uris: (things: unknown): string[] =>
    Array.isArray(things)
      ? things.flatMap((each: unknown) => (isRecord(each) && typeof each.uri === 'string' ? [each.uri] : []))
      : [],
  document(params: unknown): string {
    const document = checked.textDocument(params);
    if (document !== undefined) return document.uri;
    throw new ResponseError(ErrorCodes.InvalidParams, 'textDocument.uri is missing');
  },
  position(params: unknown): { readonly uri: string; readonly position: Position } {
    const uri = checked.document(params);
    const position = isRecord(params) ? params.position : undefined;
    if (isPosition(position)) return { uri, position };
    throw new ResponseError(ErrorCodes.InvalidParams, 'position is missing');
  },
  range(params: unknown): {
    readonly uri: string;
    readonly range: { readonly start: Position; readonly end: Position };
  } {
    const uri = checked.document(params);
    const range = isRecord(params) ? params.range : undefined;
    if (isRange(range)) return { uri, range };
    throw new ResponseError(ErrorCodes.InvalidParams, 'range is missing');
  },
};

/** The offset of a position that may lie anywhere. */
export function toOffset(file: SourceFile, { line, character }: Position): number {
  return offsetAt(file, { line: Math.max(line, 0), character: Math.max(character, 0) });
}
