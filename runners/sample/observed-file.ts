/**
 * The image file as a sample sees it: counted always, timed always, traced when asked. Time is taken next to the file, so that
 * a timed operation is the system call and little else.
 */
import {
  type BlockFile,
  CountingFile,
  type Operation,
  StreamPrices,
  type StreamPricesOptions,
  TimingFile,
} from '../../engine/index.ts';
import type { LatencySeries } from '../../results/record.ts';
import { CascadeCollector } from './cascades.ts';
import { DeviceTrace } from './device-trace.ts';
import { FileMapBuilder } from './file-map.ts';
import { LatencyLog } from './latency-log.ts';
import type { MeasuredClock } from './measured-clock.ts';
import { SampleLatencies } from './sample-latencies.ts';

/** What else a traced sample keeps. */
interface TraceOptions {
  /** Every operation, for a device trace. */
  readonly exported?: boolean;
  /** What all operations would take on modelled devices. */
  readonly priced?: StreamPricesOptions;
}

export class ObservedFile {
  readonly file: CountingFile;
  /** All latencies of the sample, complete while the clock stands still; those of the guest are noted by who serves it. */
  readonly latencies = new SampleLatencies();
  readonly fileMap: FileMapBuilder | null;
  readonly cascades: CascadeCollector | null;
  readonly deviceTrace: DeviceTrace | null;
  /** To be settled in pauses of the clock: pricing takes time. */
  readonly prices: StreamPrices | null;
  readonly #inner: BlockFile;
  readonly #clock: MeasuredClock;
  readonly #log = new LatencyLog(this.latencies);
  #deviceNs = 0;

  constructor(
    inner: BlockFile,
    clock: MeasuredClock,
    traced: boolean,
    { exported = false, priced }: TraceOptions = {},
  ) {
    this.#inner = inner;
    this.#clock = clock;
    clock.inPauses((zeroNs) => this.#log.settle(zeroNs));
    this.fileMap = traced ? new FileMapBuilder() : null;
    this.cascades = traced ? new CascadeCollector() : null;
    this.deviceTrace = exported ? new DeviceTrace() : null;
    const take = (operation: Operation, startNs: number, durationNs: number) => {
      this.#time(operation.op, startNs, durationNs);
      if (traced) this.#trace(operation, startNs, durationNs);
    };
    const timed = new KeptOpen(inner, take, clock.time.nowNs);
    this.prices = traced && priced !== undefined ? new StreamPrices(timed, priced) : null;
    this.file = new CountingFile(this.prices ?? timed);
  }

  /** Time spent in file operations so far. */
  get deviceNs(): number {
    return this.#deviceNs;
  }

  /** Notes a latency that began when the sample's clock read `startNs`. */
  latency(series: LatencySeries, startNs: number, latencyNs: number): void {
    if (this.#log.isFull) this.#log.settle(-this.#clock.at(0));
    this.#log.add(series, startNs, latencyNs);
  }

  /** Closes the file itself; closing an image leaves it open, so that the image can be opened again. */
  close(): void {
    this.#inner.close();
  }

  /** Of the other operations there are too few for a distribution. */
  #time(op: Operation['op'], startNs: number, latencyNs: number): void {
    const series = op === 'write' ? 'deviceWrite' : op === 'sync' ? 'deviceSync' : op === 'read' ? 'deviceRead' : null;
    if (series === null) return;
    this.#deviceNs += latencyNs;
    this.latency(series, startNs, latencyNs);
  }

  #trace(operation: Operation, startNs: number, durationNs: number): void {
    this.cascades?.take(operation, startNs, durationNs);
    const atNs = this.#clock.at(startNs);
    this.deviceTrace?.take(operation, atNs);
    if (operation.op === 'write') this.fileMap?.write(operation.kind, operation.offset, operation.bytes.length, atNs);
    if (operation.op === 'sync') this.fileMap?.sync(atNs, durationNs);
  }
}

class KeptOpen extends TimingFile {
  override close(): void {}
}
