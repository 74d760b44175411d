/** What the runner asks of a worker process. Plain JSON: it crosses a process boundary; `results/sample-protocol.ts` has what comes back. */
import type {
  DeviceParameters,
  HostCacheMode,
  HostParameters,
  PolicyName,
  ReserveOptions,
  StageId,
} from '../../engine/index.ts';
import type { SamplePart } from '../../results/sample-protocol.ts';
import type { NbdCellChoice } from '../nbd/cell.ts';
import type { ImageOptions } from './image-options.ts';
import type { WorkloadChoice } from './workload-choice.ts';

/** One point of the comparison. */
export interface CellChoice {
  readonly policy: PolicyName;
  /** Null for a policy that is no point of history. */
  readonly stage: StageId | null;
  readonly hostCacheMode: HostCacheMode;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  /** Null: as many as the disk needs. */
  readonly l2CacheTables: number | null;
  readonly refcountCacheTables: number;
  /** Absent: a plain image. */
  readonly imageOptions?: ImageOptions;
  /** What is counted ahead, of a policy that does; absent: as the policy does. */
  readonly reserve?: ReserveOptions | undefined;
  /** How many send their requests at once; absent: one. */
  readonly requesters?: number | undefined;
}

/** How a raw file gets its space before the guest's first request. */
export const RAW_PREPARATIONS = ['sparse', 'falloc', 'zeroes'] as const;
export type RawPreparation = (typeof RAW_PREPARATIONS)[number];

/** A plain file in place of an image: byte n of the disk is byte n of the file. */
export interface RawCellChoice {
  readonly raw: RawPreparation;
  readonly hostCacheMode: HostCacheMode;
  /** Of the images next to it, which workloads aim at. */
  readonly clusterSizeBytes: number;
  readonly requesters?: number | undefined;
}

/** A device that exists in arithmetic only; times of a sample on it are virtual. */
export interface ModelledDevice {
  readonly device: DeviceParameters;
  readonly host: HostParameters;
}

export interface SampleJob<Choice = CellChoice> {
  /** Path of the image to make; the worker creates it (and next to it `….backing`), the runner removes it. */
  readonly imageFile: string;
  readonly workload: WorkloadChoice;
  readonly cell: Choice;
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

/** A sample that this program's own code serves. */
export type OwnSampleJob = SampleJob<CellChoice | RawCellChoice>;

/** A sample that a server of images serves, see `nbd-sample.ts`. */
export type NbdSampleJob = SampleJob<NbdCellChoice>;

/** Called often; resolves when the worker may continue. */
export type ReportProgress = (part: SamplePart, requests: number) => Promise<void>;
