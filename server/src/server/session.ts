// What the server knows between two messages: open documents, boards, and what the client has been told.
// Work is done in small steps between messages, so that a newer edit overtakes an older computation.
import type { Diagnostic as LspDiagnostic, PublishDiagnosticsParams } from 'vscode-languageserver/node';
import path from 'node:path';
import { documentOfText, type TableDocument } from '../acpi/text/document';
import {
  besideMoved,
  movedDiagnostics,
  referenceEdits,
  settle,
  type SettledTable,
} from '../features/iort/moved-references';
import { lspDiagnostic, mergeBoards, placeDiagnostics } from '../features/diagnostics';
import { tableLanguage, type StatusParams } from '../protocol';
import { textBetween, type SourceFile } from '../text/source-file';
import { settleDiagnostics } from '../rules/suppression';
import type { Diagnostic, TextEdit } from '../text/diagnostic';
import { analyse, type Snapshot } from '../workspace/analysis';
import { contextOf, type Context } from '../workspace/contexts';
import { createFileStore, type FileStore } from '../workspace/files';
import { inputKind } from '../workspace/input-kind';
import { settingsFileName } from '../workspace/settings';
import { isInside } from '../workspace/source-tree';
import type { Abilities } from './abilities';
import { createBoards, type Board, type BoardAnalysis } from './boards';
import { documentationUrl } from './documentation';
import { applyChanges, pathOf, uriOf, type ContentChange, type OpenDocument } from './documents';
import { createIdleWork } from './idle-work';
import { createPublisher, fingerprint, shortId } from './publisher';
import { createRehearsals } from './rehearsals';
import { noSettings, withEditorSettings, type EditorSettings } from './settings';

export interface Outlet {
  readonly publish: (params: PublishDiagnosticsParams) => void;
  readonly status: (params: StatusParams) => void;
  /** Open documents other than those edited have new diagnostics: the client should pull them again. */
  readonly refreshPulled: () => void;
  /** An internal error that cost one computation. */
  readonly failed: (error: unknown) => void;
  /** Called once: the engine has been warmed up, and the client is quiet. */
  readonly warm: () => void;
}

export interface Session {
  /** The client is ready: what it is going to ask for may be prepared. */
  readonly ready: () => void;
  readonly files: FileStore;
  readonly folders: () => readonly string[];
  readonly documents: ReadonlyMap<string, OpenDocument>;
  readonly open: (uri: string, version: number, text: string, languageId?: string) => void;
  readonly edit: (uri: string, version: number, changes: readonly ContentChange[]) => void;
  readonly close: (uri: string) => void;
  readonly setFolders: (added: readonly string[], removed: readonly string[]) => void;
  /** The editor's settings, and those that hold for a folder only. */
  readonly setSettings: (settings: EditorSettings, ofFolders?: ReadonlyMap<string, EditorSettings>) => void;
  /** Files on the disk changed. */
  readonly diskChanged: (paths: readonly string[]) => void;
  /** The up-to-date analysis that a document is seen in first; undefined for one that is no part of a board. */
  readonly analysisAt: (
    uri: string,
  ) => { readonly file: SourceFile; readonly board: Board; readonly analysis: BoardAnalysis } | undefined;
  /** Every board that a document is part of, up to date. */
  readonly analysesAt: (uri: string) => readonly { readonly board: Board; readonly analysis: BoardAnalysis }[];
  /** The ACPI table that a document is the text of; undefined for any other document. */
  readonly tableAt: (uri: string) => TableDocument | undefined;
  /** Edits of a table that lead its references to where the nodes have moved. */
  readonly referenceEditsAt: (uri: string) => readonly TextEdit[];
  /** The editor's settings that hold for a document. */
  readonly settingsAt: (uri: string) => EditorSettings;
  /** The set for a pull request, with an id that is equal for equal sets. */
  readonly pulled: (uri: string) => { readonly items: LspDiagnostic[]; readonly resultId: string };
}

