/**
 * The negotiation of the fixed newstyle handshake (proto.md, "Fixed newstyle negotiation"), from the client's first bytes on.
 *
 * The client is not believed: an option that is malformed, unknown or too long gets an error and the negotiation continues; what leaves no
 * agreement about where the next option starts ends it.
 */
import type { ByteQueue } from './byte-queue.ts';
import { findExport, type NbdExport, type SessionLimits, transmissionFlags } from './export.ts';
import { type OptionData, parseExportName, parseInfoRequest, parseMetaQueries } from './option-data.ts';
import {
  BASE_ALLOCATION,
  encodeExport,
  encodeInfo,
  encodeOptionReply,
  encodeWords,
  HANDSHAKE_FLAGS,
  INFOS,
  OPTION_HEADER_BYTES,
  OPTION_MAGIC,
  OPTIONS,
  type OptionReply,
} from './protocol.ts';

/** What both sides agreed on. */
export interface Terms {
  readonly export: NbdExport;
  readonly structuredReplies: boolean;
  /** The client may ask for the context `base:allocation`. */
  readonly blockStatus: boolean;
}

export interface HandshakeStep {
  readonly send: readonly Uint8Array[];
  readonly terms?: Terms;
  /** The connection is over; why, for the log. */
  readonly end?: string;
}

/** The reply to an export name is padded with zeros, unless both sides agreed to do without. */
const EXPORT_NAME_PADDING_BYTES = 124;

interface OptionHeader {
  readonly option: number;
  readonly lengthBytes: number;
}

export class Handshake {
  readonly #exports: readonly NbdExport[];
  readonly #limits: SessionLimits;
  #clientFlags: number | null = null;
  #header: OptionHeader | null = null;
  /** What is left of an option that is too long to be looked at. */
  #skipBytes = 0;
  #options = 0;
  #structuredReplies = false;
  /** The export whose block status the client chose to hear of. */
  #contextOf: string | null = null;

  constructor(exports: readonly NbdExport[], limits: SessionLimits) {
    this.#exports = exports;
    this.#limits = limits;
  }

  /** A part of an option has arrived, or nothing at all. */
  get isMidOption(): boolean {
    return this.#header !== null || this.#clientFlags === null;
  }

