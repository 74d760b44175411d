/**
 * The contract of one question that a chart answers. A question is a file in `questions/`: its words, the rows it takes
 * from a record, a Vega-Lite specification as plain data, the chart's table, and the answer in words.
 *
 * The specification names its data sources and its variable parts (`params`); {@link Question.data} and
 * {@link Question.params} fill them. Rows are flat, so that they can be packed, listed and downloaded.
 */
import type { TopLevelSpec } from 'vega-lite';
import type { RunRecord } from '../../results/record.ts';

export type Scalar = string | number | boolean | null;
export type Row = Readonly<Record<string, Scalar>>;
/** Rows by the name of the data source that the specification refers to. */
export type Sources = Readonly<Record<string, readonly Row[]>>;

/** How a column's numbers are shown; the exact value stays in the cell's tooltip. */
export type Quantity = 'text' | 'count' | 'bytes' | 'duration' | 'ratio' | 'share';

export interface Column {
  readonly label: string;
  readonly quantity: Quantity;
  /** What one number of this column is, shown when it is pointed at. */
  readonly help?: string;
}

export interface DataTable {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** What the page's filters ask of each row, by name. */
  readonly marks?: readonly RowMarks[];
}

export interface RowMarks {
  readonly machine: string;
  readonly workload: string;
  readonly policy: string;
}

/** A control beside a chart that sets one parameter of its specification. */
export type Control =
  | {
      readonly kind: 'range';
      readonly param: string;
      readonly label: string;
      readonly min: number;
      readonly max: number;
      readonly step: number;
      readonly value: number;
    }
  | { readonly kind: 'select'; readonly param: string; readonly label: string; readonly options: readonly string[] }
  /** Buttons that move and size an interval selection along x, for those who cannot drag. */
  | { readonly kind: 'zoom'; readonly param: string; readonly label: string };

/** A sequence of steps described below a chart. */
export interface Story {
  readonly title: string;
  readonly steps: readonly string[];
}

export interface Question {
  /** Part of a URL, for example `sync-latency`. */
  readonly id: string;
  readonly title: string;
  /** How to read the chart, one sentence, the same for every record. */
  readonly reading: string;
  /** Said in place of the chart when the record holds nothing to draw. */
  readonly absent: string;
  /** What is looked at in one chart: a single image of a sweep (the default), or all of the run. */
  readonly scope?: 'image' | 'run';
  /** True for a question that is left out of the page when the record does not answer it. */
  readonly optional?: boolean;
  readonly spec: TopLevelSpec;
  /** Canvas where marks are many; SVG where people copy. */
  readonly renderer: 'svg' | 'canvas';
  /** Empty when the record does not answer the question. */
  data(record: RunRecord): Sources;
  /** Values for `params` of the specification that depend on the record. */
  params?(record: RunRecord): Readonly<Record<string, unknown>>;
  controls?(record: RunRecord): readonly Control[];
  stories?(record: RunRecord): readonly Story[];
  table(record: RunRecord): DataTable;
  /** The answer in words, one sentence or two for each policy; also read out in place of the picture. */
  answer(record: RunRecord): readonly string[];
}

/** True when the question has at least one row to draw. */
export function hasData(sources: Sources): boolean {
  return Object.values(sources).some((rows) => rows.length > 0);
}
