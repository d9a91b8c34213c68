// What the server does for nobody while the client is quiet, for the documents that are open.
import { lineStarts } from '../text/source-file';
import { analyse } from '../workspace/analysis';
import type { FileStore } from '../workspace/files';
import type { Boards } from './boards';
import type { OpenDocument } from './documents';
import type { Rehearsals } from './idle-work';
import { createEditRehearsal, createTableRehearsal } from './table-rehearsal';

export function createRehearsals(
  boards: Boards,
  documents: ReadonlyMap<string, OpenDocument>,
  files: FileStore,
): Rehearsals {
  const nextOfTable = createTableRehearsal();
  const nextEdit = createEditRehearsal();
  return {
    // The next edit asks where lines begin; what is analysed anew is for nobody.
    board() {
      for (const { file } of documents.values()) lineStarts(file);
      const board = boards.all().find(({ analysis }) => analysis?.snapshot.acpi === undefined);
      if (board !== undefined) analyse(board.context, files);
      return board !== undefined;
    },
    // It takes tens of megabytes: who works with devicetrees alone is spared.
    table() {
      const open = boards.all();
      if (open.length === 0) return nextOfTable();
      for (const { context, analysis } of open) {
        const document = analysis?.snapshot.acpi?.document;
        if (document?.origin === 'text' && nextEdit(context, document.file)) return true;
      }
      return open.some(({ analysis }) => analysis?.snapshot.acpi !== undefined) && nextOfTable();
    },
  };
}
