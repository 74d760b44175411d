/**
 * The image file as a sample sees it: counted always, timed always, traced when asked. Time is taken next to the file, so that
 * a timed operation is the system call and little else.
 */
import {
  type BlockFile,
  CountingFile,
  ForwardingFile,
  type Operation,
  StreamPrices,
  type StreamPricesOptions,
  TimingFile,
} from '../../engine/index.ts';
import { LatencyHistogram } from '../../results/histogram.ts';
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import type { LatencyLane } from '../../results/record.ts';
import { CascadeCollector } from './cascades.ts';
import { DeviceTrace } from './device-trace.ts';
import { FileMapBuilder } from './file-map.ts';
import type { MeasuredClock } from './measured-clock.ts';

/** What else a traced sample keeps. */
interface TraceOptions {
  /** Every operation, for a device trace. */
  readonly exported?: boolean;
  /** What all operations would take on modelled devices. */
  readonly priced?: StreamPricesOptions;
}

export class ObservedFile {
  readonly file: CountingFile;
  readonly reads = new LatencyHistogram();
  readonly writes = new LatencyHistogram();
  readonly syncs = new LatencyHistogram();
  /** All latencies of the sample by time: those of the guest are noted by who serves it. */
  readonly latencyMap = new LatencyMapBuilder();
  readonly fileMap: FileMapBuilder | null;
  readonly cascades: CascadeCollector | null;
  readonly deviceTrace: DeviceTrace | null;
  /** To be settled in pauses of the clock: pricing takes time. */
  readonly prices: StreamPrices | null;
  readonly #inner: BlockFile;
  readonly #clock: MeasuredClock;

  constructor(
    inner: BlockFile,
    clock: MeasuredClock,
    traced: boolean,
    { exported = false, priced }: TraceOptions = {},
  ) {
    this.#inner = inner;
    this.#clock = clock;
    this.fileMap = traced ? new FileMapBuilder() : null;
    this.cascades = traced ? new CascadeCollector() : null;
    this.deviceTrace = exported ? new DeviceTrace() : null;
    const take = (operation: Operation, startNs: number, durationNs: number) => {
      this.#time(operation.op, startNs, Math.round(durationNs));
      if (traced) this.#trace(operation, startNs, durationNs);
    };
    const timed = new TimingFile(new KeptOpen(inner), take, clock.time.nowNs);
    this.prices = traced && priced !== undefined ? new StreamPrices(timed, priced) : null;
    this.file = new CountingFile(this.prices ?? timed);
  }

  /** Time spent in file operations so far. */
  get deviceNs(): number {
    return this.reads.sumNs + this.writes.sumNs + this.syncs.sumNs;
  }

  /** Notes a latency that began when the sample's clock read `startNs`. */
  latency(lane: LatencyLane, startNs: number, latencyNs: number): void {
    this.latencyMap.record(lane, this.#clock.at(startNs), latencyNs);
  }

  /** Closes the file itself; closing an image leaves it open, so that the image can be opened again. */
  close(): void {
    this.#inner.close();
  }

  /** Of the other operations there are too few for a distribution. */
  #time(op: Operation['op'], startNs: number, latencyNs: number): void {
    if (op === 'read') this.reads.record(latencyNs);
    if (op === 'write') {
      this.writes.record(latencyNs);
      this.latency('device-write', startNs, latencyNs);
    }
    if (op === 'sync') {
      this.syncs.record(latencyNs);
      this.latency('device-sync', startNs, latencyNs);
    }
  }

  #trace(operation: Operation, startNs: number, durationNs: number): void {
    this.cascades?.take(operation, startNs, durationNs);
    const atNs = this.#clock.at(startNs);
    this.deviceTrace?.take(operation, atNs);
    if (operation.op === 'write') this.fileMap?.write(operation.kind, operation.offset, operation.bytes.length, atNs);
    if (operation.op === 'sync') this.fileMap?.sync(atNs, durationNs);
  }
}

class KeptOpen extends ForwardingFile {
  override close(): void {}
}
