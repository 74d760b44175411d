/**
 * Benchmarks in shards. Counts and modelled times are the same on every machine, so the cells of such a run are dealt out one by one; a run with
 * times of real storage stays whole, as what is compared is measured on one disk. A part is the record of its cells.
 */

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { RunRecord } from '../../../results/record.ts';
import { UsageError } from '../../console/errors.ts';
import { type BenchPlan, isReal } from '../plan/plan.ts';
import { conclude } from './conclude.ts';

const label = z.string().max(4096);
const MOST_RUNS = 1000;

/** What all shards agree on: of each run, what decides its content. */
export const BenchShardPlan = z.strictObject({
  runs: z
    .array(
      z
        .strictObject({
          /** Digest of all that is asked for. */
          asked: z.string().regex(/^[0-9a-f]{64}$/),
          cells: z.array(label).min(1).max(MOST_RUNS),
          baselines: z.array(z.int().nonnegative().nullable()).max(MOST_RUNS),
          ending: z.enum(['fixed', 'looks']),
          /** Its cells may be measured anywhere. */
          isSplit: z.boolean(),
        })
        .refine(({ cells, baselines }) => cells.length === baselines.length, 'not one baseline for each cell'),
    )
    .min(1)
    .max(MOST_RUNS),
});
export type BenchShardPlan = z.infer<typeof BenchShardPlan>;
type ShardedRun = BenchShardPlan['runs'][number];

/** Throws UsageError for runs that cannot be split at all. */
export function benchShardPlan(plans: readonly BenchPlan[]): BenchShardPlan {
  const runs = plans.map((plan): ShardedRun => {
    const { workload, furtherWorkloads, cells, baselines, rounds, pace, crash, session } = plan;
    const isSplit = isExact(plan);
    if (isSplit && typeof rounds !== 'number')
      throw new UsageError('--time-budget: each shard would take another number of rounds: --rounds says how many');
    if (session.cpuProfile || session.deviceTraceFile !== null)
      throw new UsageError(`--${session.cpuProfile ? 'cpu-prof' : 'export-device-trace'}: not with --shard`);
    const asked = JSON.stringify({ workload, furtherWorkloads, cells, baselines, rounds, pace, crash });
    return {
      asked: createHash('sha256').update(asked).digest('hex'),
      cells: cells.map(({ id }) => id),
      baselines: [...baselines],
      ending: typeof rounds === 'number' ? 'fixed' : 'looks',
      isSplit,
    };
  });
  if (partsOf({ runs }).length > 1) return { runs };
  throw new UsageError(
    `--shard: this is one run on real storage, and what is compared is measured on one machine; counts (--rounds 0), modelled devices (--device model:nvme-plp) and sweeps of several runs can be split`,
  );
}

/** What is measured is the same on every machine: counts, or virtual time on a device that is known by name. */
function isExact({ cells, rounds }: BenchPlan): boolean {
  return cells.every((cell) => {
    if (cell.engine === 'cowbench' && cell.isReserveProbed === true) return false;
    if (isReal(cell)) return rounds === 1 && (cell.engine === 'cowbench' || cell.engine === 'raw');
    return (cell.engine === 'cowbench' || cell.engine === 'raw') && cell.device !== 'probed';
  });
}

interface Part {
  readonly name: string;
  /** Index of the run. */
  readonly run: number;
  /** Indices of its cells. */
  readonly cells: readonly number[];
}

export function partsOf({ runs }: BenchShardPlan): Part[] {
  return runs.flatMap(({ cells, isSplit }, run): Part[] => {
    if (!isSplit) return [{ name: `run ${run + 1}`, run, cells: [...cells.keys()] }];
    return cells.map((id, cell) => ({ name: `run ${run + 1}, ${id}`, run, cells: [cell] }));
  });
}

/** The parts that `record`, of a run of which `mine` was measured, is. */
export function partValues(parts: readonly Part[], record: RunRecord): Map<string, RunRecord> {
  return new Map(
    parts.map(({ name, cells }) => [name, { ...record, cells: cells.map((cell) => record.cells[cell]!) }]),
  );
}

/** The records that one machine would have made. @throws UsageError naming the part that does not fit. */
export function mergedRuns(plan: BenchShardPlan, read: (name: string) => RunRecord): RunRecord[] {
  const parts = Map.groupBy(partsOf(plan), ({ run }) => run);
  return plan.runs.map((run, index) => {
    const records = parts.get(index)!.map(({ name, cells }) => {
      const record = read(name);
      requireCells(
        name,
        record,
        cells.map((cell) => run.cells[cell]!),
      );
      return { name, record };
    });
    const [first, ...others] = records;
    const other = others.find(({ record }) => !isOneRun(record, first!.record));
    if (other !== undefined)
      throw new UsageError(`--merge: parts "${first!.name}" and "${other.name}" are of different inputs`);
    return joined(
      run,
      records.map(({ record }) => record),
    );
  });
}

function requireCells(name: string, { cells, status }: RunRecord, ids: readonly string[]): void {
  if (status !== 'complete') throw new UsageError(`--merge: part "${name}": its run is not complete`);
  if (
    isDeepStrictEqual(
      cells.map(({ id }) => id),
      ids,
    ) &&
    cells.every(({ exact }) => exact !== null)
  )
    return;
  throw new UsageError(`--merge: part "${name}": its cells are not those that were asked for, or not measured`);
}

/** The hash covers the content of traces and plug-ins as well. */
function isOneRun(one: RunRecord, other: RunRecord): boolean {
  return one.plan === other.plan && isDeepStrictEqual(one.source, other.source);
}

/** `records` are of one cell each, or one of all of them. */
function joined({ baselines, ending }: ShardedRun, records: readonly RunRecord[]): RunRecord {
  const earliest = records.toSorted((one, other) => (one.runId < other.runId ? -1 : 1))[0]!;
  const record = structuredClone(earliest);
  record.cells = records.flatMap(({ cells }) => structuredClone(cells));
  const shards = [...new Map(records.map((one) => [one.runId, one])).values()];
  record.finishedAt = shards
    .map(({ finishedAt }) => finishedAt)
    .toSorted()
    .at(-1)!;
  record.measuringMs = shards.reduce((sum, { measuringMs = 0 }) => sum + measuringMs, 0);
  record.command = withoutShard(record.command);
  record.environment.warnings = warningsOf(shards);
  // Known to those shards only that have measured a cell of the workload.
  for (const [index, workload] of workloadsIn(record).entries()) {
    const known = shards.map((shard) => workloadsIn(shard)[index]?.phases ?? []).find(({ length }) => length > 0);
    if (known !== undefined) workload.phases = structuredClone(known);
  }
  conclude(record, { baselines, ending, comparesCounts: false });
  return record;
}

function workloadsIn({ workload, furtherWorkloads = [] }: RunRecord): RunRecord['workload'][] {
  return [workload, ...furtherWorkloads];
}

function warningsOf(shards: readonly RunRecord[]): string[] {
  const machines = new Set(shards.map(({ environment }) => environment.machine));
  const several = `measured on ${machines.size} machines: counts and modelled times are those of any of them, CPU times are not`;
  const known = shards.flatMap(({ environment }) => environment.warnings);
  return [...new Set([...known, ...(machines.size > 1 ? [several] : [])])];
}

/** What repeats the whole run. */
function withoutShard(words: readonly string[]): string[] {
  const isOurs = (word: string | undefined) => word !== undefined && /^--(?:shard|out)(?:=|$)/.test(word);
  return words.filter((word, index) => {
    const before = words[index - 1];
    return !isOurs(word) && !(isOurs(before) && !before!.includes('='));
  });
}
