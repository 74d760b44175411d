/** The dashboard over many runs: what changed, trends by figure, and every run with a link to its report. */
import { compileChart } from '../charts/compile.ts';
import { copyButtons, dataTable, figure as number } from '../page/data-table.ts';
import { pageDocument } from '../page/document.ts';
import { glossarySection } from '../page/glossary.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { chartTools } from '../page/question-section.ts';
import { sparkline } from '../page/sparkline.ts';
import { type CommitContext, commitLink, findFacts, NO_COMMITS } from '../reading/commit-facts.ts';
import { counted, formatCount, formatRatio, formatShort } from '../reading/quantities.ts';
import { visibleLabel } from '../reading/visible-labels.ts';
import { pageFilters, unique } from './page-filters.ts';
import { type RunSummary, underNewestNames } from './run-points.ts';
import { runsTable } from './runs-pages.ts';
import { allSeries, commitLabel, FIGURES, type FigureKind, lastChange, type Series } from './series.ts';
import { trendChart, trendId, trendTable } from './trend-chart.ts';

export interface DashboardParts {
  readonly runs: readonly RunSummary[];
  /** Files that are no readable record, one line each. */
  readonly unreadable: readonly string[];
  /** Further pages of the site: file name and what it is. */
  readonly known?: CommitContext;
  readonly pages: readonly { readonly href: string; readonly title: string }[];
  /** All runs that the site has, where `runs` are only the newest. */
  readonly total?: number;
}

function changeWords(series: Series): string {
  const last = lastChange(series);
  const point = last === null ? undefined : series.points[last.change.index];
  if (last === null || point === undefined) return '';
  const { before, after } = last.change;
  const { show, title } = series.figure;
  const ratio = before === 0 ? '' : ` (${formatRatio(after / before)})`;
  const subject = point.subject === '' ? '' : ` (“${point.subject}”)`;
  return `${series.label} on ${series.workload}: ${title.toLowerCase()} went from ${show(before)} to ${show(after)}${ratio} with ${commitLabel(point)}${subject}.`;
}

const MOST_SENTENCES = 3;

function headline(runs: readonly RunSummary[], series: readonly Series[]): { main: string; further: string[] } {
  const commits = unique(runs.map(({ commit }) => commit ?? 'none')).length;
  const scope = `${counted(runs.length, 'run')}, ${counted(commits, 'commit')}`;
  if (series.length === 0) return { main: `${scope}: no counts yet.`, further: [] };
  const last = series.map((one) => ({ one, last: lastChange(one) }));
  const worse = last.filter((found) => found.last?.worse === true).map(({ one }) => one);
  const better = last.filter((found) => found.last?.worse === false).map(({ one }) => one);
  const steady = series.length - worse.length - better.length;
  const main =
    steady === series.length
      ? `Nothing changed: ${counted(series.length, 'metric')}, ${scope}.`
      : `${counted(series.length, 'metric')}, ${scope}: the last change was for the worse in ${formatCount(worse.length)} and for the better in ${formatCount(better.length)}; ${formatCount(steady)} never changed.`;
  return { main, further: [...new Set(worse.map(changeWords))].slice(0, MOST_SENTENCES) };
}

function hasMachines(series: readonly Series[]): boolean {
  return new Set(series.map(({ machine }) => machine)).size > 1;
}

/** What a series is of, besides its policy; the machine only where there are several. */
function placeOf({ workload, machine }: Series, several: boolean): string {
  return several ? `${workload} · ${machine}` : workload;
}

function changeRow(series: Series, several: boolean): Html {
  const { figure, machine, workload, policy, label, points, values } = series;
  const storage = points[0]?.storage ?? '';
  const last = lastChange(series);
  const point = last === null ? undefined : points[last.change.index];
  const verdict = last === null ? 'no change' : last.worse ? 'worse' : 'better';
  const tone = last === null ? 'unknown' : last.worse ? 'bad' : 'good';
  const before = last?.change.before ?? null;
  const ratio = last === null || last.change.before === 0 ? null : last.change.after / last.change.before;
  return html`<tr data-machine="${machine}" data-workload="${workload}" data-policy="${policy}" data-storage="${storage}" data-significant="${String(last !== null)}">
<th scope="row">${label}<span class="under wrap">${placeOf(series, several)}</span></th><td title="${figure.help}">${figure.title}</td>
<td class="safety ${tone}" title="direction of the last change of level; less is better">${verdict}</td>
<td class="num">${number(values.at(-1) ?? null, figure.quantity, `${figure.help}, newest run`)}</td>
<td class="num">${number(before, figure.quantity, `${figure.help}, the level before the last change`)}</td>
<td class="num">${ratio === null ? html`<span title="no ratio">–</span>` : html`<data value="${ratio}" title="level after the last change divided by the level before it">${formatRatio(ratio)}</data>`}</td>
<td>${point === undefined ? '–' : html`<a href="runs/${point.runId}.html" title="${point.subject === '' ? 'report of the first run at the new level' : point.subject}">${commitLabel(point)}</a>`}</td>
<td class="num"><data value="${points.length}" title="runs with this metric">${formatCount(points.length)}</data></td></tr>\n`;
}

