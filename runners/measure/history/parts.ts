/**
 * The parts of a history run: each is a `cowbench bench` command line, so that every record can be reproduced on its own. The
 * usual sizes were chosen so that all parts together wait for an ordinary disk for some minutes.
 */

export type HistorySize = 'quick' | 'usual' | 'full';

export interface HistoryPart {
  readonly id: string;
  readonly title: string;
  /** Words after `cowbench bench`, without directories and rounds. */
  readonly words: readonly string[];
}

const WIDE = ['--stage', 'all', '--cache', 'writeback,writethrough'];

function narrow(...stages: string[]): string[] {
  return ['--stage', stages.join(','), '--cache', 'writeback'];
}

/** Workload, options as `name value` pairs, then the stages. */
function part(id: string, title: string, stages: readonly string[], workload: string, options: object): HistoryPart {
  const words = Object.entries(options).flatMap(([name, value]) =>
    value === null ? [] : [`--${name}`, String(value)],
  );
  return { id, title, words: ['-w', workload, ...words, ...stages] };
}

interface Sizes {
  /** Requests of the installation, flushes among them, and as many without them as hold the same writes; null: all. */
  readonly install: number | null;
  readonly unflushedInstall: number | null;
  readonly snapshotClusters: number;
  readonly fewTables: number;
  readonly manyTables: number;
  readonly memory: string;
  readonly disk: string;
  readonly randomWrites: number;
  readonly sequential: string;
  /** Of each part of the series of flushes. */
  readonly flushWrites: number;
  /** Of each part of the series of L2 tables: many more than tables, so that making these does not cover everything. */
  readonly tableWrites: number;
}

const SIZES: Readonly<Record<HistorySize, Sizes>> = {
  quick: {
    install: 700,
    unflushedInstall: 652,
    snapshotClusters: 40,
    fewTables: 2,
    manyTables: 20,
    memory: '1M',
    disk: '2M',
    randomWrites: 60,
    sequential: '2M',
    flushWrites: 64,
    tableWrites: 500,
  },
  usual: {
    install: 2000,
    unflushedInstall: 1534,
    snapshotClusters: 96,
    fewTables: 4,
    manyTables: 24,
    memory: '4M',
    disk: '8M',
    randomWrites: 400,
    sequential: '16M',
    flushWrites: 256,
    tableWrites: 1000,
  },
  full: {
    install: null,
    unflushedInstall: null,
    snapshotClusters: 512,
    fewTables: 4,
    manyTables: 256,
    memory: '64M',
    disk: '64M',
    randomWrites: 1000,
    sequential: '64M',
    flushWrites: 1024,
    tableWrites: 4000,
  },
};

const FLUSH_DISTANCES = [1, 2, 4, 8, 32];
const TABLE_COUNTS = [4, 8, 16, 20, 32, 64];
/** With clusters of 4 KiB an L2 table has 512 entries and maps 2 MiB. */
const TABLE_MIB = 2;

/** All parts in the order in which they are run: the ones that tell most come first. */
export function partsOf(size: HistorySize): HistoryPart[] {
  const sizes = SIZES[size];
  return [...wideParts(sizes), ...flushSeries(sizes), owedBarrier(sizes), ...tableSeries(sizes)];
}

function wideParts(sizes: Sizes): HistoryPart[] {
  const { randomWrites, memory, disk, sequential } = sizes;
  const unflushed = { 'guest-flush': 'none', limit: sizes.unflushedInstall };
  return [
    part('install', 'installation, flushed', WIDE, 'install', { limit: sizes.install }),
    part('install-unflushed', 'installation, unflushed', WIDE, 'install', unflushed),
    part('snapshot-few', 'snapshot, few L2 tables', WIDE, 'snapshot', snapshotOptions(sizes, sizes.fewTables)),
    part('snapshot-many', 'snapshot, many L2 tables', WIDE, 'snapshot', snapshotOptions(sizes, sizes.manyTables)),
    part('savevm', 'savevm, loadvm', WIDE, 'savevm', { memory, disk, 'writes-between': 32 }),
    part('random-write', 'random 4 KiB writes', WIDE, 'random-write', { writes: randomWrites, 'flush-every': 0 }),
    part('sequential-write', 'sequential 64 KiB writes', WIDE, 'sequential-write', { span: sequential }),
  ];
}

/** The same clusters under few or many tables. */
function snapshotOptions({ snapshotClusters }: Sizes, tables: number): object {
  return { 'l2-tables': tables, 'clusters-per-table': snapshotClusters / tables, 'flush-every': 0 };
}

function flushSeries({ flushWrites: writes }: Sizes): HistoryPart[] {
  const clean = { span: '4M', writes, 'flush-every': 1 };
  return [
    part('clean-flush', 'rewrites, each flushed', narrow('S0', 'S1', 'S2', 'S4b'), 'overwrite', clean),
    ...FLUSH_DISTANCES.map((distance) =>
      part(
        `flush-every-${distance}`,
        `random 4 KiB writes, a flush after ${distance}`,
        narrow('S0', 'S1', 'S2'),
        'random-write',
        { writes, 'flush-every': distance },
      ),
    ),
  ];
}

function owedBarrier(sizes: Sizes): HistoryPart {
  const options = snapshotOptions(sizes, sizes.fewTables);
  return part(
    'owed-barrier',
    'snapshot, with and without the deferred barrier',
    narrow('S2', 'S2-unowed'),
    'snapshot',
    options,
  );
}

function tableSeries({ tableWrites: writes }: Sizes): HistoryPart[] {
  const over = (tables: number) => ({ 'cluster-size': '4k', span: `${tables * TABLE_MIB}M`, writes, 'flush-every': 0 });
  const most = Math.max(...TABLE_COUNTS);
  return [
    ...TABLE_COUNTS.map((tables) =>
      part(
        `tables-${tables}`,
        `random writes over ${tables} L2 tables`,
        narrow('S0', 'S2'),
        'random-write',
        over(tables),
      ),
    ),
    part('tables-all-cached', `random writes over ${most} L2 tables, all cached`, narrow('S2'), 'random-write', {
      ...over(most),
      'l2-cache-tables': most,
    }),
  ];
}
