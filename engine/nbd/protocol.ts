/**
 * The numbers of the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md) and the codecs of what a server sends.
 * All integers on the wire are big-endian.
 */

export const HANDSHAKE_FLAGS = { fixedNewstyle: 1, noZeroes: 2 } as const;

export const OPTIONS = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const;

const ERROR_REPLY = 2 ** 31;

/** Types of replies to options. */
export const OPTION_REPLIES = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: ERROR_REPLY + 1,
  invalid: ERROR_REPLY + 3,
  unknown: ERROR_REPLY + 6,
  tooBig: ERROR_REPLY + 9,
} as const;
export type OptionReply = keyof typeof OPTION_REPLIES;

/** Kinds of information about an export. */
export const INFOS = { export: 0, name: 1, description: 2, blockSize: 3 } as const;

export const TRANSMISSION_FLAGS = {
  hasFlags: 1,
  readOnly: 2,
  sendFlush: 4,
  sendFua: 8,
  sendTrim: 32,
  sendWriteZeroes: 64,
  sendDf: 128,
  canMultiConn: 256,
  sendCache: 1024,
  sendFastZero: 2048,
} as const;

export const COMMANDS = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const;

export const COMMAND_FLAGS = { fua: 1, noHole: 2, df: 4, reqOne: 8, fastZero: 16 } as const;

/** Error numbers of replies; the same on every system. */
export const ERRNO = {
  EPERM: 1,
  EIO: 5,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;
export type NbdErrno = keyof typeof ERRNO;

export const GREETING_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

const CHUNK_DONE = 1;
const CHUNK_TYPES = { none: 0, offsetData: 1, blockStatus: 5, error: 32769 } as const;

/** State of a range in the context `base:allocation`. */
export const BASE_ALLOCATION = { name: 'base:allocation', id: 1, hole: 1, zero: 2 } as const;

export const OPTION_HEADER_BYTES = 16;
export const REQUEST_HEADER_BYTES = 28;
/** The longest string that the protocol allows, export names and error messages among them. */
export const STRING_BYTES_MAX = 4096;

/** A stretch of an export and its flags in `base:allocation`. */
export interface StatusExtent {
  readonly lengthBytes: number;
  readonly flags: number;
}

export interface RequestHeader {
  readonly flags: number;
  readonly command: number;
  /** The client's own mark for the request, given back in its reply. */
  readonly cookie: bigint;
  readonly offset: bigint;
  readonly length: number;
}

/** The first bytes of a connection. */
export function encodeGreeting(): Uint8Array {
  const view = new DataView(new ArrayBuffer(18));
  view.setBigUint64(0, GREETING_MAGIC);
  view.setBigUint64(8, OPTION_MAGIC);
  view.setUint16(16, HANDSHAKE_FLAGS.fixedNewstyle + HANDSHAKE_FLAGS.noZeroes);
  return bytesOf(view);
}

export function encodeOptionReply(
  option: number,
  reply: OptionReply,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const view = new DataView(new ArrayBuffer(20 + data.length));
  view.setBigUint64(0, OPTION_REPLY_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, OPTION_REPLIES[reply]);
  view.setUint32(16, data.length);
  bytesOf(view).set(data, 20);
  return bytesOf(view);
}

/** Size and flags of an export: what NBD_INFO_EXPORT says after its type, and the old reply to an export name. */
export function encodeExport(sizeBytes: number, flags: number, paddingBytes = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(10 + paddingBytes));
  view.setBigUint64(0, BigInt(sizeBytes));
  view.setUint16(8, flags);
  return bytesOf(view);
}

/** One piece of information about an export. */
export function encodeInfo(info: keyof typeof INFOS, data: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 + data.length));
  view.setUint16(0, INFOS[info]);
  bytesOf(view).set(data, 2);
  return bytesOf(view);
}

/** Several 32-bit numbers followed by a text: block sizes, the id of a context, the length of a name. */
export function encodeWords(words: readonly number[], text = ''): Uint8Array {
  const encoded = new TextEncoder().encode(text);
  const view = new DataView(new ArrayBuffer(4 * words.length + encoded.length));
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word);
  bytesOf(view).set(encoded, 4 * words.length);
  return bytesOf(view);
}

/** `header` holds {@link REQUEST_HEADER_BYTES} bytes. Null when they are no request: the two sides no longer agree where one starts. */
export function decodeRequest(header: Uint8Array): RequestHeader | null {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0) !== REQUEST_MAGIC) return null;
  return {
    flags: view.getUint16(4),
    command: view.getUint16(6),
    cookie: view.getBigUint64(8),
    offset: view.getBigUint64(16),
    length: view.getUint32(24),
  };
}

/** The head of a simple reply; the bytes of a successful read follow it. */
export function encodeSimpleReply(cookie: bigint, errno = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, SIMPLE_REPLY_MAGIC);
  view.setUint32(4, errno);
  view.setBigUint64(8, cookie);
  return bytesOf(view);
}

/** The one chunk of a structured reply without content. */
export function encodeDone(cookie: bigint): Uint8Array {
  return bytesOf(chunk(cookie, 'none', 0, 0));
}

/** The head of the one chunk of a read; its `lengthBytes` bytes follow it. */
export function encodeDataHead(cookie: bigint, offset: number, lengthBytes: number): Uint8Array {
  const view = chunk(cookie, 'offsetData', 8, lengthBytes);
  view.setBigUint64(20, BigInt(offset));
  return bytesOf(view);
}

export function encodeBlockStatus(cookie: bigint, extents: readonly StatusExtent[]): Uint8Array {
  const view = chunk(cookie, 'blockStatus', 4 + 8 * extents.length, 0);
  view.setUint32(20, BASE_ALLOCATION.id);
  extents.forEach(({ lengthBytes, flags }, index) => {
    view.setUint32(24 + 8 * index, lengthBytes);
    view.setUint32(28 + 8 * index, flags);
  });
  return bytesOf(view);
}

/** `message` is cut to what the protocol allows. */
export function encodeError(cookie: bigint, errno: NbdErrno, message: string): Uint8Array {
  const text = new TextEncoder().encode(message).subarray(0, STRING_BYTES_MAX);
  const view = chunk(cookie, 'error', 6 + text.length, 0);
  view.setUint32(20, ERRNO[errno]);
  view.setUint16(24, text.length);
  bytesOf(view).set(text, 26);
  return bytesOf(view);
}

/** The last chunk of a reply: its head and room for `bodyBytes`; `followingBytes` more are sent after it. */
function chunk(
  cookie: bigint,
  type: keyof typeof CHUNK_TYPES,
  bodyBytes: number,
  followingBytes: number,
): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(20 + bodyBytes));
  view.setUint32(0, STRUCTURED_REPLY_MAGIC);
  view.setUint16(4, CHUNK_DONE);
  view.setUint16(6, CHUNK_TYPES[type]);
  view.setBigUint64(8, cookie);
  view.setUint32(16, bodyBytes + followingBytes);
  return view;
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}
