/**
 * Requests of a client after the handshake (proto.md, "Transmission phase"), checked, and the replies to them.
 *
 * A request that cannot be served is answered with an error; its payload, if it has one, is passed over. What makes it impossible to tell
 * where the next request starts, or a payload longer than was advertised, ends the connection.
 */
import type { BlockRequest } from '../disk/request.ts';
import type { ByteQueue } from './byte-queue.ts';
import type { SessionLimits } from './export.ts';
import type { Terms } from './handshake.ts';
import {
  COMMAND_FLAGS,
  COMMANDS,
  decodeRequest,
  ERRNO,
  encodeBlockStatus,
  encodeDataHead,
  encodeDone,
  encodeError,
  encodeSimpleReply,
  type NbdErrno,
  REQUEST_HEADER_BYTES,
  type RequestHeader,
  type StatusExtent,
} from './protocol.ts';

/** What a request asks of a disk. `cache` is a hint that the range will be read; `block-status` asks how it is stored. */
export type NbdWork =
  | BlockRequest
  | { readonly op: 'cache'; readonly offset: number; readonly length: number }
  | { readonly op: 'block-status'; readonly offset: number; readonly length: number; readonly extentsMax: number };

export interface NbdRequest {
  readonly cookie: bigint;
  readonly work: NbdWork;
  /** The bytes of a write; empty for other requests. */
  readonly payload: Uint8Array;
  /** What was admitted for it, in bytes. */
  readonly costBytes: number;
}

/** How a request ended: a read brings its bytes, a block status its extents. */
export type Outcome =
  | { readonly bytes?: Uint8Array; readonly extents?: readonly StatusExtent[] }
  | { readonly errno: NbdErrno; readonly message: string };

export interface TransmissionStep {
  readonly send?: readonly Uint8Array[];
  readonly request?: NbdRequest;
  readonly end?: string;
}

/** Memory that a request takes besides its payload, roughly. */
const REQUEST_COST_BYTES = 512;
/** This many bytes of a trim or of zeros cost as much as one byte of a transfer. */
const CHANGED_BYTES_PER_COST = 256;
const EXTENT_COST_BYTES = 8;
const NOTHING = new Uint8Array(0);

interface PendingWrite {
  readonly header: RequestHeader;
  readonly payload: Uint8Array;
  filled: number;
}

export class Transmission {
  readonly #terms: Terms;
  readonly #limits: SessionLimits;
  readonly #admit: (costBytes: number) => boolean;
  readonly #allocate: (lengthBytes: number) => Uint8Array;
  #header: RequestHeader | null = null;
  #write: PendingWrite | null = null;
  #blocked = false;
  /** What is left of a refused write's payload, and the reply that follows it. */
  #refused: { skipBytes: number; readonly reply: readonly Uint8Array[] } | null = null;

  /** `allocate` gives the memory for the bytes of a write, whatever is in it. */
  constructor(
    terms: Terms,
    limits: SessionLimits,
    admit: (costBytes: number) => boolean,
    allocate: (lengthBytes: number) => Uint8Array,
  ) {
    this.#allocate = allocate;
    this.#terms = terms;
    this.#limits = limits;
    this.#admit = admit;
  }

  get isBlocked(): boolean {
    return this.#blocked;
  }

  get pendingCostBytes(): number {
    return this.#write === null ? 0 : REQUEST_COST_BYTES + this.#write.payload.length;
  }

  /** The memory of a write that has not arrived as a whole. */
  get pendingPayload(): Uint8Array | null {
    return this.#write?.payload ?? null;
  }

  get isMidRequest(): boolean {
    return this.#header !== null || this.#write !== null || this.#refused !== null;
  }

