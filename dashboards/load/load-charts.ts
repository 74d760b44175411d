/** The charts of a load run: throughput as multiples of the reference, latencies, and the syncs that flushes share. */
import type { TopLevelSpec } from 'vega-lite';
import type { LoadRecord, LoadResult } from '../../results/load-record.ts';
import type { ChartParts } from '../charts/compile.ts';
import { CELL_COLOR, CELL_ROWS, CELL_SHAPE, DOT, logDuration } from '../charts/encodings.ts';
import type { DataTable, Row } from '../charts/question.ts';
import { FIGURE_SIZE, figureBands, ratioChart } from '../charts/ratio-chart.ts';
import { formatCount, formatDuration, formatRatio, formatShort } from '../reading/quantities.ts';
import { visibleLabel } from '../reading/visible-labels.ts';

export interface LoadQuestion {
  readonly title: string;
  readonly reading: string;
  readonly chart: ChartParts;
  readonly table: DataTable;
}

/** Only those that the run answers. */
export function loadQuestions(record: LoadRecord): LoadQuestion[] {
  return [throughput(record), latency(record), sharedSyncs(record)].filter(
    ({ chart }) => Object.values(chart.sources).flat().length > 0,
  );
}

/** What the reference did in the same job; undefined where it did nothing. */
export function baseOf({ results, reference }: LoadRecord, { job }: LoadResult): LoadResult | undefined {
  return results.find((other) => other.job === job && other.server === reference && other.requestsPerSecond > 0);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function parts(record: LoadRecord, id: string, title: string, spec: TopLevelSpec, rows: readonly Row[]): ChartParts {
  const servers = unique(record.results.map(({ server }) => server)).map(visibleLabel);
  return {
    id,
    description: `${title} The table below has every figure.`,
    renderer: 'svg',
    spec,
    params: { cells: servers },
    policyNames: servers,
    sources: { rows },
  };
}

function jobsOf({ results }: LoadRecord): string[] {
  return unique(results.map(({ job }) => job));
}

function throughput(record: LoadRecord): LoadQuestion {
  const title = `How does the throughput compare with that of ${visibleLabel(record.reference)}?`;
  const rows = record.results.flatMap((result): Row[] => {
    const base = baseOf(record, result)?.requestsPerSecond;
    // A log axis has no place for zero.
    if (base === undefined || result.slowestPerSecond === 0) return [];
    const ratio = result.requestsPerSecond / base;
    return [
      {
        ...{ figure: result.job, cell: visibleLabel(result.server), ratio, shown: formatRatio(ratio) },
        ...{ low: result.slowestPerSecond / base, high: result.fastestPerSecond / base },
        says: `${formatShort(result.requestsPerSecond)} requests/s`,
        spread: `${formatShort(result.slowestPerSecond)} to ${formatShort(result.fastestPerSecond)} requests/s`,
      },
    ];
  });
  const spec = ratioChart(jobsOf(record), `times ${visibleLabel(record.reference)}`, 'server');
  return {
    title,
    reading:
      'More is better. A dot is the median of the rounds, the rule through it reaches from the slowest to the fastest. A protocol alone keeps nothing: what it reaches is what the client and the protocol allow.',
    chart: parts(record, 'throughput', title, spec, rows),
    table: {
      caption: 'Throughput and latency of every server in every job',
      columns: [
        { label: 'Job', quantity: 'text' },
        { label: 'Server', quantity: 'text' },
        { label: 'Requests/s', quantity: 'count', help: 'median of the rounds' },
        { label: 'Slowest', quantity: 'count', help: 'requests a second in the slowest round' },
        { label: 'Fastest', quantity: 'count', help: 'requests a second in the fastest round' },
        { label: 'Bytes/s', quantity: 'bytes', help: 'bytes a second' },
        { label: 'Ratio', quantity: 'ratio', help: 'requests a second divided by those of the reference' },
      ],
      rows: record.results.map((result) => {
        const { job, server, requestsPerSecond, slowestPerSecond, fastestPerSecond, bytesPerSecond } = result;
        const base = baseOf(record, result)?.requestsPerSecond;
        return [
          ...[job, visibleLabel(server)],
          ...[requestsPerSecond, slowestPerSecond, fastestPerSecond, bytesPerSecond].map(Math.round),
          base === undefined ? null : requestsPerSecond / base,
        ];
      }),
    },
  };
}

function latency(record: LoadRecord): LoadQuestion {
  const title = 'How long does a request take?';
  const rows = record.results.flatMap(({ job, server, medianUs, p99Us }): Row[] => {
    if (medianUs <= 0 || p99Us <= 0) return [];
    const [median, p99] = [medianUs * 1000, p99Us * 1000];
    const words = { medianText: formatDuration(median), p99Text: formatDuration(p99) };
    return [{ figure: job, cell: visibleLabel(server), median, p99, ...words }];
  });
  return {
    title,
    reading:
      'Less is better. A dot is the median, the line from it ends at the 99th percentile. Of commits it is the flush that is timed, of the other jobs each request.',
    chart: parts(record, 'latency', title, latencySpec(jobsOf(record)), rows),
    table: {
      caption: 'Latency of every server in every job, medians over the rounds',
      columns: [
        { label: 'Job', quantity: 'text' },
        { label: 'Server', quantity: 'text' },
        { label: 'Median', quantity: 'duration', help: 'half of the requests took less' },
        { label: '99th percentile', quantity: 'duration', help: 'one of a hundred took longer' },
      ],
      rows: record.results.map(({ job, server, medianUs, p99Us }) => [
        ...[job, visibleLabel(server), medianUs * 1000, p99Us * 1000],
      ]),
    },
  };
}

function latencySpec(jobs: readonly string[]): TopLevelSpec {
  const x = logDuration('x', 'median', 'latency (log scale)');
  return {
    ...CELL_ROWS,
    ...FIGURE_SIZE,
    encoding: figureBands(jobs),
    layer: [
      { mark: { type: 'rule', strokeWidth: 2 }, encoding: { x, x2: { field: 'p99' }, color: CELL_COLOR } },
      {
        mark: DOT,
        encoding: {
          x,
          color: CELL_COLOR,
          shape: CELL_SHAPE,
          tooltip: [
            { field: 'cell', title: 'server' },
            { field: 'figure', title: 'job' },
            { field: 'medianText', title: 'median' },
            { field: 'p99Text', title: '99th percentile' },
          ],
        },
      },
    ],
  };
}

function sharedSyncs(record: LoadRecord): LoadQuestion {
  const title = 'How many syncs does a flush cost?';
  const measured = record.results.flatMap((result) =>
    result.syncsPerFlush === null ? [] : [{ ...result, perFlush: result.syncsPerFlush }],
  );
  const rows = measured.flatMap(({ job, server, clients, perFlush }): Row[] => {
    // A log axis has no place for zero.
    if (perFlush === 0) return [];
    const figures = { ratio: perFlush, low: perFlush, high: perFlush, shown: formatShort(perFlush) };
    const says = `${formatShort(perFlush * clients)} syncs for one flush of each of ${formatCount(clients)}`;
    return [{ figure: job, cell: visibleLabel(server), ...figures, says, spread: 'exact: by strace' }];
  });
  const spec = ratioChart(unique(measured.map(({ job }) => job)), 'syncs for each flush', 'server');
  return {
    title,
    reading:
      'Less is better. At 1 each flush of a client costs a sync; to the left of it flushes that wait at the same time share one. Counted by strace in a pass of its own.',
    chart: parts(record, 'shared-syncs', title, spec, rows),
    table: {
      caption: 'Syncs of the image file for each flush of a client',
      columns: [
        { label: 'Job', quantity: 'text' },
        { label: 'Server', quantity: 'text' },
        { label: 'Clients', quantity: 'count', help: 'that commit at a time' },
        { label: 'Syncs per flush', quantity: 'ratio', help: 'syncs of the image file divided by flushes asked for' },
        { label: '× clients', quantity: 'ratio', help: '1: all clients share every sync' },
      ],
      rows: measured.map(({ job, server, clients, perFlush }) => [
        ...[job, visibleLabel(server), clients, perFlush, perFlush * clients],
      ]),
    },
  };
}
