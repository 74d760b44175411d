/** One client: a socket on one side, a session in the middle, an image's thread on the other. */
import type { Socket } from 'node:net';
import { type NbdExport, type NbdRequest, NbdSession, type Outcome } from '../../engine/nbd/index.ts';
import { type ImageThread, NO_LONGER_SERVED, type Submission } from './image-thread.ts';
import type { BudgetShare, MemoryBudget } from './memory-budget.ts';
import type { SharedMemory } from './shared-memory.ts';

/** An export and its disk. */
export interface ServedExport extends NbdExport {
  readonly thread: ImageThread;
  /** Index of the disk among those of the thread. */
  readonly disk: number;
  /** Called for each request, in the order in which the image serves them. */
  readonly onRequest?: (request: NbdRequest) => void;
}

/** Makes the client's socket, whose bytes go to `receive`; they are there for the length of the call. */
export type OpenSocket = (receive: (bytes: Uint8Array) => void) => Socket;

export interface ConnectionLimits {
  /** From the first byte to the choice of an export. */
  readonly handshakeMs: number;
  /** A client that neither finishes what it began to send nor reads its replies for this long is cut off. */
  readonly stallMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { handshakeMs: 10_000, stallMs: 30_000 };

/** This many bytes of refusals may wait for a client that does not read. */
const UNCHARGED_BYTES_MAX = 262_144;

let nextNumber = 1;

export class Connection {
  readonly #socket: Socket;
  readonly #session: NbdSession;
  readonly #share: BudgetShare;
  readonly #exports: readonly ServedExport[];
  readonly #limits: ConnectionLimits;
  readonly #memory: SharedMemory;
  readonly #number = nextNumber++;
  readonly #startedMs = performance.now();
  #chosen: ServedExport | null = null;
  #lastProgressMs = this.#startedMs;
  #inFlight = 0;
  /** Bytes of refusals and of the handshake that the client has not read yet; nothing was admitted for them. */
  #unchargedBytes = 0;
  #ending = false;

  constructor(
    open: OpenSocket,
    exports: readonly ServedExport[],
    budget: MemoryBudget,
    memory: SharedMemory,
    limits: ConnectionLimits,
    onClosed: (connection: Connection) => void,
  ) {
    const socket = open((bytes) => this.#receive(bytes));
    this.#socket = socket;
    this.#exports = exports;
    this.#limits = limits;
    this.#memory = memory;
    this.#share = budget.share(() => this.#pump());
    this.#session = new NbdSession({
      exports,
      admit: (cost) => this.#share.take(cost),
      allocate: (lengthBytes) => memory.take(lengthBytes) ?? new Uint8Array(lengthBytes),
    });
    socket.setNoDelay(true);
    // What was asked before the client left is still answered.
    socket.on('end', () => this.finish());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ending = true;
      this.#share.leave();
      this.#chosen?.thread.left(this.#number);
      const { pendingCostBytes, pendingPayload } = this.#session;
      if (pendingCostBytes > 0) this.#share.give(pendingCostBytes);
      if (pendingPayload !== null) memory.give(pendingPayload);
      onClosed(this);
    });
    this.#pump();
  }

  get isHandshaking(): boolean {
    return this.#chosen === null;
  }

  /** Reads no more; what was asked is answered, then the connection ends. */
  finish(): void {
    this.#ending = true;
    // Read and dropped: closing over unread bytes would take the last replies away from the client.
    this.#socket.resume();
    this.#endWhenDone();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Called now and then: cuts off a client that holds what others could use and does nothing. */
  checkProgress(nowMs: number): void {
    const isLate = this.isHandshaking && nowMs - this.#startedMs > this.#limits.handshakeMs;
    const hasUnread = this.#socket.writableLength > 0;
    const isPartial = this.#session.isMidRequest && !this.#socket.isPaused();
    const isStalled = (hasUnread || isPartial || this.#ending) && nowMs - this.#lastProgressMs > this.#limits.stallMs;
    if (isLate || isStalled) this.destroy();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ending) return;
    this.#lastProgressMs = performance.now();
    this.#session.receive(bytes);
    this.#pump();
    // The memory is that of the next bytes, too.
    this.#session.keep();
  }

  /** Does what the session wants done, until it waits for bytes or for space. */
  #pump(): void {
    if (this.#ending || this.#socket.destroyed) return;
    const submissions: Submission[] = [];
    while (this.#unchargedBytes < UNCHARGED_BYTES_MAX && !this.#ending) {
      const event = this.#session.next();
      if (event === null) break;
      if (event.kind === 'send') this.#refuse(event.bytes);
      else if (event.kind === 'chosen')
        this.#chosen = this.#exports.find(({ name }) => name === event.terms.export.name)!;
      else if (event.kind === 'request') submissions.push(this.#submission(event.request));
      else this.#ending = true;
    }
    if (submissions.length > 0) this.#chosen!.thread.submit(this.#number, submissions);
    if (this.#ending) this.finish();
    // Bytes that are not used wait for space: more would only pile up.
    else if (this.#session.isBlocked || this.#unchargedBytes >= UNCHARGED_BYTES_MAX) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #submission(request: NbdRequest): Submission {
    const { disk, onRequest } = this.#chosen!;
    this.#inFlight++;
    onRequest?.(request);
    const into = request.work.op === 'read' ? this.#memory.take(request.work.length) : null;
    return { disk, request, into, done: (outcome) => this.#answer(request, into, outcome) };
  }

  /** `into`: the shared memory that a read was given. */
  #answer(request: NbdRequest, into: Uint8Array | null, outcome: Outcome): void {
    this.#inFlight--;
    if (outcome !== NO_LONGER_SERVED) this.#memory.give(request.payload);
    const giveBack = () => {
      this.#share.give(request.costBytes);
      if (into !== null && outcome !== NO_LONGER_SERVED) this.#memory.give(into);
    };
    if (this.#socket.destroyed) return giveBack();
    const filled = into === null || 'errno' in outcome ? outcome : { bytes: into };
    this.#write(this.#session.reply(request, filled), giveBack);
    if (this.#ending) this.#endWhenDone();
  }

  /** Sends what the session says on its own. A client that does not read it gets no more of it. */
  #refuse(pieces: readonly Uint8Array[]): void {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#unchargedBytes += bytes;
    this.#write(pieces, () => {
      const wasFull = this.#unchargedBytes >= UNCHARGED_BYTES_MAX;
      this.#unchargedBytes -= bytes;
      if (wasFull) this.#pump();
    });
  }

  /** `onTaken` is called when the system has taken the bytes, or never will. Answers that come together leave in one piece. */
  #write(pieces: readonly Uint8Array[], onTaken: () => void): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    const last = pieces.length - 1;
    for (const [index, bytes] of pieces.entries()) {
      if (index < last) this.#socket.write(bytes);
      else
        this.#socket.write(bytes, () => {
          this.#lastProgressMs = performance.now();
          onTaken();
        });
    }
  }

  #endWhenDone(): void {
    if (this.#inFlight === 0 && !this.#socket.writableEnded) process.nextTick(() => this.#socket.end());
  }
}
