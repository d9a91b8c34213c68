// Where `doorbell.trace.server` goes: a channel of its own, created when the trace is first switched on.
import { EventEmitter, LogLevel, window, workspace } from 'vscode';
import type { LogOutputChannel } from 'vscode';

/**
 * A log channel whose level follows the setting `doorbell.trace.server`.
 * The client library traces only while its channel's level is Trace; the editor's own level (Info, unless the user
 * changes it) would keep the setting without effect. So this channel reports Trace while the setting is on and prints
 * trace lines at Info.
 */
export function createTraceChannel(): LogOutputChannel {
  let shown: LogOutputChannel | undefined;
  const channel = (): LogOutputChannel => (shown ??= window.createOutputChannel('Doorbell Trace', { log: true }));
  const levels = new EventEmitter<LogLevel>();
  const settings = workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration('doorbell.trace')) levels.fire(traceLevel());
  });
  return {
    name: 'Doorbell Trace',
    get logLevel() {
      return traceLevel();
    },
    onDidChangeLogLevel: levels.event,
    trace: (message, ...rest) => {
      channel().info(message, ...(rest as unknown[]));
    },
    debug: (message, ...rest) => {
      channel().debug(message, ...(rest as unknown[]));
    },
    info: (message, ...rest) => {
      channel().info(message, ...(rest as unknown[]));
    },
    warn: (message, ...rest) => {
      channel().warn(message, ...(rest as unknown[]));
    },
    error: (message, ...rest) => {
      channel().error(message, ...(rest as unknown[]));
    },
    append: (value) => {
      channel().append(value);
    },
    appendLine: (value) => {
      channel().appendLine(value);
    },
    replace: (value) => {
      channel().replace(value);
    },
    clear: () => shown?.clear(),
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the interface declares the old overload, so it is implemented as well
    show: () => {
      channel().show(true);
    },
    hide: () => shown?.hide(),
    dispose: () => {
      settings.dispose();
      levels.dispose();
      shown?.dispose();
    },
  };
}

function traceLevel(): LogLevel {
  return workspace.getConfiguration('doorbell').get<string>('trace.server', 'off') === 'off'
    ? LogLevel.Info
    : LogLevel.Trace;
}
