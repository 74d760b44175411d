/** What a bench run is to do, settled: every default filled in, every option checked. */
import type { NbdCellChoice } from '../../nbd/cell.ts';
import type { QemuCellChoice } from '../../qemu/cell.ts';
import type { CellChoice, RawCellChoice } from '../../sample/job.ts';
import type { WorkloadChoice } from '../../sample/workload-choice.ts';
import type { Baselines } from './variants.ts';

/** What every cell of a run has besides what a worker gets. */
interface Planned {
  /** Unique in the run. */
  readonly id: string;
  /** Which of the plan's `furtherWorkloads`, counted from 1; absent: its `workload`. */
  readonly workload?: number;
}

/** A cell that this program's engine measures. */
export interface EngineCell extends CellChoice, Planned {
  readonly engine: 'cowbench';
  /** Name of a modelled device, or `probed`; null: the storage that the images lie on. */
  readonly device: string | null;
  /** The preparation of the reserve is not chosen yet. */
  readonly isReserveProbed?: boolean | undefined;
  /** Another state of this program that takes the samples; null: this one. */
  readonly source: SourceTree | null;
}

/** A cell that the installed qemu measures. */
export interface QemuCell extends QemuCellChoice, Planned {
  readonly engine: 'qemu';
}

/** A cell that a server of images measures, by its command. */
export interface NbdCell extends NbdCellChoice, Planned {
  readonly engine: 'nbd';
}

/** A plain file that takes the same requests. */
export interface RawCell extends RawCellChoice, Planned {
  readonly engine: 'raw';
  /** As of an engine's cell. */
  readonly device: string | null;
}

export type PlannedCell = EngineCell | QemuCell | NbdCell | RawCell;

/** How many send their requests to the cell at once. */
export function requestersOf(cell: PlannedCell): number {
  return isForeign(cell) ? 1 : (cell.requesters ?? 1);
}

/** The server that keeps nothing: there is nothing to compare. */
export function isNull(cell: PlannedCell): boolean {
  return cell.engine === 'nbd' && cell.command === null;
}

/** A cell that another program measures. */
export function isForeign(cell: PlannedCell): cell is QemuCell | NbdCell {
  return cell.engine === 'qemu' || cell.engine === 'nbd';
}

/** A commit of this program, ready to run. */
export interface SourceTree {
  readonly commit: string;
  /** As the user named it. */
  readonly revision: string;
  readonly root: string;
}

/** What is measured: runs of equal plans may be one run, see `planHash`. */
export interface MeasuredPlan {
  /** What the guest does, in every cell that names no other. */
  readonly workload: WorkloadChoice;
  readonly furtherWorkloads?: readonly WorkloadChoice[];
  readonly cells: readonly PlannedCell[];
  /** By cell. */
  readonly baselines: Baselines;
  /** The number of rounds, with the one that warms up real storage, or as many as fit; 1: counts only. */
  readonly rounds: number | { readonly timeBudgetMs: number };
  /** See `sample/pace.ts`; null: closed loop. */
  readonly pace: string | null;
  /** Existing directory for the images; a folder of their own is made in it. */
  readonly directory: string;
  /** What a power cut does: `short`: during the workload's beginning, and by operation; `quick`: during many short sequences, too. */
  readonly crash: 'none' | 'short' | 'quick';
}

/** What else happens while it is measured, and afterwards. */
export interface SessionChoice {
  readonly keepImages: boolean;
  /** Root of the record store. */
  readonly recordsRoot: string;
  /** Resume the newest record of the same plan. */
  readonly resume: boolean;
  readonly report: boolean;
  /** Indices of the cells whose samples are taken here, the others elsewhere; absent: all. */
  readonly share?: ReadonlySet<number>;
  /** Both sides of a comparison ought to count the same. */
  readonly comparesCounts: boolean;
  /** Where the file operations of each cell go, as a fio iolog; null: nowhere. */
  readonly deviceTraceFile: string | null;
  /** Take one more sample of each cell, under a CPU profiler. */
  readonly cpuProfile: boolean;
  /** The words after `npm run -s cowbench --` that repeat the run. */
  readonly command: readonly string[];
}

export interface BenchPlan extends MeasuredPlan {
  readonly session: SessionChoice;
}

/** True for a cell whose samples are taken here. */
export function isMine({ session: { share } }: BenchPlan, cell: number): boolean {
  return share === undefined || share.has(cell);
}

export function workloadsOf({ workload, furtherWorkloads = [] }: MeasuredPlan): readonly WorkloadChoice[] {
  return [workload, ...furtherWorkloads];
}

/** What the guest does in a cell. */
export function workloadOf(plan: MeasuredPlan, { workload = 0 }: Pick<PlannedCell, 'workload'>): WorkloadChoice {
  return workloadsOf(plan)[workload]!;
}

export const DEFAULT_TIME_BUDGET_MS = 120_000;
/** More rounds than this of a single cell sharpen nothing that a reader would notice. */
export const MOST_ROUNDS = 20;
/** Counts on a model are exact, and so are its times: the second round only shows it. */
export const MODEL_ROUNDS = 2;
export const REFCOUNT_BITS = 16;

/** Cells whose syncs reach no device, whatever the directory. */
export function ignoresSyncs(mode: PlannedCell['hostCacheMode']): boolean {
  return mode === 'unsafe';
}

/** True for a cell whose times are those of the storage under the images. */
export function isReal(cell: PlannedCell): boolean {
  return isForeign(cell) || cell.device === null;
}