export function createSession(abilities: Abilities, outlet: Outlet): Session {
  const files = createFileStore();
  const documents = new Map<string, OpenDocument>();
  const contexts = new Map<string, Context>();
  const folders: string[] = [];
  let settings = noSettings;
  let folderSettings: ReadonlyMap<string, EditorSettings> = new Map();
  const publisher = createPublisher(outlet.publish);
  const boards = createBoards(analyseBoard);
  /** Of open tables, by path: where their references were last right. */
  const settledTables = new Map<string, SettledTable>();
  /** Documents whose opening or last edit has not been answered yet. */
  const unanswered = new Set<string>();
  const pulledIds = new Map<string, string>();
  const sentStatus = new Map<string, string>();
  const idleWork = createIdleWork(createRehearsals(boards, documents, files), outlet.warm);
  let hops = 0;
  let isScheduled = false;
  let mustAssign = false;

  return {
    ready: idleWork.start,
    files,
    documents,
    folders: () => folders,
    open(uri, version, text, languageId) {
      const file = pathOf(uri);
      const isNew = !files.isFile(file);
      documents.set(file, { uri, version, languageId, file: files.open(file, text) });
      unanswered.add(file);
      structureChanged();
      // A file that is not on the disk yet may be what an include was looking for.
      if (isNew) boards.touchAll();
      else boards.touch(file);
    },
    edit(uri, version, changes) {
      const file = pathOf(uri);
      const document = documents.get(file);
      if (document === undefined) return;
      const edited = files.open(file, applyChanges(document.file, changes));
      documents.set(file, { ...document, version, file: edited });
      unanswered.add(file);
      const isOther = document.languageId === tableLanguage && inputKind(document.file) !== inputKind(edited);
      if (isSettings(file) || isOther || headingChanged(document.file, edited)) structureChanged();
      boards.touch(file);
      schedule();
    },
    close(uri) {
      const file = pathOf(uri);
      if (!documents.delete(file)) return;
      files.close(file);
      settledTables.delete(file);
      unanswered.delete(file);
      pulledIds.delete(file);
      sentStatus.delete(file);
      boards.touch(file);
      structureChanged();
    },
    setFolders(added, removed) {
      for (const folder of removed) if (folders.includes(folder)) folders.splice(folders.indexOf(folder), 1);
      for (const folder of added) if (!folders.includes(folder)) folders.push(folder);
      boards.touchAll();
      structureChanged();
    },
    setSettings(next, ofFolders = new Map()) {
      settings = next;
      folderSettings = ofFolders;
      structureChanged();
    },
    diskChanged(paths) {
      files.refresh();
      // What is new may stand before another file in an include path, or end a search for one that was missing.
      const isKnown = paths.every((changed) => boards.containing(changed).length > 0);
      if (isKnown) for (const changed of paths) boards.touch(changed);
      else boards.touchAll();
      structureChanged();
    },
    analysisAt(uri) {
      const document = documents.get(pathOf(uri));
      if (document === undefined) return undefined;
      assignNow();
      const [found] = candidates(document.file.path);
      if (found === undefined) return undefined;
      schedule();
      return { file: document.file, board: found, analysis: boards.analysisOf(found) };
    },
    analysesAt(uri) {
      assignNow();
      schedule();
      return candidates(pathOf(uri)).map((board) => ({ board, analysis: boards.analysisOf(board) }));
    },
    tableAt(uri) {
      const document = documents.get(pathOf(uri));
      return document !== undefined && isTable(document) ? documentOfText(document.file) : undefined;
    },
    referenceEditsAt(uri) {
      const snapshot = this.analysisAt(uri)?.analysis.snapshot;
      const document = snapshot?.acpi?.document;
      const settled = document && settledTables.get(document.file.path);
      return settled === undefined ? [] : referenceEdits(document!, settled.changes);
    },
    settingsAt: (uri) => settingsOf(pathOf(uri)).own,
    pulled(uri) {
      assignNow();
      const file = pathOf(uri);
      for (const board of candidates(file)) boards.analysisOf(board);
      const items = diagnosticsOf(file);
      const resultId = shortId(fingerprint(items));
      pulledIds.set(file, resultId);
      // What was pushed before it was opened would stand beside it until the next step.
      if (documents.has(file)) publisher.clear(uriOf(file, documents));
      unanswered.delete(file);
      schedule();
      return { items, resultId };
    },
  };

  /** The board that the document's context names, then those that turned out to include it. */
  function candidates(file: string): readonly Board[] {
    const context = contexts.get(file);
    const own = context && boards.ofContext(context);
    const others = boards.containing(file).filter((board) => board !== own);
    return own === undefined ? others : [own, ...others];
  }

  function analyseBoard(context: Context): BoardAnalysis {
    const snapshot = analyse(context, files);
    const { root, unit, overlays } = snapshot;
    const includes = [unit, ...overlays.map((overlay) => overlay.unit)].flatMap((each) => each.includes);
    const diagnostics = besideMoved(snapshot.diagnostics, movedReferencesOf(snapshot));
    const findings = { root, includes, diagnostics };
    return { snapshot, files: snapshot.files, diagnostics: placeDiagnostics(findings, isShown) };
  }

  /** What an edit of an open table has moved away from its references. */
  function movedReferencesOf({ acpi, context, root }: Snapshot): readonly Diagnostic[] {
    if (acpi?.document.origin !== 'text' || !documents.has(root.path)) return [];
    const settled = settle(settledTables.get(root.path), acpi.document);
    if (settled === undefined) return [];
    settledTables.set(root.path, settled);
    return settleDiagnostics(movedDiagnostics(acpi.document, settled), context.settings.rules);
  }

  function isShown(file: string): boolean {
    return documents.has(file) || folders.some((folder) => isInside(file, folder));
  }

  function structureChanged(): void {
    mustAssign = true;
    schedule();
  }

  function assignNow(): void {
    if (!mustAssign) return;
    mustAssign = false;
    contexts.clear();
    for (const document of documents.values()) {
      const { file, uri } = document;
      if (isSource(uri) && !isUnfinishedTable(document)) contexts.set(file.path, contextFor(file.path));
    }
    boards.assign(contexts.values());
  }

  function contextFor(file: string): Context {
    const { own, folder } = settingsOf(file);
    return withEditorSettings(contextOf(file, files, { editorSettings: own.presets }), own, folder);
  }

  function settingsOf(file: string): { readonly own: EditorSettings; readonly folder: string | undefined } {
    const [folder] = folders.filter((each) => isInside(file, each)).sort((one, other) => other.length - one.length);
    return { own: (folder === undefined ? undefined : folderSettings.get(folder)) ?? settings, folder };
  }

  /** Runs a step when no message has come in for three turns of the event loop: a burst of edits is read to its end first. */
  function schedule(): void {
    hops = 0;
    idleWork.interrupt();
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(wait);
  }

  function wait(): void {
    if (++hops < 3) {
      setImmediate(wait);
      return;
    }
    isScheduled = false;
    try {
      step();
    } catch (error) {
      outlet.failed(error);
    }
  }

  /** Analyses one board, or publishes when there is none left that a shown file waits for. */
  function step(): void {
    assignNow();
    const stale = boards.nextStale();
    if (stale !== undefined) {
      const before = stale.analysis?.files;
      const { files: after } = boards.analysisOf(stale);
      if (before === undefined || !sameMembers(before, after)) noteIncludes();
      if (boards.nextStale() !== undefined) schedule();
    }
    publishReady();
  }

  /** An open board may now include a document that was seen through another board. */
  function noteIncludes(): void {
    const isBorrowed = ({ reason }: Context): boolean =>
      reason === 'nearest' || reason === 'alone' || reason === 'open';
    if ([...contexts.values()].some(isBorrowed)) structureChanged();
  }

  function publishReady(): void {
    const all = boards.all();
    const isReady = (file: string): boolean => boards.containing(file).every(({ isStale }) => !isStale);
    const shown = new Set(documents.keys());
    for (const { analysis } of all) for (const file of analysis?.diagnostics.keys() ?? []) shown.add(file);
    for (const file of shown) if (isReady(file)) publishFile(file, all);
    if (all.some(({ isStale }) => isStale)) return;
    const uris = new Set(Array.from(shown, (file) => uriOf(file, documents)));
    for (const uri of publisher.shown()) if (!uris.has(uri)) publisher.clear(uri);
    refreshPulls();
    sendStatus();
    if (all.length > 0) idleWork.begin();
  }

  function publishFile(file: string, all: readonly Board[]): void {
    const document = documents.get(file);
    const uri = uriOf(file, documents);
    if (document !== undefined && abilities.pullDiagnostics) {
      publisher.clear(uri);
      return;
    }
    const isAnswer = unanswered.has(file);
    // Its board has not been analysed yet.
    if (isAnswer && all.some(({ isStale, analysis }) => isStale && analysis === undefined)) return;
    unanswered.delete(file);
    const diagnostics = diagnosticsOf(file);
    const version = document !== undefined && abilities.diagnosticVersions ? { version: document.version } : {};
    publisher.set({ uri, ...version, diagnostics }, isAnswer ? 'answer' : 'update');
  }

  function diagnosticsOf(file: string): LspDiagnostic[] {
    const document = documents.get(file);
    const sets =
      document !== undefined && isUnfinishedTable(document)
        ? [{ name: path.basename(file), diagnostics: documentOfText(document.file).diagnostics }]
        : boards.containing(file).map(({ context, analysis }) => ({
            name: path.basename(context.root),
            diagnostics: analysis?.diagnostics.get(file) ?? [],
          }));
    if (sets.length === 0) return [];
    const options = {
      relatedInformation: abilities.relatedInformation,
      codeDescription: abilities.codeDescription,
      uriOf: (each: string) => uriOf(each, documents),
      documentation: documentationUrl,
    };
    return mergeBoards(sets).map((diagnostic) => lspDiagnostic(diagnostic, options));
  }

  /** What was pulled and is no longer true, unless the client is about to ask by itself because it edited that document. */
  function refreshPulls(): void {
    if (!abilities.pullRefresh) return;
    const outdated = [...pulledIds].some(
      ([file, id]) => !unanswered.has(file) && shortId(fingerprint(diagnosticsOf(file))) !== id,
    );
    if (outdated) outlet.refreshPulled();
  }

  function tableStatus({ acpi }: Snapshot): Pick<StatusParams, 'table'> {
    if (acpi === undefined) return {};
    const { document, madtFile } = acpi;
    const madt = madtFile === undefined ? {} : { madt: uriOf(madtFile, documents) };
    return { table: { signature: document.signature, ...madt } };
  }

  function sendStatus(): void {
    if (!abilities.status) return;
    for (const [file, context] of contexts) {
      const document = documents.get(file);
      const analysis = boards.ofContext(context)?.analysis;
      if (document === undefined || analysis === undefined) continue;
      const diagnostics = { error: 0, warning: 0, info: 0, hint: 0 };
      for (const { severity } of analysis.snapshot.diagnostics) diagnostics[severity]++;
      const status: StatusParams = {
        uri: document.uri,
        root: uriOf(context.root, documents),
        reason: context.reason,
        sourceTree: context.sourceTree?.kind,
        includePaths: [...context.includePaths],
        kernel: context.settings.kernel,
        ...tableStatus(analysis.snapshot),
        diagnostics,
      };
      const text = JSON.stringify(status);
      if (sentStatus.get(file) === text) continue;
      sentStatus.set(file, text);
      outlet.status(status);
    }
  }
}

function isSettings(file: string): boolean {
  return path.basename(file) === settingsFileName;
}

/** The text of an ACPI table: by what it says, or by what the client says that it is to be. */
function isTable(document: OpenDocument): boolean {
  return inputKind(document.file) === 'acpi-text' || isUnfinishedTable(document);
}

/** A table whose signature is not there yet: that is all that can be said of it. */
function isUnfinishedTable({ file, languageId }: OpenDocument): boolean {
  return languageId === tableLanguage && inputKind(file) === 'source';
}

/** Headers and settings are read as part of boards; they make none. */
function isSource(uri: string): boolean {
  return !/\.(?:h|json|jsonc)$/i.test(uri);
}

/** A comment at the head of a file may name its board. */
function headingChanged(before: SourceFile, after: SourceFile): boolean {
  const heading = (file: SourceFile): string => textBetween(file, 0, 4096);
  const [one, other] = [heading(before), heading(after)];
  return one !== other && (one.includes('doorbell:') || other.includes('doorbell:'));
}

function sameMembers(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (one.size !== other.size) return false;
  for (const member of one) if (!other.has(member)) return false;
  return true;
}
