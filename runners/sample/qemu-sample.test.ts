import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { latencyBins } from '../../results/latency-map.ts';
import type { LatencyLane } from '../../results/record.ts';
import { inFolder } from '../qemu/testing/requests.ts';
import { measureQemu, type QemuSampleJob } from './qemu-sample.ts';

function jobIn(folder: string): QemuSampleJob {
  return {
    imageFile: path.join(folder, 'sample.qcow2'),
    workload: {
      name: 'random-write',
      parameters: { span: '16M', writes: '100' },
      seed: 1,
      guestFlush: 'every:20',
      discard: 'ignore',
      limit: null,
    },
    cell: {
      ...{ name: 'qemu', folder: null, hostCacheMode: 'writeback', version: 3, clusterSizeBytes: 65536 },
      ...{ l2CacheTables: null, refcountCacheTables: null },
    },
    traced: true,
  };
}

test('a sample is verified, and its counts repeat to the digit', () =>
  inFolder(async (folder) => {
    const parts = new Set<string>();
    const sample = () => measureQemu(jobIn(folder), async (part) => void parts.add(part));
    const first = await sample();
    const second = await sample();
    assert.deepEqual(second.exact, first.exact);
    assert.equal(first.verification.content, 'equal');
    assert.equal(first.exact.guest.writes, 100);
    assert.equal(first.exact.guest.flushes, 5);
    assert.ok(first.exact.fsyncs >= first.exact.guest.flushes);
    assert.ok(first.exact.writeBytes > first.exact.guest.writeBytes);
    assert.equal(first.histograms.guestWrite?.count, 100);
    assert.equal(first.histograms.guestFlush?.count, 5);
    const map = first.latencyMap!;
    const seen = (lane: LatencyLane) => latencyBins(map, lane).reduce((sum, { count }) => sum + count, 0);
    // What the outside of a program does not show has no lane.
    assert.deepEqual(Object.keys(map.lanes), ['guest-request', 'guest-flush']);
    assert.deepEqual([seen('guest-request'), seen('guest-flush')], [100, 5]);
    assert.ok(first.times.wallNs > 0 && first.times.oneByOneNs! > 0);
    assert.deepEqual([...parts], ['prepare', 'replay', 'verify']);
  }));
