/** One chart without a page: SVG, PNG or the Vega-Lite specification with its data, for papers and other tools. */
import * as vega from 'vega';
import type { RunRecord } from '../../results/record.ts';
import { standaloneSpec, vegaWithRows } from '../charts/chart-bundle.ts';
import { ChartError } from '../charts/chart-error.ts';
import { compileQuestion } from '../charts/compile.ts';
import { applyTheme, type ThemeName } from '../charts/palette.ts';
import { ask } from '../charts/question.ts';
import { rasterize } from '../charts/rasterize.ts';
import { QUESTIONS } from '../questions/index.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';

export { ChartError };

export type ChartFormat = 'svg' | 'png' | 'json';

/** Names that {@link renderChart} takes. */
export const QUESTION_IDS: readonly string[] = QUESTIONS.map(({ id }) => id);

/**
 * Draws the chart of `questionId` (see {@link QUESTION_IDS}) for one record.
 * Throws {@link ChartError} when the question is unknown or the record does not answer it; PNG also when Chromium is missing.
 */
export async function renderChart(
  record: RunRecord,
  questionId: string,
  format: ChartFormat,
  theme: ThemeName = 'light',
): Promise<string | Uint8Array> {
  const question = QUESTIONS.find(({ id }) => id === questionId);
  if (question === undefined) {
    throw new ChartError(`unknown chart '${questionId}'; known: ${QUESTION_IDS.join(', ')}`);
  }
  const bundle = compileQuestion(ask(question, withVisibleLabels(record)));
  if (bundle === null) throw new ChartError(`chart '${questionId}': ${question.absent}`);
  const themed = { ...bundle, vega: applyTheme(bundle.vega, theme), vegaLite: applyTheme(bundle.vegaLite, theme) };
  if (format === 'json') return `${JSON.stringify(standaloneSpec(themed), null, 2)}\n`;
  const spec = vegaWithRows(themed);
  const view = new vega.View(vega.parse(spec as unknown as vega.Spec), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    return format === 'svg' ? svg : rasterize(svg);
  } finally {
    view.finalize();
  }
}
