/**
 * The contract of one question that a chart answers. A question is a file in `questions/`: its words, a Vega-Lite specification as
 * plain data, and how a record answers it.
 *
 * The specification names its data sources and its variable parts (`params`), which an {@link Answer} fills. Rows are flat, so that
 * they can be packed, listed and downloaded.
 */
import type { TopLevelSpec } from 'vega-lite';
import type { RunRecord } from '../../results/record.ts';
import { imageGroups } from '../reading/image-groups.ts';
import type { NUMBER_FORMS } from '../reading/quantities.ts';

export type Scalar = string | number | boolean | null;
export type Row = Readonly<Record<string, Scalar>>;
/** Rows by the name of the data source that the specification refers to. */
export type Sources = Readonly<Record<string, readonly Row[]>>;

/** How a column's numbers are shown; the exact value stays in the cell's tooltip. */
export type Quantity = 'text' | keyof typeof NUMBER_FORMS;

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

/** A control next to a chart that sets one parameter of its specification. */
export type Control =
  | {
      readonly kind: 'range';
      readonly param: string;
      readonly label: string;
      readonly min: number;
      readonly max: number;
      readonly step: number;
      readonly value: number;
      readonly readout: CostReadout;
    }
  | { readonly kind: 'select'; readonly param: string; readonly label: string; readonly options: readonly string[] }
  /** Buttons that move and size an interval selection along x, for those who cannot drag. */
  | { readonly kind: 'zoom'; readonly param: string; readonly label: string };

/** What is shown next to sliders of powers of ten: for each row of a source the sum of its counts times the times they stand for. */
export interface CostReadout {
  readonly source: string;
  /** The field of its rows that names them. */
  readonly label: string;
  readonly terms: readonly CostTerm[];
}

export interface CostTerm {
  readonly param: string;
  /** What is timed, for example `empty sync`. */
  readonly words: string;
  /** What 10^0 stands for. */
  readonly unitNs: number;
  /** The field that says how often. */
  readonly times: string;
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
  /** Null when the record has nothing to draw. */
  ask(record: RunRecord): Answer | null;
}

/** What one record, or one image of a sweep, has to say. */
export interface Answer {
  readonly sources: Sources;
  /** Values for `params` of the specification that depend on the record. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly controls?: readonly Control[];
  readonly table: DataTable;
  /** One sentence or two for each policy; also read out in place of the picture. */
  readonly words: readonly string[];
}

/** The answer with these rows; null when there are none. */
export function answered(sources: Sources, further: () => Omit<Answer, 'sources'>): Answer | null {
  return Object.values(sources).some((rows) => rows.length > 0) ? { sources, ...further() } : null;
}

/** A question put to a record, once. */
export interface AskedQuestion {
  readonly question: Question;
  readonly record: RunRecord;
  /** The answer of the whole record. */
  readonly whole: Answer | null;
  /** What is drawn one at a time: images of a sweep, or the record as a whole. */
  readonly scopes: readonly { readonly label: string; readonly answer: Answer | null }[];
}

export function ask(question: Question, record: RunRecord): AskedQuestion {
  const whole = question.ask(record);
  const parts = question.scope === 'run' ? [{ label: '', record }] : imageGroups(record);
  const scopes = parts.map((part) => ({
    label: part.label,
    answer: part.record === record ? whole : question.ask(part.record),
  }));
  return { question, record, whole, scopes };
}
