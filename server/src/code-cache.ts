// Starts a program with the code that V8 made of it the last time. A process that lives for one board spends a quarter of
// its time on compiling functions that run once; what was compiled is kept in the user's cache folder, and is no loss
// where it cannot be kept.
import fs from 'node:fs';
import Module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import zlib from 'node:zlib';
import { withFlagsOfStart } from './v8-tuning';

interface Program {
  /** `done` is to be called when what the program usually runs has been run. */
  readonly run: (done: () => void) => void;
}

type Wrapper = (exports: unknown, require: NodeJS.Require, module: unknown, file: string, folder: string) => void;

/** Runs a bundle of this folder. */
export function runProgram(name: string): void {
  const file = path.join(__dirname, name);
  const source = fs.readFileSync(file);
  const cache = cacheOf(name, source);
  const cachedData = cache?.read();
  const script = new vm.Script(Module.wrap(source.toString()), { filename: file, cachedData });
  const module: { exports: Program } = { exports: { run: () => undefined } };
  const wrapper = script.runInThisContext() as Wrapper;
  wrapper(module.exports, Module.createRequire(file), module, file, __dirname);
  const isKept = cachedData !== undefined && script.cachedDataRejected === false;
  module.exports.run(() => {
    if (!isKept && isMainThread) cache?.write(withFlagsOfStart(() => script.createCachedData()));
  });
}

interface CodeCache {
  readonly read: () => Buffer | undefined;
  readonly write: (code: Buffer) => void;
}

const headerSize = 8;
/** Each is of one program, place and V8; the ones written last stay. */
const mostKept = 8;

/**
 * V8 checks its version and flags by itself, but of the source only the length and of the code nothing: both sums stand
 * before it. Undefined where Node cannot make them (before 20.15).
 */
function cacheOf(name: string, source: Buffer): CodeCache | undefined {
  const { crc32 } = zlib as Partial<typeof zlib>;
  if (crc32 === undefined) return undefined;
  const folder = path.join(cacheHome(), 'doorbell', 'code');
  const place = crc32(__dirname).toString(16);
  const file = path.join(folder, `${path.basename(name, '.js')}-${place}-${process.versions.v8}-${process.arch}.code`);
  const sourceSum = crc32(source);
  return {
    read() {
      const content = readOwn(file);
      if (content === undefined || content.length <= headerSize) return undefined;
      const code = content.subarray(headerSize);
      const isWhole = content.readUInt32LE(0) === sourceSum && content.readUInt32LE(4) === crc32(code);
      return isWhole ? code : undefined;
    },
    write(code) {
      const header = Buffer.alloc(headerSize);
      header.writeUInt32LE(sourceSum, 0);
      header.writeUInt32LE(crc32(code), 4);
      const unfinished = `${file}.${process.pid}`;
      try {
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(unfinished, Buffer.concat([header, code]), { mode: 0o600 });
        fs.renameSync(unfinished, file);
        removeOldest(folder);
      } catch {
        // A folder that cannot be written, a full disk: the next start takes as long as this one.
      }
    },
  };
}

function removeOldest(folder: string): void {
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name));
  const byAge = files.map((file) => ({ file, time: fs.statSync(file).mtimeMs })).sort((a, b) => b.time - a.time);
  for (const { file } of byAge.slice(mostKept)) fs.rmSync(file);
}

/** XDG Base Directory Specification: set but empty is not set. */
function cacheHome(): string {
  const { XDG_CACHE_HOME: home = '' } = process.env;
  return home === '' ? path.join(os.homedir(), '.cache') : home;
}

/** A file of this user that nobody else can write: it is going to be run. */
function readOwn(file: string): Buffer | undefined {
  try {
    const { uid, mode } = fs.statSync(file);
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o022) !== 0)) return undefined;
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
