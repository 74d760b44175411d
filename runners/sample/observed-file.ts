/**
 * The image file as a sample sees it: counted always, timed always, traced when asked. The wrappers stand in this order
 * (count, trace, time, file) so that a timed operation is the system call and little else.
 */
import {
  type BlockFile,
  CountingFile,
  type FileEvent,
  ForwardingFile,
  TimingFile,
  TracingFile,
} from '../../engine/index.ts';
import { LatencyHistogram } from '../../results/histogram.ts';
import { CascadeCollector } from './cascades.ts';
import { FileMapBuilder } from './file-map.ts';
import type { MeasuredClock } from './measured-clock.ts';

export class ObservedFile {
  readonly file: CountingFile;
  readonly reads = new LatencyHistogram();
  readonly writes = new LatencyHistogram();
  readonly syncs = new LatencyHistogram();
  readonly fileMap: FileMapBuilder | null;
  readonly cascades: CascadeCollector | null;
  readonly #inner: BlockFile;
  readonly #clock: MeasuredClock;

  constructor(inner: BlockFile, clock: MeasuredClock, traced: boolean) {
    this.#inner = inner;
    this.#clock = clock;
    this.fileMap = traced ? new FileMapBuilder() : null;
    this.cascades = traced ? new CascadeCollector() : null;
    const timed = new TimingFile(new KeptOpen(inner), {
      read: (ns) => this.reads.record(ns),
      write: (ns) => this.writes.record(ns),
      sync: (ns) => this.syncs.record(ns),
    });
    this.file = new CountingFile(traced ? new TracingFile(timed, (event) => this.#take(event)) : timed);
  }

  /** Closes the file itself; closing an image leaves it open, so that the image can be opened again. */
  close(): void {
    this.#inner.close();
  }

  #take(event: FileEvent): void {
    this.cascades?.event(event);
    const atNs = this.#clock.at(event.startNs);
    if (event.op === 'write') this.fileMap?.write(event.what, event.offset, event.lengthBytes, atNs);
    if (event.op === 'sync') this.fileMap?.sync(atNs, event.durationNs);
  }
}

class KeptOpen extends ForwardingFile {
  override close(): void {}
}
