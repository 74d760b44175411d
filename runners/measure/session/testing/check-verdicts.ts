/**
 * The rate of wrong verdicts on engine time on this machine. Each round of one real run measures the same code three times, and a fourth
 * time slowed by about 5 % of its engine time; a thousand runs are drawn from its rounds. Six minutes on a quiet machine.
 *
 *     npm run verdicts:check -- [--dir DIR] [--rounds N] [--write]
 *
 * Exit code 0: identical code is called changed in at most 1 %, and the slower code is found in at least 95 %; 1: it is not.
 * `--write` keeps the rounds for the simulation in the tests.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import yargs from 'yargs';
import type { PairedComparison } from '../../../../results/comparison.ts';
import { spanRatio } from '../../../../results/engine-spans.ts';
import type { Cell, Round, RunRecord } from '../../../../results/record.ts';
import { median } from '../../../../results/statistics.ts';
import { drawnVerdicts, type MeasuredRound } from '../../../../results/testing/drawn-runs.ts';
import { loadPlugin } from '../../../plugins/plugins.ts';
import { withBenchOptions } from '../../plan/bench-options.ts';
import type { BenchPlan } from '../../plan/plan.ts';
import { planOf } from '../../plan/plan-options.ts';
import { benchDisplay } from '../progress.ts';
import { runBench } from '../run-bench.ts';
import { writeSlowerPolicy } from './slower-policy.ts';

const DRAWN = 1000;
/** Whole replays are noisier, so that drawn runs are long. */
const DRAWN_OF_SUMS = 200;
const PLANTED = 0.05;
const LONG_SPIN_NS = 5000;
const CALIBRATING_ROUNDS = 12;
const NOISE_FILE = path.join(import.meta.dirname, '../../../../results/testing/engine-noise.json');

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: '.' },
    rounds: { type: 'string', default: '80' },
    write: { type: 'boolean', default: false },
  },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-verdicts-'));
try {
  // What it takes to call the slower code at all is part of the 5 %.
  const none = plantedIn(await measured('slower-without', 0, CALIBRATING_ROUNDS));
  const long = plantedIn(await measured('slower-long', LONG_SPIN_NS, CALIBRATING_ROUNDS));
  const spinNs = Math.max(0, (LONG_SPIN_NS * (PLANTED - none)) / Math.max(0.01, long - none));
  console.log(`each declared order takes ${Math.round(spinNs)} ns longer`);
  const rounds = await measured('slower', spinNs, Number(values.rounds));
  const spans = rounds.map(({ spans: logs }) => ({ logs }));
  const sums = rounds.map(({ sums: logs }) => ({ logs }));
  console.log(
    `\n${'engine time'.padEnd(22)}${'identical code: changed'.padEnd(26)}5 % added: found   slower code: found`,
  );
  const [wrong, , found] = line('by request', spans, DRAWN);
  line('of whole replays', sums, DRAWN_OF_SUMS);
  console.log(`\nthe slower code takes ${(100 * plantedIn(rounds)).toFixed(1)} % more engine time`);
  if (values.write) write(rounds);
  if (wrong! > 0.01 || found! < 0.95) process.exitCode = 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

/** Prints and returns the shares of wrong and right verdicts. */
function line(name: string, rounds: readonly MeasuredRound[], drawn: number): number[] {
  const shareChanged = (runs: readonly PairedComparison[]) =>
    runs.filter(({ verdict }) => verdict === 'changed').length / runs.length;
  const shares = [{ effect: 1 }, { effect: 1 + PLANTED }, { variant: 3 }].map((candidate, stream) =>
    shareChanged(drawnVerdicts(rounds, candidate, drawn, stream)),
  );
  const [wrong, added, slower] = shares.map((share) => `${(100 * share).toFixed(1)} %`) as [string, string, string];
  console.log(`${name.padEnd(22)}${wrong.padEnd(26)}${added.padEnd(19)}${slower}`);
  return shares;
}

/** The share of engine time that the slower code takes on top. */
function plantedIn(rounds: readonly ComparedRound[]): number {
  return Math.expm1(median(rounds.flatMap(({ spans }) => [0, 1, 2].map((base) => spans[base]![3]!))));
}

interface ComparedRound {
  /** Logarithms of variant j over variant i. */
  readonly spans: readonly (readonly number[])[];
  readonly sums: readonly (readonly number[])[];
}

/** The rounds of a real run with the same code three times, and with the slower code. */
async function measured(name: string, spinNs: number, count: number): Promise<ComparedRound[]> {
  const slower = writeSlowerPolicy(folder, name, spinNs);
  await loadPlugin('policy', slower.file);
  const words = ['bench', '--workload', 'install-burst', '--data', '16M', '--policy', `modern,${name}`];
  const where = ['--rounds', String(count), '--crash', 'none', '--dir', values.dir, '--out', folder];
  const plan = planOf(withBenchOptions(yargs([...words.slice(1), ...where])).parseSync(), [...words, ...where]);
  const [own, slow] = plan.cells;
  const cells = [own!, { ...own!, id: 'modern again' }, slow!];
  const compared: BenchPlan = { ...plan, cells, baselines: [null, 0, 0] };
  const display = benchDisplay(false, process.stderr.isTTY, (text) => console.error(text));
  const { record, error } = await runBench(compared, new AbortController().signal, display);
  if (error !== null) throw error;
  return comparedRounds(record);
}

function comparedRounds({ cells }: RunRecord): ComparedRound[] {
  const [base, again, slower] = cells as [Cell, Cell, Cell];
  const variants = [base.rounds, base.control!, again.rounds, slower.rounds];
  return base.control!.map(({ index }) => {
    const round = variants.map((rounds) => rounds.find((one) => one.index === index)!);
    const pairs = (log: (one: Round, other: Round) => number) =>
      round.map((one) => round.map((other) => log(one, other)));
    return {
      spans: pairs((one, other) => Math.log(spanRatio(one, other)!)),
      sums: pairs((one, other) => Math.log(engineNs(other) / engineNs(one))),
    };
  });
}

function engineNs({ wallNs, deviceNs: { read, write, sync } }: Round): number {
  return wallNs - read - write - sync;
}

/** Of the variants of the same code only, in steps of 0.001 %. */
function write(rounds: readonly ComparedRound[]): void {
  const short = (logs: readonly (readonly number[])[]) =>
    logs.slice(0, 3).map((row) => row.slice(0, 3).map((log) => Math.round(log * 1e5)));
  const text = rounds.map(({ spans, sums }) => `  ${JSON.stringify({ spans: short(spans), sums: short(sums) })}`);
  fs.writeFileSync(NOISE_FILE, `[\n${text.join(',\n')}\n]\n`);
}
