// Which diagnostics the client has, file by file, so that nothing is sent that it knows and nothing is left behind.
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver/node';

export interface Publisher {
  /**
   * The set of a file is now this one. Sent if it differs from what the client has; an `answer`, the set that follows an
   * opening or an edit of the document itself, is sent in any case, so that the client knows its text has been read.
   */
  readonly set: (params: PublishDiagnosticsParams, kind: 'update' | 'answer') => void;
  /** The file has no diagnostics any more, or none that are pushed. Sent once, if there were any. */
  readonly clear: (uri: string) => void;
  /** URIs with a set that is not empty. */
  readonly shown: () => readonly string[];
}

export function createPublisher(send: (params: PublishDiagnosticsParams) => void): Publisher {
  const known = new Map<string, string>();
  const nothing = fingerprint([]);
  return {
    set(params, kind) {
      const next = fingerprint(params.diagnostics);
      const last = known.get(params.uri) ?? nothing;
      if (next === last && kind === 'update') return;
      if (next === nothing) known.delete(params.uri);
      else known.set(params.uri, next);
      send(params);
    },
    clear(uri) {
      if (known.delete(uri)) send({ uri, diagnostics: [] });
    },
    shown: () => [...known.keys()],
  };
}

/** Equal for equal sets: pulled reports use it as their result id, too. */
export function fingerprint(diagnostics: readonly Diagnostic[]): string {
  return JSON.stringify(diagnostics);
}

/** Two sums over the text: enough to tell two sets of one file apart. */
export function shortId(text: string): string {
  let one = 0;
  let other = 0;
  for (let at = 0; at < text.length; at++) {
    one = (Math.imul(one, 31) + text.charCodeAt(at)) | 0;
    other = (Math.imul(other, 65599) + text.charCodeAt(at)) | 0;
  }
  return `${text.length}-${(one >>> 0).toString(16)}-${(other >>> 0).toString(16)}`;
}
