/** What a bench run is to do, settled: every default filled in, every option checked. */
import type { HostCacheMode } from '../../engine/index.ts';
import type { Cell } from '../../results/record.ts';
import type { CellChoice } from '../sample/job.ts';
import type { WorkloadChoice } from '../workload-choice.ts';

export interface PlannedCell extends CellChoice {
  readonly id: string;
}

export interface BenchPlan {
  readonly workload: WorkloadChoice;
  readonly cells: readonly PlannedCell[];
  /** So many rounds, or as many as fit. */
  readonly rounds: number | { readonly timeBudgetMs: number };
  /** Existing directory for the images; a folder of their own is made in it. */
  readonly directory: string;
  readonly keepImages: boolean;
  /** Root of the record store. */
  readonly recordsRoot: string;
  readonly report: boolean;
  /** The words after `npm run -s cowbench --` that repeat the run. */
  readonly command: readonly string[];
}

export const DEFAULT_TIME_BUDGET_MS = 120_000;
/** More rounds than this sharpen nothing that a reader would notice. */
export const MOST_ROUNDS = 20;
export const REFCOUNT_BITS = 16;

/** The cell of the record before its first sample. */
export function emptyCell(cell: PlannedCell, fileSystemType: string): Cell {
  return {
    id: cell.id,
    engine: 'cowbench',
    policy: { name: cell.policy, stage: cell.stage, parameters: {} },
    hostCacheMode: cell.hostCacheMode,
    image: {
      version: cell.version,
      clusterSizeBytes: cell.clusterSizeBytes,
      refcountBits: REFCOUNT_BITS,
      l2CacheTables: cell.l2CacheTables,
      refcountCacheTables: cell.refcountCacheTables,
      options: {},
    },
    device: { kind: 'real', name: fileSystemType },
    exact: null,
    deterministic: true,
    rounds: [],
    histograms: {},
    fileMap: null,
    cascades: [],
    verification: { content: 'not-run', contentBytes: 0, check: 'not-run', leaks: 0, corruptions: 0 },
    crash: null,
  };
}

/** Cells whose syncs reach no device, whatever the directory. */
export function ignoresSyncs(mode: HostCacheMode): boolean {
  return mode === 'unsafe';
}
