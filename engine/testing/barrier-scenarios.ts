/**
 * What a guest can ask for that costs barriers, each measured alone: one guest flush per request after a warm-up, on 64 KiB clusters.
 * The figures are syncs and bytes per flush, and are exact.
 */
import {
  CountingFile,
  createImage,
  GiB,
  KiB,
  MemoryFile,
  MiB,
  type OpenOptions,
  openImage,
  type Qcow2Image,
} from '../index.ts';

const CLUSTER_BYTES = 64 * KiB;
const TABLE_BYTES = 512 * MiB;
const WARM_UP = 40;

export interface BarrierCost {
  readonly syncsPerFlush: number;
  /** Bytes written to the file, data and metadata, per flush. */
  readonly bytesPerFlush: number;
}

export interface BarrierScenario {
  readonly name: string;
  readonly flushes: number;
  readonly backing?: boolean;
  /** Before the warm-up: what must exist. */
  prepare?(image: Qcow2Image): void;
  /** Request number `index`, warm-up included; the flush after it is not its business. */
  request(image: Qcow2Image, index: number): void;
}

const cluster = new Uint8Array(CLUSTER_BYTES).fill(0x5a);
const block = cluster.subarray(0, 4 * KiB);

function fill(image: Qcow2Image, clusters: number): void {
  for (let index = 0; index < clusters; index++) image.write(index * CLUSTER_BYTES, cluster);
  image.flush();
}

export const BARRIER_SCENARIOS: readonly BarrierScenario[] = [
  {
    name: 'rewrite in place',
    flushes: 1000,
    prepare: (image) => fill(image, 64),
    request: (image, index) => image.write((index % 64) * CLUSTER_BYTES, block),
  },
  {
    name: 'flush with nothing written',
    flushes: 100,
    prepare: (image) => fill(image, 64),
    request: () => {},
  },
  {
    name: 'fresh cluster',
    flushes: 1000,
    request: (image, index) => image.write(index * CLUSTER_BYTES, cluster),
  },
  {
    name: 'first write under a new L2 table',
    flushes: 200,
    request: (image, index) => image.write(index * TABLE_BYTES, block),
  },
  {
    name: 'copy-on-write from a backing file',
    flushes: 1000,
    backing: true,
    request: (image, index) => image.write(index * CLUSTER_BYTES + 4096, block),
  },
  {
    name: 'overwrite after a snapshot',
    flushes: 1000,
    prepare(image) {
      fill(image, 1000 + WARM_UP);
      image.createSnapshot({ name: 's', dateSeconds: 1 });
      image.flush();
    },
    request: (image, index) => image.write(index * CLUSTER_BYTES, cluster),
  },
  {
    name: 'discard',
    flushes: 1000,
    prepare: (image) => fill(image, 1000 + WARM_UP),
    request: (image, index) => void image.discard(index * CLUSTER_BYTES, CLUSTER_BYTES),
  },
];

/** Runs `scenario` with the options that choose a policy. */
export function barrierCost(scenario: BarrierScenario, options: OpenOptions): BarrierCost {
  const memory = new MemoryFile('image');
  createImage(memory, {
    sizeBytes: 256 * GiB,
    clusterSizeBytes: CLUSTER_BYTES,
    ...(scenario.backing ? { backingFile: 'base', backingFormat: 'raw' as const } : {}),
  });
  const counting = new CountingFile(memory);
  const image = openImage(counting, { ...options, ...(scenario.backing ? { backing: patternDisk } : {}) });
  scenario.prepare?.(image);
  const step = (index: number) => {
    scenario.request(image, index);
    image.flush();
  };
  for (let index = 0; index < WARM_UP; index++) step(index);
  const before = figures(counting);
  for (let index = WARM_UP; index < WARM_UP + scenario.flushes; index++) step(index);
  const after = figures(counting);
  image.close();
  return {
    syncsPerFlush: (after.syncs - before.syncs) / scenario.flushes,
    bytesPerFlush: (after.bytes - before.bytes) / scenario.flushes,
  };
}

/** A backing disk that reads as data everywhere. */
const patternDisk = {
  sizeBytes: 256 * GiB,
  read: (_offset: number, into: Uint8Array) => void into.fill(0x33),
};

function figures({ counts }: CountingFile): { syncs: number; bytes: number } {
  return { syncs: counts.fsyncs, bytes: counts.writeBytes };
}

/** Syncs that each snapshot operation makes by itself, on a disk with `clusters` of 4 KiB mapped and nothing left to flush. */
export function snapshotSyncs(
  clusters: number,
  options: OpenOptions,
): { create: number; apply: number; delete: number } {
  const memory = new MemoryFile('image');
  createImage(memory, { sizeBytes: GiB, clusterSizeBytes: 4 * KiB });
  const counting = new CountingFile(memory);
  const image = openImage(counting, options);
  image.write(0, new Uint8Array(clusters * 4 * KiB).fill(1));
  image.createSnapshot({ name: 'kept', dateSeconds: 1 });
  image.flush();
  const syncsOf = (operation: () => void) => {
    const before = counting.counts.fsyncs;
    operation();
    const after = counting.counts.fsyncs;
    image.flush();
    return after - before;
  };
  const create = syncsOf(() => image.createSnapshot({ name: 's', dateSeconds: 1 }));
  image.write(0, block);
  image.flush();
  const apply = syncsOf(() => image.applySnapshot('s'));
  const remove = syncsOf(() => image.deleteSnapshot('s'));
  image.close();
  return { create, apply, delete: remove };
}
