/** Does one job, and keeps its result: to do it again, here or elsewhere, leaves the same. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../console/errors.ts';
import { comparisonPlan } from '../measure/commits/compare-plan.ts';
import { isAncestor, type Revision, resolveRevision } from '../measure/commits/git.ts';
import { regressions } from '../measure/commits/regressions.ts';
import { sourceTree } from '../measure/commits/worktrees.ts';
import type { BenchPlan, SessionChoice } from '../measure/plan/plan.ts';
import type { RunFollower } from '../measure/session/display.ts';
import { writeReport } from '../measure/session/present.ts';
import { runBench } from '../measure/session/run-bench.ts';
import { partName, rangeOf } from '../safety/fuzz/fuzz-shards.ts';
import { runFuzz } from '../safety/fuzz/run-fuzz.ts';
import { SafetyWork } from '../safety/record/safety-record.ts';
import { FinishedParts } from '../shards/finished-parts.ts';
import { partText } from '../shards/part-file.ts';
import { shareOf } from '../shards/shard.ts';
import type { Job } from './job.ts';

/** Where a worker puts what it makes. */
export interface Workplace {
  /** Folder of the worker, on the disk that its benchmarks are about. */
  readonly directory: string;
  /** That explorations and fuzzing may keep busy. */
  readonly threads: number;
  keepPart(work: string, shard: number, document: string): Promise<void>;
  /** Keeps a run while it is measured. */
  readonly follower: RunFollower;
  keepRun(runId: string, document: string, report: Uint8Array | null): Promise<void>;
}

type JobOf<Kind extends Job['kind']> = Extract<Job, { kind: Kind }>;

/** One line on what came of it; null where `signal` ended it. What was finished by then is taken up by the next attempt here. */
export async function carryOut(job: Job, place: Workplace, signal: AbortSignal): Promise<string | null> {
  if (job.kind === 'safety') return explore(job, place, signal);
  if (job.kind === 'fuzz') return fuzz(job, place, signal);
  return job.kind === 'bench' ? bench(job, place, signal) : compare(job, place, signal);
}

async function explore(job: JobOf<'safety'>, place: Workplace, signal: AbortSignal): Promise<string | null> {
  const { kind, work: name, program, plan, shard } = job;
  const work = new SafetyWork(plan);
  const file = path.join(place.directory, `${name}-${shard.index}.parts.tmp`);
  const finished = new FinishedParts(file, { program, plan, shard });
  const { threads } = place;
  await work.run({ finished, mine: shareOf(work.names, shard), onPart: () => {}, signal, threads });
  if (signal.aborted) return null;
  await place.keepPart(name, shard.index, partText(shard, { kind, program, plan }, finished.all));
  finished.remove();
  return `${finished.count} parts`;
}

async function fuzz(job: JobOf<'fuzz'>, place: Workplace, signal: AbortSignal): Promise<string | null> {
  const { kind, work: name, program, plan, shard } = job;
  const range = rangeOf(plan, shard);
  const directory = path.join(place.directory, 'fuzz-findings');
  const run = { ...range, seed: plan.seed, jobs: place.threads, directory, signal };
  const result = await runFuzz(run);
  if (signal.aborted) return null;
  await place.keepPart(
    name,
    shard.index,
    partText(shard, { kind, program, plan }, new Map([[partName(range), result]])),
  );
  return `${result.done} images, ${result.defects.length} defects`;
}

const SILENT = { started: () => {}, update: () => {}, stage: () => {}, finished: () => {} };

async function bench({ plan }: JobOf<'bench'>, place: Workplace, signal: AbortSignal): Promise<string | null> {
  return measure({ ...plan, directory: place.directory, session: sessionIn(place, 'bench') }, place, signal);
}

/** Both commits in one interleaved run on this machine: times of two machines say nothing about commits. */
async function compare(job: JobOf<'compare'>, place: Workplace, signal: AbortSignal): Promise<string | null> {
  const [base, head] = [job.base, job.head].map((commit) => sourceTree(ownRevision(commit), () => {}));
  const plan = { ...job.plan, directory: place.directory, session: sessionIn(place, 'compare') };
  return measure(comparisonPlan(plan, base!, head!), place, signal);
}

/** What a worker runs of others is what its own clone has come from. Throws UsageError for another commit. */
function ownRevision(commit: string): Revision {
  const revision = resolveRevision(commit);
  if (isAncestor(commit)) return revision;
  throw new UsageError(
    `commit ${commit.slice(0, 12)} is not in the history of the worker's checkout: it runs no others`,
  );
}

function sessionIn({ directory }: Workplace, command: 'bench' | 'compare'): SessionChoice {
  return {
    ...{ keepImages: false, recordsRoot: path.join(directory, 'runs'), report: true, comparesCounts: false },
    // A run that an earlier attempt began here is continued, each of its samples taken once.
    ...{ resume: true, deviceTraceFile: null, cpuProfile: false, command: ['submit', command] },
  };
}

async function measure(plan: BenchPlan, place: Workplace, signal: AbortSignal): Promise<string | null> {
  const outcome = await runBench(plan, signal, SILENT, place.follower);
  if (outcome.error !== null) throw outcome.error;
  if (signal.aborted) return null;
  const report = await writeReport(outcome);
  const document = fs.readFileSync(outcome.recordFile, 'utf8');
  await place.keepRun(outcome.record.runId, document, report === null ? null : fs.readFileSync(report));
  const worse = regressions(outcome.record.comparisons ?? []);
  return [`run ${outcome.record.runId}`, ...worse.map((line) => `regression: ${line}`)].join('; ');
}
