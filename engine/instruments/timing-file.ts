/** Tells how long each read, write and sync of the layer below took, in nanoseconds. */
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

/** `startNs`: the clock when the operation began. */
export interface LatencySink {
  read(latencyNs: number, startNs: number): void;
  write(latencyNs: number, startNs: number): void;
  sync(latencyNs: number, startNs: number): void;
}

/** Nanoseconds on a monotonic clock; differences are exact to about 100 ns. */
export function nowNs(): number {
  return performance.now() * 1e6;
}

export class TimingFile extends ForwardingFile {
  readonly #sink: LatencySink;
  readonly #nowNs: () => number;

  /** `now`: the clock to read, in nanoseconds; for files on a modelled device, its own. */
  constructor(inner: BlockFile, sink: LatencySink, now: () => number = nowNs) {
    super(inner);
    this.#sink = sink;
    this.#nowNs = now;
  }

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    const start = this.#nowNs();
    this.inner.read(offset, into, kind);
    this.#sink.read(Math.round(this.#nowNs() - start), start);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const start = this.#nowNs();
    this.inner.write(offset, from, kind);
    this.#sink.write(Math.round(this.#nowNs() - start), start);
  }

  override sync(cause: SyncCause): void {
    const start = this.#nowNs();
    this.inner.sync(cause);
    if (!this.ignoresSyncs) this.#sink.sync(Math.round(this.#nowNs() - start), start);
  }
}
