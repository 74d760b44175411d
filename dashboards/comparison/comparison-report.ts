/** The comparison of two commits or two sets of runs: one row a metric, the most relevant first, what is not significant hidden. */
import type { RunRecord, TimeComparison } from '../../results/record.ts';
import { compileQuestion } from '../charts/compile.ts';
import { ask } from '../charts/question.ts';
import { copyButtons, figure } from '../page/data-table.ts';
import { pageDocument } from '../page/document.ts';
import { shellWord } from '../page/environment.ts';
import { glossarySection } from '../page/glossary.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { questionSection } from '../page/question-section.ts';
import { sparkline } from '../page/sparkline.ts';
import { cpuDifference } from '../questions/cpu-difference.ts';
import { cpuFlame } from '../questions/cpu-flame.ts';
import { type CommitContext, commitLink, diffLink, findFacts, NO_COMMITS } from '../reading/commit-facts.ts';
import { compareInWords, counted, formatCount, formatShort } from '../reading/quantities.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';
import { type Change, changesOf } from './changes.ts';
import { cellsByKey, type MatchedCell, type Matching, matchCells, type SideCell } from './matched-cells.ts';

export interface ComparedSide {
  /** What the side is, for example a commit and its message. */
  readonly name: string;
  readonly records: readonly RunRecord[];
  /** Where the side is one commit: its hash, or the beginning of it. */
  readonly commit?: string;
}

