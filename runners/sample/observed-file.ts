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
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import type { LatencyLane } from '../../results/record.ts';
import { CascadeCollector } from './cascades.ts';
import { DeviceTrace } from './device-trace.ts';
import { FileMapBuilder } from './file-map.ts';
import type { MeasuredClock } from './measured-clock.ts';
import { SyncKinds } from './sync-kinds.ts';

export class ObservedFile {
  readonly file: CountingFile;
  readonly reads = new LatencyHistogram();
  readonly writes = new LatencyHistogram();
  readonly syncs = new LatencyHistogram();
  /** All latencies of the sample by time: those of the guest are noted by who serves it. */
  readonly latencyMap = new LatencyMapBuilder();
  readonly fileMap: FileMapBuilder | null;
  readonly cascades: CascadeCollector | null;
  readonly syncKinds: SyncKinds | null;
  readonly deviceTrace: DeviceTrace | null;
  readonly #inner: BlockFile;
  readonly #clock: MeasuredClock;

  /** `exported`: keep every operation, for a device trace; needs `traced`. */
  constructor(inner: BlockFile, clock: MeasuredClock, traced: boolean, exported = false) {
    this.#inner = inner;
    this.#clock = clock;
    this.fileMap = traced ? new FileMapBuilder() : null;
    this.cascades = traced ? new CascadeCollector() : null;
    this.syncKinds = traced ? new SyncKinds(inner.sizeBytes()) : null;
    this.deviceTrace = exported ? new DeviceTrace() : null;
    const latencies = {
      read: (ns: number) => this.reads.record(ns),
      write: (ns: number, startNs: number) => {
        this.writes.record(ns);
        this.latency('device-write', startNs, ns);
      },
      sync: (ns: number, startNs: number) => {
        this.syncs.record(ns);
        this.latency('device-sync', startNs, ns);
      },
    };
    const timed = new TimingFile(new KeptOpen(inner), latencies, clock.time.nowNs);
    const take = (event: FileEvent) => this.#take(event);
    this.file = new CountingFile(traced ? new TracingFile(timed, take, clock.time.nowNs) : timed);
  }

  /** Notes a latency that began when the sample's clock read `startNs`. */
  latency(lane: LatencyLane, startNs: number, latencyNs: number): void {
    this.latencyMap.record(lane, this.#clock.at(startNs), latencyNs);
  }

  /** Closes the file itself; closing an image leaves it open, so that the image can be opened again. */
  close(): void {
    this.#inner.close();
  }

  #take(event: FileEvent): void {
    this.cascades?.event(event);
    this.syncKinds?.event(event);
    const atNs = this.#clock.at(event.startNs);
    this.deviceTrace?.event(event, atNs);
    if (event.op === 'write') this.fileMap?.write(event.what, event.offset, event.lengthBytes, atNs);
    if (event.op === 'sync') this.fileMap?.sync(atNs, event.durationNs);
  }
}

class KeptOpen extends ForwardingFile {
  override close(): void {}
}
