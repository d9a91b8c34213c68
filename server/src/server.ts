// The language server's side of the protocol: what it offers to which client, and who answers which message.
import {
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  TextDocumentSyncKind,
  type Connection,
  type InitializeParams,
  type InitializeResult,
  type ServerCapabilities,
} from 'vscode-languageserver/node';
import { URI } from 'vscode-uri';
import { hover, plainText } from './features/hover';
import { tableHover } from './features/iort/hover';
import { lspRange } from './features/diagnostics';
import { regionsView } from './features/regions-view';
import { regionsRequest, statusNotification } from './protocol';
import { abilitiesOf, type Abilities } from './server/abilities';
import { answerActions } from './server/actions';
import { pathOf } from './server/documents';
import { checked, isRecord, toOffset } from './server/params';
import { createSession, type Session } from './server/session';
import { answerTableFiles } from './server/table-files';
import { answerTables, registerTables, tableCapabilities } from './server/tables';
import { editorSettings } from './server/settings';
import { settingsFileName } from './workspace/settings';
import { version } from '../../package.json';

export interface Surroundings {
  /** Takes lines for people, away from the protocol. */
  readonly log: (message: string) => void;
  /** Called once, when the engine has been warmed up and the client is quiet. */
  readonly onWarm: () => void;
}

/** Serves a client until it says goodbye. */
export function startServer(connection: Connection, { log, onWarm }: Surroundings): void {
  connection.onInitialize((params) => {
    const abilities = abilitiesOf(params.capabilities);
    const session = createSession(abilities, {
      publish: (set) => void connection.sendDiagnostics(set),
      status: (status) => void connection.sendNotification(statusNotification, status),
      refreshPulled: () => {
        connection.languages.diagnostics.refresh().catch(() => undefined);
      },
      failed: (error) => {
        log(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      },
      warm: onWarm,
    });
    session.setFolders(foldersOf(params), []);
    session.setSettings(editorSettings(params.initializationOptions));
    answerDocuments(connection, session);
    answerFeatures(connection, session, abilities);
    answerWorkspace(connection, session, abilities);
    return {
      capabilities: capabilitiesFor(abilities),
      serverInfo: { name: 'doorbell', version },
    } satisfies InitializeResult;
  });
  connection.listen();
}

function capabilitiesFor(abilities: Abilities): ServerCapabilities {
  return {
    textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
    hoverProvider: true,
    ...tableCapabilities(abilities),
    ...(abilities.codeActionLiterals
      ? { codeActionProvider: { codeActionKinds: ['quickfix'], resolveProvider: abilities.resolvesEdits } }
      : abilities.appliesEdits
        ? { codeActionProvider: true, executeCommandProvider: { commands: ['doorbell.applyFix'] } }
        : {}),
    ...(abilities.pullDiagnostics
      ? { diagnosticProvider: { identifier: 'doorbell', interFileDependencies: true, workspaceDiagnostics: false } }
      : {}),
    ...(abilities.workspaceFolders
      ? { workspace: { workspaceFolders: { supported: true, changeNotifications: true } } }
      : {}),
  };
}

/** The folders by the newest of the three ways in which clients have told them. */
function foldersOf(params: InitializeParams): string[] {
  // The older two are deprecated, but all that some clients send.
  const { workspaceFolders, rootUri, rootPath } = params as object as Record<string, unknown>;
  if (Array.isArray(workspaceFolders)) return checked.uris(workspaceFolders).map(pathOf);
  if (typeof rootUri === 'string') return [pathOf(rootUri)];
  return typeof rootPath === 'string' ? [rootPath] : [];
}

/** A notification has no answer to say in what is wrong with it: one that breaks the protocol's promises is left out. */
function answerDocuments(connection: Connection, session: Session): void {
  connection.onDidOpenTextDocument((params) => {
    const document = checked.textDocument(params);
    if (typeof document?.text !== 'string') return;
    session.open(document.uri, document.version, document.text, document.languageId);
  });
  connection.onDidChangeTextDocument((params) => {
    const document = checked.textDocument(params);
    const changes: unknown = isRecord(params) ? params.contentChanges : undefined;
    if (document !== undefined && Array.isArray(changes)) {
      session.edit(document.uri, document.version, changes.filter(checked.change));
    }
  });
  connection.onDidCloseTextDocument((params) => {
    const document = checked.textDocument(params);
    if (document !== undefined) session.close(document.uri);
  });
}

function answerFeatures(connection: Connection, session: Session, abilities: Abilities): void {
  connection.onHover((params) => {
    const at = checked.position(params);
    const found = session.analysisAt(at.uri);
    if (found === undefined) return null;
    const { snapshot } = found.analysis;
    const offset = toOffset(found.file, at.position);
    const table = session.tableAt(at.uri);
    const answer = table === undefined ? hover(snapshot, found.file.path, offset) : tableHover(table, snapshot, offset);
    if (answer === undefined) return null;
    const { markdown, range } = answer;
    return {
      contents: abilities.markdownHover
        ? { kind: 'markdown', value: markdown }
        : { kind: 'plaintext', value: plainText(markdown) },
      range: lspRange(range),
    };
  });
  answerTables(connection, session, abilities);
  answerTableFiles(connection);
  if (abilities.codeActionLiterals || abilities.appliesEdits) answerActions(connection, session, abilities);
  if (abilities.pullDiagnostics) {
    connection.languages.diagnostics.on((params) => {
      const uri = checked.document(params);
      const { items, resultId } = session.pulled(uri);
      return params.previousResultId === resultId ? { kind: 'unchanged', resultId } : { kind: 'full', resultId, items };
    });
  }
  connection.onRequest(regionsRequest, (params: unknown) => {
    const uri = isRecord(params) && typeof params.uri === 'string' ? params.uri : '';
    return { text: regionsView(session.analysesAt(uri).map(({ analysis }) => analysis.snapshot)[0]) };
  });
}

function answerWorkspace(connection: Connection, session: Session, abilities: Abilities): void {
  const pullSettings = async (): Promise<void> => {
    const folders = session.folders();
    const items = [
      { section: 'doorbell' },
      ...folders.map((each) => ({ section: 'doorbell', scopeUri: URI.file(each).toString() })),
    ];
    const [ofAll, ...ofEach] = (await connection.workspace.getConfiguration(items)) as unknown[];
    session.setSettings(editorSettings(ofAll), new Map(folders.map((each, at) => [each, editorSettings(ofEach[at])])));
  };
  const readSettings = (): void => {
    pullSettings().catch(() => undefined);
  };
  connection.onDidChangeConfiguration(({ settings }) => {
    if (abilities.configuration) readSettings();
    else if (isRecord(settings) && isRecord(settings.doorbell)) session.setSettings(editorSettings(settings.doorbell));
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    if (Array.isArray(changes)) session.diskChanged(checked.uris(changes).map(pathOf));
  });
  connection.onInitialized(() => {
    session.ready();
    registerTables(connection, abilities);
    if (abilities.workspaceFolders) {
      connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        session.setFolders(checked.uris(added).map(pathOf), checked.uris(removed).map(pathOf));
        if (abilities.configuration) readSettings();
      });
    }
    if (abilities.configuration) readSettings();
    if (abilities.configurationRegistration) {
      void connection.client.register(DidChangeConfigurationNotification.type, { section: 'doorbell' });
    }
    if (abilities.watchesFiles) {
      void connection.client.register(DidChangeWatchedFilesNotification.type, {
        watchers: [{ globPattern: '**/*.{dts,dtsi,dtso,overlay,h}' }, { globPattern: `**/${settingsFileName}` }],
      });
    }
  });
}