  /** Takes what the next step needs from `queue`; null when that has not arrived yet. */
  step(queue: ByteQueue): HandshakeStep | null {
    if (this.#clientFlags === null) return this.#takeClientFlags(queue);
    if (this.#skipBytes > 0) return this.#skip(queue);
    this.#header ??= this.#takeHeader(queue);
    if (this.#header === null) return null;
    if (this.#header.option === -1) return over('no option where one was expected');
    return this.#takeOption(this.#header, queue);
  }

  #takeClientFlags(queue: ByteQueue): HandshakeStep | null {
    const bytes = queue.take(4);
    if (bytes === null) return null;
    const flags = viewOf(bytes).getUint32(0);
    const { fixedNewstyle, noZeroes } = HANDSHAKE_FLAGS;
    if (flags > fixedNewstyle + noZeroes) return over(`unknown client flags ${flags}`);
    this.#clientFlags = flags;
    return { send: [] };
  }

  #takeHeader(queue: ByteQueue): OptionHeader | null {
    const bytes = queue.take(OPTION_HEADER_BYTES);
    if (bytes === null) return null;
    const view = viewOf(bytes);
    const option = view.getBigUint64(0) === OPTION_MAGIC ? view.getUint32(8) : -1;
    return { option, lengthBytes: view.getUint32(12) };
  }

  #takeOption({ option, lengthBytes }: OptionHeader, queue: ByteQueue): HandshakeStep | null {
    const { optionBytes, optionSkipBytes, options } = this.#limits;
    if (lengthBytes > optionSkipBytes) return over(`an option of ${lengthBytes} bytes`);
    if (this.#options >= options) return over(`more than ${options} options`);
    if (lengthBytes > optionBytes) {
      if (option === OPTIONS.exportName) return over(`an export name of ${lengthBytes} bytes`);
      this.#skipBytes = lengthBytes;
      return { send: [] };
    }
    const data = queue.take(lengthBytes);
    if (data === null) return null;
    this.#header = null;
    this.#options++;
    return this.#serve(option, data);
  }

  #skip(queue: ByteQueue): HandshakeStep | null {
    this.#skipBytes -= queue.skip(this.#skipBytes);
    if (this.#skipBytes > 0) return null;
    const { option } = this.#header!;
    this.#header = null;
    this.#options++;
    return answer(option, 'tooBig', `options may have ${this.#limits.optionBytes} bytes`);
  }

  #serve(option: number, data: Uint8Array): HandshakeStep {
    switch (option) {
      case OPTIONS.exportName:
        return this.#serveExportName(parseExportName(data));
      case OPTIONS.abort:
        return { send: [encodeOptionReply(option, 'ack')], end: 'the client left' };
      case OPTIONS.list:
        return this.#serveList(data);
      case OPTIONS.structuredReply:
        if (data.length > 0) return answer(option, 'invalid', 'this option has no data');
        this.#structuredReplies = true;
        return answer(option, 'ack');
      case OPTIONS.info:
      case OPTIONS.go:
        return this.#serveInfo(option, parseInfoRequest(data));
      case OPTIONS.listMetaContext:
      case OPTIONS.setMetaContext:
        return this.#serveContexts(option, parseMetaQueries(data));
      default:
        return answer(option, 'unsupported', 'unknown option');
    }
  }

  /** This option has no way to say no. */
  #serveExportName(name: string | null): HandshakeStep {
    const found = name === null ? undefined : findExport(this.#exports, name);
    if (found === undefined) return over('an unknown export');
    const padded = (this.#clientFlags! & HANDSHAKE_FLAGS.noZeroes) === 0;
    const padding = padded ? EXPORT_NAME_PADDING_BYTES : 0;
    return {
      send: [encodeExport(found.sizeBytes, transmissionFlags(found), padding)],
      terms: this.#termsFor(found),
    };
  }

  #serveList(data: Uint8Array): HandshakeStep {
    if (data.length > 0) return answer(OPTIONS.list, 'invalid', 'this option has no data');
    const names = this.#exports.map(({ name, description }) => {
      const lengthBytes = new TextEncoder().encode(name).length;
      return encodeOptionReply(OPTIONS.list, 'server', encodeWords([lengthBytes], name + description));
    });
    return { send: [...names, encodeOptionReply(OPTIONS.list, 'ack')] };
  }

  #serveInfo(option: number, asked: OptionData<typeof parseInfoRequest>): HandshakeStep {
    if (asked === null) return answer(option, 'invalid', 'malformed export name or information requests');
    const found = findExport(this.#exports, asked.name);
    if (found === undefined) return answer(option, 'unknown', 'there is no export of that name');
    const { payloadBytes } = this.#limits;
    const { sizeBytes, minimumBlockBytes, preferredBlockBytes, name, description } = found;
    const infos = [
      encodeInfo('export', encodeExport(sizeBytes, transmissionFlags(found))),
      encodeInfo('blockSize', encodeWords([minimumBlockBytes, preferredBlockBytes, payloadBytes])),
      ...(asked.infos.includes(INFOS.name) ? [encodeInfo('name', encodeWords([], name))] : []),
      ...(asked.infos.includes(INFOS.description) ? [encodeInfo('description', encodeWords([], description))] : []),
    ];
    const send = [...infos.map((info) => encodeOptionReply(option, 'info', info)), encodeOptionReply(option, 'ack')];
    return option === OPTIONS.go ? { send, terms: this.#termsFor(found) } : { send };
  }

  #serveContexts(option: number, asked: OptionData<typeof parseMetaQueries>): HandshakeStep {
    if (!this.#structuredReplies) return answer(option, 'invalid', 'structured replies must be agreed on first');
    if (asked === null) return answer(option, 'invalid', 'malformed export name or queries');
    const found = findExport(this.#exports, asked.name);
    const isSet = option === OPTIONS.setMetaContext;
    if (isSet) this.#contextOf = null;
    if (found === undefined) return answer(option, 'unknown', 'there is no export of that name');
    const listsAll = !isSet && (asked.queries.length === 0 || asked.queries.includes('base:'));
    const chosen = listsAll || asked.queries.includes(BASE_ALLOCATION.name);
    if (isSet && chosen) this.#contextOf = found.name;
    const context = encodeWords([isSet ? BASE_ALLOCATION.id : 0], BASE_ALLOCATION.name);
    const send = chosen ? [encodeOptionReply(option, 'metaContext', context)] : [];
    return { send: [...send, encodeOptionReply(option, 'ack')] };
  }

  #termsFor(chosen: NbdExport): Terms {
    const structuredReplies = this.#structuredReplies;
    return { export: chosen, structuredReplies, blockStatus: structuredReplies && this.#contextOf === chosen.name };
  }
}

function answer(option: number, reply: OptionReply, message = ''): HandshakeStep {
  return { send: [encodeOptionReply(option, reply, new TextEncoder().encode(message))] };
}

function over(reason: string): HandshakeStep {
  return { send: [], end: reason };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
