/** The public entry point of this folder: reports and single charts from run records. */

export { type ComparedSide, renderComparison } from './comparison/comparison-report.ts';
export { HistoryRun, type MicroDocument } from './history/history-run.ts';
export { historyText, renderHistory } from './history/page/report.ts';
export { ChartError, type ChartFormat, QUESTION_IDS, renderChart } from './run/chart.ts';
export { flushWorld } from './run/flush-world.ts';
export { renderReport } from './run/report.ts';
export { renderDashboard } from './trend/dashboard.ts';
export { type CommitFacts, type RunSummary, summariseRun } from './trend/run-points.ts';
