/** The comparison of two commits or two sets of runs: exact counts to the digit, times of separate runs only side by side. */
import type { ExactDifference } from '../../results/comparison-exact.ts';
import type { RunRecord } from '../../results/record.ts';
import { compileChart } from '../charts/compile.ts';
import { figure } from '../page/data-table.ts';
import { pageDocument } from '../page/document.ts';
import { glossarySection } from '../page/glossary.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { chartTools } from '../page/question-section.ts';
import { compareInWords, counted, formatCount } from '../reading/quantities.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';
import { CHANGE_CHART_ID, changeChart } from './change-chart.ts';
import { type MatchedCell, type Matching, matchCells, sideWallNs } from './matched-cells.ts';

export interface ComparedSide {
  /** What the side is, for example a commit and its message. */
  readonly name: string;
  readonly records: readonly RunRecord[];
}

export interface ComparisonParts {
  readonly baseline: ComparedSide;
  readonly candidate: ComparedSide;
  /** Address of a run's report, where the page has one next to it. */
  readonly reportOf?: (runId: string) => string;
}

function headlineOf({ matched }: Matching): { main: string; further: string[] } {
  if (matched.length === 0) return { main: 'These runs share no policy/workload pair.', further: [] };
  const unsound = matched.filter(({ exact }) => exact.verdict === 'nondeterministic');
  const different = matched.filter(({ exact }) => exact.verdict === 'different');
  const further = [
    ...unsound.map(
      ({ label, workload }) =>
        `${label} on ${workload}: two runs of the same side counted differently, so nothing can be concluded.`,
    ),
    ...different.slice(0, 3).map(syncsInWords),
  ];
  if (different.length + unsound.length === 0) {
    return {
      main: `No difference: all exact counts match (${counted(matched.length, 'policy/workload pair')}).`,
      further,
    };
  }
  const main = `Exact counts differ in ${formatCount(different.length)} of ${counted(matched.length, 'policy/workload pair')}.`;
  return { main, further };
}

function syncsInWords({ label, workload, baseline, candidate, exact }: MatchedCell): string {
  const [before, after] = [baseline[0]?.exact.fsyncs ?? 0, candidate[0]?.exact.fsyncs ?? 0];
  const figures = before === after ? formatCount(after) : `${formatCount(after)} vs ${formatCount(before)}`;
  return `${label} on ${workload}: ${compareInWords(after, before, 'syncs')} the baseline (${figures}); ${counted(exact.differences.length, 'counter')} ${exact.differences.length === 1 ? 'differs' : 'differ'}.`;
}

function sideFacts(role: string, { name, records }: ComparedSide, reportOf: ComparisonParts['reportOf']): Html {
  const runs = records.map(({ runId, startedAt }) => {
    const text = `${startedAt.slice(0, 16).replace('T', ' ')} (${runId})`;
    return html`<li>${reportOf === undefined ? text : html`<a href="${reportOf(runId)}">${text}</a>`}</li>`;
  });
  return html`<div><dt>${role}</dt><dd><strong>${name}</strong><ul class="answers">${runs}</ul></dd></div>`;
}

function changeSection(matched: readonly MatchedCell[]): Html {
  const drawn = changeChart(matched) !== null;
  return html`<section id="${CHANGE_CHART_ID}" class="question" aria-labelledby="${CHANGE_CHART_ID}-title">
<h2 id="${CHANGE_CHART_ID}-title"><a href="#${CHANGE_CHART_ID}">How far do the totals differ?</a></h2>
${
  drawn
    ? html`<p class="reading">Left of 1× is cheaper than the baseline; right of it, more expensive. Exact counts; equal ones are left out.</p>
<figure><div class="chart" id="${CHANGE_CHART_ID}-chart" data-renderer="svg"></div></figure>
${chartTools(CHANGE_CHART_ID, 'How far do the totals differ?')}`
    : html`<p class="absent">No total differs.</p>`
}</section>`;
}

function counterRow(cell: MatchedCell, { metric, baseline, candidate }: ExactDifference): Html {
  const differs = baseline !== candidate;
  const tone = !differs ? 'unknown' : candidate > baseline ? 'warn' : 'good';
  return html`<tr data-significant="${String(differs)}">
<th scope="row">${cell.label}<span class="under wrap">${cell.workload}</span></th><td>${metric}</td>
<td class="num">${figure(baseline, 'count', `${metric}, baseline`)}</td><td class="num">${figure(candidate, 'count', `${metric}, candidate`)}</td>
<td class="num">${figure(baseline === 0 ? null : candidate / baseline, 'ratio', `${metric}, candidate divided by baseline`)}</td>
<td class="safety ${tone}" title="candidate compared with the baseline">${!differs ? 'equal' : candidate > baseline ? 'more' : 'less'}</td></tr>\n`;
}

