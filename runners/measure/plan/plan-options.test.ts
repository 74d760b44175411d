import assert from 'node:assert/strict';
import { test } from 'node:test';
import yargs from 'yargs';
import { withBenchOptions } from './bench-options.ts';
import type { BenchPlan } from './plan.ts';
import { planOf } from './plan-options.ts';
import { matrixPlan } from './sweep.ts';

function plan(...words: string[]): BenchPlan {
  return planOf(withBenchOptions(yargs(words)).parseSync(), ['bench', ...words]);
}

function refuses(pattern: RegExp, ...words: string[]): void {
  assert.throws(() => plan(...words), pattern);
}

test('without options: the installation; history, today and what is possible; two minutes', () => {
  const { workload, cells, rounds, session } = plan();
  assert.deepEqual(workload, {
    name: 'install',
    parameters: {},
    seed: 1,
    guestFlush: 'recorded',
    discard: 'ignore',
    limit: null,
  });
  assert.deepEqual(
    cells.map((cell) => [cell.id, cell.engine === 'cowbench' && cell.stage, cell.hostCacheMode]),
    [
      ['legacy', 'S0', 'writeback'],
      ['writethrough', 'S4b', 'writethrough'],
      ['writeback', 'S4b', 'writeback'],
      ['modern', null, 'writeback'],
      ['reserve', null, 'writeback'],
    ],
  );
  const [, , last, modern] = cells;
  assert.ok(modern?.engine === 'cowbench');
  assert.equal(modern.l2CacheTables, null, 'as many as the disk needs');
  assert.ok(last?.engine === 'cowbench');
  assert.deepEqual([last.l2CacheTables, last.refcountCacheTables, last.clusterSizeBytes], [16, 4, 65536]);
  assert.deepEqual(rounds, { timeBudgetMs: 120_000 });
  assert.deepEqual(session.command, ['bench']);
});

test('N rounds are N that count: real storage is warmed up by one more, virtual time needs none, and 0 are counts only', () => {
  const rounds = (count: string, ...words: string[]) => plan('--rounds', count, ...words).rounds;
  assert.deepEqual(
    ['0', '1', '3'].map((count) => rounds(count)),
    [1, 2, 4],
  );
  const modelled = ['--device', 'model:nvme-plp'];
  assert.deepEqual(
    ['0', '1', '3'].map((count) => rounds(count, ...modelled)),
    [1, 1, 3],
  );
  assert.equal(rounds('3', '--device', 'real,model:nvme-plp'), 4, 'both take the same rounds');
});

test('policies have aliases; stages alone choose their policies by the host cache mode', () => {
  const ids = (...words: string[]) => plan(...words).cells.map(({ id }) => id);
  assert.deepEqual(ids('--policy', 'wb,WT,s0'), ['writeback', 'writethrough', 'legacy']);
  assert.deepEqual(ids('--policy', 'writeback,wb'), ['writeback']);
  assert.deepEqual(ids('--policy', 'writeback', '--stage', 's1,S4b'), ['writeback/S1', 'writeback']);
  assert.deepEqual(ids('--stage', 'S0,S2', '--cache', 'writeback,writethrough'), [
    'legacy',
    'writeback/S2',
    'legacy/writethrough',
    'writethrough/S2',
  ]);
  assert.deepEqual(ids('--policy', 'writeback', '--cache', 'none,unsafe'), ['writeback/none', 'writeback/unsafe']);
});

test('parameters of the workload come by --param or as options of their own', () => {
  const { workload } = plan('-w', 'install-burst', '--param', 'a=1,b=2', '--data', '8M');
  assert.deepEqual(workload.parameters, { a: '1', b: '2', data: '8M' });
  refuses(/--data is given more than once/, '--param', 'data=1M', '--data', '8M');
});

test('values that make no sense are refused with the option named', () => {
  refuses(/--rounds "-1": expected an integer from 0/, '--rounds=-1');
  refuses(/--limit "-1": expected an integer/, '--limit=-1');
  refuses(/--cluster-size "100": expected a power of two from 512 to 2M/, '--cluster-size', '100');
  refuses(/--guest-flush "every:0": expected recorded, none or every:N/, '--guest-flush', 'every:0');
  refuses(/--image-version "4": expected 2 or 3/, '--image-version', '4');
  refuses(/--discard "keep": expected ignore or unmap/, '--discard', 'keep');
  refuses(/--time-budget "soon": expected a time/, '--time-budget', 'soon');
  refuses(/policy legacy does not exist at stage S2/, '--policy', 'legacy', '--stage', 'S2');
  refuses(/--stage: unknown stage "S5"; /, '--stage', 'S5');
  refuses(/--cache: unknown host cache mode "writebak"; did you mean writeback\?/, '--cache', 'writebak');
  refuses(/--param "data": expected NAME=VALUE/, '--param', 'data');
  refuses(/--policy "a,": expected words separated by commas/, '--policy', 'a,');
  refuses(/--policy is given more than once/, '--policy', 'legacy', '--policy', 'writeback');
});

