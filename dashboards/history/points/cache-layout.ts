/** S3: the entries of the cache packed in memory. It changed no count; what it changed is measured apart. */

import { SCHEMA } from '../../charts/encodings.ts';
import type { Row } from '../../charts/question.ts';
import { formatShort } from '../../reading/quantities.ts';
import { type Figure, say } from '../figures.ts';
import { cellAt, type HistoryRun, type MicroDocument, MODES, NotMeasured, numberAt, stagesIn } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { colourBy } from '../specs.ts';

const COLOURS = { unpacked: 'orange', packed: 'sky' } as const;
const LAYOUTS = ['unpacked', 'packed'] as const;

function microOf(run: HistoryRun): MicroDocument {
  if (run.micro === null) throw new NotMeasured('micro');
  return run.micro;
}

function microFigure(run: HistoryRun, path: string): Figure {
  const value = numberAt(microOf(run), path);
  if (value === undefined) throw new NotMeasured(`micro ${path}`);
  return { value, shown: formatShort(value), from: `[micro ${path}]` };
}

function rows(run: HistoryRun): Row[] {
  return (run.micro?.operations ?? []).flatMap(({ operation, capacity, medianNs, verdict }) =>
    LAYOUTS.map((layout) => ({
      operation: `${operation}, ${capacity} tables`,
      layout,
      value: medianNs[layout],
      says: `${formatShort(medianNs[layout])} ns`,
      verdict,
    })),
  );
}

/** Cells of S2 and of S3 with the same workload and mode: how many there are, and in how many every counter is equal. */
function equalCells(run: HistoryRun): { pairs: number; equal: number } {
  const pairs = run.parts.flatMap(({ id: part }) =>
    MODES.filter((mode) => ['S2', 'S3'].every((stage) => stagesIn(run, part, mode).includes(stage))).map((mode) =>
      ['S2', 'S3'].map((stage) => JSON.stringify(cellAt(run, { part, stage, mode }).exact)),
    ),
  );
  if (pairs.length === 0) throw new NotMeasured('S2 and S3');
  return { pairs: pairs.length, equal: pairs.filter(([before, after]) => before === after).length };
}

export const cacheLayout: Point = {
  id: 'cache-layout',
  title: 'What did packing the cache’s entries change?',
  reading:
    'S3 changed only the memory layout of a cache entry. Here that is one object per entry (unpacked) or arrays of numbers for all (packed): nanoseconds per operation, each sample in a fresh process. Noisy, unlike everything else on this page; npm run micro measures it more carefully.',
  spec: {
    $schema: SCHEMA,
    data: { name: 'rows' },
    width: 600,
    height: { step: 13, for: 'offset' },
    encoding: {
      y: { field: 'operation', type: 'nominal', sort: null, title: null, axis: { ticks: false, domain: false } },
      yOffset: { field: 'layout', type: 'nominal', sort: [...LAYOUTS] },
    },
    layer: [
      {
        mark: { type: 'bar', tooltip: true },
        encoding: {
          x: {
            field: 'value',
            type: 'quantitative',
            title: 'nanoseconds an operation',
            axis: { tickCount: 4, domain: false },
          },
          color: colourBy('layout', COLOURS),
          tooltip: [
            { field: 'operation', title: 'operation' },
            { field: 'layout', title: 'layout' },
            { field: 'says', title: 'median' },
            { field: 'verdict', title: 'verdict' },
          ],
        },
      },
    ],
  },
  rows,
  table: (run) => ({
    caption: 'Operations of the table cache by memory layout',
    columns: [
      { label: 'Operation', quantity: 'text' },
      { label: 'Layout', quantity: 'text' },
      { label: 'Median', quantity: 'duration' },
      { label: 'Verdict', quantity: 'text' },
    ],
    rows: rows(run).map(
      ({ operation, layout, value, verdict }) => [operation, layout, value, verdict] as (string | number)[],
    ),
  }),
  claims: (run) => [
    claim('Every counter of S3 equals that of S2.', () => {
      const { pairs, equal } = equalCells(run);
      return { found: say`In ${String(equal)} of ${String(pairs)} pairs of configurations.`, holds: equal === pairs };
    }),
    claim('A packed entry takes less memory.', () => {
      const [unpacked, packed] = LAYOUTS.map((layout) => microFigure(run, `entries.0.bytesPerEntry.${layout}`)) as [
        Figure,
        Figure,
      ];
      const capacity = microFigure(run, 'entries.0.capacity');
      return {
        found: say`Measured with ${capacity} tables: ${packed} bytes packed, ${unpacked} unpacked.`,
        holds: packed.value < unpacked.value,
      };
    }),
    claim('No operation is slower because of it.', () => {
      const { operations } = microOf(run);
      const slower = operations.filter(({ verdict }) => verdict === 'unpacked is faster');
      const unsure = operations.filter(({ verdict }) => verdict === 'unsure');
      const named = slower.map(({ operation }) => operation).join(', ');
      return {
        found: say`Of ${String(operations.length)} operations the timings find ${String(slower.length)} slower${named === '' ? '' : ` (${named})`}; of ${String(unsure.length)} are undecided.`,
        holds: slower.length === 0,
      };
    }),
  ],
};
