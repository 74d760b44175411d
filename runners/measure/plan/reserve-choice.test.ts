import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import yargs from 'yargs';
import type { StorageProbe } from '../../machine/probe.ts';
import { requireReserveRoom } from '../../machine/reserve-room.ts';
import { withBenchOptions } from './bench-options.ts';
import type { BenchPlan } from './plan.ts';
import { planOf } from './plan-options.ts';
import { withPreparedReserves, zeroesPay } from './reserve-choice.ts';

function plan(...words: string[]): BenchPlan {
  return planOf(withBenchOptions(yargs(words)).parseSync(), ['bench', ...words]);
}

/** A storage on which a sync takes so long in microseconds, and that writes a mebibyte in one millisecond. */
function storage(syncHoleUs: number, syncOverwriteUs: number): StorageProbe {
  const latency = (p50Us: number) => ({ p50Ns: p50Us * 1000 });
  const latencies = { syncHole: latency(syncHoleUs), syncOverwrite4K: latency(syncOverwriteUs) };
  return { latencies, writeBytesPerSecond: 2 ** 20 * 1000 } as unknown as StorageProbe;
}

const cellsOf = ({ cells }: BenchPlan) => cells.map((cell) => [cell.id, 'reserve' in cell ? cell.reserve : undefined]);
const never = () => assert.fail('nothing is to be probed');

test('a reserve is an axis of the policies that have one', () => {
  assert.deepEqual(cellsOf(plan('-p', 'ordered,reserve')), [
    ['ordered', undefined],
    ['reserve', undefined],
  ]);
  assert.deepEqual(cellsOf(plan('-p', 'ordered,reserve', '--preparation', 'hole,zeroes', '--reserve', '1M')), [
    ['ordered', undefined],
    ['reserve/hole/1M', { maxBytes: 2 ** 20, preparation: 'hole' }],
    ['reserve/zeroes/1M', { maxBytes: 2 ** 20, preparation: 'zeroes' }],
  ]);
  assert.deepEqual(cellsOf(plan('-p', 'reserve', '--reserve', '4M,64M')), [
    ['reserve/4M', { maxBytes: 2 ** 22 }],
    ['reserve/64M', { maxBytes: 2 ** 26 }],
  ]);
});

test('what makes no sense is one line', () => {
  for (const [pattern, ...words] of [
    [/^--reserve: policy ordered has no reserve; reserve has$/, '-p', 'ordered', '--reserve', '1M'],
    [
      /^--preparation: no policy of this run has a reserve; reserve has$/,
      '-p',
      'legacy,modern',
      '--preparation',
      'hole',
    ],
    [/^--preparation: unknown preparation "zeros".* zeroes/, '-p', 'reserve', '--preparation', 'zeros'],
    [/^--reserve "0": expected a size/, '-p', 'reserve', '--reserve', '0'],
    [/^--reserve: no policy of this run has a reserve/, '--engine', 'raw', '--reserve', '1M'],
  ] as const)
    assert.throws(() => plan(...words), { message: pattern });
  const prepared = (...words: string[]) => withPreparedReserves(plan('-p', 'reserve', ...words), os.tmpdir(), never);
  assert.throws(() => prepared('--reserve', '255K'), {
    message: '--reserve: 261120 bytes are fewer than 4 clusters of 65536 (262144 bytes), the least that a reserve has',
  });
  assert.equal(prepared('--reserve', '256K').cells.length, 1);
  assert.throws(() => requireReserveRoom(os.tmpdir(), { maxBytes: Number.MAX_SAFE_INTEGER }), {
    message: /^--reserve: 8589934591 MiB are asked for, and \d+ MiB are free in /,
  });
  assert.throws(() => requireReserveRoom('/nowhere', { maxBytes: 1 }), { message: /^--reserve: \/nowhere: ENOENT/ });
});

test('what the trial of a file system makes is removed', (context) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  context.after(() => fs.rmSync(folder, { recursive: true }));
  requireReserveRoom(folder, { preparation: 'fallocate', maxBytes: 512 });
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('the probe chooses zeroes where a sync saves more than a cluster of zeros costs', () => {
  // 64 KiB take 62.5 microseconds.
  assert.equal(zeroesPay(storage(200, 100), 65_536), true);
  assert.equal(zeroesPay(storage(160, 100), 65_536), false);
  assert.equal(zeroesPay(storage(160, 100), 4096), true);
  const probed = (probe: () => StorageProbe, ...words: string[]) =>
    cellsOf(withPreparedReserves(plan('-p', 'reserve', '--preparation', 'probe', ...words), os.tmpdir(), probe));
  assert.deepEqual(
    probed(() => storage(160, 100), '--cluster-size', '4k,64k'),
    [
      ['reserve/probe:zeroes, cluster 4k', { preparation: 'zeroes' }],
      ['reserve/probe:hole, cluster 64k', { preparation: 'hole' }],
    ],
  );
  assert.deepEqual(probed(never, '--device', 'model:nvme-plp'), [['reserve/probe:hole', { preparation: 'hole' }]]);
});
