// The language server as a program: what happens when the process or its parent gets into trouble.
import { startServer } from '../server';
import { connect, transportOf, usage } from './transport';

/** One line, whatever it is. Standard output belongs to the protocol. */
function logLine(message: string): void {
  process.stderr.write(`doorbell: ${message.replace(/\s*[\r\n]+\s*/g, ' | ')}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function fail(message: string): never {
  logLine(message);
  process.exit(2);
}

/** `onWarm` is called once, when the code has run so often that it is as fast as it gets. */
export function run(onWarm: () => void): void {
  // A bug in one computation must not cost the user the server.
  process.on('uncaughtException', (error) => {
    // The client went away while something was being written: the end of input follows and ends the process.
    if ('code' in error && error.code === 'EPIPE') process.exit(1);
    logLine(`internal error: ${describe(error)}`);
  });
  process.on('unhandledRejection', (reason) => {
    logLine(`internal error: ${describe(reason)}`);
  });
  process.on('disconnect', () => process.exit(1));

  const transport = transportOf(process.argv.slice(2));
  if (typeof transport === 'string') fail(transport);
  if (transport.kind === 'help') {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  startServer(connect(transport, fail), { log: logLine, onWarm });
}
