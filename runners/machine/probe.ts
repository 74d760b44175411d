/**
 * What the storage under a directory costs: syncs of a clean file, after overwrites of several sizes, after growth and
 * after filling a hole; durable writes, page-cache calls and device reads. How each is done: `probe-operations.ts`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { MiB, Qcow2Error } from '../../engine/index.ts';
import type { Environment, Histogram } from '../../results/record.ts';
import { seededRandom } from '../../results/statistics-random.ts';
import { creationFailure } from '../console/creation-failure.ts';
import { UsageError } from '../console/errors.ts';
import { type FileSystemFacts, fileSystemOf } from './file-system.ts';
import { openProbeFiles, PROBED, type Probed, ProbeOperations } from './probe-operations.ts';
import { type RealityCheck, syncsLookReal } from './probe-reality.ts';

export { PROBED, type Probed } from './probe-operations.ts';

export interface StorageProbe {
  readonly fileSystem: FileSystemFacts;
  readonly rounds: number;
  /** Null where the file system refuses what would be measured. */
  readonly latencies: Readonly<Record<Probed, Histogram | null>>;
  /** From overwriting 1 MiB and syncing it. */
  readonly writeBytesPerSecond: number;
  readonly reality: RealityCheck;
}

export interface ProbeOptions {
  /** Of the order and the places; 1 by default. */
  readonly seed?: number;
  /** No round is begun after this many milliseconds; 2000 by default. At least one round is made. */
  readonly timeMs?: number;
  /** At most this many rounds; 100 by default. */
  readonly roundsMax?: number;
}

const DEFAULT_TIME_MS = 2000;
const DEFAULT_ROUNDS_MAX = 100;

/** Of the quick look at syncs that every run begins with. */
const SYNC_SAMPLES = 50;

/**
 * Probes `directory` in files of its own, which are removed.
 * @throws UsageError when no file can be written there, or the device is full.
 */
export function probeStorage(directory: string, options: ProbeOptions = {}): StorageProbe {
  const { fileSystem, rounds, latencies } = probed(directory, PROBED, options);
  const megabyte = latencies.syncOverwrite1M!.p50Ns + latencies.cachedWrite1M!.p50Ns;
  return {
    fileSystem,
    rounds,
    latencies,
    writeBytesPerSecond: Math.round((MiB * 1e9) / Math.max(1, megabyte)),
    reality: syncsLookReal(fileSystem, latencies),
  };
}

/** How long a sync of 4 KiB takes in `directory`: the one number that decides what a policy costs. Throws like {@link probeStorage}. */
export function probeSyncs(directory: string): NonNullable<Environment['syncProbe']> {
  const { fileSystem, latencies } = probed(directory, ['syncOverwrite4K'], { roundsMax: SYNC_SAMPLES });
  const { count, p50Ns, p99Ns } = latencies.syncOverwrite4K!;
  return { samples: count, medianNs: p50Ns, p99Ns, looksReal: syncsLookReal(fileSystem, latencies).real };
}

function probed(directory: string, wanted: readonly Probed[], options: ProbeOptions) {
  let work: string;
  let fileSystem: FileSystemFacts;
  try {
    work = fs.mkdtempSync(path.join(directory, 'cowbench-probe-'));
    fileSystem = fileSystemOf(directory);
  } catch (error) {
    throw new UsageError(`cannot write in ${directory}: ${creationFailure(directory, error)}`, { cause: error });
  }
  try {
    return { fileSystem, ...probedIn(work, wanted, options) };
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new UsageError(`cannot probe ${directory}: ${error.message}`, { cause: error });
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function probedIn(work: string, wanted: readonly Probed[], options: ProbeOptions) {
  const files = openProbeFiles(work, wanted);
  try {
    const operations = new ProbeOperations(files, seededRandom(options.seed ?? 1));
    const { timeMs = DEFAULT_TIME_MS, roundsMax = DEFAULT_ROUNDS_MAX } = options;
    const rounds = operations.run(wanted, timeMs, roundsMax);
    return { rounds, latencies: operations.histograms() };
  } finally {
    for (const file of Object.values(files)) file?.close();
  }
}
