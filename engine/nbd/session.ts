/**
 * One connection of a server, without the connection: bytes go in, requests and bytes to send come out. It never waits, and holds no
 * more than the bytes that it was given and did not use yet, one option, and the payload of one write.
 */
import { ByteQueue } from './byte-queue.ts';
import { type NbdExport, SESSION_LIMITS, type SessionLimits } from './export.ts';
import { Handshake, type Terms } from './handshake.ts';
import { encodeGreeting } from './protocol.ts';
import { type NbdRequest, type Outcome, Transmission } from './transmission.ts';

export interface SessionOptions {
  /** What is offered; the first one is the default. */
  readonly exports: readonly NbdExport[];
  readonly limits?: SessionLimits;
  /** Whether a request that takes this much memory may begin now; asked again with every {@link NbdSession.next} until it may. */
  readonly admit?: (costBytes: number) => boolean;
  /** Memory for the bytes of a write, all of which are written over. Default: new memory. */
  readonly allocate?: (lengthBytes: number) => Uint8Array;
}

/** What a session wants done next. */
export type SessionEvent =
  | { readonly kind: 'send'; readonly bytes: readonly Uint8Array[] }
  /** The client chose an export: the transmission phase begins. */
  | { readonly kind: 'chosen'; readonly terms: Terms }
  /** To be answered with {@link NbdSession.reply}, in any order. */
  | { readonly kind: 'request'; readonly request: NbdRequest }
  /** Nothing more is read from the client. */
  | { readonly kind: 'end'; readonly reason: string };

export class NbdSession {
  readonly #queue = new ByteQueue();
  readonly #limits: SessionLimits;
  readonly #admit: (costBytes: number) => boolean;
  readonly #allocate: (lengthBytes: number) => Uint8Array;
  readonly #handshake: Handshake;
  #transmission: Transmission | null = null;
  readonly #events: SessionEvent[] = [];
  #ended = false;

  constructor({
    exports,
    limits = SESSION_LIMITS,
    admit = () => true,
    allocate = (lengthBytes) => new Uint8Array(lengthBytes),
  }: SessionOptions) {
    this.#limits = limits;
    this.#admit = admit;
    this.#allocate = allocate;
    this.#handshake = new Handshake(exports, limits);
    this.#events.push({ kind: 'send', bytes: [encodeGreeting()] });
  }

  /** True once the client has chosen an export. */
  get isTransmitting(): boolean {
    return this.#transmission !== null;
  }

  /** Bytes that arrived and were not used yet. */
  get unusedBytes(): number {
    return this.#queue.length;
  }

  /** The next request was not admitted: more bytes are of no use before {@link next} has been called again. */
  get isBlocked(): boolean {
    return this.#transmission?.isBlocked ?? false;
  }

  /** What was admitted for a write that has not arrived as a whole. */
  get pendingCostBytes(): number {
    return this.#transmission?.pendingCostBytes ?? 0;
  }

  /** The memory of such a write; null when there is none. */
  get pendingPayload(): Uint8Array | null {
    return this.#transmission?.pendingPayload ?? null;
  }

  /** The client has sent a part of something. */
  get isMidRequest(): boolean {
    return this.#queue.length > 0 || (this.#transmission?.isMidRequest ?? this.#handshake.isMidOption);
  }

  /** Takes bytes from the client; they must not change before {@link keep}. */
  receive(bytes: Uint8Array): void {
    if (!this.#ended) this.#queue.push(bytes);
  }

  /** Copies what was received and not used yet. */
  keep(): void {
    this.#queue.keep();
  }

  /** What is to be done next; null until more arrives or is admitted. */
  next(): SessionEvent | null {
    while (this.#events.length === 0) {
      if (this.#ended || !this.#step()) return null;
    }
    return this.#events.shift()!;
  }

  /** The bytes that answer `request`, one of those that came out of {@link next}. */
  reply(request: NbdRequest, outcome: Outcome): readonly Uint8Array[] {
    return this.#transmission!.reply(request, outcome);
  }

  /** False when there is too little input to continue. */
  #step(): boolean {
    if (this.#transmission !== null) {
      const step = this.#transmission.step(this.#queue);
      if (step === null) return false;
      if (step.send !== undefined) this.#send(step.send);
      if (step.request !== undefined) this.#events.push({ kind: 'request', request: step.request });
      if (step.end !== undefined) this.#end(step.end);
      return true;
    }
    const step = this.#handshake.step(this.#queue);
    if (step === null) return false;
    this.#send(step.send);
    if (step.terms !== undefined) {
      this.#transmission = new Transmission(step.terms, this.#limits, this.#admit, this.#allocate);
      this.#events.push({ kind: 'chosen', terms: step.terms });
    }
    if (step.end !== undefined) this.#end(step.end);
    return true;
  }

  #send(bytes: readonly Uint8Array[]): void {
    if (bytes.length > 0) this.#events.push({ kind: 'send', bytes });
  }

  #end(reason: string): void {
    this.#ended = true;
    this.#events.push({ kind: 'end', reason });
  }
}
