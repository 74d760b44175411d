/** When a sample was slow: on a disk that stalls at known times, and in whole samples, whose histograms count the same. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  createImage,
  DEFAULT_HOST,
  ForwardingFile,
  MemoryFile,
  MODELLED_DEVICES,
  openImage,
} from '../../engine/index.ts';
import { latencyBins, latencyBoundNs } from '../../results/latency-map.ts';
import type { LatencyLane, LatencyMap, LatencySeries } from '../../results/record.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';
import { temporaryFolder } from '../testing/command.ts';
import type { SampleJob } from './job.ts';
import { measure } from './measure.ts';
import { MeasuredClock } from './measured-clock.ts';
import { ObservedFile } from './observed-file.ts';
import { Pacer } from './pace.ts';
import { Replay } from './replay.ts';
import { preparedRequest } from './slices.ts';
import { virtualTime } from './time-source.ts';

const MS = 1e6;
const DISK_BYTES = 64 * 1024 * 1024;

/** A disk in virtual time: a write takes 0.1 ms, a sync 2 ms; one that begins from 300 to 340 ms takes 70 ms. */
class StallingFile extends ForwardingFile {
  readonly time = virtualTime(this);
  #busyNs = 0;

  elapsedNs(): number {
    return this.#busyNs;
  }

  override write(...words: Parameters<ForwardingFile['write']>): void {
    super.write(...words);
    this.#busyNs += 0.1 * MS;
  }

  override sync(...words: Parameters<ForwardingFile['sync']>): void {
    super.sync(...words);
    const nowNs = this.time.nowNs();
    this.#busyNs += nowNs >= 300 * MS && nowNs < 340 * MS ? 70 * MS : 2 * MS;
  }
}

/** Overwrites one cluster and flushes, again and again, and says when. */
function replayed(pairs: number, requestsPerSecond?: number) {
  const memory = new MemoryFile();
  createImage(memory, { sizeBytes: DISK_BYTES });
  const file = new StallingFile(memory);
  const { time } = file;
  const clock = new MeasuredClock(time);
  const observed = new ObservedFile(file, clock, false);
  const pacer = requestsPerSecond === undefined ? null : new Pacer({ requestsPerSecond }, clock);
  const run = new Replay(observed, () => openImage(observed.file, { policy: 'writeback' }), { time, pacer });
  const bytes = new Uint8Array(512);
  clock.run(() => run.open());
  for (let pair = 0; pair < pairs; pair++) {
    const slice = [
      preparedRequest({ op: 'write', offset: 0, length: 512 }, 2 * pair, bytes),
      preparedRequest({ op: 'flush' }, 2 * pair + 1, bytes),
    ];
    clock.run(() => run.serve(slice));
  }
  clock.run(() => run.close());
  return { map: observed.latencies.map.summary()!, histograms: observed.latencies.histograms };
}

/** Spans of time in which a lane has latencies of at least `leastNs`, in milliseconds, with their count. */
function slowColumns(map: LatencyMap, lane: LatencyLane, leastNs: number): [fromMs: number, count: number][] {
  return latencyBins(map, lane)
    .filter(({ row }) => latencyBoundNs(map, row + 1) > leastNs)
    .map(({ column, count }) => [(column * map.columnNs) / MS, count]);
}

function total(map: LatencyMap | null | undefined, lane: LatencyLane): number {
  return map == null ? 0 : latencyBins(map, lane).reduce((sum, { count }) => sum + count, 0);
}

test('a stall of the disk stands where it was: in the syncs and in the flushes that waited for them', () => {
  const { map, histograms } = replayed(400);
  for (const lane of ['device-sync', 'guest-flush'] as const) {
    const slow = slowColumns(map, lane, 70 * MS);
    // One sync begins in the stall and outlasts it; a flush begins a few syncs before its last.
    assert.deepEqual(
      slow.map(([, count]) => count),
      [1],
      lane,
    );
    const [[fromMs]] = slow as [[number, number]];
    assert.ok(fromMs > 290 - map.columnNs / MS && fromMs <= 302, `${lane}: from ${fromMs} ms`);
  }
  assert.deepEqual(slowColumns(map, 'device-write', 1 * MS), []);
  assert.equal(total(map, 'device-write'), histograms.deviceWrite.count);
  assert.equal(total(map, 'device-sync'), histograms.deviceSync.count);
  assert.equal(total(map, 'guest-flush'), histograms.guestFlush.count);
  assert.equal(total(map, 'guest-request'), histograms.guestWrite.count);
});

test('at a pace, requests that waited behind the stall stand where they were due', () => {
  // One request every 5 ms, a pair served in 6.1 ms: what is due during the stall waits for its end.
  const { map } = replayed(100, 200);
  const slow = slowColumns(map, 'guest-request', 20 * MS);
  const columnMs = map.columnNs / MS;
  // Sent only after the stall, from about 370 ms on.
  assert.ok(slow[0]![0] < 330, `slow from ${slow[0]}`);
  assert.ok(slow.length >= 8, `${slow.length} columns`);
  assert.ok(
    slow.every(([fromMs]) => fromMs > 300 - columnMs && fromMs < 480),
    slow.join(' '),
  );
  // Each stands in a column of its own, 10 ms after the one before, though all were served after the stall.
  assert.ok(slow.every(([, count]) => count <= Math.ceil(columnMs / 10)));
});

const SERIES_OF: Record<LatencyLane, readonly LatencySeries[]> = {
  'guest-request': ['guestRead', 'guestWrite', 'guestOther'],
  'guest-flush': ['guestFlush'],
  'device-sync': ['deviceSync'],
  'device-write': ['deviceWrite'],
};

function assertSameTotals({ latencyMap, histograms }: SampleResult): void {
  for (const [lane, series] of Object.entries(SERIES_OF) as [LatencyLane, readonly LatencySeries[]][]) {
    const counted = series.reduce((sum, name) => sum + (histograms[name]?.count ?? 0), 0);
    assert.equal(total(latencyMap, lane), counted, lane);
    assert.ok(counted > 0, `${lane} occurs`);
  }
}

for (const pace of [undefined, '20000']) {
  test(`every latency of a sample is in one bin${pace === undefined ? '' : ', also at a pace'}`, async () => {
    const folder = temporaryFolder();
    try {
      const cell = { version: 3, clusterSizeBytes: 65536, l2CacheTables: 16, refcountCacheTables: 4 } as const;
      const job: SampleJob = {
        imageFile: path.join(folder, 'sample.qcow2'),
        workload: {
          name: 'install-burst',
          parameters: { data: '4M' },
          seed: 1,
          guestFlush: 'recorded',
          discard: 'ignore',
          limit: null,
        },
        cell: { ...cell, policy: 'legacy', stage: 'S0', hostCacheMode: 'writeback' },
        traced: false,
        device: { device: MODELLED_DEVICES[0]!, host: DEFAULT_HOST },
        ...(pace !== undefined && { pace }),
      };
      assertSameTotals(await measure(job, async () => {}));
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
}
