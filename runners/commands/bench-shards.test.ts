/** A benchmark in shards is the record of one machine: what is exact may be split, what is compared by time may not. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { RunRecord } from '../../results/record.ts';
import { readRecord, storedFiles } from '../../results/store.ts';
import { mergedRuns, partsOf, partValues } from '../measure/session/bench-shards.ts';
import { measuredRecord } from '../stores/testing/measured-record.ts';
import { filesBelow, startCowbench, temporaryFolder } from '../testing/command.ts';
import { runCommand } from './command-line.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
const SWEEP = [
  'bench',
  '--workload',
  'overwrite',
  '--span',
  '512K',
  '--writes',
  '8',
  '--guest-flush',
  'recorded,every:2',
];
const MODELLED = ['--engine', 'cowbench,raw', '--policy', 'ordered', '--device', 'model:nvme-plp', '--rounds', '1'];
const SILENT = ['--no-report', '--quiet', '--format', 'comment'];

const bench = (...words: string[]) => runCommand([...SWEEP, ...SILENT, '--dir', folder, ...words]);

/** The one record below `name`, without what differs between two runs of one machine: when, and what the program itself took. */
function recordOf(name: string) {
  const [file, ...others] = storedFiles(at(name));
  assert.equal(others.length, 0);
  const { cells, environment, runId: _, startedAt, finishedAt, measuringMs, command, ...record } = readRecord(file!);
  const { syncProbe, ...machine } = environment;
  const same = cells.map(({ profile, rounds, ...cell }) => ({
    ...cell,
    rounds: rounds.map(({ startedAt: __, userCpuNs, systemCpuNs, peakMemoryBytes, ...round }) => round),
  }));
  return { ...record, machine, cells: same };
}

test('cells on models in two shards, merged in any order, are the record of one machine', async () => {
  await bench(...MODELLED, '--out', at('whole'));
  for (const index of [1, 2]) await bench(...MODELLED, '--shard', `${index}/2`, '--out', at(`part-${index}.json`));
  assert.deepEqual(fs.readdirSync(folder).sort(), ['part-1.json', 'part-2.json', 'whole']);
  const files = [at('part-2.json'), at('part-1.json')];
  const sizes = files.map((file) => JSON.parse(fs.readFileSync(file, 'utf8')).parts.length);
  assert.deepEqual(sizes, [2, 2]);
  await runCommand(['bench', '--merge', ...files, '--out', at('merged'), ...SILENT]);
  const whole = recordOf('whole');
  assert.equal(whole.cells.length, 4);
  assert.ok(whole.cells.every(({ exact, rounds }) => exact !== null && rounds.length === 1));
  assert.ok(
    whole.cells.some(({ rawMultiples }) => rawMultiples !== undefined),
    'what follows from several cells',
  );
  assert.deepEqual(recordOf('merged'), whole);
  const [merged] = storedFiles(at('merged'));
  assert.deepEqual(
    readRecord(merged!).command.filter((word) => /^--(?:shard|out)/.test(word)),
    [],
  );
});

test('times of one disk are not split; a merge has its plan from the files', async () => {
  const shard = ['--shard', '1/2', '--out', at('part.json')];
  await assert.rejects(bench('--policy', 'ordered,modern', '--rounds', '3', ...shard), {
    name: 'UsageError',
    message: /^--shard: this is one run on real storage, and what is compared is measured on one machine; /,
  });
  await assert.rejects(bench(...MODELLED.slice(0, -2), '--time-budget', '5s', ...shard), {
    message: /^--time-budget: each shard would take another number of rounds/,
  });
  await assert.rejects(bench(...MODELLED, '--cpu-prof', ...shard), { message: '--cpu-prof: not with --shard' });
  await assert.rejects(runCommand(['bench', '--merge', at('part.json'), '--policy', 'modern']), {
    message: '--merge takes the plan from its files: leave out --policy',
  });
  assert.deepEqual(fs.readdirSync(folder), []);
});

const run = { asked: 'a'.repeat(64), cells: ['writeback', 'ordered'], baselines: [null, 0], ending: 'fixed' } as const;
const planWith = (isSplit: boolean) => ({
  runs: [{ ...run, cells: [...run.cells], baselines: [...run.baselines], isSplit }],
});

test('a run on real storage is one part; machines are named; parts that do not fit together are refused', () => {
  const whole = planWith(false);
  assert.deepEqual(
    partsOf(whole).map(({ name }) => name),
    ['run 1'],
  );
  const split = planWith(true);
  const parts = partsOf(split);
  assert.deepEqual(
    parts.map(({ name }) => name),
    ['run 1, writeback', 'run 1, ordered'],
  );
  const record = measuredRecord();
  const other = { ...record, runId: `${record.runId}-b`, environment: { ...record.environment, machine: 'other' } };
  const merged = (last: RunRecord) => {
    const values = new Map([...partValues(parts.slice(0, 1), record), ...partValues(parts.slice(1), last)]);
    return mergedRuns(split, (name) => values.get(name)!)[0]!;
  };
  const [{ warnings }] = [merged(other).environment];
  assert.deepEqual(warnings.slice(record.environment.warnings.length), [
    'measured on 2 machines: counts and modelled times are those of any of them, CPU times are not',
  ]);
  assert.deepEqual(merged(record).cells, record.cells);
  const unfit: [Partial<RunRecord>, RegExp][] = [
    [{ plan: 'fedcba9876543210' }, /parts "run 1, writeback" and "run 1, ordered" are of different inputs$/],
    [{ status: 'interrupted' }, /part "run 1, ordered": its run is not complete$/],
    [{ cells: record.cells.toReversed() }, /part "run 1, ordered": its cells are not those that were asked for/],
  ];
  for (const [changes, message] of unfit) assert.throws(() => merged({ ...other, ...changes }), { message });
});

test('an interrupted share is resumed by the same command, and is then what it would have been', async () => {
  const words = [
    ...SWEEP,
    ...SILENT,
    ...MODELLED.slice(0, -1),
    '2',
    '--dir',
    folder,
    '--shard',
    '1/1',
    '--out',
    at('part.json'),
  ];
  const { process: child, finished } = startCowbench(words);
  const lines = () => filesBelow(folder).filter((file) => file.endsWith('.jsonl'));
  const hasSample = () => lines().some((file) => fs.statSync(at(file)).size > 0);
  let isOver = false;
  void finished.then(() => (isOver = true));
  while (!hasSample() && !isOver) await setTimeout(10);
  child.kill('SIGINT');
  const { code, stderr } = await finished;
  assert.deepEqual([code, stderr], [130, 'interrupted; the same command resumes from there\n']);
  assert.equal(fs.existsSync(at('part.json')), false);
  await runCommand(words);
  assert.deepEqual(fs.readdirSync(folder), ['part.json']);
  assert.equal(JSON.parse(fs.readFileSync(at('part.json'), 'utf8')).parts.length, 4);
});
