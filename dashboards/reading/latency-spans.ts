/** Latencies by time as the pages show them: the lanes of a record's maps, and the run described span by span. */
import { type LatencyBin, latencyBins, latencyBoundNs } from '../../results/latency-map.ts';
import type { LatencyLane, LatencyMap, LatencySeries, RunRecord } from '../../results/record.ts';
import { countedCells } from './cells.ts';
import { coarserInTime, MOST_BINS } from './latency-map-bins.ts';

export const LANE_TITLES: Readonly<Record<LatencyLane, string>> = {
  'guest-request': 'guest requests',
  'guest-flush': 'guest flushes',
  'device-sync': 'syncs of the file',
  'device-write': 'writes of the file',
};
const LANES = Object.keys(LANE_TITLES) as LatencyLane[];

const SERIES: Readonly<Record<LatencyLane, readonly LatencySeries[]>> = {
  'guest-request': ['guestRead', 'guestWrite', 'guestOther'],
  'guest-flush': ['guestFlush'],
  'device-sync': ['deviceSync'],
  'device-write': ['deviceWrite'],
};

/** One lane of one cell. */
export interface LaneMap {
  readonly cell: string;
  readonly lane: LatencyLane;
  readonly columnNs: number;
  readonly columns: number;
  readonly layout: Pick<LatencyMap, 'lowestNs' | 'rowsPerDecade' | 'rows'>;
  readonly bins: readonly LatencyBin[];
  /** The longest latency that was measured: the last row has no upper bound of its own. */
  readonly maxNs: number;
}

/** All lanes that hold something, lane by lane, cells in the record's order; as fine as a page can carry. */
export function laneMaps(record: RunRecord): LaneMap[] {
  const share = MOST_BINS / record.cells.length;
  const maps = countedCells(record).flatMap(({ cell, label }) =>
    cell.latencyMap === undefined ? [] : [{ cell, label, map: coarserInTime(cell.latencyMap, share) }],
  );
  return LANES.flatMap((lane) =>
    maps.flatMap(({ cell, label, map }): LaneMap[] => {
      const bins = latencyBins(map, lane);
      if (bins.length === 0) return [];
      const { columnNs, columns, ...layout } = map;
      const maxNs = Math.max(...SERIES[lane].map((series) => cell.histograms[series]?.maxNs ?? 0));
      return [{ cell: label, lane, columnNs, columns, layout, bins, maxNs }];
    }),
  );
}

/** The slow operations of one stretch of the run; latencies are the upper ends of their bins. */
export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly slowestNs: number;
}

/** The run cut into at most `most` equal spans; those in which nothing began are left out. */
export function spansOf(map: LaneMap, most: number): Span[] {
  const columnsEach = Math.ceil(map.columns / most);
  const groups = Map.groupBy(map.bins, ({ column }) => Math.floor(column / columnsEach));
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([index, bins]) => spanOf(map, bins, index * columnsEach, (index + 1) * columnsEach));
}

function spanOf(map: LaneMap, bins: readonly LatencyBin[], from: number, to: number): Span {
  const byRow = countsByRow(map, bins);
  return {
    fromNs: from * map.columnNs,
    toNs: Math.min(to, map.columns) * map.columnNs,
    count: sum(bins),
    p50Ns: upperNs(map, quantileRow(byRow, 0.5)),
    p99Ns: upperNs(map, quantileRow(byRow, 0.99)),
    slowestNs: upperNs(map, quantileRow(byRow, 1)),
  };
}

/** The slowest hundredth of a run, and the stretch in which most of it lies. */
export interface SlowPeriod {
  /** All of them took at least this long. */
  readonly leastNs: number;
  /** How many there are: a hundredth, and what else is in its fastest bin. */
  readonly count: number;
  readonly share: number;
  readonly fromNs: number;
  readonly toNs: number;
  /** How many of them began between the two. */
  readonly inside: number;
}

/** `spans`: into how many stretches the run is cut to find it; the first of several equal ones is given. */
export function slowPeriod(map: LaneMap, spans: number): SlowPeriod {
  const leastRow = quantileRow(countsByRow(map, map.bins), 0.99);
  const bins = map.bins.filter(({ row }) => row >= leastRow);
  const worst = spansOf({ ...map, bins }, spans).reduce((most, next) => (next.count > most.count ? next : most));
  const count = sum(bins);
  return {
    // The first row also holds everything shorter.
    leastNs: leastRow === 0 ? 0 : Math.round(latencyBoundNs(map.layout, leastRow)),
    count,
    share: count / sum(map.bins),
    fromNs: worst.fromNs,
    toNs: worst.toNs,
    inside: worst.count,
  };
}

function sum(bins: readonly LatencyBin[]): number {
  return bins.reduce((total, { count }) => total + count, 0);
}

function countsByRow({ layout }: LaneMap, bins: readonly LatencyBin[]): Float64Array {
  const byRow = new Float64Array(layout.rows);
  for (const { row, count } of bins) byRow[row]! += count;
  return byRow;
}

/** The row of the latency that the share `quantile` of all does not exceed. */
function quantileRow(byRow: Float64Array, quantile: number): number {
  const count = byRow.reduce((total, inRow) => total + inRow, 0);
  let left = Math.max(1, Math.ceil(quantile * count));
  return byRow.findIndex((inRow) => (left -= inRow) <= 0);
}

function upperNs({ layout, maxNs }: LaneMap, row: number): number {
  const boundNs = Math.round(latencyBoundNs(layout, row + 1));
  return row === layout.rows - 1 ? Math.max(boundNs, maxNs) : boundNs;
}
