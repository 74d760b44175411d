/** Latencies are sorted while the clock stands still: all of them, where they belong, and in no measured time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createImage, ForwardingFile, MemoryFile } from '../../engine/index.ts';
import { latencyBins } from '../../results/latency-map.ts';
import { LatencyLog } from './latency-log.ts';
import { MeasuredClock } from './measured-clock.ts';
import { ObservedFile } from './observed-file.ts';
import { SampleLatencies } from './sample-latencies.ts';

test('work in pauses takes no measured time, and is done after a failure too', () => {
  let nowNs = 1000;
  const clock = new MeasuredClock({ nowNs: () => nowNs, waitUntil() {} });
  const zeros: number[] = [];
  clock.inPauses((zeroNs) => {
    zeros.push(zeroNs);
    nowNs += 1e9;
  });
  clock.run(() => (nowNs += 10));
  const failing = () => {
    nowNs += 5;
    throw new Error('full');
  };
  assert.throws(() => clock.run(failing), /full/);
  assert.equal(clock.wallNs, 15);
  // The second stretch began at 1 000 001 010, when 10 ns had been measured.
  assert.deepEqual(zeros, [1000, 1_000_001_000]);
});

test('a log gives each latency to its series, at its time in measured time', () => {
  const latencies = new SampleLatencies();
  const log = new LatencyLog(latencies);
  log.add('guestFlush', 500_100_000, 3_000_000);
  log.add('deviceRead', 500_200_000, 2000);
  log.add('deviceSync', 500_300_000, 1_000_000);
  log.settle(500_000_000);
  log.settle(0);
  const counts = Object.entries(latencies.histograms).map(([name, { count, sumNs }]) => [name, count, sumNs]);
  assert.deepEqual(
    counts.filter(([, count]) => count !== 0),
    [
      ['guestFlush', 1, 3_000_000],
      ['deviceRead', 1, 2000],
      ['deviceSync', 1, 1_000_000],
    ],
  );
  const map = latencies.map.summary()!;
  assert.deepEqual(Object.keys(map.lanes), ['guest-flush', 'device-sync'], 'reads of the file are in no lane');
  assert.deepEqual([latencyBins(map, 'guest-flush')[0]!.column, latencyBins(map, 'device-sync')[0]!.column], [1, 3]);
});

test('more operations than the log holds, in one stretch, are all counted and all in the map', () => {
  const inner = new MemoryFile();
  createImage(inner, { sizeBytes: 1024 * 1024 });
  const clock = new MeasuredClock();
  const observed = new ObservedFile(new ForwardingFile(inner), clock, false);
  const writes = 20_000;
  const sector = new Uint8Array(512);
  clock.run(() => {
    for (let write = 0; write < writes; write++) observed.file.write(0, sector, 'data');
  });
  const { histograms, map } = observed.latencies;
  assert.equal(histograms.deviceWrite.count, writes);
  assert.equal(
    latencyBins(map.summary()!, 'device-write').reduce((sum, { count }) => sum + count, 0),
    writes,
  );
  assert.ok(Math.abs(observed.deviceNs - histograms.deviceWrite.sumNs) <= writes, 'but for the rounding of each');
});
