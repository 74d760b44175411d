/** Reports each operation of the layer below after it was done, with when it began and how long it took. */
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { type Operation, type Outcome, Tap } from './tap.ts';

/** Called for each completed operation; times in nanoseconds on the clock that the file was given. */
export type OperationSink = (operation: Operation, startNs: number, durationNs: number) => void;

/** Nanoseconds on a monotonic clock; differences are exact to about 100 ns. */
export function nowNs(): number {
  return performance.now() * 1e6;
}

/** Times the operations that pass, and hands each to a sink; nanoseconds. */
export class TimingFile extends Tap {
  readonly #sink: OperationSink;
  readonly #nowNs: () => number;
  #startNs = 0;

  /** `now`: the clock to read, in nanoseconds; for files on a modelled device, its own. */
  constructor(inner: BlockFile, sink: OperationSink, now: () => number = nowNs) {
    super(inner);
    this.#sink = sink;
    this.#nowNs = now;
  }

  /** As {@link Tap} would, with less around the call that is timed. */
  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    const startNs = this.#nowNs();
    this.inner.read(offset, into, kind);
    const durationNs = this.#nowNs() - startNs;
    this.#sink({ op: 'read', offset, bytes: into, kind }, startNs, durationNs);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const startNs = this.#nowNs();
    this.inner.write(offset, from, kind);
    const durationNs = this.#nowNs() - startNs;
    this.#sink({ op: 'write', offset, bytes: from, kind }, startNs, durationNs);
  }

  override sync(cause: SyncCause): void {
    const startNs = this.#nowNs();
    this.inner.sync(cause);
    const durationNs = this.#nowNs() - startNs;
    if (!this.ignoresSyncs) this.#sink({ op: 'sync', cause }, startNs, durationNs);
  }

  protected override before(): void {
    this.#startNs = this.#nowNs();
  }

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome === 'done') this.#sink(operation, this.#startNs, this.#nowNs() - this.#startNs);
  }
}
