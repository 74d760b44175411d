/** Every stage, workload and mode: syncs, and their ratio to S0. */
import type { TopLevelSpec } from 'vega-lite';
import { panels, SCHEMA } from '../../charts/encodings.ts';
import { MATRIX_LAYERS } from '../../charts/matrix.ts';
import type { DataTable, Row } from '../../charts/question.ts';
import { formatCount, formatRatio } from '../../reading/quantities.ts';
import { cellAt, type HistoryRun, ifMeasured, type Mode, stagesIn, wideParts } from '../history-run.ts';

interface Panel {
  readonly title: string;
  readonly mode: Mode;
  readonly counter: 'fsyncs' | 'odsyncWrites';
}

const PANELS: readonly Panel[] = [
  { title: 'Writeback: syncs', mode: 'writeback', counter: 'fsyncs' },
  { title: 'Writethrough: syncs', mode: 'writethrough', counter: 'fsyncs' },
  { title: 'Writethrough: O_DSYNC', mode: 'writethrough', counter: 'odsyncWrites' },
];

interface Entry {
  readonly panel: Panel;
  readonly stage: string;
  readonly workload: string;
  readonly value: number;
  /** To S0; null where that counted none or was not measured. */
  readonly ratio: number | null;
}

function entriesOf(run: HistoryRun): Entry[] {
  const parts = wideParts(run);
  return PANELS.flatMap((panel) =>
    parts.flatMap(({ id: part, title }) =>
      stagesIn(run, part, panel.mode).map((stage) => {
        const at = (id: string) =>
          ifMeasured(() => cellAt(run, { part, stage: id, mode: panel.mode }).exact[panel.counter]);
        const [value, first] = [at(stage) ?? 0, at(run.stages[0]!.id)];
        return { panel, stage, workload: title, value, ratio: first === null || first === 0 ? null : value / first };
      }),
    ),
  );
}

/** Shade of a count equal to that of the first stage, and how much each doubling adds to it. */
const SAME_SHARE = 0.35;
const DOUBLING_SHARE = 0.25;

/** The shade says how a stage compares with the first one: the stronger, the more expensive. */
export function syncMatrixRows(run: HistoryRun): Row[] {
  const first = run.stages[0]!.id;
  return entriesOf(run).map(({ panel, stage, workload, value, ratio }) => {
    const share = ratio === null ? SAME_SHARE : shareOf(ratio);
    return {
      panel: panel.title,
      x: stage,
      y: workload,
      value,
      shown: formatCount(value),
      under: ratio === null ? '' : formatRatio(ratio),
      says: ratio === null ? formatCount(value) : `${formatCount(value)}, ${formatRatio(ratio)} of ${first}`,
      share,
    };
  });
}

function shareOf(ratio: number): number {
  return Math.min(1, Math.max(0, SAME_SHARE + Math.log2(ratio) * DOUBLING_SHARE));
}

export function syncMatrixTable(run: HistoryRun): DataTable {
  return {
    caption: `Syncs plus O_DSYNC writes of every stage; the ratio is to ${run.stages[0]!.id} in the same mode`,
    columns: [
      { label: 'What', quantity: 'text' },
      { label: 'Workload', quantity: 'text' },
      { label: 'Stage', quantity: 'text' },
      { label: 'Count', quantity: 'count' },
      { label: 'Ratio', quantity: 'ratio' },
    ],
    rows: entriesOf(run).map(({ panel, workload, stage, value, ratio }) => [
      panel.title,
      workload,
      stage,
      value,
      ratio,
    ]),
  };
}

const [squares, counts] = MATRIX_LAYERS as [object, { readonly encoding: object }];

export const SYNC_MATRIX_SPEC: TopLevelSpec = {
  $schema: SCHEMA,
  data: { name: 'rows' },
  columns: 1,
  facet: panels(
    'panel',
    PANELS.map(({ title }) => title),
  ),
  spec: {
    width: 600,
    height: { step: 40 },
    layer: [
      squares as never,
      {
        ...counts,
        mark: { type: 'text', fontSize: { expr: 'narrow ? 10 : 12' }, dy: { expr: 'narrow ? 0 : -6' } },
      } as never,
      {
        ...counts,
        mark: { type: 'text', fontSize: 10, dy: 8 },
        encoding: { ...counts.encoding, text: { condition: { test: 'narrow', value: '' }, field: 'under' } },
      } as never,
    ],
  },
};
