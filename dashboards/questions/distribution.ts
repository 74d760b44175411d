/**
 * Latency distributions from the record's histograms: rows of the cumulative curve (ECDF) and of the tail plot, and the
 * table of percentiles of both.
 */
import type { Histogram, LatencySeries, RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_DASH, CELLS_PARAM, durationText, panels, SCHEMA } from '../charts/encodings.ts';
import type { DataTable, Row } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatDuration } from '../reading/quantities.ts';

export const SERIES_TITLES: Readonly<Record<LatencySeries, string>> = {
  guestRead: 'Guest reads',
  guestWrite: 'Guest writes',
  guestFlush: 'Guest flushes',
  guestOther: 'Other guest requests',
  deviceRead: 'File reads',
  deviceWrite: 'File writes',
  deviceSync: 'Syncs of the file',
};

interface Curve {
  readonly cell: string;
  readonly series: LatencySeries;
  readonly histogram: Histogram;
}

/** All non-empty histograms of the wanted series, by series and then by cell. */
export function curvesOf(record: RunRecord, wanted: readonly LatencySeries[]): Curve[] {
  return wanted.flatMap((series) =>
    countedCells(record).flatMap(({ cell, label }) => {
      const histogram = cell.histograms[series];
      return histogram === undefined || histogram.count === 0 ? [] : [{ cell: label, series, histogram }];
    }),
  );
}

interface Step {
  readonly ns: number;
  /** Share of values at or below `ns`, as far as the bins tell. */
  readonly share: number;
}

function stepsOf(histogram: Histogram): Step[] {
  let below = 0;
  return histogram.bins.map(([lowerNs, count]) => {
    below += count;
    // A bin's lower bound may lie below the smallest value measured; zero has no place on a log axis.
    const ns = Math.max(lowerNs, histogram.minNs, 1);
    return { ns, share: below / histogram.count };
  });
}

/** Two points of a curve closer than this look like one: the later takes the earlier's place. */
const LEAST_DISTANCE = 1.03;

/** Fewer steps of the same curve: recorded bins are finer than a picture. The last step is always kept. */
function thinned(steps: readonly Step[]): Step[] {
  const kept: Step[] = [];
  for (const step of steps) {
    const last = kept.at(-1);
    if (last !== undefined && step.ns < last.ns * LEAST_DISTANCE)
      kept[kept.length - 1] = { ns: last.ns, share: step.share };
    else kept.push(step);
  }
  return kept;
}

function curveRow({ cell, series, histogram }: Curve, { ns, share }: Step): Row {
  return { cell, series: SERIES_TITLES[series], ns, share, of: histogram.count };
}

export function cumulativeRows(record: RunRecord, wanted: readonly LatencySeries[]): Row[] {
  return curvesOf(record, wanted).flatMap((curve) => {
    const steps = thinned(stepsOf(curve.histogram));
    const start = steps.slice(0, 1).map(({ ns }) => ({ ns, share: 0 }));
    return [...start, ...steps].map((step) => curveRow(curve, step));
  });
}

/** Points of the tail plot: `nines` is −log10(1 − q), so that 90 %, 99 % and 99.9 % lie one unit apart. */
export function tailRows(record: RunRecord, wanted: readonly LatencySeries[]): Row[] {
  return curvesOf(record, wanted).flatMap((curve) => {
    let below = 0;
    return thinned(stepsOf(curve.histogram)).map((step) => {
      // Latency at quantile q is the bin that q falls into: plot each bin where it begins, so that the last stays finite.
      const nines = -Math.log10(1 - below);
      const row = { ...curveRow(curve, step), share: below, nines };
      below = step.share;
      return row;
    });
  });
}

/** Latency that the share `q` of the values does not exceed, as far as the bins tell. */
export function quantileNs(histogram: Histogram, q: number): number {
  const step = stepsOf(histogram).find(({ share }) => share >= q);
  return Math.min(step?.ns ?? histogram.maxNs, histogram.maxNs);
}

/** What every chart of distributions begins with: its rows, with the texts of its tooltips. */
export const CURVES = {
  $schema: SCHEMA,
  params: [CELLS_PARAM],
  data: { name: 'rows' },
  transform: [
    { calculate: durationText('datum.ns'), as: 'latency' },
    { calculate: "format(round(datum.share * datum.of), ',') + ' of ' + format(datum.of, ',')", as: 'says' },
  ],
};

/** A bin is a step; one curve a policy, distinguished by colour and dash. */
export const CURVE_MARK = { type: 'line', interpolate: 'step-after', strokeWidth: 2, tooltip: true } as const;
export const CURVE_STYLE = { color: CELL_COLOR, strokeDash: CELL_DASH } as const;

/** A panel for each of the wanted series, in their order. */
export function seriesPanels(wanted: readonly LatencySeries[]) {
  return panels(
    'series',
    wanted.map((series) => SERIES_TITLES[series]),
  );
}

export function percentileTable(record: RunRecord, wanted: readonly LatencySeries[], caption: string): DataTable {
  const duration = (label: string, help: string) => ({ label, quantity: 'duration', help }) as const;
  return {
    caption,
    columns: [
      { label: 'Request', quantity: 'text' },
      { label: 'Policy', quantity: 'text' },
      { label: 'Count', quantity: 'count', help: 'values in the histogram, all rounds together' },
      duration('Minimum', 'the fastest'),
      duration('p50', 'half are at most this slow'),
      duration('p90', '90 % are at most this slow'),
      duration('p99', '99 % are at most this slow'),
      duration('p99.9', '99.9 % are at most this slow'),
      duration('Maximum', 'the slowest'),
      duration('Mean', 'sum divided by count'),
    ],
    rows: curvesOf(record, wanted).map(({ cell, series, histogram: h }) => [
      SERIES_TITLES[series],
      cell,
      ...[h.count, h.minNs, h.p50Ns, h.p90Ns, h.p99Ns, h.p999Ns, h.maxNs, h.meanNs],
    ]),
  };
}

/** "legacy 1.2 ms, writeback 3 µs": one percentile of one series for every cell that has it. */
export function percentileWords(record: RunRecord, series: LatencySeries, of: 'p50Ns' | 'p99Ns' | 'maxNs'): string {
  return curvesOf(record, [series])
    .map(({ cell, histogram }) => `${cell} ${formatDuration(histogram[of])}`)
    .join(', ');
}
