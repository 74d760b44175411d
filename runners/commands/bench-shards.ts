/** `cowbench bench --shard` and `--merge`: a share of the cells, and the records of all shares. */
import fs from 'node:fs';
import path from 'node:path';
import { RunRecord } from '../../results/record.ts';
import { recordPath, writeRecord } from '../../results/store.ts';
import { Interruption } from '../console/interruption.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { RESULTS_ROOT } from '../console/project-root.ts';
import { describeSource } from '../machine/source.ts';
import { type BenchOptions, MEASURED_OPTIONS } from '../measure/plan/bench-options.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { BenchShardPlan, benchShardPlan, mergedRuns, partsOf, partValues } from '../measure/session/bench-shards.ts';
import { NO_FOLLOWER } from '../measure/session/display.ts';
import type { BenchOutcome } from '../measure/session/run-bench.ts';
import { checkedValue, mergePartFiles, requireKnownProgram, writePartFile } from '../shards/part-file.ts';
import { type Shard, shareOf } from '../shards/shard.ts';
import { requireDefaults, requireWritable } from '../shards/shard-options.ts';
import { conclude, presentRuns, runOne } from './bench-plans.ts';

const KIND = 'bench';

/** Measures the cells of `shard`; an interrupted share is resumed by the same command. */
export async function benchShard(plans: readonly BenchPlan[], shard: Shard, options: BenchOptions): Promise<void> {
  const program = describeSource();
  requireKnownProgram(program);
  const out = path.resolve(single('out', options.out as OptionText));
  requireWritable(out);
  const plan = benchShardPlan(plans);
  const mine = shareOf(namesOf(plan), shard);
  const recordsRoot = `${out}.shard-${shard.index}-of-${shard.count}.tmp`;
  const values = new Map<string, RunRecord>();
  const outcomes: BenchOutcome[] = [];
  const interruption = new Interruption();
  for (const [run, asked] of plans.entries()) {
    const parts = partsOf(plan).filter((part) => part.run === run && mine.has(part.name));
    if (parts.length === 0) continue;
    const share = new Set(parts.flatMap(({ cells }) => cells));
    const session = { ...asked.session, recordsRoot, resume: true, report: false, share };
    const outcome = await runOne({ ...asked, session }, options.quiet === true, interruption.signal, NO_FOLLOWER);
    outcomes.push(outcome);
    if (outcome.error !== null || interruption.exitCode !== null) break;
    for (const [name, record] of partValues(parts, outcome.record)) values.set(name, record);
  }
  interruption.release();
  if (interruption.exitCode !== null) {
    console.error('interrupted; the same command resumes from there');
    process.exitCode = interruption.exitCode;
    return;
  }
  conclude(outcomes, interruption);
  writePartFile(out, shard, { kind: KIND, program, plan }, values);
  fs.rmSync(recordsRoot, { recursive: true, force: true });
  console.error(`written: ${out}`);
}

/** Keeps and shows what one machine alone would have measured. */
export async function mergeBench(files: readonly string[], options: BenchOptions): Promise<void> {
  requireDefaults(options, MEASURED_OPTIONS, Object.keys(MEASURED_OPTIONS));
  const { plan, parts } = mergePartFiles(files, {
    ...{ kind: KIND, program: describeSource(), plan: BenchShardPlan },
    shareOf: (of, shard) => shareOf(namesOf(of), shard),
  });
  const records = mergedRuns(plan, (name) => checkedValue(name, parts.get(name), RunRecord));
  const root =
    options.out === undefined
      ? path.join(RESULTS_ROOT, 'results/runs')
      : path.resolve(single('out', options.out as OptionText));
  const makers = records.map((record) => async () => {
    const recordFile = recordPath(root, record);
    writeRecord(recordFile, record);
    return { record, recordFile, error: null };
  });
  await presentRuns(makers, options);
}

function namesOf(plan: BenchShardPlan): string[] {
  return partsOf(plan).map(({ name }) => name);
}
