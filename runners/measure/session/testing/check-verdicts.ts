/**
 * The rate of wrong verdicts on engine time on this machine. Each round of one real run measures the same code three times, and a fourth
 * time slowed by 5 % of its engine time; a thousand runs are drawn from its rounds. Five minutes on a quiet machine.
 *
 *     npm run verdicts:check -- [--dir DIR] [--rounds N] [--write]
 *
 * Exit code 0: identical code is called changed in at most 1 %, what was planted is 4.5 to 5.5 %, and it is found in at least 95 %; 1: it is not.
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
import { MOST_SPANS } from '../../../sample/request-spans.ts';
import { withBenchOptions } from '../../plan/bench-options.ts';
import type { BenchPlan } from '../../plan/plan.ts';
import { planOf } from '../../plan/plan-options.ts';
import { benchDisplay } from '../progress.ts';
import { runBench } from '../run-bench.ts';
import { NO_PLANT, type Plant, type SlowerPolicy, writeSlowerPolicy } from './slower-policy.ts';

const DRAWN = 1000;
/** Whole replays are noisier, so that drawn runs are long. */
const DRAWN_OF_SUMS = 200;
const PLANTED = 0.05;
/** Beyond these the figures would be of another slowdown than they say. */
const PLANTED_WITHIN = [0.045, 0.055] as const;
const CALIBRATING_ROUNDS = 6;
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
  const meant = plantOf(await measured('calibrating', NO_PLANT, CALIBRATING_ROUNDS));
  // What a replay takes between the calls of the disk is not the same while something is planted.
  const came = plantedIn((await measured('trying', meant, CALIBRATING_ROUNDS)).slower, meant);
  const plant = { ...meant, share: (meant.share * PLANTED) / came };
  const { rounds, slower } = await measured('checking', plant, Number(values.rounds));
  const spans = rounds.map(({ spans: logs }) => ({ logs }));
  const sums = rounds.map(({ sums: logs }) => ({ logs }));
  console.log(
    `\n${'engine time'.padEnd(22)}${'identical code: changed'.padEnd(26)}5 % added: found   slower code: found`,
  );
  const [wrong, found, slowerFound] = line('by request', spans, DRAWN);
  line('of whole replays', sums, DRAWN_OF_SUMS);
  const planted = plantedIn(slower, plant);
  console.log(
    `\nplanted: ${percent(planted)} of the engine time of the slower code; measured by request: ${measuredWords(rounds)}`,
  );
  if (values.write) write(rounds);
  const isPlanted = planted >= PLANTED_WITHIN[0] && planted <= PLANTED_WITHIN[1];
  if (!isPlanted || wrong! > 0.01 || found! < 0.95 || slowerFound! < 0.95) process.exitCode = 1;
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

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The difference as the rounds show it, with its standard error: single rounds are noisier than what is planted. */
function measuredWords(rounds: readonly ComparedRound[]): string {
  const logs = rounds.map(({ spans }) => (spans[0]![3]! + spans[1]![3]! + spans[2]![3]!) / 3);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  return `${percent(Math.expm1(mean))} ± ${percent(Math.sqrt(variance / logs.length))}`;
}

/** A span of one replay, in nanoseconds: what the policy saw of its requests, and the engine time that the record has. */
interface Span {
  readonly seenNs: number;
  readonly spunNs: number;
  readonly requests: number;
  readonly recordedNs: number;
}

/** From replays in which nothing was planted; of the median span, since the median span decides. */
function plantOf({ slower }: Measured): Plant {
  const each = (of: (span: Span) => number) => median(slower.map((span) => of(span) / span.requests));
  return {
    share: PLANTED,
    outsideNs: each(({ recordedNs, seenNs, spunNs }) => recordedNs - seenNs - spunNs),
    idleNs: each(({ spunNs }) => spunNs),
  };
}

/** What was added to the engine time of the median span, as a share of the rest of it. */
function plantedIn(spans: readonly Span[], { idleNs }: Plant): number {
  return median(
    spans.map(({ spunNs, requests, recordedNs }) => {
      const addedNs = spunNs - requests * idleNs;
      return addedNs / (recordedNs - addedNs);
    }),
  );
}

/** The spans of all replays that count. */
function spansOf(policy: SlowerPolicy, { rounds }: Cell): Span[] {
  const planted = policy.planted();
  if (planted.length !== rounds.length) throw new Error(`${planted.length} replays of ${rounds.length} were logged`);
  return rounds
    .toSorted((one, other) => one.index - other.index)
    .flatMap(({ engineSpansNs = [], traced }, round) => {
      const { engineNs, spunNs } = planted[round]!;
      // Spans are as long as `RequestSpans` makes them; the first request of the first one is opening the image.
      const length = 2 ** Math.ceil(Math.log2((engineNs.length + 2) / MOST_SPANS));
      return engineSpansNs.slice(traced === true ? engineSpansNs.length : 1).map((recordedNs, index): Span => {
        const own = (of: readonly number[]) => of.slice((index + 1) * length - 1, (index + 2) * length - 1);
        const sum = (of: readonly number[]) => own(of).reduce((total, ns) => total + ns, 0);
        return { seenNs: sum(engineNs), spunNs: sum(spunNs), requests: own(engineNs).length, recordedNs };
      });
    });
}

interface ComparedRound {
  /** Logarithms of variant j over variant i. */
  readonly spans: readonly (readonly number[])[];
  readonly sums: readonly (readonly number[])[];
}

interface Measured {
  readonly rounds: readonly ComparedRound[];
  readonly slower: readonly Span[];
}

/** A real run with the same code three times, and with the slower code. */
async function measured(name: string, plant: Plant, count: number): Promise<Measured> {
  const even = writeSlowerPolicy(folder, `${name}-even`, NO_PLANT);
  const slower = writeSlowerPolicy(folder, `${name}-slower`, plant);
  for (const { file } of [even, slower]) await loadPlugin('policy', file);
  const words = ['bench', '--workload', 'install-burst', '--data', '64M', '--policy', `${even.name},${slower.name}`];
  const where = ['--rounds', String(count), '--crash', 'none', '--dir', values.dir, '--out', folder];
  const plan = planOf(withBenchOptions(yargs([...words.slice(1), ...where])).parseSync(), [...words, ...where]);
  const [own, slow] = plan.cells;
  const cells = [own!, { ...own!, id: 'the same again' }, slow!];
  const compared: BenchPlan = { ...plan, cells, baselines: [null, 0, 0] };
  const display = benchDisplay(false, process.stderr.isTTY, (text) => console.error(text));
  const { record, error } = await runBench(compared, new AbortController().signal, display);
  if (error !== null) throw error;
  return { rounds: comparedRounds(record), slower: spansOf(slower, record.cells[2]!) };
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
