/**
 * A client that asks an NBD server for one thing at a time and waits for it, on a blocking socket: what a benchmark of servers needs.
 *
 * A server is not believed more than a file: replies that are none, or that come for another request, end the session with an error.
 */
import fs from 'node:fs';
import { type BlockRequest, Qcow2Error } from '../../engine/index.ts';
import {
  COMMAND_FLAGS,
  COMMANDS,
  decodeExport,
  decodeListed,
  decodeOptionReply,
  decodeSimpleReply,
  EXPORT_BYTES,
  encodeClientFlags,
  encodeOption,
  encodeRequest,
  GREETING_BYTES,
  isFixedNewstyle,
  OPTION_REPLIES,
  OPTION_REPLY_BYTES,
  OPTIONS,
  SIMPLE_REPLY_BYTES,
  TRANSMISSION_FLAGS,
} from '../../engine/nbd/index.ts';
import { connectUnix } from './unix-socket.ts';

/** What every server takes in one request. */
const PIECE_BYTES = 32 * 2 ** 20;
/** An export name, a description and more fit; what is longer is no reply. */
const REPLY_BYTES_MAX = 65_536;
const NOTHING = new Uint8Array(0);

/** What a request is on the wire. */
interface WireRequest {
  readonly command: number;
  readonly flags: number;
  readonly offset: number;
  readonly length: number;
}

export class BlockingNbdClient {
  readonly sizeBytes: number;
  readonly #descriptor: number;
  readonly #flags: number;
  #cookie = 0n;

  private constructor(descriptor: number, exported: { readonly sizeBytes: number; readonly flags: number }) {
    this.#descriptor = descriptor;
    this.sizeBytes = exported.sizeBytes;
    this.#flags = exported.flags;
  }

  /**
   * Connects and chooses the one export there is, or the default one; null while nobody listens, or nothing is offered yet.
   * @throws Qcow2Error IO when the server speaks another protocol, or does not answer within `timeoutMs`.
   */
  static connect(socketPath: string, timeoutMs: number): BlockingNbdClient | null {
    const descriptor = connectUnix(socketPath, timeoutMs);
    if (descriptor === null) return null;
    try {
      const name = greet(descriptor);
      if (name !== null) {
        send(descriptor, encodeOption(OPTIONS.exportName, name));
        return new BlockingNbdClient(descriptor, decodeExport(receive(descriptor, EXPORT_BYTES)));
      }
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
    fs.closeSync(descriptor);
    return null;
  }

  /** True when the server takes writes. */
  get isWritable(): boolean {
    return !this.#has('readOnly');
  }

  /**
   * Carries out `request`; `bytes` are those of a write, or take those of a read. What the server does not offer is done as the protocol
   * asks a client to: a durable write as a write and a flush, zeros as data; a discard is left out, as it is a hint.
   * @throws Qcow2Error IO when the server refuses it or is gone.
   */
  perform(request: BlockRequest, bytes: Uint8Array): void {
    const durable = 'durable' in request && request.durable === true;
    const asksFua = durable && this.#has('sendFua');
    for (const piece of this.#piecesOf(request, asksFua)) {
      const at = piece.offset - ('offset' in request ? request.offset : 0);
      this.#ask(
        request.op,
        piece,
        request.op === 'write' || request.op === 'read' ? bytes.subarray(at, at + piece.length) : NOTHING,
      );
    }
    if (durable && !asksFua) this.perform({ op: 'flush' }, NOTHING);
  }

  /** Fills `into`. */
  read(offset: number, into: Uint8Array): void {
    this.perform({ op: 'read', offset, length: into.length }, into);
  }

