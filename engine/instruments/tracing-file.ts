/** Reports each file operation, in order, after it has succeeded: the stream that pictures and explanations are made of. */
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { nowNs } from './timing-file.ts';

export interface FileEvent {
  readonly op: 'read' | 'write' | 'sync' | 'truncate' | 'punch';
  /** A {@link TableKind} for reads and writes, a {@link SyncCause} for syncs. */
  readonly what: TableKind | SyncCause;
  /** Bytes from the start of the file; for `truncate` the new size. 0 for syncs. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** On the clock that the file was given. */
  readonly startNs: number;
  readonly durationNs: number;
}

export class TracingFile extends ForwardingFile {
  readonly #sink: (event: FileEvent) => void;
  readonly #nowNs: () => number;

  /** `now`: the clock to read, in nanoseconds; for files on a modelled device, its own. */
  constructor(inner: BlockFile, sink: (event: FileEvent) => void, now: () => number = nowNs) {
    super(inner);
    this.#sink = sink;
    this.#nowNs = now;
  }

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    const startNs = this.#nowNs();
    this.inner.read(offset, into, kind);
    this.#report('read', kind, offset, into.length, startNs);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const startNs = this.#nowNs();
    this.inner.write(offset, from, kind);
    this.#report('write', kind, offset, from.length, startNs);
  }

  override sync(cause: SyncCause): void {
    const startNs = this.#nowNs();
    this.inner.sync(cause);
    if (!this.ignoresSyncs) this.#report('sync', cause, 0, 0, startNs);
  }

  override truncate(sizeBytes: number): void {
    const startNs = this.#nowNs();
    this.inner.truncate(sizeBytes);
    this.#report('truncate', 'other', sizeBytes, 0, startNs);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    const startNs = this.#nowNs();
    const done = this.inner.punchHole(offset, lengthBytes);
    if (done) this.#report('punch', 'data', offset, lengthBytes, startNs);
    return done;
  }

  #report(op: FileEvent['op'], what: FileEvent['what'], offset: number, lengthBytes: number, startNs: number): void {
    this.#sink({ op, what, offset, lengthBytes, startNs, durationNs: this.#nowNs() - startNs });
  }
}
