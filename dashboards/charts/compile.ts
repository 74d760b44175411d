/**
 * From a question and a record to a chart that a page can draw: the Vega-Lite specification with its variable parts filled,
 * the same compiled to Vega (so that no page needs the compiler), and the rows, packed. A sweep has rows for each of its
 * images: the specification is the same, and the page shows the rows of one image at a time.
 */

import { type LoggerInterface, logger, None } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { countedCells } from '../reading/cells.ts';
import { imageGroups } from '../reading/image-groups.ts';
import type { ChartBundle, ChartGroup, PackedRows } from './chart-bundle.ts';
import type { AskedQuestion, Control, Question, Row, Sources } from './question.ts';
import { chartConfig } from './theme.ts';

/** Columns once, then rows as arrays: a third of the weight of objects. */
export function packRows(rows: readonly Row[]): PackedRows {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { fields, rows: rows.map((row) => fields.map((field) => row[field] ?? null)) };
}

function packSources(sources: Sources): ChartBundle['sources'] {
  return Object.fromEntries(Object.entries(sources).map(([name, rows]) => [name, packRows(rows)]));
}

/** True while the chart is narrow: labels and legends then make do with less. Set by the page. */
const NARROW_PARAM = { name: 'narrow', value: false } as const;

type Param = { readonly name: string };

/** What makes a chart: plain specification, values for its parameters, rows, and the words for those who do not see it. */
export interface ChartParts {
  readonly id: string;
  readonly description: string;
  readonly renderer: 'svg' | 'canvas';
  readonly spec: TopLevelSpec;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly controls?: readonly Control[];
  /** Of the cells in the order of the parameter `cells`: decides colours and shapes. */
  readonly policyNames: readonly string[];
  readonly sources: Sources;
  readonly groups?: readonly ChartGroup[];
}

/** The specification with the values of its parameters, its description and the configuration filled in. */
function filledSpec(parts: ChartParts): TopLevelSpec {
  const { spec, params = {}, controls = [], policyNames, description, renderer } = parts;
  const filled = ([NARROW_PARAM, ...(spec.params ?? [])] as Param[]).map((param) => {
    const valued = param.name in params ? { ...param, value: params[param.name] } : param;
    const select = controls.find((control) => control.kind === 'select' && control.param === param.name);
    if (select?.kind !== 'select') return valued;
    return { ...valued, bind: { input: 'select', options: select.options, name: `${select.label} ` } };
  });
  // Thousands of marks are drawn as one picture, described as a whole: words for each would be made only to be thrown away.
  const config = { ...chartConfig(policyNames), ...(renderer === 'canvas' ? { aria: false } : {}) };
  return { ...spec, params: filled, description, config } as TopLevelSpec;
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

/** Warnings of the compiler go to `log`. */
export function compileChart(parts: ChartParts, log: LoggerInterface = logger(None)): ChartBundle {
  const vegaLite = filledSpec(parts);
  const zooms = (parts.controls ?? []).filter(({ kind }) => kind === 'zoom');
  const spec = compile(vegaLite, { logger: log }).spec as WithSignals;
  const vega = zooms.reduce((outer, { param }) => withReachableBrush(outer, `${param}_x`), spec);
  const { id, description, renderer, sources, groups } = parts;
  return {
    id,
    description,
    renderer,
    vegaLite: vegaLite as unknown as ChartBundle['vegaLite'],
    vega: vega as unknown as ChartBundle['vega'],
    sources: packSources(sources),
    ...(groups === undefined ? {} : { groups }),
  };
}

/** The controls of all scopes; a select offers what any of them has. */
export function controlsOf({ scopes }: AskedQuestion): readonly Control[] {
  const each = scopes.map(({ answer }) => answer?.controls ?? []);
  return (each.find((controls) => controls.length > 0) ?? []).map((control) => {
    if (control.kind !== 'select') return control;
    const same = each.flat().filter((other) => other.kind === 'select' && other.param === control.param);
    return {
      ...control,
      options: [...new Set(same.flatMap((other) => (other.kind === 'select' ? other.options : [])))],
    };
  });
}

function describeChart(question: Question, words: readonly string[]): string {
  return `${question.title} ${words.join(' ')}`;
}

/** Null when the record holds nothing that answers the question. */
export function compileQuestion(asked: AskedQuestion, log?: LoggerInterface): ChartBundle | null {
  const { question, record, scopes } = asked;
  const first = scopes.find(({ answer }) => answer !== null)?.answer;
  if (first === undefined || first === null) return null;
  // Labels are those within one image; the same label is the same policy in all of them.
  const policies = new Map(
    imageGroups(record).flatMap((group) =>
      countedCells(group.record).map(({ label, cell }) => [label, cell.policy.name] as const),
    ),
  );
  const groups = scopes.map(({ label, answer }) => ({
    label,
    description: describeChart(question, answer?.words ?? [question.absent]),
    sources: packSources(answer?.sources ?? {}),
  }));
  const parts: ChartParts = {
    id: question.id,
    description: describeChart(question, first.words),
    renderer: question.renderer,
    spec: question.spec,
    params: { cells: [...policies.keys()], ...first.params },
    controls: controlsOf(asked),
    policyNames: [...policies.values()],
    sources: first.sources,
    ...(groups.length > 1 ? { groups } : {}),
  };
  return compileChart(parts, log);
}
