/** What a client sends, and the replies that it gets when it has agreed on none but simple ones. */

import type { RequestHeader } from './protocol.ts';
import {
  GREETING_MAGIC,
  HANDSHAKE_FLAGS,
  OPTION_HEADER_BYTES,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OPTIONS,
  REQUEST_HEADER_BYTES,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
} from './protocol.ts';

/** What a server sends before it knows the export, and after an export name: size and flags, without padding. */
export const GREETING_BYTES = 18;
export const EXPORT_BYTES = 10;
export const GREETING_AND_EXPORT_BYTES = GREETING_BYTES + EXPORT_BYTES;
export const OPTION_REPLY_BYTES = 20;
export const SIMPLE_REPLY_BYTES = 16;

/** The flags of a client, its first bytes. */
export function encodeClientFlags(): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, HANDSHAKE_FLAGS.fixedNewstyle + HANDSHAKE_FLAGS.noZeroes);
  return bytes;
}

/** An option without data, or with a text: the name of an export. */
export function encodeOption(option: number, name = ''): Uint8Array {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(OPTION_HEADER_BYTES + text.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, OPTION_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, text.length);
  bytes.set(text, OPTION_HEADER_BYTES);
  return bytes;
}

/** All that a client need say to choose an export: its flags, and the name. */
export function encodeExportNameChoice(name: string): Uint8Array {
  const parts = [encodeClientFlags(), encodeOption(OPTIONS.exportName, name)];
  return new Uint8Array(Buffer.concat(parts));
}

/** True for the {@link GREETING_BYTES} of a server that negotiates in the fixed newstyle. */
export function isFixedNewstyle(greeting: Uint8Array): boolean {
  const view = viewOf(greeting);
  return (
    view.getBigUint64(0) === GREETING_MAGIC &&
    view.getBigUint64(8) === OPTION_MAGIC &&
    view.getUint16(16) % 2 === HANDSHAKE_FLAGS.fixedNewstyle
  );
}

/** `head` holds {@link OPTION_REPLY_BYTES} bytes, which `lengthBytes` of data follow; null when they are no reply to an option. */
export function decodeOptionReply(head: Uint8Array): { readonly reply: number; readonly lengthBytes: number } | null {
  const view = viewOf(head);
  if (view.getBigUint64(0) !== OPTION_REPLY_MAGIC) return null;
  return { reply: view.getUint32(12), lengthBytes: view.getUint32(16) };
}

/** The name of the export that a reply to a list describes; null when the data are none. */
export function decodeListed(data: Uint8Array): string | null {
  if (data.length < 4) return null;
  const lengthBytes = viewOf(data).getUint32(0);
  return lengthBytes > data.length - 4 ? null : new TextDecoder().decode(data.subarray(4, 4 + lengthBytes));
}

/** The {@link EXPORT_BYTES} that answer the choice of an export. */
export function decodeExport(bytes: Uint8Array): { readonly sizeBytes: number; readonly flags: number } {
  const view = viewOf(bytes);
  return { sizeBytes: Number(view.getBigUint64(0)), flags: view.getUint16(8) };
}

/** The head of a request; the bytes of a write follow it. */
export function encodeRequest({ flags, command, cookie, offset, length }: RequestHeader): Uint8Array {
  const view = new DataView(new ArrayBuffer(REQUEST_HEADER_BYTES));
  view.setUint32(0, REQUEST_MAGIC);
  view.setUint16(4, flags);
  view.setUint16(6, command);
  view.setBigUint64(8, cookie);
  view.setBigUint64(16, offset);
  view.setUint32(24, length);
  return new Uint8Array(view.buffer);
}

/** `head` holds {@link SIMPLE_REPLY_BYTES} bytes; null when they are no simple reply. */
export function decodeSimpleReply(head: Uint8Array): { readonly cookie: bigint; readonly errno: number } | null {
  const view = viewOf(head);
  if (view.getUint32(0) !== SIMPLE_REPLY_MAGIC) return null;
  return { errno: view.getUint32(4), cookie: view.getBigUint64(8) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
