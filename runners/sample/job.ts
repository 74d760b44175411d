/** What the runner asks of a worker process, and what comes back. Plain JSON: it crosses a process boundary. */
import type { DeviceParameters, HostCacheMode, HostParameters, PolicyName, StageId } from '../../engine/index.ts';
import type {
  Cascade,
  ExactCounters,
  FileMap,
  Histogram,
  LatencyMap,
  LatencySeries,
  Round,
  RunRecord,
  Verification,
} from '../../results/record.ts';
import type { ImageOptions } from './image-options.ts';
import type { WorkloadChoice } from './workload-choice.ts';

/** One point of the comparison. */
export interface CellChoice {
  readonly policy: PolicyName;
  readonly stage: StageId;
  readonly hostCacheMode: HostCacheMode;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  readonly l2CacheTables: number;
  readonly refcountCacheTables: number;
  /** Absent: a plain image. */
  readonly imageOptions?: ImageOptions;
}

/** A device that exists in arithmetic only; times of a sample on it are virtual. */
export interface ModelledDevice {
  readonly device: DeviceParameters;
  readonly host: HostParameters;
}

export interface SampleJob {
  /** Path of the image to make; the worker creates it (and beside it `….backing`), the runner removes it. */
  readonly imageFile: string;
  readonly workload: WorkloadChoice;
  readonly cell: CellChoice;
  /** Also collect the file map and the cascades: once a cell is enough, and tracing costs a little time. */
  readonly traced: boolean;
  /** Absent: the storage that the image lies on. */
  readonly device?: ModelledDevice;
  /** When requests are sent, see `pace.ts`; absent: each as soon as the one before is served. */
  readonly pace?: string;
  /** Write the file operations of the replay to this file, as a fio iolog; needs `traced`. */
  readonly deviceTraceFile?: string;
  /** Write a CPU profile of the replay to this file; its times are then no measurement. */
  readonly profileFile?: string;
}

export interface SampleResult {
  readonly startedAt: string;
  readonly exact: ExactCounters;
  readonly times: Pick<Round, 'wallNs' | 'userCpuNs' | 'systemCpuNs' | 'deviceNs' | 'peakMemoryBytes'>;
  readonly histograms: Partial<Record<LatencySeries, Histogram>>;
  readonly latencyMap: LatencyMap | null;
  readonly fileMap: FileMap | null;
  readonly cascades: Cascade[];
  /** Syncs that found the file grown, or nothing written, since the one before; null when the sample was not traced. */
  readonly syncKinds: { readonly growing: number; readonly clean: number } | null;
  readonly phases: RunRecord['workload']['phases'];
  readonly verification: Verification;
}

/** What a worker is doing. */
export type SamplePart = 'prepare' | 'replay' | 'verify';

/** Called often; resolves when the worker may go on. */
export type ReportProgress = (part: SamplePart, requests: number) => Promise<void>;

export type WorkerMessage =
  /** `part` names what the worker is doing; `requests` counts those served. */
  | { readonly type: 'progress'; readonly part: SamplePart; readonly requests: number }
  | { readonly type: 'done'; readonly result: SampleResult }
  /** `expected`: an error of input or device, told in one line; otherwise a defect, `stack` says where. */
  | { readonly type: 'failed'; readonly message: string; readonly expected: boolean; readonly stack: string };
