/** Longer crash workloads, drawn at random from a seed: requests of every kind on a few clusters, so that they keep meeting. */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import { Prng } from '../../../workloads/prng.ts';
import type { WorkloadShape } from './build-named.ts';
import type { CrashRequest, CrashWorkload } from './crash-workload.ts';
import { startImages } from './operation-table.ts';
import { sequenceImage } from './sequences.ts';

const REQUESTS = 12;
/** Clusters of each L2 table that requests are about. */
const BUSY_CLUSTERS = 10;
const SNAPSHOTS_MAX = 3;
const L2_TABLES_MAX = 5;

/** The same for the same seed and shape, on every machine. */
export function randomWorkload(seed: number, { clusterSizeBytes, cacheTables }: WorkloadShape): CrashWorkload {
  const image = sequenceImage(clusterSizeBytes);
  const random = new Prng(seed);
  const start = random.pick(startImages(image));
  const disk = new RandomDisk(random, clusterSizeBytes, image.sizeBytes, start.snapshots);
  const during: CrashRequest[] = [];
  while (during.length < REQUESTS) during.push(...disk.next());
  return { name: `random ${seed}, ${start.name}`, image, cacheTables, before: start.before, during };
}

/** What is known of the disk while requests are drawn: its size and its snapshots, so that none is refused. */
class RandomDisk {
  readonly #random: Prng;
  readonly #clusterBytes: number;
  #sizeBytes: number;
  /** By name: the size of the disk when it was taken. */
  readonly #snapshots: Map<string, number>;
  #named = 0;

  constructor(random: Prng, clusterBytes: number, sizeBytes: number, snapshots: readonly string[]) {
    this.#random = random;
    this.#clusterBytes = clusterBytes;
    this.#sizeBytes = sizeBytes;
    this.#snapshots = new Map(snapshots.map((name) => [name, sizeBytes]));
  }

  next(): CrashRequest[] {
    const random = this.#random;
    const share = random.below(100);
    if (share < 34) return [{ op: 'write', ...this.#range() }];
    if (share < 44) return [{ op: 'write-zeroes', ...this.#range(), mayUnmap: random.chance(0.5) }];
    if (share < 54) return [{ op: 'discard', ...this.#range() }];
    if (share < 60) return [{ op: 'write-compressed', offset: this.#cluster(), length: this.#clusterBytes }];
    if (share < 76) return [{ op: 'flush' }];
    if (share < 80) return [{ op: 'reopen' }];
    if (share < 83) return [this.#resize()];
    if (share < 86) return this.#savevm();
    return this.#snapshot();
  }

  #bytesPerL2Table(): number {
    return (this.#clusterBytes / 8) * this.#clusterBytes;
  }

  /** Offset of one of the busy clusters. */
  #cluster(): number {
    const table = this.#random.below(this.#sizeBytes / this.#bytesPerL2Table());
    return table * this.#bytesPerL2Table() + this.#random.below(BUSY_CLUSTERS) * this.#clusterBytes;
  }

  /** Whole clusters, or some sectors of one and of its neighbours. */
  #range(): { offset: number; length: number } {
    const random = this.#random;
    const cluster = this.#cluster();
    if (random.chance(0.5)) return { offset: cluster, length: this.#clusterBytes * random.between(1, 3) };
    const sectors = this.#clusterBytes / SECTOR_BYTES;
    const offset = cluster + random.below(sectors) * SECTOR_BYTES;
    return { offset, length: random.between(1, sectors + 1) * SECTOR_BYTES };
  }

  #resize(): CrashRequest {
    const tables = this.#sizeBytes / this.#bytesPerL2Table();
    this.#sizeBytes = Math.min(L2_TABLES_MAX, tables + this.#random.between(1, 2)) * this.#bytesPerL2Table();
    return { op: 'resize', sizeBytes: this.#sizeBytes };
  }

  #savevm(): CrashRequest[] {
    if (this.#snapshots.size === SNAPSHOTS_MAX) return [this.#delete()];
    const length = Math.max(this.#clusterBytes, 2 * SECTOR_BYTES);
    return [
      { op: 'vmstate-write', offset: 0, length },
      { ...this.#create(), vmStateBytes: length },
    ];
  }

  #snapshot(): CrashRequest[] {
    const random = this.#random;
    if (this.#snapshots.size === 0) return [this.#create()];
    if (this.#snapshots.size === SNAPSHOTS_MAX || random.chance(0.3)) return [this.#delete()];
    return [random.chance(0.5) ? this.#create() : this.#apply()];
  }

  #create(): CrashRequest & { op: 'snapshot-create' } {
    const name = `s${this.#named++}`;
    this.#snapshots.set(name, this.#sizeBytes);
    return { op: 'snapshot-create', name };
  }

  #apply(): CrashRequest {
    const [name, sizeBytes] = this.#random.pick([...this.#snapshots]);
    this.#sizeBytes = sizeBytes;
    return { op: 'snapshot-apply', name };
  }

  #delete(): CrashRequest {
    const name = this.#random.pick([...this.#snapshots.keys()]);
    this.#snapshots.delete(name);
    return { op: 'snapshot-delete', name };
  }
}
