/**
 * What the storage under a directory costs: syncs of a clean file, after overwrites of several sizes, after growth and
 * after filling a hole; durable writes, page-cache calls and device reads. All through the engine's own files, so that
 * it measures what a run will do.
 *
 * All kinds of operation are measured in turn, in shuffled order, round after round: a machine that slows down during
 * the probe slows all of them alike.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type BlockFile, KiB, MiB, nowNs, openFile, Qcow2Error } from '../engine/index.ts';
import { LatencyHistogram } from '../results/histogram.ts';
import type { Histogram } from '../results/record.ts';
import { type SeededRandom, seededRandom, shuffle } from '../results/statistics-random.ts';
import { creationFailure } from './creation-failure.ts';
import { UsageError } from './errors.ts';
import { type FileSystemFacts, fileSystemOf } from './file-system.ts';
import { type RealityCheck, syncsLookReal } from './probe-reality.ts';

/** What is measured; `sync...` is the sync alone, without the writes before it. */
export const PROBED = [
  /** Nothing was written since the last sync. */
  'syncClean',
  'syncOverwrite4K',
  'syncOverwrite64K',
  'syncOverwrite1M',
  /** 16 blocks of 4 KiB, apart from each other. */
  'syncScattered',
  /** 4 KiB behind the end of the file. */
  'syncAppend',
  /** 4 KiB in a hole: the file keeps its size but needs space. */
  'syncHole',
  /** 4 KiB through a descriptor opened O_DSYNC. */
  'durableWrite',
  /** Into and from the page cache. */
  'cachedWrite4K',
  'cachedWrite1M',
  'cachedRead4K',
  /** Past the page cache (O_DIRECT), where the file system allows it. */
  'deviceRead4K',
  'deviceRead1M',
] as const;
export type Probed = (typeof PROBED)[number];

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

const BLOCK_BYTES = 4 * KiB;
const SCATTERED_BLOCKS = 16;
/** Written once, so that it has its place on the device, and overwritten from then on. */
const AREA_BYTES = 8 * MiB;
/** Room for a hole at every second block of as many rounds as there may be. */
const SPARSE_BYTES = 64 * MiB;
const DEFAULT_TIME_MS = 2000;
const DEFAULT_ROUNDS_MAX = 100;

/**
 * Probes `directory` in files of its own, which are removed.
 * @throws UsageError when no file can be written there, or the device is full.
 */
