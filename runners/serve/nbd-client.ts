/** A client of an NBD server on a unix socket, for programs of ours that need one: simple replies, any number of requests at a time. */
import net, { type Socket } from 'node:net';
import {
  ByteQueue,
  COMMAND_FLAGS,
  COMMANDS,
  decodeSimpleReply,
  encodeExportNameChoice,
  encodeRequest,
  GREETING_AND_EXPORT_BYTES,
  type NbdWork,
  SIMPLE_REPLY_BYTES,
} from '../../engine/nbd/index.ts';

/** The server refused a request, or is gone. */
export class NbdClientError extends Error {
  override readonly name = 'NbdClientError';
}

interface Pending {
  readonly readBytes: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

const NOTHING = new Uint8Array(0);

export class NbdClient {
  readonly #socket: Socket;
  readonly #queue = new ByteQueue();
  readonly #pending = new Map<bigint, Pending>();
  #nextCookie = 1n;
  /** What the next bytes are for; null between replies. */
  #reading: { readonly cookie: bigint; readonly errno: number } | null = null;
  #greeted = false;
  #chosen = Promise.withResolvers<void>();

  private constructor(socketPath: string, exportName: string) {
    this.#socket = net.connect(socketPath);
    this.#socket.write(encodeExportNameChoice(exportName));
    this.#socket.on('data', (bytes) => this.#receive(bytes));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#fail());
  }

  /** Connects and chooses an export. Rejects with an NbdClientError when there is no such server or export. */
  static async connect(socketPath: string, exportName = ''): Promise<NbdClient> {
    const client = new NbdClient(socketPath, exportName);
    await client.#chosen.promise;
    return client;
  }

  /** Resolves with the bytes of a read, or none. `payload` are those of a write. */
  perform(
    work: Exclude<NbdWork, { op: 'cache' | 'block-status' }>,
    payload: Uint8Array = NOTHING,
  ): Promise<Uint8Array> {
    const cookie = this.#nextCookie++;
    const { command, flags } = onTheWire(work);
    const [offset, length] = work.op === 'flush' ? [0, 0] : [work.offset, work.length];
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new NbdClientError('the server is gone'));
      this.#pending.set(cookie, { readBytes: work.op === 'read' ? length : 0, resolve, reject });
      this.#socket.write(encodeRequest({ command, flags, cookie, offset: BigInt(offset), length }));
      if (payload.length > 0) this.#socket.write(payload);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    if (!this.#greeted) {
      if (this.#queue.take(GREETING_AND_EXPORT_BYTES) === null) return;
      this.#greeted = true;
      this.#chosen.resolve();
    }
    while (this.#takeReply());
  }

  #takeReply(): boolean {
    if (this.#reading === null) {
      const head = this.#queue.take(SIMPLE_REPLY_BYTES);
      if (head === null) return false;
      this.#reading = decodeSimpleReply(head);
    }
    const pending = this.#reading === null ? undefined : this.#pending.get(this.#reading.cookie);
    if (this.#reading === null || pending === undefined) {
      this.#socket.destroy();
      return false;
    }
    const { errno, cookie } = this.#reading;
    const bytes = errno === 0 ? this.#queue.take(pending.readBytes) : NOTHING;
    if (bytes === null) return false;
    this.#reading = null;
    this.#pending.delete(cookie);
    if (errno === 0) pending.resolve(bytes);
    else pending.reject(new NbdClientError(`the server answered with error number ${errno}`));
    return true;
  }

  #fail(): void {
    const error = new NbdClientError('the server is gone');
    this.#chosen.promise.catch(() => {});
    this.#chosen.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function onTheWire(work: Exclude<NbdWork, { op: 'cache' | 'block-status' }>): { command: number; flags: number } {
  const { fua, noHole, fastZero } = COMMAND_FLAGS;
  const durable = 'durable' in work && work.durable ? fua : 0;
  switch (work.op) {
    case 'read':
      return { command: COMMANDS.read, flags: 0 };
    case 'write':
      return { command: COMMANDS.write, flags: durable };
    case 'flush':
      return { command: COMMANDS.flush, flags: 0 };
    case 'discard':
      return { command: COMMANDS.trim, flags: durable };
    case 'write-zeroes': {
      const kept = work.mayUnmap ? 0 : noHole;
      return { command: COMMANDS.writeZeroes, flags: durable + kept + (work.fast ? fastZero : 0) };
    }
  }
}