export interface ComparisonParts {
  readonly baseline: ComparedSide;
  readonly candidate: ComparedSide;
  /** Address of a run's report, where the page has one next to it. */
  readonly reportOf?: (runId: string) => string;
  /** Of one interleaved run: what the terminal said of it, its verdicts on times, and the words that repeat it. */
  readonly sentence?: string;
  readonly timesOf?: (matched: MatchedCell) => readonly TimeComparison[];
  readonly command?: readonly string[];
  /** Both sides in one run: its flame graphs are shown where it was profiled. */
  readonly run?: RunRecord;
  readonly known?: CommitContext;
  /** Earlier runs: the course of each number. */
  readonly history?: readonly RunRecord[];
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

/** The one commit of a side: as it is named, or what all of its runs were made from. */
function commitOf({ commit, records }: ComparedSide): string | null {
  const commits = new Set(records.map(({ source }) => source.commit));
  return commit ?? (commits.size === 1 ? ([...commits][0] ?? null) : null);
}

function sideFacts(
  role: string,
  side: ComparedSide,
  { reportOf, known }: Pick<ComparisonParts, 'reportOf'> & Context,
): Html {
  const { name, records } = side;
  const facts = findFacts(known, commitOf(side));
  const hash = facts?.hash ?? commitOf(side);
  const link = hash === null ? null : commitLink(known, hash);
  const short = hash === null ? null : html`<code>${hash.slice(0, 12)}</code>`;
  const about =
    facts === null
      ? null
      : html`<br>${facts.subject}<br>${facts.date.slice(0, 10)}${facts.author === undefined ? null : `, ${facts.author}`}`;
  const runs = records.map(({ runId, startedAt }) => {
    const text = `${startedAt.slice(0, 16).replace('T', ' ')} (${runId})`;
    return html`<li>${reportOf === undefined ? text : html`<a href="${reportOf(runId)}">${text}</a>`}</li>`;
  });
  return html`<div><dt>${role}</dt><dd><strong>${name}</strong> ${link === null ? short : html`<a href="${link}">${short ?? ''}</a>`}${about}<ul class="answers">${runs}</ul></dd></div>`;
}

interface Context {
  readonly known: CommitContext;
}

/** Where the difference of the two commits is seen: on the web, or by the command that shows it. */
function diffOf(baseline: ComparedSide, candidate: ComparedSide, { known }: Context): Html | null {
  const [base, head] = [baseline, candidate].map((side) => findFacts(known, commitOf(side))?.hash ?? commitOf(side));
  if (base == null || head == null || base === head) return null;
  const link = diffLink(known, base, head);
  if (link !== null) return html`<p><a href="${link}">What changed between the two commits</a></p>`;
  const command = `git log -p ${base.slice(0, 12)}..${head.slice(0, 12)}`;
  return html`<div class="command"><pre tabindex="0" aria-label="Command that shows what changed"><code>${command}</code></pre>
<button type="button" class="tool" data-copy="${command}">Copy</button></div>`;
}

const MOST_TRAIL = 30;

/** The course of a number over earlier runs and both sides. */
function trailOf(change: Change, history: ReadonlyMap<string, readonly SideCell[]>): Html | null {
  const earlier = (history.get(change.key) ?? []).flatMap((side) => change.of(side) ?? []);
  const values = earlier.length > 0 ? earlier : [change.base, change.head].flatMap((value) => value ?? []);
  if (values.length < 2) return null;
  const shown = values.slice(-MOST_TRAIL);
  return sparkline(shown, `${change.metric}, the last ${shown.length} values`);
}

function changeRow(change: Change, history: ReadonlyMap<string, readonly SideCell[]>): Html {
  const { workload, policy, metric, quantity, base, head, ratio, tone, significance, isSignificant } = change;
  const percent = ratio === null ? null : (ratio - 1) * 100;
  const sign = percent !== null && percent > 0 ? '+' : '';
  const words = percent === null ? '–' : percent === 0 ? '0 %' : `${sign}${formatShort(percent)} %`.replace('-', '−');
  return html`<tr data-significant="${String(isSignificant)}" data-policy="${policy}" data-workload="${workload}">
<th scope="row">${policy}<span class="under wrap">${workload}</span></th><td>${metric}</td>
<td class="num">${figure(base, quantity, `${metric}, baseline`)}</td><td class="num">${figure(head, quantity, `${metric}, candidate`)}</td>
<td class="num"><data value="${percent ?? ''}" title="candidate over baseline, in percent">${words}</data></td>
<td class="safety ${tone}">${significance}</td><td>${trailOf(change, history)}</td></tr>\n`;
}

function changesSection(changes: readonly Change[], history: ReadonlyMap<string, readonly SideCell[]>): Html {
  const policies = [...new Set(changes.map(({ policy }) => policy))];
  const HEADS = ['Policy', 'Metric', 'Baseline', 'Candidate', 'Change', 'Significance', 'Course'] as const;
  return html`<section id="changes" class="question" aria-labelledby="changes-title">
<h2 id="changes-title"><a href="#changes">Every metric on both sides</a></h2>
<div class="controls" role="search"><span class="pair"><label for="filter-policy">Policy</label>
<select id="filter-policy" data-filter="policy"><option value="">all policies</option>${policies.map((policy) => html`<option>${policy}</option>`)}</select></span>
<span class="pair"><label for="filter-search">Search</label><input type="search" id="filter-search" data-filter="search"></span>
<label class="check"><input type="checkbox" id="filter-all" data-filter="all"> also what is not significant</label></div>
<div class="scroll" tabindex="0" role="region" aria-label="Metrics of both sides">
<table class="summary cards" id="changes-table"><caption><span class="caption" data-shown-rows="changes-table"></span></caption>
<thead><tr>${HEADS.map((head, index) => html`<th scope="col"${index >= 2 && index <= 4 ? html` class="num"` : null}>${head}</th>`)}</tr></thead>
<tbody>${changes.map((change) => changeRow(change, history))}</tbody></table></div>
<div class="tools">${copyButtons('changes-table', 'metrics of both sides')}</div></section>`;
}

function unmatched({ onlyBaseline, onlyCandidate, changedInputs }: Matching): Html {
  const line = (side: string, cells: readonly string[]) =>
    cells.length === 0 ? null : html`<li class="warn">Only the ${side} measured: ${cells.join('; ')}.</li>`;
  if (onlyBaseline.length + onlyCandidate.length === 0) return html``;
  return html`<ul class="warnings" aria-label="Warnings">${[...changedInputs.map((sentence) => html`<li class="warn">${sentence}</li>`), line('baseline', onlyBaseline), line('candidate', onlyCandidate)].filter((item) => item !== null)}</ul>`;
}

function repeat(command: readonly string[] | undefined): Html | null {
  if (command === undefined) return null;
  const line = ['npm', 'run', '-s', 'cowbench', '--', ...command].map(shellWord).join(' ');
  return html`<div class="command"><pre tabindex="0" aria-label="Command that repeats this comparison"><code>${line}</code></pre>
<button type="button" class="tool" data-copy="${line}">Copy</button></div>`;
}

/** One self-contained page. */
export async function renderComparison(hostile: ComparisonParts): Promise<string> {
  const { reportOf, timesOf = null } = hostile;
  const { baseline, candidate, sentence, command, history } = withVisibleLabels({
    baseline: hostile.baseline,
    candidate: hostile.candidate,
    sentence: hostile.sentence,
    command: hostile.command,
    history: hostile.history ?? [],
  });
  const { commits, forge } = hostile.known ?? NO_COMMITS;
  const known: CommitContext = {
    commits: new Map([...commits].map(([hash, facts]) => [hash, withVisibleLabels(facts)])),
    forge,
  };
  const matching = matchCells(baseline.records, candidate.records);
  const { main, further } = headlineOf(matching);
  const changes = changesOf(matching.matched, timesOf);
  const { run } = hostile;
  const flames =
    run === undefined
      ? []
      : [cpuDifference, cpuFlame].flatMap((question) => ask(question, withVisibleLabels(run)) ?? []);
  const body = html`${pageTop()}
<main id="main">
<h1>Comparison of ${baseline.name} with ${candidate.name}</h1>
<section id="answer" aria-label="The answer">
<p class="verdict">${sentence ?? main}</p>
${further.map((line) => html`<p class="further">${line}</p>`)}
${unmatched(matching)}
<dl class="facts">${sideFacts('Baseline', baseline, { ...(reportOf && { reportOf }), known })}${sideFacts('Candidate', candidate, { ...(reportOf && { reportOf }), known })}</dl>
${diffOf(baseline, candidate, { known })}
</section>
${matching.matched.length === 0 ? null : changesSection(changes, cellsByKey(history))}
${flames.map(questionSection)}
${repeat(command)}
${glossarySection()}
</main>
<footer><p>Counts are exact: the same source, workload, seed and policy give the same on every machine. Times of separate runs are never compared; <code>cowbench compare</code> measures two commits in one interleaved run.</p></footer>`;
  const title = `${baseline.name} and ${candidate.name}: cowbench comparison`;
  return pageDocument({ title, body, charts: flames.flatMap((flame) => compileQuestion(flame) ?? []) });
}