function changesTable(series: readonly Series[]): Html {
  return html`<section id="changes" class="question" aria-labelledby="changes-title">
<h2 id="changes-title"><a href="#changes">What changed?</a></h2>
<p class="reading">The last change of level of every metric; less is better. An exact count changes with any difference, a time only where a change-point test over all its runs finds one.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Last change of every metric">
<table class="summary cards" id="changes-table">
<caption><span class="caption" data-shown-rows="changes-table"></span></caption>
<thead><tr><th scope="col">Policy</th><th scope="col">Metric</th><th scope="col">Last change</th><th scope="col" class="num">Newest</th><th scope="col" class="num">Before</th><th scope="col" class="num">Ratio</th><th scope="col">Since</th><th scope="col" class="num">Runs</th></tr></thead>
<tbody>${series.map((one) => changeRow(one, hasMachines(series)))}</tbody></table></div></section>`;
}

function trendSection(kind: FigureKind, series: readonly Series[]): Html {
  const id = trendId(kind);
  const own = series.filter(({ figure }) => figure === kind);
  if (own.length === 0) return html``;
  const certainty = kind.exact
    ? 'An exact count: every difference is a change.'
    : 'Noisy: vertical bars are 95 % intervals over the rounds of one run; the line is the level between two change points.';
  return html`<section id="${id}" class="question" aria-labelledby="${id}-title">
<h2 id="${id}-title"><a href="#${id}">${kind.title} over the commits</a></h2>
<p class="reading">${certainty} A dashed line marks a change: ▲ for the worse, ▼ for the better. A point links to its report.</p>
<figure><div class="chart" id="${id}-chart" data-renderer="svg"></div></figure>
${chartTools(id, kind.title)}
${dataTable(trendTable(kind, own), id)}</section>`;
}

/** `+12 %`, or how often a figure was measured where it never changed. */
function courseWords({ points, changes }: Series): Html {
  const last = changes.at(-1);
  if (points.length === 1) return html`<span class="under">one run</span>`;
  if (last === undefined) return html`<span class="under">unchanged in ${formatCount(points.length)} runs</span>`;
  const percent = last.before === 0 ? null : (last.after / last.before - 1) * 100;
  const words = percent === null ? 'changed' : `${percent > 0 ? '+' : '−'}${formatShort(Math.abs(percent))} %`;
  const at = points[last.index];
  return html`<span class="under ${last.after > last.before ? 'worse' : 'better'}">${words} with ${at === undefined ? '' : commitLabel(at)}</span>`;
}

function seriesCell(series: Series | undefined): Html {
  if (series === undefined) return html`<td class="num">–</td>`;
  const { figure: kind, points, values } = series;
  const newest = points.at(-1);
  const value = values.at(-1) ?? null;
  const line =
    values.length < 2 ? null : sparkline(values.slice(-MOST_TRAIL), `${kind.title}, ${counted(values.length, 'run')}`);
  const link =
    newest === undefined
      ? null
      : html`<a href="runs/${newest.runId}.html">${number(value, kind.quantity, kind.help)}</a>`;
  return html`<td class="num">${line}${link}${courseWords(series)}</td>`;
}

const MOST_TRAIL = 40;

/** Where everything stands: a row for each policy of each workload on each machine, its newest figures and their course. */
function overview(series: readonly Series[], kinds: readonly FigureKind[]): Html {
  const rows = [
    ...Map.groupBy(series, ({ machine, workload, label }) => JSON.stringify([machine, workload, label])).values(),
  ];
  const several = hasMachines(series);
  const row = (own: readonly Series[]) => {
    const { machine, workload, policy, label, points } = own[0]!;
    return html`<tr data-machine="${machine}" data-workload="${workload}" data-policy="${policy}" data-storage="${points[0]?.storage ?? ''}">
<th scope="row">${label}<span class="under wrap">${placeOf(own[0]!, several)}</span></th>${kinds.map((kind) => seriesCell(own.find(({ figure }) => figure === kind)))}</tr>\n`;
  };
  return html`<section id="overview" class="question" aria-labelledby="overview-title">
<h2 id="overview-title"><a href="#overview">Where everything stands</a></h2>
<div class="scroll" tabindex="0" role="region" aria-label="Newest figures of each policy">
<table class="summary cards" id="overview-table"><caption><span class="caption" data-shown-rows="overview-table"></span></caption>
<thead><tr><th scope="col">Policy</th>${kinds.map(({ title, help }) => html`<th scope="col" class="num" title="${help}">${title}</th>`)}</tr></thead>
<tbody>${rows.map(row)}</tbody></table></div>
<div class="tools">${copyButtons('overview-table', 'newest figures')}</div></section>`;
}

