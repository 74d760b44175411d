/** The door of this folder: reports and single charts from run records. */
export { type ChartFormat, QUESTION_IDS, renderChart } from './chart.ts';
export { renderReport } from './report.ts';
