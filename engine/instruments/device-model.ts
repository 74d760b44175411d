/**
 * A {@link BlockFile} that keeps the virtual time which its exact stream of operations would take on a modelled device
 * ({@link ModelledStream} says what is modelled). The bytes go to the file below; no time passes while it computes.
 *
 * Invariants:
 *  1. The same operations on the same device take the same time, to the nanosecond.
 *  2. `elapsedNs` is the sum of all durations reported to the sink plus the calls of what the file below was unable to do.
 *  3. An operation that the file below refuses takes no time.
 */
import type { BlockFile, HostCacheMode } from '../io/block-file.ts';
import type { Extent } from './device-model-pages.ts';
import type { DeviceParameters, HostParameters } from './device-model-parameters.ts';
import { ModelledStream } from './modelled-stream.ts';
import { type Operation, type Outcome, Tap } from './tap.ts';
import type { OperationSink } from './timing-file.ts';

/** Which device is modelled, and under which file system and cache. */
export interface DeviceModelOptions {
  readonly device: DeviceParameters;
  readonly hostCacheMode: HostCacheMode;
  readonly host?: HostParameters;
  /** Called for each completed operation with its virtual duration. */
  readonly sink?: OperationSink;
  /** The holes of the file below have no place on the device yet. Default: all of it has, as a new image's tables do. */
  readonly knowsHoles?: boolean;
}

/** Keeps the virtual time of the operations that pass, on a modelled device. */
export class DeviceModelFile extends Tap {
  override readonly writesAreDurable: boolean;
  override readonly ignoresSyncs: boolean;
  readonly #stream: ModelledStream;
  readonly #sink: OperationSink | null;

  /** What `inner` already holds counts as allocated, synced and not yet read. */
  constructor(inner: BlockFile, { device, hostCacheMode, host, sink, knowsHoles = false }: DeviceModelOptions) {
    super(inner);
    this.#stream = new ModelledStream({
      ...{ devices: [device], hostCacheMode, sizeBytes: inner.sizeBytes() },
      ...(host !== undefined && { host }),
      ...(knowsHoles && { stored: storedExtents(inner) }),
    });
    this.writesAreDurable = this.#stream.writesAreDurable;
    this.ignoresSyncs = this.#stream.ignoresSyncs;
    this.#sink = sink ?? null;
  }

  /** Virtual time since the file was wrapped. */
  elapsedNs(): number {
    return this.#stream.elapsedNs(0);
  }

  protected override before(): void {}

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome === 'failed') return;
    const start = this.elapsedNs();
    this.#stream.take(operation.op, ...rangeOf(operation), outcome === 'done');
    if (outcome === 'done') this.#sink?.(operation, start, this.elapsedNs() - start);
  }
}

/** Offset and length as {@link ModelledStream.take} wants them. */
export function rangeOf(operation: Operation): [offset: number, lengthBytes: number] {
  if (operation.op === 'sync') return [0, 0];
  if (operation.op === 'truncate') return [0, operation.sizeBytes];
  return [operation.offset, 'bytes' in operation ? operation.bytes.length : operation.lengthBytes];
}

/** What the file system stores of `file`, without its holes. */
export function* storedExtents(file: BlockFile): Generator<Extent> {
  const sizeBytes = file.sizeBytes();
  for (let offset = 0; offset < sizeBytes; ) {
    const { isHole, endOffset } = file.extentAt(offset) ?? { isHole: false, endOffset: sizeBytes };
    if (!isHole) yield { offset, lengthBytes: endOffset - offset };
    offset = endOffset;
  }
}
