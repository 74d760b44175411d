/**
 * From a question and a record to a chart that a page can draw: the Vega-Lite specification with its variable parts filled,
 * the same compiled to Vega (so that no page needs the compiler), and the rows, packed.
 */

import { type LoggerInterface, logger, None } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { RunRecord } from '../results/record.ts';
import { countedCells } from './cells.ts';
import type { ChartBundle, PackedRows } from './page/browser/chart-bundle.ts';
import { hasData, type Question, type Row } from './question.ts';
import { chartConfig } from './theme.ts';

/** Columns once, then rows as arrays: a third of the weight of objects. */
export function packRows(rows: readonly Row[]): PackedRows {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { fields, rows: rows.map((row) => fields.map((field) => row[field] ?? null)) };
}

/** True while the chart has little room: labels and legends then make do with less. Set by the page. */
const NARROW_PARAM = { name: 'narrow', value: false } as const;

type Param = { readonly name: string };

/** The specification with the values of its parameters, its description and the configuration filled in. */
function filledSpec(question: Question, record: RunRecord): TopLevelSpec {
  const cells = countedCells(record);
  const values: Record<string, unknown> = { cells: cells.map(({ label }) => label), ...question.params?.(record) };
  const options = question.controls?.(record) ?? [];
  const params = ([NARROW_PARAM, ...(question.spec.params ?? [])] as Param[]).map((param) => {
    const filled = param.name in values ? { ...param, value: values[param.name] } : param;
    const select = options.find((control) => control.kind === 'select' && control.param === param.name);
    if (select?.kind !== 'select') return filled;
    return { ...filled, bind: { input: 'select', options: select.options, name: `${select.label} ` } };
  });
  return {
    ...question.spec,
    params,
    description: `${question.title} ${question.answer(record).join(' ')}`,
    config: chartConfig(cells.map(({ cell }) => cell.policy.name)),
  } as TopLevelSpec;
}

interface WithSignals {
  readonly signals?: readonly { readonly name: string; readonly on?: unknown }[];
  readonly marks?: readonly WithSignals[];
}

/**
 * Vega-Lite keeps the extent of a brush in a signal of the view that it was drawn in, out of reach of the page's buttons:
 * the same signal at the top, which the inner one only feeds, can be set from outside.
 */
function withReachableBrush<Spec extends WithSignals>(spec: Spec, name: string): Spec {
  const feed = (group: WithSignals): WithSignals => ({
    ...group,
    ...(group.signals && {
      signals: group.signals.map((signal) => (signal.name === name ? { name, push: 'outer', on: signal.on } : signal)),
    }),
  });
  return { ...spec, signals: [...(spec.signals ?? []), { name, value: [] }], marks: (spec.marks ?? []).map(feed) };
}

function compiled(question: Question, record: RunRecord, vegaLite: TopLevelSpec, log: LoggerInterface): WithSignals {
  const zooms = (question.controls?.(record) ?? []).filter(({ kind }) => kind === 'zoom');
  const spec = compile(vegaLite, { logger: log }).spec as WithSignals;
  return zooms.reduce((outer, { param }) => withReachableBrush(outer, `${param}_x`), spec);
}

/** Null when the record holds nothing that answers the question. Warnings of the compiler go to `log`. */
export function compileQuestion(
  question: Question,
  record: RunRecord,
  log: LoggerInterface = logger(None),
): ChartBundle | null {
  const sources = question.data(record);
  if (!hasData(sources)) return null;
  const vegaLite = filledSpec(question, record);
  return {
    id: question.id,
    description: String(vegaLite.description),
    renderer: question.renderer,
    vegaLite: vegaLite as unknown as ChartBundle['vegaLite'],
    vega: compiled(question, record, vegaLite, log) as unknown as ChartBundle['vega'],
    sources: Object.fromEntries(Object.entries(sources).map(([name, rows]) => [name, packRows(rows)])),
  };
}