  /** Takes the next request from `queue`; null when it has not arrived as a whole, or is not admitted yet. */
  step(queue: ByteQueue): TransmissionStep | null {
    if (this.#refused !== null) return this.#skip(queue, this.#refused);
    if (this.#write !== null) return this.#fill(queue, this.#write);
    if (this.#header === null) {
      const bytes = queue.take(REQUEST_HEADER_BYTES);
      if (bytes === null) return null;
      const header = decodeRequest(bytes);
      if (header === null) return { end: 'no request where one was expected' };
      if (header.command === COMMANDS.disconnect) return { end: 'the client left' };
      if (header.command === COMMANDS.write && header.length > this.#limits.payloadBytes)
        return { end: `a write of ${header.length} bytes` };
      this.#header = header;
    }
    return this.#begin(this.#header);
  }

  /** The reply to `request`. */
  reply({ cookie, work }: NbdRequest, outcome: Outcome): readonly Uint8Array[] {
    if ('errno' in outcome) return this.#refusal(cookie, outcome.errno, outcome.message);
    const { structuredReplies } = this.#terms;
    if (work.op === 'block-status') return [encodeBlockStatus(cookie, outcome.extents ?? [])];
    if (work.op !== 'read') return [structuredReplies ? encodeDone(cookie) : encodeSimpleReply(cookie)];
    const bytes = outcome.bytes ?? NOTHING;
    // Success with a payload of another length would be taken for the next reply.
    if (bytes.length !== work.length) return this.#refusal(cookie, 'EIO', 'the read came back short');
    if (!structuredReplies) return [encodeSimpleReply(cookie), bytes];
    if (bytes.length === 0) return [encodeDone(cookie)];
    return [encodeDataHead(cookie, work.offset, bytes.length), bytes];
  }

  #begin(header: RequestHeader): TransmissionStep | null {
    const problem = this.#problemOf(header);
    const isWrite = header.command === COMMANDS.write;
    if (problem !== null) {
      this.#header = null;
      const reply = this.#refusal(header.cookie, problem.errno, problem.message);
      if (!isWrite) return { send: reply };
      this.#refused = { skipBytes: header.length, reply };
      return {};
    }
    const costBytes = this.#costOf(header);
    this.#blocked = !this.#admit(costBytes);
    if (this.#blocked) return null;
    this.#header = null;
    if (!isWrite)
      return { request: { cookie: header.cookie, work: this.#workOf(header), payload: NOTHING, costBytes } };
    this.#write = { header, payload: this.#allocate(header.length), filled: 0 };
    return {};
  }

  #fill(queue: ByteQueue, write: PendingWrite): TransmissionStep | null {
    write.filled += queue.fill(write.payload, write.filled);
    if (write.filled < write.payload.length) return null;
    this.#write = null;
    const { header, payload } = write;
    const costBytes = REQUEST_COST_BYTES + payload.length;
    return { request: { cookie: header.cookie, work: this.#workOf(header), payload, costBytes } };
  }

  #skip(
    queue: ByteQueue,
    refused: { skipBytes: number; readonly reply: readonly Uint8Array[] },
  ): TransmissionStep | null {
    refused.skipBytes -= queue.skip(refused.skipBytes);
    if (refused.skipBytes > 0) return null;
    this.#refused = null;
    return { send: refused.reply };
  }

  #problemOf(header: RequestHeader): { errno: NbdErrno; message: string } | null {
    const { flags, command, offset, length } = header;
    const allowed = this.#flagsFor(command);
    if (allowed === null) return { errno: 'EINVAL', message: `unknown command ${command}` };
    if ((flags & ~allowed) !== 0) return { errno: 'EINVAL', message: `unknown flags ${flags} of command ${command}` };
    if (command === COMMANDS.flush) return null;
    const { sizeBytes, readOnly, minimumBlockBytes } = this.#terms.export;
    const changes: readonly number[] = [COMMANDS.write, COMMANDS.trim, COMMANDS.writeZeroes];
    if (readOnly && changes.includes(command)) return { errno: 'EPERM', message: 'the export is read-only' };
    // As BigInt: the sum of the largest offset and the largest length is more than 64 bits hold.
    const end = offset + BigInt(length);
    if (end > BigInt(sizeBytes)) {
      const message = `${length} bytes at offset ${offset} pass the end of the export (${sizeBytes} bytes)`;
      return { errno: command === COMMANDS.write || command === COMMANDS.writeZeroes ? 'ENOSPC' : 'EINVAL', message };
    }
    const isAligned = (at: bigint) => at % BigInt(minimumBlockBytes) === 0n || at === BigInt(sizeBytes);
    if (!isAligned(offset) || !isAligned(end))
      return { errno: 'EINVAL', message: `not a multiple of the minimum block size, ${minimumBlockBytes} bytes` };
    if (command === COMMANDS.read && length > this.#limits.payloadBytes)
      return { errno: 'EOVERFLOW', message: `reads may have ${this.#limits.payloadBytes} bytes` };
    if (command === COMMANDS.blockStatus && length === 0)
      return { errno: 'EINVAL', message: 'block status of nothing' };
    return null;
  }

  /** In bytes of memory; what works much and holds little counts as more, so that one client cannot keep a disk busy. */
  #costOf({ command, length }: RequestHeader): number {
    switch (command) {
      case COMMANDS.read:
      case COMMANDS.write:
        return REQUEST_COST_BYTES + length;
      case COMMANDS.cache:
        return REQUEST_COST_BYTES + Math.min(length, this.#limits.payloadBytes);
      case COMMANDS.trim:
      case COMMANDS.writeZeroes:
        return REQUEST_COST_BYTES + Math.ceil(length / CHANGED_BYTES_PER_COST);
      case COMMANDS.blockStatus:
        return REQUEST_COST_BYTES + this.#limits.extentsPerReply * EXTENT_COST_BYTES;
      default:
        return REQUEST_COST_BYTES;
    }
  }

  /** The flags that a command may have; null for a command that was not agreed on. */
  #flagsFor(command: number): number | null {
    const { fua, noHole, df, reqOne, fastZero } = COMMAND_FLAGS;
    switch (command) {
      case COMMANDS.read:
        return this.#terms.structuredReplies ? fua + df : fua;
      case COMMANDS.write:
      case COMMANDS.flush:
      case COMMANDS.trim:
      case COMMANDS.cache:
        return fua;
      case COMMANDS.writeZeroes:
        return fua + noHole + fastZero;
      case COMMANDS.blockStatus:
        return this.#terms.blockStatus ? fua + reqOne : null;
      default:
        return null;
    }
  }

  #workOf({ command, flags, offset: at, length }: RequestHeader): NbdWork {
    const has = (flag: keyof typeof COMMAND_FLAGS) => (flags & COMMAND_FLAGS[flag]) !== 0;
    const offset = Number(at);
    const durable = has('fua');
    switch (command) {
      case COMMANDS.read:
        return { op: 'read', offset, length };
      case COMMANDS.write:
        return { op: 'write', offset, length, durable };
      case COMMANDS.flush:
        return { op: 'flush' };
      case COMMANDS.trim:
        return { op: 'discard', offset, length, durable };
      case COMMANDS.writeZeroes:
        return { op: 'write-zeroes', offset, length, durable, mayUnmap: !has('noHole'), fast: has('fastZero') };
      case COMMANDS.cache:
        return { op: 'cache', offset, length };
      default:
        return { op: 'block-status', offset, length, extentsMax: has('reqOne') ? 1 : this.#limits.extentsPerReply };
    }
  }

  #refusal(cookie: bigint, errno: NbdErrno, message: string): readonly Uint8Array[] {
    if (!this.#terms.structuredReplies) return [encodeSimpleReply(cookie, ERRNO[errno])];
    return [encodeError(cookie, errno, message)];
  }
}
