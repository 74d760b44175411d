/** The client's side of the wire, for tests: what a client sends, and a strict reader of what it gets back. */
import { COMMANDS, encodeWords, OPTION_MAGIC, OPTION_REPLIES, OPTIONS, type RequestHeader } from '../protocol.ts';

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The 28 bytes before what a write sends. */
export function encodeRequest({ flags, command, cookie, offset, length }: RequestHeader): Uint8Array {
  const head = new DataView(new ArrayBuffer(28));
  head.setUint32(0, 0x25609513);
  head.setUint16(4, flags);
  head.setUint16(6, command);
  head.setBigUint64(8, cookie);
  head.setBigUint64(16, offset);
  head.setUint32(24, length);
  return new Uint8Array(head.buffer);
}

export function clientFlags(flags = 3): Uint8Array {
  return encodeWords([flags]);
}

export function option(number: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = new DataView(new ArrayBuffer(16));
  head.setBigUint64(0, OPTION_MAGIC);
  head.setUint32(8, number);
  head.setUint32(12, data.length);
  return concat(new Uint8Array(head.buffer), data);
}

/** NBD_OPT_INFO or NBD_OPT_GO. */
export function infoOption(name: keyof typeof OPTIONS, exportName: string, infos: readonly number[] = []): Uint8Array {
  const tail = new DataView(new ArrayBuffer(2 + 2 * infos.length));
  tail.setUint16(0, infos.length);
  for (const [index, info] of infos.entries()) tail.setUint16(2 + 2 * index, info);
  return option(OPTIONS[name], concat(text(exportName), new Uint8Array(tail.buffer)));
}

export function contextOption(
  name: 'listMetaContext' | 'setMetaContext',
  exportName: string,
  queries: readonly string[],
): Uint8Array {
  return option(OPTIONS[name], concat(text(exportName), encodeWords([queries.length]), ...queries.map(text)));
}

export function request(
  command: keyof typeof COMMANDS,
  offset: number | bigint = 0,
  length = 0,
  flags = 0,
  cookie = 7n,
): Uint8Array {
  return encodeRequest({ command: COMMANDS[command], flags, cookie, offset: BigInt(offset), length });
}

function text(value: string): Uint8Array {
  return encodeWords([new TextEncoder().encode(value).length], value);
}

export interface OptionReplyRead {
  readonly option: number;
  readonly reply: string;
  readonly data: Uint8Array;
}

/** Takes replies to options apart; throws for anything else. */
export function readOptionReplies(bytes: Uint8Array): OptionReplyRead[] {
  const names = new Map<number, string>(Object.entries(OPTION_REPLIES).map(([name, number]) => [number, name]));
  const replies: OptionReplyRead[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    if (view.getBigUint64(at) !== 0x3e889045565a9n) throw new Error(`no reply to an option at byte ${at}`);
    const reply = names.get(view.getUint32(at + 12));
    const lengthBytes = view.getUint32(at + 16);
    if (reply === undefined || at + 20 + lengthBytes > bytes.length) throw new Error(`malformed reply at byte ${at}`);
    replies.push({ option: view.getUint32(at + 8), reply, data: bytes.subarray(at + 20, at + 20 + lengthBytes) });
    at += 20 + lengthBytes;
  }
  return replies;
}

export interface ReplyRead {
  readonly cookie: bigint;
  readonly errno: number;
  /** The content of a data chunk without its offset, or of another chunk as it is. */
  readonly body: Uint8Array;
}

/** Takes replies to requests apart. A simple reply is followed by `simpleReadBytes` bytes when it is none of an error. */
export function readReplies(bytes: Uint8Array, simpleReadBytes = 0): ReplyRead[] {
  const replies: ReplyRead[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const cookie = view.getBigUint64(at + 8);
    if (view.getUint32(at) === 0x67446698) {
      const errno = view.getUint32(at + 4);
      const end = at + 16 + (errno === 0 ? simpleReadBytes : 0);
      replies.push({ cookie, errno, body: bytes.subarray(at + 16, end) });
      at = end;
      continue;
    }
    if (view.getUint32(at) !== 0x668e33ef) throw new Error(`no reply at byte ${at}`);
    if (view.getUint16(at + 4) !== 1) throw new Error(`the chunk at byte ${at} is not the last one`);
    const type = view.getUint16(at + 6);
    const end = at + 20 + view.getUint32(at + 16);
    if (![0, 1, 5, 32769].includes(type) || end > bytes.length) throw new Error(`malformed chunk at byte ${at}`);
    const isError = type === 32769;
    if (isError && view.getUint16(at + 24) !== end - at - 26) throw new Error(`malformed error at byte ${at}`);
    const errno = isError ? view.getUint32(at + 20) : 0;
    replies.push({ cookie, errno, body: bytes.subarray(at + 20 + (type === 1 ? 8 : isError ? 6 : 0), end) });
    at = end;
  }
  return replies;
}