/** The counters that tell what an image costs; the deeper breakdowns are listed where they differ. */
const ALWAYS_LISTED = ['fsyncs', 'odsyncWrites', 'writes', 'writeBytes', 'reads', 'readBytes', 'imageBytes'] as const;

function countersOf({ exact, baseline, candidate }: MatchedCell): ExactDifference[] {
  const [before, after] = [baseline[0]?.exact, candidate[0]?.exact];
  if (before === undefined || after === undefined) return [];
  const always = ALWAYS_LISTED.map((metric) => ({ metric, baseline: before[metric], candidate: after[metric] }));
  const deeper = exact.differences.filter(({ metric }) => !ALWAYS_LISTED.some((name) => name === metric));
  return [...always, ...deeper];
}

function countersSection(matched: readonly MatchedCell[]): Html {
  return html`<section id="counters" class="question" aria-labelledby="counters-title">
<h2 id="counters-title"><a href="#counters">Which counters differ?</a></h2>
<div class="controls"><label class="check"><input type="checkbox" id="filter-all" data-filter="all"> also what is equal</label></div>
<div class="scroll" tabindex="0" role="region" aria-label="Exact counters of both sides">
<table class="summary" id="counters-table"><caption><span class="caption" data-shown-rows="counters-table"></span></caption>
<thead><tr><th scope="col">Policy</th><th scope="col">Counter</th><th scope="col" class="num">Baseline</th><th scope="col" class="num">Candidate</th><th scope="col" class="num">Ratio</th><th scope="col">Difference</th></tr></thead>
<tbody>${matched.flatMap((cell) => countersOf(cell).map((counter) => counterRow(cell, counter)))}</tbody></table></div></section>`;
}

function timesSection(matched: readonly MatchedCell[]): Html {
  const row = ({ label, workload, baseline, candidate }: MatchedCell) => html`<tr>
<th scope="row">${label}<span class="under wrap">${workload}</span></th>
<td class="num">${figure(sideWallNs(baseline), 'duration', 'median wall time over the rounds of the baseline’s runs')}</td>
<td class="num">${figure(sideWallNs(candidate), 'duration', 'median wall time over the rounds of the candidate’s runs')}</td></tr>\n`;
  return html`<section id="times" class="question" aria-labelledby="times-title">
<h2 id="times-title"><a href="#times">And the times?</a></h2>
<p class="reading">These are of separate runs, so no ratio is given and no verdict: a machine drifts by more than most changes make. <code>cowbench compare</code> measures two commits in one interleaved run and gives intervals.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Times of both sides">
<table class="summary noisy" id="times-table"><caption><span class="caption">Median wall time, noisy</span></caption>
<thead><tr><th scope="col">Policy</th><th scope="col" class="num">Baseline</th><th scope="col" class="num">Candidate</th></tr></thead>
<tbody>${matched.map(row)}</tbody></table></div></section>`;
}

function unmatched({ onlyBaseline, onlyCandidate, changedInputs }: Matching): Html {
  const line = (side: string, cells: readonly string[]) =>
    cells.length === 0 ? null : html`<li class="warn">Only the ${side} measured: ${cells.join('; ')}.</li>`;
  if (onlyBaseline.length + onlyCandidate.length === 0) return html``;
  return html`<ul class="warnings" aria-label="Warnings">${[...changedInputs.map((sentence) => html`<li class="warn">${sentence}</li>`), line('baseline', onlyBaseline), line('candidate', onlyCandidate)].filter((item) => item !== null)}</ul>`;
}

/** One self-contained page. */
export async function renderComparison(hostile: ComparisonParts): Promise<string> {
  const { reportOf } = hostile;
  const { baseline, candidate } = withVisibleLabels({ baseline: hostile.baseline, candidate: hostile.candidate });
  const matching = matchCells(baseline.records, candidate.records);
  const { main, further } = headlineOf(matching);
  const chart = changeChart(matching.matched);
  const body = html`${pageTop()}
<main id="main">
<h1>Comparison of ${baseline.name} with ${candidate.name}</h1>
<section id="answer" aria-label="The answer">
<p class="verdict">${main}</p>
${further.map((sentence) => html`<p class="further">${sentence}</p>`)}
${unmatched(matching)}
<dl class="facts">${sideFacts('Baseline', baseline, reportOf)}${sideFacts('Candidate', candidate, reportOf)}</dl>
</section>
${matching.matched.length === 0 ? null : html`${changeSection(matching.matched)}${countersSection(matching.matched)}${timesSection(matching.matched)}`}
${glossarySection()}
</main>
<footer><p>Counts are exact: the same source, workload, seed and policy give the same on every machine.</p></footer>`;
  return pageDocument({
    title: `${baseline.name} and ${candidate.name}: cowbench comparison`,
    body,
    charts: chart === null ? [] : [compileChart(chart)],
  });
}
