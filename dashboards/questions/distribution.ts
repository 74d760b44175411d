/**
 * Latency distributions from the record's histograms: rows of the plot of percentiles, and percentiles
 * in words.
 */
import type { Histogram, LatencySeries, RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_DASH, CELL_ROWS, durationText, panels } from '../charts/encodings.ts';
import type { Row } from '../charts/question.ts';
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

/** Percentiles of fewer values are noise. */
const LEAST_COUNT = 20;

/** Histograms of the wanted series that say something, by series and then by cell. */
export function curvesOf(record: RunRecord, wanted: readonly LatencySeries[]): Curve[] {
  return wanted.flatMap((series) =>
    countedCells(record).flatMap(({ cell, label }) => {
      const histogram = cell.histograms[series];
      return histogram === undefined || histogram.count < LEAST_COUNT ? [] : [{ cell: label, series, histogram }];
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

/** Points of the plot: `nines` is −log10(1 − q), so that 90 %, 99 % and 99.9 % lie one unit apart. */
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
  ...CELL_ROWS,
  transform: [
    { calculate: durationText('datum.ns'), as: 'latency' },
    { calculate: "format(round(datum.share * datum.of), ',') + ' of ' + format(datum.of, ',')", as: 'says' },
  ],
};

/** A bin is a step; one curve a policy, distinguished by colour and dash. */
export const CURVE_MARK = { type: 'line', interpolate: 'step-after', strokeWidth: 2 } as const;
export const CURVE_STYLE = { color: CELL_COLOR, strokeDash: CELL_DASH } as const;

/** A panel for each of the wanted series, in their order. */
export function seriesPanels(wanted: readonly LatencySeries[]) {
  return panels(
    'series',
    wanted.map((series) => SERIES_TITLES[series]),
  );
}

/** "legacy 1.2 ms, writeback 3 µs": one percentile of one series for every cell that has it. */
export function percentileWords(record: RunRecord, series: LatencySeries, of: 'p50Ns' | 'p99Ns'): string {
  return curvesOf(record, [series])
    .map(({ cell, histogram }) => `${cell} ${formatDuration(histogram[of])}`)
    .join(', ');
}
