/**
 * FIXTURE, not a measurement: a record of plausible shape for tests of the pages. Every number comes from a formula and a
 * seeded generator, so that it is the same each time; none was measured. Used by tests only.
 */
import type { Cell, ExactCounters, LatencyMap, Round, RunRecord } from '../../results/record.ts';
import { seededRandom } from '../../results/statistics-random.ts';
import { fixtureHistogram, type Random } from './fixture-histogram.ts';
import { fixtureLatencyMap } from './fixture-latency-map.ts';
import { fixtureCascade, fixtureFileMap } from './fixture-pictures.ts';

interface Shape {
  readonly policy: string;
  readonly stage: string;
  readonly hostCacheMode: string;
  readonly syncs: number;
  readonly odsync: boolean;
  readonly tableWrites: number;
  readonly tableWriteBytes: number;
  readonly seconds: number;
}

const SHAPES: readonly Shape[] = [
  {
    policy: 'legacy',
    stage: 'S0',
    hostCacheMode: 'writeback',
    syncs: 5850,
    odsync: false,
    tableWrites: 35_118,
    tableWriteBytes: 512,
    seconds: 24,
  },
  {
    policy: 'writethrough',
    stage: 'S4b',
    hostCacheMode: 'writethrough',
    syncs: 5198,
    odsync: true,
    tableWrites: 35_098,
    tableWriteBytes: 65_536,
    seconds: 171,
  },
  {
    policy: 'writeback',
    stage: 'S4b',
    hostCacheMode: 'writeback',
    syncs: 37,
    odsync: false,
    tableWrites: 61,
    tableWriteBytes: 65_536,
    seconds: 2.9,
  },
];

const ROUNDS = [0, 1, 2, 3, 4, 5, 6, 7];
const GUEST_WRITES = 48_905;
const GUEST_READS = 9_120;
const DATA_BYTES = 1_431_655_936;

function causesOf({ policy, syncs }: Shape): Record<string, Record<string, number>> {
  if (policy === 'writeback')
    return { write: { dependency: 20, 'hook-up': 6 }, flush: {}, close: { 'cache-flush': 10, close: 1 } };
  const tables = 24;
  return {
    write: {
      'data-before-mapping': syncs - 3 * tables,
      'refcounts-before-table': tables,
      'table-before-pointer': tables,
      'hook-up': tables - 1,
    },
    close: { close: 1 },
  };
}

function exactOf(shape: Shape): ExactCounters {
  const { syncs, odsync, tableWrites, tableWriteBytes } = shape;
  const l2 = Math.floor(tableWrites * 0.52);
  const refcounts = tableWrites - l2 - 3;
  const kind = (writes: number, writeBytes: number, reads = 0) => ({
    writes,
    writeBytes,
    reads,
    readBytes: reads * 65_536,
  });
  const cowWrites = 11_204;
  const byKind = {
    header: kind(1, 512, 1),
    l1: kind(2, 1024, 1),
    l2: kind(l2, l2 * tableWriteBytes, 22),
    'refcount-table': kind(0, 0, 1),
    'refcount-block': kind(refcounts, refcounts * tableWriteBytes, 2),
    data: kind(GUEST_WRITES, DATA_BYTES, GUEST_READS),
    cow: kind(cowWrites, cowWrites * 18_432),
  };
  const sum = (field: 'writes' | 'writeBytes' | 'reads' | 'readBytes') =>
    Object.values(byKind).reduce((total, counts) => total + counts[field], 0);
  const totals = {
    writes: sum('writes'),
    writeBytes: sum('writeBytes'),
    reads: sum('reads'),
    readBytes: sum('readBytes'),
  };
  const syncsByTrigger = causesOf(shape);
  const syncsByCause: Record<string, number> = {};
  for (const causes of Object.values(syncsByTrigger)) {
    for (const [cause, count] of Object.entries(causes)) syncsByCause[cause] = (syncsByCause[cause] ?? 0) + count;
  }
  const cache = { hits: 61_200, misses: 24, evictions: 8, dirtyEvictions: 4 };
  return {
    ...totals,
    fsyncs: syncs,
    odsyncWrites: odsync ? totals.writes : 0,
    truncates: 0,
    punches: 0,
    byKind,
    syncsByCause,
    syncsByTrigger,
    byRequest: { write: { ...totals, fsyncs: syncs - 1, odsyncWrites: odsync ? totals.writes : 0 } },
    tableCaches: { l2: cache, refcounts: { ...cache, misses: 3, evictions: 0, dirtyEvictions: 0 } },
    imageBytes: 1_650_458_624,
    guest: {
      reads: GUEST_READS,
      readBytes: 402_653_184,
      writes: GUEST_WRITES,
      writeBytes: DATA_BYTES,
      flushes: 0,
      discards: 0,
      other: 0,
    },
  };
}

function roundOf(shape: Shape, index: number, order: number, random: Random): Round {
  const wallNs = Math.round(shape.seconds * 1e9 * (0.94 + random() * 0.14));
  const waiting = shape.odsync ? 0.06 : Math.min(0.92, shape.syncs * 0.00015);
  return {
    index,
    order,
    startedAt: new Date(Date.UTC(2024, 4, 6, 9, 0, order * 30)).toISOString(),
    wallNs,
    userCpuNs: Math.round(5.2e8 * (0.95 + random() * 0.1)),
    systemCpuNs: Math.round(9.1e8 * (0.95 + random() * 0.1)),
    deviceNs: {
      sync: Math.round(wallNs * waiting),
      write: Math.round(shape.odsync ? wallNs * 0.9 : 4.6e8),
      read: Math.round(6.1e7 * (0.9 + random() * 0.2)),
    },
    peakMemoryBytes: Math.round(96e6 * (1 + random() * 0.1)),
    countsEqual: true,
  };
}

