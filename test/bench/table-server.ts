// What the built server takes to answer a document that is an IORT of 2,000 nodes: from opening it in a process that has
// just started, or has had a few quiet seconds since, and from an edit of one digit, to the diagnostics of all rules.
import { setTimeout as sleep } from 'node:timers/promises';
import { buildIort } from '../../server/src/acpi/iort/build';
import { printTable } from '../../server/src/acpi/text/print';
import { builtServer, startClient, type LspClient } from '../server/lsp-client';
import { crowdedTable } from './crowded-tables';
import { median, minimum, table } from './statistics';

const nodes = 2000;
const edits = 15;
/** Milliseconds: as for boards, until the server has come to rest, and between two keystrokes of a fast typist. */
const pause = 1500;
const betweenKeystrokes = 60;
/** Between the start and the opening, for a server that has come to rest before. */
const rest = 4000;

/** Pauses in typing after which an editor asks for what it shows of the whole document. */
const pauses = 5;
const viewsOfDocument = [
  { name: 'outline', method: 'documentSymbol' },
  { name: 'new colours', method: 'semanticTokens/full/delta' },
  { name: 'folding', method: 'foldingRange' },
  { name: 'code lenses', method: 'codeLens' },
] as const;

/** Prints a table of the times; `runs` servers are started in each way, and of the one that does nothing, one after the other. */
export async function measureTableServer(silentServer: string, runs: number, isMinima: boolean): Promise<void> {
  const typical = isMinima ? minimum : median;
  const openedAtOnce: number[] = [];
  const openedLater: number[] = [];
  const openedByEditor: number[] = [];
  const firstEdits: number[] = [];
  const laterEdits: number[] = [];
  const hints: number[] = [];
  const asked = new Map(viewsOfDocument.map((view) => [view, [] as number[]]));
  const sent: number[] = [];
  const built = buildIort(crowdedTable(nodes));
  if (!('bytes' in built)) throw new Error(built.problem);
  const text = printTable(built.bytes, { style: 'current' });
  const file = '/doorbell-bench/iort.dsl';
  for (let run = 0; run < runs; run++) {
    await measureOnce(0, openedAtOnce);
    await measureOnce(rest, openedLater);
    await measureChannel();
    await measureSending();
  }
  const columns: readonly (readonly [string, number[]])[] = [
    ['open at once', openedAtOnce],
    [`open ${rest / 1000} s after the start`, openedLater],
    ['the same over Node’s channel', openedByEditor],
    ['first edit', firstEdits],
    ['edit', laterEdits],
    ['hints of a screen', hints],
  ];
  console.log(
    `\nThe server with an IORT of ${nodes} nodes as its document, over stdio, and over the channel of Node that VS Code has to its servers; ${3 * runs} servers.`,
  );
  console.log(table([columns.map(([name]) => name), columns.map(([, times]) => `${typical(times).toFixed(1)} ms`)]));
  console.log(`\nWhat an editor asks for once a typist pauses, of the whole table:`);
  console.log(
    table([
      viewsOfDocument.map(({ name }) => name),
      viewsOfDocument.map((view) => `${typical(asked.get(view)!).toFixed(1)} ms`),
    ]),
  );
  console.log(
    `\nOf an opening, the text's way to a server that does nothing and back: ${typical(sent).toFixed(1)} ms.`,
  );

  async function measureChannel(): Promise<void> {
    const client = await startClient({ server: builtServer, transport: 'node-ipc' });
    await sleep(rest);
    await timed(openedByEditor, client.published(file), () => client.open(file, text, 'acpi-table'));
    await client.stop();
  }

  async function measureSending(): Promise<void> {
    const client = await startClient({ server: silentServer });
    await sleep(pause);
    await timed(sent, client.published(file), () => client.open(file, text, 'acpi-table'));
    await client.stop();
  }

  async function measureOnce(quiet: number, opened: number[]): Promise<void> {
    const client = await startClient({
      server: builtServer,
      capabilities: {
        textDocument: {
          publishDiagnostics: { versionSupport: true },
          inlayHint: {},
          documentSymbol: { hierarchicalDocumentSymbolSupport: true },
          foldingRange: { lineFoldingOnly: true },
          codeLens: {},
          semanticTokens: {
            requests: { full: { delta: true } },
            tokenTypes: [],
            tokenModifiers: [],
            formats: ['relative'],
          },
        },
      },
    });
    await sleep(quiet);
    await timed(opened, client.published(file), () => client.open(file, text, 'acpi-table'));
    const textDocument = { uri: new URL(`file://${file}`).toString() };
    const range = lastDigit(text, /Output Base : ([0-9A-F]{8})/g, 700);
    const edit = (into: number[], digit: number) =>
      timed(into, client.published(file), () => client.change(file, { range, text: String(digit) }));
    await edit(firstEdits, 1);
    await sleep(pause);
    for (let count = 0; count < edits; count++) {
      await sleep(betweenKeystrokes);
      await edit(laterEdits, 2 + (count % 2));
      const screen = { start: { ...range.start, character: 0 }, end: { line: range.start.line + 60, character: 0 } };
      await timedRequest(hints, client, 'textDocument/inlayHint', { textDocument, range: screen });
    }
    let colours: { readonly resultId: string } = await client.request('textDocument/semanticTokens/full', {
      textDocument,
    });
    for (let count = 0; count < pauses; count++) {
      await edit([], 4 + (count % 2));
      for (const view of viewsOfDocument) {
        const params = { textDocument, previousResultId: colours.resultId };
        const answer = await timedRequest(asked.get(view)!, client, `textDocument/${view.method}`, params);
        if (view.name === 'new colours') colours = answer as typeof colours;
      }
    }
    await client.stop();
  }
}

async function timedRequest(into: number[], client: LspClient, method: string, params: object): Promise<unknown> {
  const sent = performance.now();
  const answer = await client.request(method, params);
  into.push(performance.now() - sent);
  return answer;
}

async function timed(into: number[], answer: Promise<unknown>, send: () => Promise<void>): Promise<void> {
  const sent = performance.now();
  await send();
  await answer;
  into.push(performance.now() - sent);
}

interface Position {
  readonly line: number;
  readonly character: number;
}

/** The last digit of the value in the `which`-th line of a name. */
function lastDigit(text: string, pattern: RegExp, which: number): { readonly start: Position; readonly end: Position } {
  const match = [...text.matchAll(pattern)][which];
  if (match === undefined) throw new Error('no such line in the table');
  const before = text.slice(0, match.index + match[0].length - 1).split('\n');
  const start = { line: before.length - 1, character: before.at(-1)!.length };
  return { start, end: { ...start, character: start.character + 1 } };
}