  /** Says farewell; the server may close its image. */
  disconnect(): void {
    try {
      send(this.#descriptor, encodeRequest({ ...wire(COMMANDS.disconnect), cookie: 0n, offset: 0n, length: 0 }));
    } catch {
      // Gone already: whoever ends the server finds out.
    }
    fs.closeSync(this.#descriptor);
  }

  #has(flag: keyof typeof TRANSMISSION_FLAGS): boolean {
    return (this.#flags & TRANSMISSION_FLAGS[flag]) !== 0;
  }

  #piecesOf(request: BlockRequest, fua: boolean): WireRequest[] {
    const flags = fua ? COMMAND_FLAGS.fua : 0;
    switch (request.op) {
      case 'flush':
        if (!this.#has('sendFlush')) throw new Qcow2Error('UNSUPPORTED', 'the server offers no flush');
        return [{ ...wire(COMMANDS.flush), offset: 0, length: 0 }];
      case 'read':
        return pieces({ ...wire(COMMANDS.read), offset: request.offset, length: request.length });
      case 'write':
        return pieces({ command: COMMANDS.write, flags, offset: request.offset, length: request.length });
      case 'discard':
        if (!this.#has('sendTrim')) return [];
        return pieces({ command: COMMANDS.trim, flags, offset: request.offset, length: request.length });
      case 'write-zeroes': {
        const command = this.#has('sendWriteZeroes') ? COMMANDS.writeZeroes : COMMANDS.write;
        const noHole = command === COMMANDS.writeZeroes && !request.mayUnmap ? COMMAND_FLAGS.noHole : 0;
        return pieces({ command, flags: flags + noHole, offset: request.offset, length: request.length });
      }
    }
  }

  #ask(op: BlockRequest['op'], { command, flags, offset, length }: WireRequest, bytes: Uint8Array): void {
    const cookie = ++this.#cookie;
    const head = encodeRequest({ command, flags, cookie, offset: BigInt(offset), length });
    const payload = command !== COMMANDS.write ? NOTHING : op === 'write' ? bytes : new Uint8Array(length);
    send(this.#descriptor, head, payload);
    const reply = new Uint8Array(SIMPLE_REPLY_BYTES);
    receiveInto(this.#descriptor, reply);
    const decoded = decodeSimpleReply(reply);
    if (decoded === null || decoded.cookie !== cookie)
      throw new Qcow2Error('IO', `the server sent something else than the reply to ${op}`);
    if (decoded.errno !== 0)
      throw new Qcow2Error(
        'IO',
        `the server refused ${op} of ${length} bytes at offset ${offset}: error number ${decoded.errno}`,
      );
    if (op === 'read') receiveInto(this.#descriptor, bytes);
  }
}

function wire(command: number) {
  return { command, flags: 0 };
}

function pieces(whole: WireRequest): WireRequest[] {
  const parts: WireRequest[] = [];
  for (let done = 0; done < whole.length; done += PIECE_BYTES)
    parts.push({ ...whole, offset: whole.offset + done, length: Math.min(PIECE_BYTES, whole.length - done) });
  return parts;
}

/** Negotiates up to the choice of an export; returns its name, or null when there is none yet. */
function greet(descriptor: number): string | null {
  if (!isFixedNewstyle(receive(descriptor, GREETING_BYTES)))
    throw new Qcow2Error('IO', 'the server does not speak NBD in the fixed newstyle');
  send(descriptor, encodeClientFlags(), encodeOption(OPTIONS.list));
  const names: string[] = [];
  for (;;) {
    const head = decodeOptionReply(receive(descriptor, OPTION_REPLY_BYTES));
    if (head === null || head.lengthBytes > REPLY_BYTES_MAX)
      throw new Qcow2Error('IO', 'the server answers to the list of exports with something else');
    const data = receive(descriptor, head.lengthBytes);
    if (head.reply === OPTION_REPLIES.server) names.push(decodeListed(data) ?? '');
    else if (head.reply === OPTION_REPLIES.ack) return names.length > 1 ? '' : (names[0] ?? null);
    // A server need not tell what it has.
    else return '';
  }
}

function send(descriptor: number, ...all: readonly Uint8Array[]): void {
  let left = all.filter(({ length }) => length > 0);
  try {
    while (left.length > 0) {
      const parts = left;
      let sent = uninterrupted(() => fs.writevSync(descriptor, parts));
      while (left.length > 0 && sent >= left[0]!.length) {
        sent -= left[0]!.length;
        left = left.slice(1);
      }
      if (left.length > 0 && sent > 0) left = [left[0]!.subarray(sent), ...left.slice(1)];
    }
  } catch (error) {
    throw gone(error);
  }
}

function receive(descriptor: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  receiveInto(descriptor, bytes);
  return bytes;
}

function receiveInto(descriptor: number, into: Uint8Array): void {
  for (let done = 0; done < into.length; ) {
    let count: number;
    try {
      count = uninterrupted(() => fs.readSync(descriptor, into, done, into.length - done, null));
    } catch (error) {
      throw gone(error);
    }
    if (count === 0) throw new Qcow2Error('IO', 'the server closed the connection');
    done += count;
  }
}

/** A call with a time limit is not resumed by the system after a signal, such as that of a child that has ended. */
function uninterrupted(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
}

function gone(error: unknown): Qcow2Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EAGAIN') return new Qcow2Error('IO', 'the server does not answer');
  if (code === 'EPIPE' || code === 'ECONNRESET') return new Qcow2Error('IO', 'the server closed the connection');
  return new Qcow2Error('IO', `the connection to the server failed: ${(error as Error).message}`);
}
