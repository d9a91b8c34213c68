// Code actions over the wire, in the form that the client can take: with the edit, with the edit to come, or as a command.
import {
  ErrorCodes,
  LSPErrorCodes,
  ResponseError,
  type CodeAction,
  type Command,
  type Connection,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import {
  findFix,
  fixesAt,
  isFixId,
  quickFixKind,
  wantsQuickFixes,
  withoutRepeats,
  workspaceEdit,
  type FixId,
  type OfferedFix,
} from '../features/code-actions';
import { lspDiagnostic } from '../features/diagnostics';
import { settingsEdit } from '../workspace/settings-edit';
import { isInside } from '../workspace/source-tree';
import type { Abilities } from './abilities';
import { pathOf, uriOf } from './documents';
import { checked, toOffset } from './params';
import type { Session } from './session';

const command = 'doorbell.applyFix';

export function answerActions(connection: Connection, session: Session, abilities: Abilities): void {
  connection.onCodeAction((params) => {
    const { uri, range } = checked.range(params);
    if (!wantsQuickFixes(params.context.only)) return [];
    const file = session.documents.get(pathOf(uri))?.file;
    if (file === undefined) return [];
    const span = { start: toOffset(file, range.start), end: toOffset(file, range.end) };
    const offers = session
      .analysesAt(uri)
      .flatMap(({ board, analysis }) =>
        fixesAt(analysis.diagnostics.get(file.path) ?? [], span, { uri, root: board.context.root }),
      );
    return withoutRepeats(offers).flatMap((offer) => actionFor(offer) ?? []);
  });
  if (abilities.codeActionLiterals && abilities.resolvesEdits) {
    connection.onCodeActionResolve((action) => ({ ...action, edit: editOf(action.data) }));
  }
  if (!abilities.codeActionLiterals) {
    connection.onExecuteCommand(async ({ command: name, arguments: given }) => {
      if (name !== command) throw new ResponseError(ErrorCodes.InvalidParams, `unknown command ${name}`);
      await connection.workspace.applyEdit(editOf(given?.[0]));
      return null;
    });
  }

  function actionFor({ fix, diagnostic, id }: OfferedFix): CodeAction | Command | undefined {
    if (!abilities.codeActionLiterals) return { title: fix.title, command, arguments: [id] };
    const action: CodeAction = {
      title: fix.title,
      kind: quickFixKind,
      diagnostics: [
        lspDiagnostic(diagnostic, {
          relatedInformation: abilities.relatedInformation,
          codeDescription: false,
          uriOf: (path) => uriOf(path, session.documents),
          documentation: () => undefined,
        }),
      ],
      ...(fix.isPreferred === true && abilities.preferredActions ? { isPreferred: true } : {}),
    };
    if (abilities.resolvesEdits) return { ...action, data: id };
    const edit = editFor(fix, id);
    if ('error' in edit) return abilities.disabledActions ? { ...action, disabled: { reason: edit.error } } : undefined;
    return { ...action, edit };
  }

  /** The edit of a fix that was offered earlier, by the texts of now. */
  function editOf(data: unknown): WorkspaceEdit {
    if (!isFixId(data)) throw new ResponseError(ErrorCodes.InvalidParams, 'no fix of this server');
    const board = session.analysesAt(data.uri).find((each) => each.board.context.root === data.root);
    const diagnostics = board?.analysis.diagnostics.get(pathOf(data.uri)) ?? [];
    const fix = findFix(diagnostics, data);
    if (fix === undefined) throw new ResponseError(LSPErrorCodes.ContentModified, 'the diagnostic is no longer there');
    const edit = editFor(fix, data);
    if ('error' in edit) throw new ResponseError(LSPErrorCodes.RequestFailed, edit.error);
    return edit;
  }

  function editFor(fix: OfferedFix['fix'], { root }: FixId): WorkspaceEdit | { readonly error: string } {
    const folders = session.folders();
    return workspaceEdit(fix.change(), {
      documentChanges: abilities.documentChanges,
      createsFiles: abilities.createsFiles,
      uriOf: (path) => uriOf(path, session.documents),
      versionOf: (path) => session.documents.get(path)?.version ?? null,
      isWritable: (path) =>
        folders.length === 0 || session.documents.has(path) || folders.some((folder) => isInside(path, folder)),
      settingsEdit: (settings) => settingsEdit(root, settings, session.files, folders),
    });
  }
}
