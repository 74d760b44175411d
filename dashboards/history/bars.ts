/** Rows for `stageBars`, and the table that belongs to them. */
import type { DataTable, Quantity, Row } from '../charts/question.ts';
import type { Figure } from './figures.ts';
import { type HistoryRun, ifMeasured } from './history-run.ts';

/** One bar: its pieces by name. */
export interface Bar {
  readonly panel: string;
  readonly stage: string;
  readonly pieces: Readonly<Record<string, Figure>>;
}

/** The bars of `stages`; a stage that was not measured has none. */
export function barsOf(
  panel: string,
  stages: readonly string[],
  pieces: (stage: string) => Readonly<Record<string, Figure>>,
): Bar[] {
  return stages.flatMap((stage) => {
    const found = ifMeasured(() => pieces(stage));
    return found === null ? [] : [{ panel, stage, pieces: found }];
  });
}

export function stageIds(run: HistoryRun): string[] {
  return run.stages.map(({ id }) => id);
}

function totalOf({ pieces }: Bar): number {
  return Object.values(pieces).reduce((total, { value }) => total + value, 0);
}

/** `show` writes the length of a bar; the axis counts in `unit`s. */
export function barRows(bars: readonly Bar[], show: (value: number) => string, unit = 1): Row[] {
  return bars.flatMap((bar) => {
    const total = totalOf(bar);
    return Object.entries(bar.pieces).map(([kind, { value, shown }], rank) => ({
      panel: bar.panel,
      stage: bar.stage,
      kind,
      rank,
      value: value / unit,
      says: shown,
      total: rank === 0 ? total / unit : null,
      label: rank === 0 ? show(total) : null,
    }));
  });
}

export function barTable(caption: string, bars: readonly Bar[], quantity: Quantity): DataTable {
  const kinds = [...new Set(bars.flatMap(({ pieces }) => Object.keys(pieces)))];
  const whole = kinds.length > 1 ? ([{ label: 'together', quantity }] as const) : [];
  return {
    caption,
    columns: [
      { label: 'What', quantity: 'text' },
      { label: 'Stage', quantity: 'text' },
      ...kinds.map((label) => ({ label, quantity })),
      ...whole,
    ],
    rows: bars.map((bar) => [
      bar.panel,
      bar.stage,
      ...kinds.map((kind) => bar.pieces[kind]?.value ?? null),
      ...(whole.length > 0 ? [totalOf(bar)] : []),
    ]),
  };
}
