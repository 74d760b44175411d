/** How slow are the slowest: latency against the percentile, the axis stretched towards 100 % as HDR plots do. */
import type { LatencySeries } from '../../results/record.ts';
import type { DataTable, Question } from '../question.ts';
import { curvesOf, percentileWords, SERIES_TITLES, tailRows } from './distribution.ts';
import { CELL_COLOR, CELL_DASH, CELLS_PARAM, DURATION_LABEL, logAxis, PANEL_HEADER, SCHEMA } from './encodings.ts';

const WANTED: readonly LatencySeries[] = ['deviceSync', 'guestFlush', 'guestWrite'];

export const latencyTail: Question = {
  id: 'latency-tail',
  title: 'How slow are the slowest?',
  reading:
    'Each step to the right asks for one nine more: 90 %, 99 %, 99.9 % are at most this slow. A steep end is a long tail.',
  absent: 'This run recorded no latency histograms.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [CELLS_PARAM],
    data: { name: 'rows' },
    columns: 1,
    facet: {
      field: 'series',
      type: 'nominal',
      title: null,
      sort: WANTED.map((series) => SERIES_TITLES[series]),
      header: PANEL_HEADER,
    },
    spec: {
      width: 720,
      height: 170,
      mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, tooltip: true },
      encoding: {
        x: {
          field: 'nines',
          type: 'quantitative',
          title: 'percentile',
          scale: { nice: false },
          axis: {
            values: [0, 1, 2, 3, 4, 5, 6],
            labelExpr: "datum.value == 0 ? '0 %' : format(100 - pow(10, 2 - datum.value), '.6~f') + ' %'",
          },
        },
        y: {
          field: 'ns',
          type: 'quantitative',
          scale: { type: 'log', nice: false },
          title: 'latency (log scale)',
          axis: logAxis('y', DURATION_LABEL),
        },
        color: CELL_COLOR,
        strokeDash: CELL_DASH,
        tooltip: [
          { field: 'cell', title: 'policy' },
          { field: 'quantile', title: 'beyond' },
          { field: 'latency', title: 'at least' },
        ],
      },
    },
  },
  data: (record) => ({ rows: tailRows(record, WANTED) }),
  table(record): DataTable {
    return {
      caption: 'The histograms themselves: how many values fell into each bin',
      columns: [
        { label: 'What', quantity: 'text' },
        { label: 'Policy', quantity: 'text' },
        { label: 'From', quantity: 'duration', help: 'lower bound of the bin' },
        { label: 'Count', quantity: 'count', help: 'values in this bin, all rounds together' },
      ],
      rows: curvesOf(record, WANTED).flatMap(({ cell, series, histogram }) =>
        histogram.bins.map(([lowerNs, count]) => [SERIES_TITLES[series], cell, lowerNs, count]),
      ),
    };
  },
  answer: (record) =>
    WANTED.filter((series) => curvesOf(record, [series]).length > 0).map(
      (series) => `${SERIES_TITLES[series]}, the slowest of all: ${percentileWords(record, series, 'maxNs')}.`,
    ),
};