/** Every commit that was measured, the newest first, with its runs. */
function commitsTable(runs: readonly RunSummary[], known: CommitContext): Html {
  const groups = [...Map.groupBy(runs, (run) => commitLabel(run)).values()];
  const dateOf = (own: readonly RunSummary[]) => findFacts(known, own[0]!.commit)?.date ?? own[0]!.startedAt;
  const row = (own: readonly RunSummary[]) => {
    const run = own[0]!;
    const facts = findFacts(known, run.commit);
    const link = facts === null ? null : commitLink(known, facts.hash);
    const label = html`<code>${commitLabel(run)}</code>`;
    const runLinks = own
      .toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
      .map(
        ({ runId, startedAt, workload }) =>
          html`<li><a href="runs/${runId}.html">${startedAt.slice(0, 16).replace('T', ' ')}</a> ${workload}</li>`,
      );
    return html`<tr><th scope="row">${link === null ? label : html`<a href="${link}">${label}</a>`}</th>
<td>${dateOf(own).slice(0, 10)}</td><td>${facts === null ? run.subject : visibleLabel(facts.subject)}${facts?.author === undefined ? null : html`<span class="under">${visibleLabel(facts.author)}</span>`}</td>
<td><ul class="answers">${runLinks}</ul></td></tr>\n`;
  };
  return html`<section id="commits" class="question" aria-labelledby="commits-title">
<h2 id="commits-title"><a href="#commits">Commits</a></h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of commits">
<table class="summary cards" id="commits-table"><caption class="hidden">Every commit that was measured, the newest first</caption>
<thead><tr><th scope="col">Commit</th><th scope="col">Date</th><th scope="col">Subject</th><th scope="col">Runs</th></tr></thead>
<tbody>${groups.toSorted((a, b) => dateOf(b).localeCompare(dateOf(a))).map(row)}</tbody></table></div></section>`;
}

/** One page, as self-contained as a report; its links go to `runs/RUN.html` and `runs/RUN.json` next to it. */
export async function renderDashboard({
  runs: given,
  unreadable,
  pages,
  known = NO_COMMITS,
  total = given.length,
}: DashboardParts): Promise<string> {
  const runs = underNewestNames(given);
  const series = allSeries(runs);
  const policies = [...new Set(series.map(({ policy }) => policy))];
  const kinds = FIGURES.filter((kind) => series.some(({ figure }) => figure === kind));
  // One point has no course.
  const courses = series.filter(({ points }) => new Set(points.map(commitLabel)).size > 1);
  const drawn = kinds.filter((kind) => courses.some(({ figure }) => figure === kind));
  const charts = drawn.map((kind) =>
    compileChart(
      trendChart(
        kind,
        courses.filter(({ figure }) => figure === kind),
        policies,
      ),
    ),
  );
  const { main, further } = headline(runs, series);
  const body = html`${pageTop()}
<main id="main">
<h1>Dashboard</h1>
<p class="meta">${counted(runs.length, 'run')}${
    runs.length === 0
      ? null
      : ` from ${unique(runs.map(({ startedAt }) => startedAt))[0]?.slice(0, 10)} to ${unique(
          runs.map(({ startedAt }) => startedAt),
        )
          .at(-1)
          ?.slice(0, 10)}`
  }${total > runs.length ? `, the newest of ${formatCount(total)}` : null}</p>
<section id="answer" aria-label="The answer">
<p class="verdict">${main}</p>
${further.map((sentence) => html`<p class="further">${sentence}</p>`)}
${unreadable.length > 0 ? html`<ul class="warnings" aria-label="Warnings">${unreadable.map((line) => html`<li class="warn">Left out: ${visibleLabel(line)}</li>`)}</ul>` : null}
${pages.map(({ href, title }) => html`<p><a href="${href}">${title}</a></p>`)}
${runs.length > 0 ? pageFilters(runs, { policies, hidesUnchanged: true }) : null}
</section>
${series.length > 0 ? overview(series, kinds) : null}
${drawn.length > 0 ? changesTable(series) : null}
${drawn.map((kind) => trendSection(kind, courses))}
${runs.length > 0 ? commitsTable(runs, known) : null}
${runs.length > 0 ? runsTable(runs, 'All runs') : null}
${glossarySection()}
</main>
<footer><p>Counts are exact. Times of separate runs are noisy: only a lasting change of their level is marked.</p></footer>`;
  return pageDocument({ title: 'cowbench dashboard', body, charts });
}
