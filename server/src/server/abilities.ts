// What the client at the other end can do, as flat facts. The server asks for nothing that is not announced here.
import type { ClientCapabilities } from 'vscode-languageserver/node';

export interface Abilities {
  readonly pullDiagnostics: boolean;
  /** `workspace/diagnostic/refresh` may be sent. */
  readonly pullRefresh: boolean;
  readonly relatedInformation: boolean;
  readonly codeDescription: boolean;
  readonly diagnosticVersions: boolean;
  readonly unnecessaryTag: boolean;
  readonly markdownHover: boolean;
  /** Code actions may be literals; else they must be commands. */
  readonly codeActionLiterals: boolean;
  /** An action's edit may be computed when it is chosen. */
  readonly resolvesEdits: boolean;
  readonly preferredActions: boolean;
  readonly disabledActions: boolean;
  readonly documentChanges: boolean;
  readonly createsFiles: boolean;
  /** `workspace/applyEdit` may be sent. */
  readonly appliesEdits: boolean;
  /** `workspace/configuration` may be sent. */
  readonly configuration: boolean;
  readonly configurationRegistration: boolean;
  readonly watchesFiles: boolean;
  readonly workspaceFolders: boolean;
  /** `doorbell/status` is understood. */
  readonly status: boolean;
  /** Features of the editor that some documents have: those that the client knows. */
  readonly features: ReadonlySet<Feature>;
  /** Formatting is offered for some languages alone: other formatters of theirs are left in peace. */
  readonly formattingRegistration: boolean;
  readonly definitionLinks: boolean;
  /** Of completions: places to fill in, and text that is not indented anew. */
  readonly snippets: boolean;
  readonly insertTextModes: boolean;
  readonly hierarchicalSymbols: boolean;
}

const featureNames = [
  'completion',
  'definition',
  'references',
  'documentSymbol',
  'foldingRange',
  'inlayHint',
  'codeLens',
  'semanticTokens',
  'formatting',
] as const;

/** As `ClientCapabilities.textDocument` calls it. */
export type Feature = (typeof featureNames)[number];

export function abilitiesOf(capabilities: ClientCapabilities): Abilities {
  const { textDocument, workspace } = capabilities;
  const published = textDocument?.publishDiagnostics;
  const pulled = textDocument?.diagnostic;
  const action = textDocument?.codeAction;
  const edit = workspace?.workspaceEdit;
  const experimental = capabilities.experimental as { readonly doorbellStatus?: unknown } | null | undefined;
  return {
    pullDiagnostics: pulled !== undefined,
    pullRefresh: pulled !== undefined && workspace?.diagnostics?.refreshSupport === true,
    relatedInformation: (published?.relatedInformation ?? pulled?.relatedInformation) === true,
    codeDescription: (published?.codeDescriptionSupport ?? pulled?.codeDescriptionSupport) === true,
    diagnosticVersions: published?.versionSupport === true,
    unnecessaryTag: (published?.tagSupport ?? pulled?.tagSupport)?.valueSet.includes(1) === true,
    markdownHover: textDocument?.hover?.contentFormat?.[0] === 'markdown',
    codeActionLiterals: action?.codeActionLiteralSupport !== undefined,
    resolvesEdits: action?.dataSupport === true && action.resolveSupport?.properties.includes('edit') === true,
    preferredActions: action?.isPreferredSupport === true,
    disabledActions: action?.disabledSupport === true,
    documentChanges: edit?.documentChanges === true,
    createsFiles: edit?.documentChanges === true && edit.resourceOperations?.includes('create') === true,
    appliesEdits: workspace?.applyEdit === true,
    configuration: workspace?.configuration === true,
    configurationRegistration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    watchesFiles: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    workspaceFolders: workspace?.workspaceFolders === true,
    status: experimental?.doorbellStatus === true,
    features: new Set(featureNames.filter((name) => textDocument?.[name] !== undefined)),
    formattingRegistration: textDocument?.formatting?.dynamicRegistration === true,
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    insertTextModes: textDocument?.completion?.completionItem?.insertTextModeSupport?.valueSet.includes(1) === true,
    definitionLinks: textDocument?.definition?.linkSupport === true,
    hierarchicalSymbols: textDocument?.documentSymbol?.hierarchicalDocumentSymbolSupport === true,
  };
}
