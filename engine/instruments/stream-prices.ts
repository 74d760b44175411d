/**
 * Prices the stream of operations that passes on modelled devices, without a clock of its own: the operations are only noted while
 * they pass, and priced when whoever measures them says so, at a moment that is not measured.
 */
import type { BlockFile, HostCacheMode } from '../io/block-file.ts';
import { rangeOf, storedExtents } from './device-model.ts';
import { type DeviceParameters, MODELLED_DEVICES } from './device-model-parameters.ts';
import { ModelledStream } from './modelled-stream.ts';
import { type Operation, type Outcome, Tap } from './tap.ts';

type Noted = readonly [op: Operation['op'], offset: number, lengthBytes: number, done: boolean];

/** How the host treats the file whose operations are priced. */
export interface StreamPricesOptions {
  readonly hostCacheMode: HostCacheMode;
  /** See `DeviceModelOptions.knowsHoles`. */
  readonly knowsHoles: boolean;
  /** By default the four named classes of devices. */
  readonly devices?: readonly DeviceParameters[];
}

/** Notes the operations that pass, and prices them on several modelled devices when asked. */
export class StreamPrices extends Tap {
  readonly #devices: readonly DeviceParameters[];
  readonly #stream: ModelledStream;
  #noted: Noted[] = [];

  constructor(inner: BlockFile, { hostCacheMode, knowsHoles, devices = MODELLED_DEVICES }: StreamPricesOptions) {
    super(inner);
    this.#devices = devices;
    this.#stream = new ModelledStream({
      ...{ devices, hostCacheMode, sizeBytes: inner.sizeBytes() },
      ...(knowsHoles && { stored: storedExtents(inner) }),
    });
  }

  /** Prices what has passed since the last call. */
  settle(): void {
    for (const noted of this.#noted) this.#stream.take(...noted);
    this.#noted = [];
  }

  /** Virtual time of everything that has passed, in nanoseconds, by the name of the device. */
  totals(): Record<string, number> {
    this.settle();
    return Object.fromEntries(this.#devices.map(({ name }, index) => [name, this.#stream.elapsedNs(index)]));
  }

  protected override before(): void {}

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome !== 'failed') this.#noted.push([operation.op, ...rangeOf(operation), outcome === 'done']);
  }
}
