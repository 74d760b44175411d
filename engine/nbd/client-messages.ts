/** What a client sends, and the replies that it gets when it has agreed on none but simple ones. */

import type { RequestHeader } from './protocol.ts';
import {
  HANDSHAKE_FLAGS,
  OPTION_MAGIC,
  OPTIONS,
  REQUEST_HEADER_BYTES,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
} from './protocol.ts';

/** What a server sends before it knows the export, and after an export name: size and flags, without padding. */
export const GREETING_AND_EXPORT_BYTES = 18 + 10;
export const SIMPLE_REPLY_BYTES = 16;

/** All that a client need say to choose an export: its flags, and the name. */
export function encodeExportNameChoice(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(20 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HANDSHAKE_FLAGS.fixedNewstyle + HANDSHAKE_FLAGS.noZeroes);
  view.setBigUint64(4, OPTION_MAGIC);
  view.setUint32(12, OPTIONS.exportName);
  view.setUint32(16, text.length);
  bytes.set(text, 20);
  return bytes;
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
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== SIMPLE_REPLY_MAGIC) return null;
  return { errno: view.getUint32(4), cookie: view.getBigUint64(8) };
}
