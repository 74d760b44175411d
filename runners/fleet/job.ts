/**
 * A job: a plan whose every member is checked, never words of a command line. It comes from a database that many may write to, so it can
 * name no file, no program and no commit; where its images go, the worker decides.
 */
import { z } from 'zod';
import { HOST_CACHE_MODES, policyNames, RESERVE_PREPARATIONS, STAGE_IDS } from '../../engine/index.ts';
import { MOST_REQUESTERS } from '../../workloads/requesters.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { FuzzShardPlan } from '../safety/fuzz/fuzz-shards.ts';
import { SafetyPlan } from '../safety/record/safety-plan.ts';
import { MOST_SHARDS } from '../shards/shard.ts';

const count = z.int().nonnegative();
const word = z.string().max(200);

const shard = z
  .strictObject({ index: z.int().min(1).max(MOST_SHARDS), count: z.int().min(1).max(MOST_SHARDS) })
  .refine(({ index, count: shards }) => index <= shards, 'index is larger than count');
/** Of all shards of one submission. */
const work = z.string().regex(/^[a-z]+-[0-9a-f]{8}$/);
/** Results of another program are not those of this one. */
const program = z.strictObject({
  version: word,
  commit: word.nullable(),
  dirty: z.boolean(),
  changes: word.optional(),
});

/** Whole: what it names is the same in every clone. */
const commit = z.string().regex(/^[0-9a-f]{40,64}$/, 'expected the whole hash of a commit');

/** `trace:FILE` and the like would read files of the worker. */
const workloadName = word.regex(/^[a-z][a-z0-9-]*$/, 'a job names no file');

const cell = {
  id: word,
  hostCacheMode: z.enum(HOST_CACHE_MODES),
  clusterSizeBytes: z
    .int()
    .min(512)
    .max(2 ** 21),
  device: word.regex(/^[\w-]+$/).nullable(),
  requesters: z.int().min(2).max(MOST_REQUESTERS).optional(),
};
const Cell = z.discriminatedUnion('engine', [
  z.strictObject({
    engine: z.literal('cowbench'),
    ...cell,
    policy: z.string().refine((name) => policyNames().includes(name), 'no policy of this program'),
    stage: z.enum(STAGE_IDS).nullable(),
    version: z.union([z.literal(2), z.literal(3)]),
    l2CacheTables: z
      .int()
      .min(1)
      .max(2 ** 24)
      .nullable(),
    refcountCacheTables: z
      .int()
      .min(1)
      .max(2 ** 24),
    reserve: z
      .strictObject({
        maxBytes: z
          .int()
          .min(512)
          .max(2 ** 36)
          .optional(),
        preparation: z.enum(RESERVE_PREPARATIONS).optional(),
      })
      .optional(),
    isReserveProbed: z.boolean().optional(),
    source: z.null(),
  }),
  z.strictObject({ engine: z.literal('raw'), ...cell, raw: z.enum(['sparse', 'falloc', 'zeroes']) }),
]);

const BenchJobPlan = z.strictObject({
  workload: z.strictObject({
    name: workloadName,
    parameters: z.record(word, word),
    seed: count,
    guestFlush: word,
    discard: z.enum(['ignore', 'unmap']),
    limit: count.nullable(),
  }),
  cells: z.array(Cell).min(1).max(1000),
  baselines: z.array(count.nullable()).max(1000),
  rounds: z.union([z.int().min(1).max(10_001), z.strictObject({ timeBudgetMs: z.int().min(1).max(86_400_000) })]),
  pace: word.nullable(),
  crash: z.enum(['quick', 'short', 'none']),
});
export type BenchJobPlan = z.infer<typeof BenchJobPlan>;

const Job = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('safety'), work, program, shard, plan: SafetyPlan }),
  z.strictObject({ kind: z.literal('fuzz'), work, program, shard, plan: FuzzShardPlan }),
  z.strictObject({ kind: z.literal('bench'), work, program, plan: BenchJobPlan }),
  z.strictObject({ kind: z.literal('compare'), work, program, plan: BenchJobPlan, base: commit, head: commit }),
]);
export type Job = z.infer<typeof Job>;

/** Throws UsageError, in one line, for what is no job. */
export function jobOf(data: unknown): Job {
  const parsed = Job.safeParse(data);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UsageError(`no valid job: ${oneLine(`${path.map(String).join('.')}: ${message}`).slice(0, 300)}`);
}

/** The job that `data` is; null where it is none. */
export function parsedJob(data: unknown): Job | null {
  return Job.safeParse(data).data ?? null;
}

/** What people call a job. */
export function jobWords(job: Job): string {
  if (job.kind === 'bench') return `bench ${job.plan.workload.name}, ${job.plan.cells.length} cells`;
  if (job.kind === 'compare')
    return `compare ${job.base.slice(0, 12)} ${job.head.slice(0, 12)}, ${job.plan.workload.name}`;
  return `${job.kind} ${job.shard.index}/${job.shard.count}`;
}
