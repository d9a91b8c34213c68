// The editor's features for ACPI tables over the wire. Documents of other languages are answered with nothing, at once.
import {
  DocumentFormattingRequest,
  SymbolKind,
  type CodeLens as LspCodeLens,
  type Connection,
  type DocumentSymbol,
  type FoldingRange,
  type InlayHint as LspInlayHint,
  type Location,
  type LocationLink,
  type ServerCapabilities,
  type SymbolInformation,
} from 'vscode-languageserver/node';
import type { TableDocument } from '../acpi/text/document';
import { lspRange } from '../features/diagnostics';
import { codeLenses } from '../features/iort/code-lenses';
import { format } from '../features/iort/formatting';
import { folds } from '../features/iort/folding';
import { inlayHints } from '../features/iort/inlay-hints';
import { definition, references } from '../features/iort/references';
import { tokenModifiers, tokenTypes } from '../features/iort/semantic-tokens';
import { symbols, type TableSymbol } from '../features/iort/symbols';
import { tableLanguage } from '../protocol';
import type { TextEdit } from '../text/diagnostic';
import { positionAt, type SourceFile, type SourceRange } from '../text/source-file';
import type { Abilities } from './abilities';
import { uriOf } from './documents';
import { checked, isRecord, toOffset } from './params';
import type { Session } from './session';
import { answerColours } from './table-colours';
import { answerCompletion } from './table-completion';

/** What is announced, as far as the client has the feature at all. */
export function tableCapabilities({ features, formattingRegistration }: Abilities): ServerCapabilities {
  return {
    ...(features.has('completion') ? { completionProvider: { triggerCharacters: [':', ' '] } } : {}),
    ...(features.has('definition') ? { definitionProvider: true } : {}),
    ...(features.has('references') ? { referencesProvider: true } : {}),
    ...(features.has('documentSymbol') ? { documentSymbolProvider: true } : {}),
    ...(features.has('foldingRange') ? { foldingRangeProvider: true } : {}),
    ...(features.has('inlayHint') ? { inlayHintProvider: true } : {}),
    ...(features.has('codeLens') ? { codeLensProvider: { resolveProvider: false } } : {}),
    ...(features.has('semanticTokens')
      ? {
          semanticTokensProvider: {
            legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] },
            full: { delta: true },
            range: true,
          },
        }
      : {}),
    ...(features.has('formatting') && !formattingRegistration ? { documentFormattingProvider: true } : {}),
  };
}

/** What is asked for once the client is ready. */
export function registerTables(connection: Connection, { features, formattingRegistration }: Abilities): void {
  if (!features.has('formatting') || !formattingRegistration) return;
  void connection.client.register(DocumentFormattingRequest.type, { documentSelector: [{ language: tableLanguage }] });
}

export function answerTables(connection: Connection, session: Session, abilities: Abilities): void {
  const { features } = abilities;
  if (features.has('completion')) answerCompletion(connection, session, abilities);
  if (features.has('definition')) {
    connection.onDefinition((params) => {
      const at = tablePosition(session, params);
      const found = at && definition(at.table, at.offset);
      return found === undefined ? null : definitionAnswer(session, abilities, found);
    });
  }
  if (features.has('references')) {
    connection.onReferences((params) => {
      const at = tablePosition(session, params);
      if (at === undefined) return null;
      const context: unknown = params.context;
      const withDeclaration = isRecord(context) && context.includeDeclaration === true;
      return references(at.table, at.offset, withDeclaration).map((range) => location(session, range));
    });
  }
  if (features.has('documentSymbol')) {
    connection.onDocumentSymbol((params) => {
      const uri = checked.document(params);
      const table = session.tableAt(uri);
      if (table === undefined) return null;
      const found = symbols(table);
      return abilities.hierarchicalSymbols
        ? found.map((symbol) => documentSymbol(table.file, symbol))
        : found.map((symbol) => symbolInformation(table.file, symbol, uri));
    });
  }
  if (features.has('foldingRange')) {
    connection.onFoldingRanges((params): FoldingRange[] | null => {
      const table = session.tableAt(checked.document(params));
      return table === undefined
        ? null
        : folds(table).map(({ kind, ...lines }) => ({ ...lines, ...(kind && { kind }) }));
    });
  }
  if (features.has('inlayHint')) {
    connection.languages.inlayHint.on((params) => {
      const { uri, range } = checked.range(params);
      const table = session.tableAt(uri);
      return table === undefined ? null : hintsIn(table, range);
    });
  }
  if (features.has('codeLens')) {
    connection.onCodeLens((params): LspCodeLens[] | null => {
      const uri = checked.document(params);
      const table = session.tableAt(uri);
      const found = table && session.analysisAt(uri);
      if (found === undefined) return null;
      // Our own client shows all regions; for others the line says what there is to say.
      const command = abilities.status ? 'doorbell.showRegions' : '';
      return codeLenses(table!, found.analysis.snapshot).map(({ range, title }) => ({
        range: lspRange(range),
        command: { title, command },
      }));
    });
  }
  if (features.has('semanticTokens')) answerColours(connection, session);
  if (features.has('formatting')) {
    connection.onDocumentFormatting((params) => {
      const uri = checked.document(params);
      const table = session.tableAt(uri);
      if (table === undefined) return null;
      return formattingEdits(session, uri, table).map((edit) => ({ range: lspRange(edit), newText: edit.newText }));
    });
  }
}

