/** `cowbench doctor`: replays under @clinic/doctor, whose page is linked from the report. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import type { RunRecord } from '../../results/record.ts';
import { writeRecord } from '../../results/store.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { Interruption } from '../console/interruption.ts';
import { IS_INSTALLED } from '../console/project-root.ts';
import type { DoctorFinding } from '../measure/doctor/collect.ts';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { planOf } from '../measure/plan/plan-options.ts';
import { writeReport } from '../measure/session/present.ts';
import { benchDisplay } from '../measure/session/progress.ts';
import { type BenchOutcome, runBench } from '../measure/session/run-bench.ts';
import { fileNameOf } from '../measure/session/sample-jobs.ts';
import { TemporaryImages } from '../measure/session/temporary-images.ts';
import type { SampleJob } from '../sample/job.ts';

/** It always profiles and writes the report, and prints lines for people. */
const REFUSED = ['cpu-prof', 'report', 'format', 'json', 'store'];

export const doctor: CommandModule<object, BenchOptions> = {
  command: 'doctor',
  describe: 'watch event loop, memory and CPU of a replay with Clinic Doctor; the report links its pages',
  builder: (yargs) =>
    withBenchOptions(yargs, REFUSED)
      .default({ rounds: '0', policy: 'writeback' })
      .example('$0 doctor --workload install', 'the recorded installation; runs under 300 ms are too short'),
  handler: async (options) => {
    requireDoctor();
    const plan = planOf(options, hideBin(process.argv));
    if (options.quiet !== true) {
      console.error('expected: each policy is replayed three times: measured, profiled, and watched by Clinic Doctor');
    }
    const interruption = new Interruption();
    const display = benchDisplay(options.quiet === true, false, (line) => console.error(line));
    const outcome = await runBench(
      { ...plan, session: { ...plan.session, cpuProfile: true } },
      interruption.signal,
      display,
    );
    interruption.release();
    if (outcome.error !== null) throw outcome.error;
    if (interruption.exitCode !== null) {
      process.exitCode = interruption.exitCode;
      return;
    }
    examine(plan, outcome);
    writeRecord(outcome.recordFile, outcome.record);
    const reportFile = await writeReport(outcome);
    for (const line of profileLines(outcome.record)) console.log(line);
    console.log(`record: ${outcome.recordFile}\nreport: ${reportFile}`);
  },
};

/** Throws UsageError when the package is not installed: it is large, and only this command needs it. */
function requireDoctor(): void {
  try {
    createRequire(import.meta.url).resolve('@clinic/doctor');
  } catch {
    throw new UsageError(
      `doctor needs the package @clinic/doctor; ${IS_INSTALLED ? 'npm install @clinic/doctor brings' : 'npm ci installs'} it`,
    );
  }
}

/** Makes one page a cell, next to the record, and names it there. */
function examine(plan: BenchPlan, { record, recordFile }: BenchOutcome): void {
  const images = new TemporaryImages(plan.directory, plan.session.keepImages);
  try {
    for (const cell of plan.cells) {
      if (cell.engine !== 'cowbench' || cell.device !== null) continue;
      const imageFile = images.imageFile(cell.id);
      const page = `${recordFile.replace(/\.json$/, '')}.${fileNameOf(cell.id)}.doctor.html`;
      const finding = runDoctor({ imageFile, workload: plan.workload, cell, traced: false }, page);
      images.discard(imageFile);
      const title = `Clinic Doctor on ${cell.id}: ${findingWords(finding)} (a hint, not a verdict)`;
      record.attachments = [...(record.attachments ?? []), { title, file: path.basename(page) }];
      console.log(`doctor: ${findingWords(finding)}: ${page}`);
    }
  } finally {
    images.remove();
  }
}

/** The doctor's categories in words. */
const CATEGORIES: Readonly<Record<string, string>> = {
  none: 'no anomaly',
  data: 'too short a replay to say anything',
  io: 'it waits for input and output',
  gc: 'garbage is collected at length',
  'event-loop': 'the event loop is held up',
  unknown: 'an anomaly of unknown kind',
};

function findingWords({ category, samples }: DoctorFinding): string {
  return `${CATEGORIES[category] ?? oneLine(category)}, ${samples} samples`;
}

function runDoctor(job: SampleJob, page: string): DoctorFinding {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    const jobFile = path.join(folder, 'job.json');
    fs.writeFileSync(jobFile, JSON.stringify(job));
    const { NODE_OPTIONS: _, ...env } = process.env;
    const words = [path.join(import.meta.dirname, '../measure/doctor/collect.ts'), jobFile, path.resolve(page)];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: folder, env, encoding: 'utf8' });
    const last = stdout.trimEnd().split('\n').at(-1) ?? '';
    if (status === 0 && last.startsWith('{')) return JSON.parse(last) as DoctorFinding;
    const reason = stderr.split('\n').find((line) => /error/i.test(line)) ?? `exit code ${status}`;
    throw new UsageError(`Clinic Doctor failed: ${oneLine(reason)}`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Parts of less than this are not shown. */
const LEAST_SHARE = 0.01;

function profileLines({ cells }: RunRecord): string[] {
  return cells.flatMap(({ id, profile = [] }) => [
    `CPU time of ${id}, by part:`,
    ...profile
      .filter(({ share }) => share >= LEAST_SHARE)
      .map(
        ({ part, selfNs, share }) =>
          `  ${(share * 100).toFixed(1).padStart(5)} %  ${(selfNs / 1e6).toFixed(1).padStart(8)} ms  ${part}`,
      ),
  ]);
}
