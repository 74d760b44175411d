/** The data of options, taken apart; null for what is malformed. Every length in it is the client's word and checked. */
import { STRING_BYTES_MAX } from './protocol.ts';

export type OptionData<Parser extends (data: Uint8Array) => unknown> = ReturnType<Parser>;

/** The data of NBD_OPT_EXPORT_NAME: a name and nothing else. */
export function parseExportName(data: Uint8Array): string | null {
  return data.length > STRING_BYTES_MAX ? null : textOf(data);
}

/** The data of NBD_OPT_INFO and NBD_OPT_GO: an export and the kinds of information that are asked for. */
export function parseInfoRequest(
  data: Uint8Array,
): { readonly name: string; readonly infos: readonly number[] } | null {
  const reader = new Reader(data);
  const name = reader.text();
  const count = reader.uint16();
  if (name === null || count === null || reader.leftBytes !== 2 * count) return null;
  return { name, infos: Array.from({ length: count }, () => reader.uint16()!) };
}

/** The data of the options about metadata contexts: an export and queries. */
export function parseMetaQueries(
  data: Uint8Array,
): { readonly name: string; readonly queries: readonly string[] } | null {
  const reader = new Reader(data);
  const name = reader.text();
  const count = reader.uint32();
  if (name === null || count === null) return null;
  const queries: string[] = [];
  // Each takes four bytes at least, so the data bounds the loop, whatever the count says.
  while (queries.length < count) {
    const query = reader.text();
    if (query === null) return null;
    queries.push(query);
  }
  return reader.leftBytes === 0 ? { name, queries } : null;
}

class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  uint16(): number | null {
    if (this.leftBytes < 2) return null;
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  uint32(): number | null {
    if (this.leftBytes < 4) return null;
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  /** A text that its length precedes. */
  text(): string | null {
    const lengthBytes = this.uint32();
    if (lengthBytes === null || lengthBytes > STRING_BYTES_MAX || lengthBytes > this.leftBytes) return null;
    this.#at += lengthBytes;
    return textOf(this.#bytes.subarray(this.#at - lengthBytes, this.#at));
  }
}

/** Null for bytes that are no UTF-8 text. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