/** Edits that do not touch each other: a reference that moves is not laid out as well. */
function formattingEdits(session: Session, uri: string, table: TableDocument): readonly TextEdit[] {
  const moved = session.settingsAt(uri).updatesReferencesOnFormat ? session.referenceEditsAt(uri) : [];
  const places = new Set(moved.map(({ start }) => start));
  return [...moved, ...format(table).filter(({ start, end }) => start === end || !places.has(start))];
}

/** The table and the place in it that a request is about; undefined in other documents. */
export function tablePosition(
  session: Session,
  params: unknown,
): { readonly table: TableDocument; readonly offset: number; readonly uri: string } | undefined {
  const { uri, position } = checked.position(params);
  const table = session.tableAt(uri);
  return table && { table, offset: toOffset(table.file, position), uri };
}

function definitionAnswer(
  session: Session,
  { definitionLinks }: Abilities,
  { origin, target, selection }: NonNullable<ReturnType<typeof definition>>,
): Location | LocationLink[] {
  if (!definitionLinks) return location(session, selection);
  return [
    {
      originSelectionRange: lspRange(origin),
      targetUri: uriOf(target.file.path, session.documents),
      targetRange: lspRange(target),
      targetSelectionRange: lspRange(selection),
    },
  ];
}

function location(session: Session, range: SourceRange): Location {
  return { uri: uriOf(range.file.path, session.documents), range: lspRange(range) };
}

function hintsIn(
  table: TableDocument,
  { start, end }: { readonly start: LspInlayHint['position']; readonly end: LspInlayHint['position'] },
): LspInlayHint[] {
  const found = inlayHints(table, toOffset(table.file, start), toOffset(table.file, end));
  return found.map(({ offset, label, tooltip }) => ({
    position: positionAt(table.file, offset),
    label,
    tooltip,
    paddingLeft: true,
  }));
}

const symbolKinds: Readonly<Record<TableSymbol['kind'], SymbolKind>> = {
  header: SymbolKind.File,
  'its-group': SymbolKind.Event,
  'named-component': SymbolKind.Object,
  'root-complex': SymbolKind.Module,
  smmu: SymbolKind.Class,
  smmuv3: SymbolKind.Class,
  pmcg: SymbolKind.Struct,
  rmr: SymbolKind.Array,
  iwb: SymbolKind.Interface,
  unknown: SymbolKind.Null,
  mapping: SymbolKind.Field,
  descriptor: SymbolKind.Number,
  entry: SymbolKind.Object,
};

function documentSymbol(file: SourceFile, symbol: TableSymbol): DocumentSymbol {
  const { name, detail, kind, start, end, selection, children } = symbol;
  return {
    name,
    detail,
    kind: symbolKinds[kind],
    range: lspRange({ file, start, end }),
    selectionRange: lspRange({ file, ...selection }),
    children: children.map((child) => documentSymbol(file, child)),
  };
}

/** For clients that know a flat list alone: the nodes. */
function symbolInformation(file: SourceFile, { name, kind, start, end }: TableSymbol, uri: string): SymbolInformation {
  return { name, kind: symbolKinds[kind], location: { uri, range: lspRange({ file, start, end }) } };
}
