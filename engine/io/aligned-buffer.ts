/**
 * Page-aligned memory for O_DIRECT. WebAssembly memory starts on a page boundary on every platform that Node runs on;
 * `Buffer.alloc` does not.
 */
import { countOf } from '../base/units.ts';

/** The one piece of the WebAssembly API used here; the project's type libraries leave it out. */
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer; grow(pages: number): number };
};

const WASM_PAGE_BYTES = 65536;

export class AlignedBuffer {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  #bytes = new Uint8Array(this.#memory.buffer);

  /** At least `lengthBytes` of aligned memory; the same memory again at the next call. */
  of(lengthBytes: number): Uint8Array {
    const missingPages = countOf(lengthBytes - this.#bytes.length, WASM_PAGE_BYTES);
    if (missingPages > 0) {
      this.#memory.grow(missingPages);
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    return this.#bytes;
  }
}
