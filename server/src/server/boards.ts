// The boards that open documents belong to, each with its latest analysis. Boards are independent of each other: there is
// no active one. A board whose files changed is stale until it is analysed again.
import type { PlacedDiagnostics } from '../features/diagnostics';
import { contextKey, type Context } from '../workspace/contexts';
import type { Snapshot } from '../workspace/analysis';

export interface Board {
  readonly context: Context;
  /** The latest one, which may be of an older text; undefined before the first. */
  readonly analysis: BoardAnalysis | undefined;
  readonly isStale: boolean;
}

export interface BoardAnalysis {
  readonly snapshot: Snapshot;
  /** Paths of all files that were read for it, overlays and headers included. */
  readonly files: ReadonlySet<string>;
  readonly diagnostics: PlacedDiagnostics;
}

export interface Boards {
  /** The contexts that open documents are seen in; boards that none of them names any more are dropped. */
  readonly assign: (contexts: Iterable<Context>) => void;
  /** A file has changed: every board that it is part of is stale. */
  readonly touch: (path: string) => void;
  /** Anything may have changed. */
  readonly touchAll: () => void;
  /** A stale board, those touched last first. */
  readonly nextStale: () => Board | undefined;
  /** The analysis of the present texts, made now if it is not there. */
  readonly analysisOf: (board: Board) => BoardAnalysis;
  readonly ofContext: (context: Context) => Board | undefined;
  readonly containing: (path: string) => readonly Board[];
  readonly all: () => readonly Board[];
}

interface MutableBoard {
  context: Context;
  analysis: BoardAnalysis | undefined;
  isStale: boolean;
  lastTouch: number;
}

export function createBoards(analyse: (context: Context) => BoardAnalysis): Boards {
  const boards = new Map<string, MutableBoard>();
  let touches = 0;
  const markStale = (board: MutableBoard): void => {
    board.isStale = true;
    board.lastTouch = ++touches;
  };
  return {
    assign(contexts) {
      const wanted = new Map(Array.from(contexts, (context) => [contextKey(context), context]));
      for (const key of [...boards.keys()]) if (!wanted.has(key)) boards.delete(key);
      for (const [key, context] of wanted) {
        const known = boards.get(key);
        if (known === undefined) {
          boards.set(key, { context, analysis: undefined, isStale: true, lastTouch: ++touches });
        } else known.context = context;
      }
    },
    touch(path) {
      for (const board of boards.values()) {
        if (board.analysis === undefined || board.analysis.files.has(path)) markStale(board);
      }
    },
    touchAll() {
      for (const board of boards.values()) markStale(board);
    },
    nextStale() {
      let next: MutableBoard | undefined;
      for (const board of boards.values()) {
        if (board.isStale && (next === undefined || board.lastTouch > next.lastTouch)) next = board;
      }
      return next;
    },
    analysisOf(board) {
      if (!board.isStale && board.analysis !== undefined) return board.analysis;
      const mutable = board as MutableBoard;
      // Before the work: a failure must not be tried again and again.
      mutable.isStale = false;
      mutable.analysis = analyse(board.context);
      return mutable.analysis;
    },
    ofContext: (context) => boards.get(contextKey(context)),
    containing: (path) => [...boards.values()].filter(({ analysis }) => analysis?.files.has(path) === true),
    all: () => [...boards.values()],
  };
}