function cellOf(shape: Shape, position: number): Cell {
  const random = seededRandom(100 + position).next;
  const exact = exactOf(shape);
  const roundsFrom = (seed: number) => {
    const drawn = seededRandom(seed).next;
    return ROUNDS.map((index) => roundOf(shape, index, index * SHAPES.length + position, drawn));
  };
  const writeNs = shape.odsync ? 1.6e6 : 9e3;
  return {
    id: `${shape.policy}-64k`,
    engine: 'cowbench',
    policy: { name: shape.policy, stage: shape.stage, parameters: {} },
    hostCacheMode: shape.hostCacheMode,
    image: {
      version: 2,
      clusterSizeBytes: 65_536,
      refcountBits: 16,
      l2CacheTables: 16,
      refcountCacheTables: 4,
      options: {},
    },
    device: { kind: 'real', name: 'fixture disk' },
    exact,
    deterministic: true,
    rounds: roundsFrom(200 + position),
    ...(position === 0 ? { control: roundsFrom(300) } : {}),
    histograms: {
      guestRead: fixtureHistogram(random, GUEST_READS * ROUNDS.length, 14e3),
      guestWrite: fixtureHistogram(
        random,
        GUEST_WRITES * ROUNDS.length,
        shape.syncs > 100 ? writeNs * 2 + 4e4 : 1.2e4,
        0.6,
      ),
      deviceRead: fixtureHistogram(random, exact.reads * ROUNDS.length, 4e3),
      deviceWrite: fixtureHistogram(random, exact.writes * ROUNDS.length, writeNs),
      deviceSync: fixtureHistogram(random, exact.fsyncs * ROUNDS.length, shape.syncs > 100 ? 3.4e6 : 2.1e7, 0.5),
    },
    latencyMap: structuredClone(latencyMapOf(shape, position)),
    fileMap: fixtureFileMap(
      random,
      exact.imageBytes,
      Math.round(shape.seconds * 1e9),
      shape.syncs,
      shape.tableWrites > 1000,
    ),
    cascades: [fixtureCascade(shape.policy)],
    verification: { content: 'equal', contentBytes: DATA_BYTES, check: 'clean', leaks: 0, corruptions: 0 },
    crash: fixtureCrash(shape.policy),
  };
}

/** Made once for each policy: a map is drawn latency by latency. */
const latencyMaps = new Map<string, LatencyMap>();

function latencyMapOf({ policy, seconds, syncs, odsync }: Shape, position: number): LatencyMap {
  const middleNs = {
    'guest-request': odsync ? 3.2e6 : 2.5e4,
    ...(syncs > 100 && { 'device-sync': 3.4e6 }),
    'device-write': odsync ? 1.6e6 : 9e3,
  };
  const map = latencyMaps.get(policy) ?? fixtureLatencyMap(seededRandom(400 + position).next, seconds * 1e9, middleNs);
  latencyMaps.set(policy, map);
  return map;
}

function fixtureCrash(policy: string): Cell['crash'] {
  if (policy === 'writethrough') return null;
  const violations = {
    corrupt: policy === 'legacy' ? 3 : 0,
    lost: 0,
    foreign: 0,
    snapshot: 0,
    secondPhase: 0,
    copiedOnly: 0,
  };
  const common = {
    epochs: 412,
    exhaustiveEpochs: 371,
    states: 46_210,
    distinctStates: 41_000,
    violations,
    maxLeakedClusters: 6,
  };
  if (policy !== 'legacy') return { ...common, verdict: 'survived' };
  return {
    ...common,
    verdict: 'violated',
    story: [
      'The guest writes 4 KiB at offset 1 073 741 824; the cluster is shared with a snapshot.',
      'The refcount of the old L2 table is lowered to 0 and written out.',
      'The new L2 table takes the freed cluster before the L1 entry is durable.',
      'Power fails: the old L1 entry names a cluster that now holds another table.',
    ],
  };
}

/** A complete run of three policies on one image. Pass `change` to alter a copy for one test. */
export function fixtureRecord(change: (record: RunRecord) => void = () => undefined): RunRecord {
  const record: RunRecord = {
    schemaVersion: 1,
    runId: 'fixture-0001',
    status: 'complete',
    startedAt: '2024-05-06T09:00:00.000Z',
    finishedAt: '2024-05-06T09:08:12.000Z',
    command: [
      'bench',
      '--workload',
      'install',
      '--policy',
      'legacy,writethrough,writeback',
      '--guest-flush',
      'none',
      '--seed',
      '1',
    ],
    source: { version: '0.1.0', commit: '0123456789abcdef0123456789abcdef01234567', dirty: false },
    workload: {
      name: 'install',
      title: 'Fixture: an installation (made up, not measured)',
      parameters: {},
      seed: 1,
      guestFlush: 'none',
      discard: 'ignore',
      diskSizeBytes: 8 * 1024 ** 3,
      phases: [],
    },
    environment: {
      machine: 'fixture',
      cpu: 'Fixture CPU',
      cores: 2,
      memoryBytes: 8 * 1024 ** 3,
      kernel: 'Linux 6.1.0',
      node: '24.0.0',
      fileSystem: { type: 'ext4', mountOptions: 'rw,relatime', tmpfs: false },
      syncProbe: { samples: 200, medianNs: 3_300_000, p99Ns: 9_800_000, looksReal: true },
      warnings: [],
    },
    failure: null,
    cells: SHAPES.map(cellOf),
  };
  change(record);
  return record;
}