export function probeStorage(directory: string, options: ProbeOptions = {}): StorageProbe {
  let work: string;
  let fileSystem: FileSystemFacts;
  try {
    work = fs.mkdtempSync(path.join(directory, 'cowbench-probe-'));
    fileSystem = fileSystemOf(directory);
  } catch (error) {
    throw new UsageError(`cannot write in ${directory}: ${creationFailure(directory, error)}`, { cause: error });
  }
  try {
    return probeIn(work, fileSystem, options);
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new UsageError(`cannot probe ${directory}: ${error.message}`, { cause: error });
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function probeIn(work: string, fileSystem: FileSystemFacts, options: ProbeOptions): StorageProbe {
  const random = seededRandom(options.seed ?? 1);
  const files = openFiles(work);
  try {
    const probe = new Probe(files, random);
    const rounds = probe.run(options.timeMs ?? DEFAULT_TIME_MS, options.roundsMax ?? DEFAULT_ROUNDS_MAX);
    const latencies = probe.histograms();
    const megabyte = latencies.syncOverwrite1M!.p50Ns + latencies.cachedWrite1M!.p50Ns;
    return {
      fileSystem,
      rounds,
      latencies,
      writeBytesPerSecond: Math.round((MiB * 1e9) / Math.max(1, megabyte)),
      reality: syncsLookReal(fileSystem, latencies),
    };
  } finally {
    for (const file of Object.values(files)) file?.close();
  }
}

interface ProbeFiles {
  readonly area: BlockFile;
  readonly durable: BlockFile;
  readonly sparse: BlockFile;
  readonly growing: BlockFile;
  /** Null where O_DIRECT is refused. */
  readonly direct: BlockFile | null;
}

function openFiles(work: string): ProbeFiles {
  const at = (name: string) => path.join(work, name);
  const opened: BlockFile[] = [];
  const open = (...words: Parameters<typeof openFile>): BlockFile => {
    const file = openFile(...words);
    opened.push(file);
    return file;
  };
  try {
    const area = open(at('area'), { create: true });
    for (let offset = 0; offset < AREA_BYTES; offset += MiB) area.write(offset, noise(MiB, offset), 'data');
    area.sync('other');
    const sparse = open(at('sparse'), { create: true });
    sparse.truncate(SPARSE_BYTES);
    sparse.sync('other');
    const growing = open(at('growing'), { create: true });
    growing.sync('other');
    const durable = open(at('area'), { mode: 'writethrough' });
    return { area, sparse, growing, durable, direct: openDirect(at('area')) };
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
}

function openDirect(filePath: string): BlockFile | null {
  try {
    const file = openFile(filePath, { mode: 'none', readOnly: true });
    file.read(0, new Uint8Array(BLOCK_BYTES), 'data');
    return file;
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'UNSUPPORTED') return null;
    throw error;
  }
}

/** Bytes that no device can compress or recognise as equal to others. */
function noise(lengthBytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed, 7);
  const words = Uint32Array.from({ length: lengthBytes / 4 }, () => Math.floor(random.next() * 2 ** 32));
  return new Uint8Array(words.buffer);
}

class Probe {
  readonly #files: ProbeFiles;
  readonly #random: SeededRandom;
  readonly #latencies = Object.fromEntries(PROBED.map((name) => [name, new LatencyHistogram()])) as Record<
    Probed,
    LatencyHistogram
  >;
  readonly #block = noise(BLOCK_BYTES, 1);
  readonly #megabyte = noise(MiB, 2);
  #hole = 0;

  constructor(files: ProbeFiles, random: SeededRandom) {
    this.#files = files;
    this.#random = random;
  }

  /** Returns the number of rounds made. */
  run(timeMs: number, roundsMax: number): number {
    const steps = [
      () => this.#clean(),
      () => this.#overwrite('syncOverwrite4K', BLOCK_BYTES, 'cachedWrite4K'),
      () => this.#overwrite('syncOverwrite64K', 64 * KiB, null),
      () => this.#overwrite('syncOverwrite1M', MiB, 'cachedWrite1M'),
      () => this.#scattered(),
      () => this.#append(),
      () => this.#fillHole(),
      () => this.#durableWrite(),
      () => this.#cachedRead(),
      () => this.#deviceReads(),
    ];
    const endNs = nowNs() + timeMs * 1e6;
    let rounds = 0;
    // The first round warms up code and file system, and is forgotten.
    for (const step of steps) step();
    for (const name of PROBED) this.#latencies[name] = new LatencyHistogram();
    do {
      for (const step of shuffle([...steps], this.#random)) step();
      rounds++;
    } while (rounds < roundsMax && nowNs() < endNs);
    return rounds;
  }

  histograms(): Record<Probed, Histogram | null> {
    return Object.fromEntries(PROBED.map((name) => [name, this.#latencies[name].summary()])) as Record<
      Probed,
      Histogram | null
    >;
  }

  #time(name: Probed | null, action: () => void): void {
    const start = nowNs();
    action();
    if (name !== null) this.#latencies[name].record(nowNs() - start);
  }

  #syncOf(name: Probed, file: BlockFile): void {
    this.#time(name, () => file.sync('other'));
  }

  #place(lengthBytes: number): number {
    return this.#random.below(AREA_BYTES / lengthBytes) * lengthBytes;
  }

  #clean(): void {
    this.#files.area.sync('other');
    this.#syncOf('syncClean', this.#files.area);
  }

  #overwrite(name: Probed, lengthBytes: number, writeName: Probed | null): void {
    const { area } = this.#files;
    const place = this.#place(lengthBytes);
    this.#time(writeName, () => area.write(place, this.#megabyte.subarray(0, lengthBytes), 'data'));
    this.#syncOf(name, area);
  }

  #scattered(): void {
    const { area } = this.#files;
    const stride = AREA_BYTES / SCATTERED_BLOCKS;
    // Never the neighbour of another: one free block at least at the end of each stride.
    const place = this.#random.below(stride / BLOCK_BYTES - 1) * BLOCK_BYTES;
    for (let index = 0; index < SCATTERED_BLOCKS; index++) area.write(index * stride + place, this.#block, 'data');
    this.#syncOf('syncScattered', area);
  }

  #append(): void {
    const { growing } = this.#files;
    growing.write(growing.sizeBytes(), this.#block, 'data');
    this.#syncOf('syncAppend', growing);
  }

  #fillHole(): void {
    const { sparse } = this.#files;
    const offset = (this.#hole++ * 2 * BLOCK_BYTES) % SPARSE_BYTES;
    sparse.write(offset, this.#block, 'data');
    this.#syncOf('syncHole', sparse);
  }

  #durableWrite(): void {
    const place = this.#place(BLOCK_BYTES);
    this.#time('durableWrite', () => this.#files.durable.write(place, this.#block, 'data'));
  }

  #cachedRead(): void {
    const { area } = this.#files;
    const place = this.#place(BLOCK_BYTES);
    const into = new Uint8Array(BLOCK_BYTES);
    area.read(place, into, 'data');
    this.#time('cachedRead4K', () => area.read(place, into, 'data'));
  }

  #deviceReads(): void {
    const { direct } = this.#files;
    if (direct === null) return;
    const block = new Uint8Array(BLOCK_BYTES);
    const megabyte = new Uint8Array(MiB);
    const [small, large] = [this.#place(BLOCK_BYTES), this.#place(MiB)];
    this.#time('deviceRead4K', () => direct.read(small, block, 'data'));
    this.#time('deviceRead1M', () => direct.read(large, megabyte, 'data'));
  }
}
