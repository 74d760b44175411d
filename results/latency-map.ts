/**
 * When was it slow: latencies counted by time × latency during a run, and merged over runs.
 *
 * Invariants:
 *  1. Memory is fixed, and no duration need be known before: when something begins past the last column, neighbours are merged
 *     and columns become twice as wide.
 *  2. Every latency recorded is in exactly one bin.
 *  3. All maps share one layout, their columns {@link FIRST_COLUMN_NS} × a power of two wide: two maps align by widening one.
 */
import { LATENCY_LANES, type LatencyLane, type LatencyMap } from './record-latency-map.ts';

/** Even, so that all columns merge in pairs; a chart across a page shows no more. */
export const MOST_COLUMNS = 200;
const FIRST_COLUMN_NS = 100_000;

/** A factor of 1.33 from one row to the next; what is shorter or longer than the rows cover ends in the first or last. */
const LAYOUT = { lowestNs: 1000, rowsPerDecade: 8, rows: 64 } as const;
const BOUNDS_NS = Float64Array.from({ length: LAYOUT.rows + 1 }, (_, row) => latencyBoundNs(LAYOUT, row));

type Layout = Pick<LatencyMap, 'lowestNs' | 'rowsPerDecade'>;

/** The least latency of a row, in nanoseconds; also the first that the row below no longer holds. */
export function latencyBoundNs({ lowestNs, rowsPerDecade }: Layout, row: number): number {
  return lowestNs * 10 ** (row / rowsPerDecade);
}

export interface LatencyBin {
  readonly column: number;
  readonly row: number;
  /** Latencies in the bin, at least one. */
  readonly count: number;
}

/** The bins of a lane that hold something, column after column. */
export function latencyBins({ rows, lanes }: LatencyMap, lane: LatencyLane): LatencyBin[] {
  const bins: LatencyBin[] = [];
  let at = 0;
  for (const entry of lanes[lane] ?? []) {
    if (entry > 0) bins.push({ column: Math.floor(at / rows), row: at % rows, count: entry });
    at += entry < 0 ? -entry : 1;
  }
  return bins;
}

/** Collects the latencies of one run. Recording costs about 30 ns and allocates nothing. */
export class LatencyMapBuilder {
  #columnNs = FIRST_COLUMN_NS;
  /** Counts by column and row, column-major. */
  readonly #lanes: Readonly<Record<LatencyLane, Float64Array>> = {
    'guest-request': newCounts(),
    'guest-flush': newCounts(),
    'device-sync': newCounts(),
    'device-write': newCounts(),
  };

  /** `atNs` is when it began, counted from the start of the run; before that counts as the start. */
  record(lane: LatencyLane, atNs: number, latencyNs: number): void {
    this.#lanes[lane][this.#columnOf(atNs) * LAYOUT.rows + rowOf(latencyNs)]! += 1;
  }

  /** The map as the record keeps it; null when nothing was recorded. */
  summary(): LatencyMap | null {
    const lanes: LatencyMap['lanes'] = {};
    let bins = 0;
    for (const lane of LATENCY_LANES) {
      const counts = this.#lanes[lane];
      const used = counts.findLastIndex((count) => count > 0) + 1;
      if (used > 0) lanes[lane] = sparse(counts.subarray(0, used));
      bins = Math.max(bins, used);
    }
    if (bins === 0) return null;
    return { columnNs: this.#columnNs, columns: Math.ceil(bins / LAYOUT.rows), ...LAYOUT, lanes };
  }

  #columnOf(atNs: number): number {
    while (atNs >= this.#columnNs * MOST_COLUMNS) this.#widen();
    return Math.floor(Math.max(0, atNs) / this.#columnNs);
  }

  #widen(): void {
    this.#columnNs *= 2;
    for (const counts of Object.values(this.#lanes)) mergeColumns(counts);
  }
}

/** The same with columns twice as wide: counts are added up, none is lost. */
export function halfTheColumns(map: LatencyMap): LatencyMap {
  const columns = Math.ceil(map.columns / 2);
  const lanes: LatencyMap['lanes'] = {};
  for (const lane of LATENCY_LANES) {
    const bins = latencyBins(map, lane);
    if (bins.length === 0) continue;
    const counts = new Float64Array(columns * map.rows);
    for (const { column, row, count } of bins) counts[Math.floor(column / 2) * map.rows + row]! += count;
    lanes[lane] = sparse(counts);
  }
  return { ...map, columnNs: map.columnNs * 2, columns, lanes };
}

function newCounts(): Float64Array {
  return new Float64Array(MOST_COLUMNS * LAYOUT.rows);
}

function rowOf(latencyNs: number): number {
  if (!(latencyNs >= LAYOUT.lowestNs)) return 0;
  const row = Math.min(Math.floor(Math.log10(latencyNs / LAYOUT.lowestNs) * LAYOUT.rowsPerDecade), LAYOUT.rows - 1);
  // The logarithm may round over a bound; the bounds decide.
  if (latencyNs < BOUNDS_NS[row]!) return row - 1;
  return row + 1 < LAYOUT.rows && latencyNs >= BOUNDS_NS[row + 1]! ? row + 1 : row;
}

/** Column 2i and 2i + 1 become column i; the other half is empty afterwards. */
function mergeColumns(counts: Float64Array): void {
  const { rows } = LAYOUT;
  for (let column = 0; column < MOST_COLUMNS / 2; column++) {
    for (let row = 0; row < rows; row++) {
      const left = 2 * column * rows + row;
      counts[column * rows + row] = counts[left]! + counts[left + rows]!;
    }
  }
  counts.fill(0, (MOST_COLUMNS / 2) * rows);
}

function sparse(counts: Float64Array): number[] {
  const entries: number[] = [];
  let empty = 0;
  for (const count of counts) {
    if (count === 0) {
      empty++;
      continue;
    }
    if (empty > 0) entries.push(-empty);
    empty = 0;
    entries.push(count);
  }
  return entries;
}
