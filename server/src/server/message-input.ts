// What arrives on a socket, in pieces of the size that messages have: a long one is read to where it stays, rather than in
// pieces of 64 KiB that are put together afterwards. That is a fifth of what a text of megabytes costs on its way here.
import net from 'node:net';
import { Disposable, Emitter, type RAL } from 'vscode-languageserver/node';

/** Bytes that are read at once where it is not known how long the next message is: what a socket of Linux holds, and more. */
const blockSize = 0x40000;
/** A longer message is put together by the protocol library: nobody is given that much room before it has arrived. */
const longestContent = 0x400_0000;
/** A header is two lines; longer ones are none. */
const longestHeader = 0x1000;

const endOfHeader = '\r\n\r\n';

/**
 * Deals bytes out in pieces: the content of a message that comes in parts is one piece of its own, all else goes on as it
 * came. What the messages are is for the reader behind to say, also where they are wrong; nothing is held back but the
 * beginning of a header and a content that has not come as a whole.
 */
export class MessagePieces {
  private readonly block = Buffer.allocUnsafeSlow(blockSize);
  /** Of a content that is being read, and how much of it is there. */
  private content: Buffer | undefined;
  private present = 0;
  /** The beginning of a header, at the beginning of the block. */
  private held = 0;
  /** Whether something came that is no header: where the next one begins is not known any more. */
  private isLost = false;

  constructor(private readonly tell: (piece: Buffer) => void) {}

  /** Where the next bytes are to be read to. It is another place after each `filled`. */
  room(): Buffer {
    return this.content === undefined ? this.block.subarray(this.held) : this.content.subarray(this.present);
  }

  /** So many bytes have been read to where `room` said. */
  filled(count: number): void {
    if (this.content !== undefined) {
      this.present += count;
      if (this.present < this.content.length) return;
      const whole = this.content;
      this.content = undefined;
      this.tell(whole);
      return;
    }
    const bytes = this.block.subarray(0, this.held + count);
    this.held = 0;
    const { end, content } = this.isLost ? { end: bytes.length } : this.wholeOf(bytes);
    if (end > 0) this.tell(Buffer.from(bytes.subarray(0, end)));
    const rest = bytes.subarray(end);
    if (content === undefined) {
      this.held = rest.copy(this.block);
    } else {
      this.content = content;
      this.present = rest.copy(content);
    }
  }

  /** Where the messages end that are there as a whole, with the header of one that is not, and room for the content of that. */
  private wholeOf(bytes: Buffer): { readonly end: number; readonly content?: Buffer } {
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(endOfHeader, start);
      if (end < 0 && bytes.length - start < longestHeader) return { end: start };
      const length = end < 0 ? undefined : contentLength(bytes.toString('latin1', start, end));
      if (length === undefined || length > longestContent) {
        this.isLost = true;
        return { end: bytes.length };
      }
      start = end + endOfHeader.length;
      if (length > bytes.length - start) return { end: start, content: Buffer.allocUnsafeSlow(length) };
      start += length;
    }
    return { end: start };
  }
}

/** Of a header's lines; undefined where none says it, or one says what is no number. */
function contentLength(header: string): number | undefined {
  for (const line of header.split('\r\n')) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() !== 'content-length') continue;
    const length = Number(line.slice(colon + 1));
    return Number.isInteger(length) && length >= 0 ? length : undefined;
  }
  return undefined;
}

/** A socket whose bytes a message reader gets as pieces. */
export interface PiecewiseSocket {
  readonly socket: net.Socket;
  readonly input: RAL.ReadableStream;
}

/** Standard input where it is a pipe or a socket; undefined where it is something else, as a file or a terminal. */
export function pipedInput(): PiecewiseSocket | undefined {
  try {
    return inPieces((onread) => {
      // The constructor takes what `connect` takes, and hands it on to itself.
      const options: net.SocketConstructorOpts & net.ConnectOpts = { fd: 0, readable: true, writable: false, onread };
      return new net.Socket(options);
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_FD_TYPE') return undefined;
    throw error;
  }
}

/** `open` makes the socket, which is to be read as it is told. */
export function inPieces(open: (onread: net.OnReadOpts) => net.Socket): PiecewiseSocket {
  const arrivals = new Emitter<Uint8Array>();
  const pieces = new MessagePieces((piece) => {
    arrivals.fire(piece);
  });
  const socket = open({
    buffer: () => pieces.room(),
    callback: (count) => {
      pieces.filled(count);
      return true;
    },
  });
  const on = (event: 'close' | 'error' | 'end') => (listener: (error: Error) => void) => {
    socket.on(event, listener);
    return Disposable.create(() => socket.off(event, listener));
  };
  return { socket, input: { onData: arrivals.event, onClose: on('close'), onError: on('error'), onEnd: on('end') } };
}
