/** What the runner asks of a worker process, and what comes back. Plain JSON: it crosses a process boundary. */
import type { HostCacheMode, PolicyName, StageId } from '../../engine/index.ts';
import type {
  Cascade,
  ExactCounters,
  FileMap,
  Histogram,
  LatencySeries,
  Round,
  RunRecord,
  Verification,
} from '../../results/record.ts';
import type { WorkloadChoice } from '../workload-choice.ts';

/** One point of the comparison. */
export interface CellChoice {
  readonly policy: PolicyName;
  readonly stage: StageId;
  readonly hostCacheMode: HostCacheMode;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  readonly l2CacheTables: number;
  readonly refcountCacheTables: number;
}

export interface SampleJob {
  /** Path of the image to make; the worker creates it (and beside it `….backing`), the runner removes it. */
  readonly imageFile: string;
  readonly workload: WorkloadChoice;
  readonly cell: CellChoice;
  /** Also collect the file map and the cascades: once a cell is enough, and tracing costs a little time. */
  readonly traced: boolean;
}

export interface SampleResult {
  readonly startedAt: string;
  readonly exact: ExactCounters;
  readonly times: Pick<Round, 'wallNs' | 'userCpuNs' | 'systemCpuNs' | 'deviceNs' | 'peakMemoryBytes'>;
  readonly histograms: Partial<Record<LatencySeries, Histogram>>;
  readonly fileMap: FileMap | null;
  readonly cascades: Cascade[];
  readonly phases: RunRecord['workload']['phases'];
  readonly verification: Verification;
}

/** What a worker is doing. */
export type SamplePart = 'prepare' | 'replay' | 'verify';

export type WorkerMessage =
  /** `part` names what the worker is doing; `requests` counts those served. */
  | { readonly type: 'progress'; readonly part: SamplePart; readonly requests: number }
  | { readonly type: 'done'; readonly result: SampleResult }
  /** `expected`: an error of input or device, told in one line; otherwise a defect, `stack` says where. */
  | { readonly type: 'failed'; readonly message: string; readonly expected: boolean; readonly stack: string };