test('a raw file is one cell for each size that workloads aim at, whatever the tables of images are', () => {
  const ids = (...words: string[]) => plan(...words).cells.map(({ id }) => id);
  assert.deepEqual(ids('--engine', 'raw'), ['raw:sparse']);
  assert.deepEqual(ids('--engine', 'raw,raw:sparse,raw:zeroes,raw:falloc'), ['raw:sparse', 'raw:falloc', 'raw:zeroes']);
  assert.deepEqual(ids('--engine', 'raw', '--cache', 'writeback,none'), ['raw:sparse', 'raw:sparse/none']);
  const swept = ['--cluster-size', '4k,64k', '--l2-cache', '1M,8M', '--device', 'real,model:nvme-plp'];
  assert.deepEqual(ids('--engine', 'raw', ...swept), [
    'raw:sparse, cluster 4k, on real',
    'raw:sparse, cluster 64k, on real',
    'raw:sparse, cluster 4k, on model:nvme-plp',
    'raw:sparse, cluster 64k, on model:nvme-plp',
  ]);
});

test('requesters are an axis of the cells, of those alone that are sent several requests; one is in no cell', () => {
  const cellsOf = (...words: string[]) =>
    plan('-p', 'reserve', ...words).cells.map((cell) => [cell.id, 'requesters' in cell ? cell.requesters : null]);
  assert.deepEqual(cellsOf(), [['reserve', null]]);
  assert.deepEqual(cellsOf('--requesters', '16'), [['reserve', 16]]);
  assert.deepEqual(cellsOf('--requesters', '1,4', '--engine', 'cowbench,raw,nbd:null'), [
    ['reserve, requesters 1', null],
    ['reserve, requesters 4', 4],
    ['protocol, requesters 1', null],
    ['raw:sparse, requesters 1', null],
    ['raw:sparse, requesters 4', 4],
  ]);
  for (const number of ['0', '257', '-1', '1.5', 'many'])
    refuses(/--requesters ".*": expected an integer from 1 to 256/, '--requesters', number);
  refuses(/--pace: not with several --requesters/, '--requesters', '4', '--pace', '100');
  for (const engine of ['qemu', 'nbd:null'])
    refuses(/is sent one request at a time: add 1 to --requesters/, '--requesters', '4', '--engine', engine);
});

test('several workloads and guest flushes make one plan: cells under each, compared within it', () => {
  const words = ['-w', 'overwrite,snapshot', '--guest-flush', 'recorded,none', '-p', 'legacy,writeback'];
  const options = withBenchOptions(yargs(words)).parseSync();
  const { workload, furtherWorkloads, cells, baselines, rounds } = matrixPlan(options, words);
  assert.deepEqual(
    [workload, ...furtherWorkloads!].map(({ name, guestFlush }) => `${name} ${guestFlush}`),
    ['overwrite recorded', 'overwrite none', 'snapshot recorded', 'snapshot none'],
  );
  assert.deepEqual(
    cells.map(({ id, workload: under = 0 }) => `${under} ${id}`),
    [
      ...['0 legacy', '0 writeback'].map((cell) => `${cell}, workload overwrite, flush recorded`),
      ...['1 legacy', '1 writeback'].map((cell) => `${cell}, workload overwrite, flush none`),
      ...['2 legacy', '2 writeback'].map((cell) => `${cell}, workload snapshot, flush recorded`),
      ...['3 legacy', '3 writeback'].map((cell) => `${cell}, workload snapshot, flush none`),
    ],
  );
  assert.deepEqual(baselines, [null, 0, null, 2, null, 4, null, 6]);
  assert.deepEqual(rounds, { timeBudgetMs: 4 * 120_000 }, 'each workload gets its time');
});

test('B5: sizes of a cache below the least are one cell, and its id says what is used', () => {
  const swept = ['-p', 'legacy', '--cluster-size', '64k,1M', '--l2-cache', '64k,1M,4M'];
  assert.deepEqual(
    plan(...swept).cells.map((cell) => [cell.id, 'l2CacheTables' in cell ? cell.l2CacheTables : null]),
    [
      ['legacy, cluster 64k, l2 2 tables', 2],
      ['legacy, cluster 64k, l2 1M', 16],
      ['legacy, cluster 64k, l2 4M', 64],
      ['legacy, cluster 1M, l2 2 tables', 2],
      ['legacy, cluster 1M, l2 4M', 4],
    ],
  );
  const refcounts = ['-p', 'legacy', '--cluster-size', '1M', '--refcount-cache', '64k,256k,4M'];
  const ids = (...words: string[]) => plan(...words).cells.map(({ id }) => id);
  assert.deepEqual(ids(...refcounts), ['legacy, refcounts 1 table', 'legacy, refcounts 4M']);
  const least = ['-p', 'legacy', '--cluster-size', '1M'];
  assert.deepEqual(ids(...least, '--refcount-cache', '64k,1M'), ['legacy, refcounts 1M']);
  assert.deepEqual(ids(...least, '--l2-cache', '64k,2M'), ['legacy, l2 2M']);
});
