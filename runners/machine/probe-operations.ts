/**
 * The operations of the probe, and the files that they work on; see `probe.ts`. All through the engine's own files, so that
 * it measures what a run will do.
 *
 * All kinds of operation are measured in turn, in shuffled order, round after round: a machine that slows down during
 * the probe slows all of them alike.
 */
import path from 'node:path';
import { type BlockFile, KiB, MiB, nowNs, openFile, Qcow2Error } from '../../engine/index.ts';
import { LatencyHistogram } from '../../results/histogram.ts';
import type { Histogram } from '../../results/record.ts';
import { type SeededRandom, seededRandom, shuffle } from '../../results/statistics-random.ts';

/** What is measured; `sync...` is the sync alone, without the writes before it. */
export const PROBED = [
  /** Nothing was written since the last sync. */
  'syncClean',
  'syncOverwrite4K',
  'syncOverwrite64K',
  'syncOverwrite1M',
  /** 16 blocks of 4 KiB, apart from each other. */
  'syncScattered',
  /** 4 KiB past the end of the file. */
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

const BLOCK_BYTES = 4 * KiB;
const SCATTERED_BLOCKS = 16;
/** Written once, so that it has its place on the device, and overwritten from then on. */
const AREA_BYTES = 8 * MiB;
/** Room for a hole at every second block of as many rounds as there may be. */
const SPARSE_BYTES = 64 * MiB;

export interface ProbeFiles {
  readonly area: BlockFile;
  readonly durable: BlockFile;
  readonly sparse: BlockFile;
  readonly growing: BlockFile;
  /** Null where O_DIRECT is refused. */
  readonly direct: BlockFile | null;
}

/** Which operations are wanted decides how much must be written before the first. Throws Qcow2Error. */
export function openProbeFiles(work: string, wanted: readonly Probed[]): ProbeFiles {
  const areaBytes = wanted.every((name) => name === 'syncOverwrite4K') ? BLOCK_BYTES : AREA_BYTES;
  const at = (name: string) => path.join(work, name);
  const opened: BlockFile[] = [];
  const open = (...words: Parameters<typeof openFile>): BlockFile => {
    const file = openFile(...words);
    opened.push(file);
    return file;
  };
  try {
    const area = open(at('area'), { create: true });
    for (let offset = 0; offset < areaBytes; offset += MiB) {
      area.write(offset, noise(Math.min(MiB, areaBytes), offset), 'data');
    }
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

export class ProbeOperations {
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

  /** Measures what is `wanted` (and what is measured along with it); returns the number of rounds made. */
  run(wanted: readonly Probed[], timeMs: number, roundsMax: number): number {
    const all: [Probed[], () => void][] = [
      [['syncClean'], () => this.#clean()],
      [['syncOverwrite4K', 'cachedWrite4K'], () => this.#overwrite('syncOverwrite4K', BLOCK_BYTES, 'cachedWrite4K')],
      [['syncOverwrite64K'], () => this.#overwrite('syncOverwrite64K', 64 * KiB, null)],
      [['syncOverwrite1M', 'cachedWrite1M'], () => this.#overwrite('syncOverwrite1M', MiB, 'cachedWrite1M')],
      [['syncScattered'], () => this.#scattered()],
      [['syncAppend'], () => this.#append()],
      [['syncHole'], () => this.#fillHole()],
      [['durableWrite'], () => this.#durableWrite()],
      [['cachedRead4K'], () => this.#cachedRead()],
      [['deviceRead4K', 'deviceRead1M'], () => this.#deviceReads()],
    ];
    const steps = all.filter(([names]) => names.some((name) => wanted.includes(name))).map(([, step]) => step);
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
    return this.#random.below(this.#files.area.sizeBytes() / lengthBytes) * lengthBytes;
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
