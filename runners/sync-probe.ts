/** How long a sync takes in a directory: the one number that decides what a policy costs there. */
import fs from 'node:fs';
import path from 'node:path';
import { LatencyHistogram } from '../results/histogram.ts';
import type { Environment } from '../results/record.ts';
import { creationFailure } from './creation-failure.ts';
import { UsageError } from './errors.ts';

const SAMPLES = 50;
const LIMIT_MS = 2000;
const BLOCK_BYTES = 4096;
/** No device with a volatile cache, and no network, answers a flush faster than this. */
const REAL_SYNC_NS = 15_000;

/**
 * Overwrites a block and syncs it, up to {@link SAMPLES} times, in a file of its own in `directory`, which is removed.
 * @throws UsageError when no file can be written there.
 */
export function probeSyncs(directory: string): NonNullable<Environment['syncProbe']> {
  const latencies = new LatencyHistogram();
  const file = path.join(directory, `cowbench-probe-${process.pid}.tmp`);
  try {
    const descriptor = fs.openSync(file, 'wx');
    try {
      overwriteAndSync(descriptor, latencies);
    } finally {
      fs.closeSync(descriptor);
      fs.rmSync(file, { force: true });
    }
  } catch (error) {
    throw new UsageError(`cannot write in ${directory}: ${creationFailure(directory, error)}`, { cause: error });
  }
  const { count, p50Ns, p99Ns } = latencies.summary()!;
  return { samples: count, medianNs: p50Ns, p99Ns, looksReal: p50Ns >= REAL_SYNC_NS };
}

function overwriteAndSync(descriptor: number, latencies: LatencyHistogram): void {
  const block = new Uint8Array(BLOCK_BYTES);
  const overwrite = (fill: number) => fs.writeSync(descriptor, block.fill(fill), 0, BLOCK_BYTES, 0);
  // The first sync also makes the new file durable: not what a run pays for.
  overwrite(0xff);
  fs.fsyncSync(descriptor);
  const endMs = performance.now() + LIMIT_MS;
  for (let sample = 0; sample < SAMPLES && (sample === 0 || performance.now() < endMs); sample++) {
    overwrite(sample);
    const startMs = performance.now();
    fs.fdatasyncSync(descriptor);
    latencies.record((performance.now() - startMs) * 1e6);
  }
}
