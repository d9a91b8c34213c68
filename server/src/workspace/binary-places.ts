// Findings about a binary table at its bytes: the text that their ranges are in was printed from it, and is in no file.
import type { TableDocument } from '../acpi/text/document';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceRange } from '../text/source-file';

/** Adds the bytes that findings and their evidence are about, where these lie in one of the binary tables. */
export function withBytes(
  diagnostics: readonly Diagnostic[],
  documents: readonly (TableDocument | undefined)[],
): readonly Diagnostic[] {
  const binaries = documents.filter((document) => document?.origin === 'binary');
  if (binaries.length === 0) return diagnostics;
  return diagnostics.map((diagnostic) => {
    const { range, offset = range && byteAt(range), evidence } = diagnostic;
    return {
      ...diagnostic,
      ...(offset !== undefined && { offset }),
      ...(evidence && { evidence: evidence.map((each) => ({ ...each, ...offsetOf(byteAt(each.range)) })) }),
    };
  });

  function byteAt({ file, start }: SourceRange): number | undefined {
    return binaries.find((document) => document?.file === file)?.fieldAt(start)?.offset;
  }
}

function offsetOf(offset: number | undefined): { readonly offset?: number } {
  return offset === undefined ? {} : { offset };
}
