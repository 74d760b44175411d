/** The public entry point of this folder: reports and single charts from run records. */

export { type ComparedSide, renderComparison } from './comparison/comparison-report.ts';
export { HistoryRun, type MicroDocument } from './history/history-run.ts';
export { historyText, renderHistory } from './history/page/report.ts';
export { renderLoad } from './load/load-report.ts';
export type { CommitContext } from './reading/commit-facts.ts';
export { renderRecord as renderReport } from './record-page.ts';
export { ChartError, type ChartFormat, QUESTION_IDS, renderChart } from './run/chart.ts';
export { flushWorlds } from './run/flush-world.ts';
export { renderDashboard } from './trend/dashboard.ts';
export { renderFleet } from './trend/fleet-page.ts';
export { type RunSummary, summariseRun } from './trend/run-points.ts';
export { RUNS_PER_PAGE, runsPages } from './trend/runs-pages.ts';
