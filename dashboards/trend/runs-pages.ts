/** Tables of runs, and the pages that list all runs of a site, however many there are. */
import { pageDocument } from '../page/document.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { counted, formatCount } from '../reading/quantities.ts';
import { pageFilters } from './page-filters.ts';
import type { RunSummary } from './run-points.ts';
import { commitLabel } from './series.ts';

/** Few enough for a browser to filter without a pause. */
export const RUNS_PER_PAGE = 500;

function runRow(run: RunSummary): Html {
  const started = run.startedAt.slice(0, 16).replace('T', ' ');
  const link = html`<a href="runs/${run.runId}.html" title="report of this run">${started}</a>`;
  // Rows are of one storage each for the filter; a run with models besides its disk is one of the disk.
  return html`<tr data-machine="${run.machine}" data-workload="${run.workload}" data-storage="${run.storages[0]?.storage ?? ''}">
<th scope="row">${run.hasReport ? link : started}</th>
<td title="${run.subject}">${commitLabel(run)}${run.subject === '' ? null : html`<span class="under wrap">${run.subject}</span>`}</td>
<td>${run.workload}</td>
<td class="num"><data value="${run.cells}" title="policies and images in this run">${formatCount(run.cells)}</data></td>
<td class="safety ${run.findings.length === 0 ? 'good' : 'bad'}" title="problems found in the run">${run.findings.length === 0 ? 'sound' : run.findings.join('; ')}</td>
<td><a href="runs/${run.runId}.json" title="the record of this run">JSON</a></td></tr>\n`;
}

/** The newest first. */
export function runsTable(runs: readonly RunSummary[], title: string): Html {
  const newest = runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
  return html`<section id="runs" class="question" aria-labelledby="runs-title">
<h2 id="runs-title"><a href="#runs">${title}</a></h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of runs">
<table class="summary cards" id="runs-table"><caption><span class="caption" data-shown-rows="runs-table"></span></caption>
<thead><tr><th scope="col">Started (UTC)</th><th scope="col">Commit</th><th scope="col">Workload</th><th scope="col" class="num">Configurations</th><th scope="col">Checks</th><th scope="col">Record</th></tr></thead>
<tbody>${newest.map(runRow)}</tbody></table></div></section>`;
}

export interface ListPage {
  /** File name. */
  readonly href: string;
  readonly title: string;
  readonly text: string;
}

function hrefOf(page: number): string {
  return `runs-${page + 1}.html`;
}

/** The pages that list `runs`, the newest first; one at a time, as all together may be large. */
export async function* runsPages(runs: readonly RunSummary[]): AsyncGenerator<ListPage> {
  const newest = runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
  const pages = Math.ceil(newest.length / RUNS_PER_PAGE);
  for (let page = 0; page < pages; page++) {
    const own = newest.slice(page * RUNS_PER_PAGE, (page + 1) * RUNS_PER_PAGE);
    const [last, first] = [own.at(-1)!, own[0]!].map(({ startedAt }) => startedAt.slice(0, 10));
    const title = `Runs from ${last} to ${first}`;
    const links = [
      ...(page > 0 ? [html`<a href="${hrefOf(page - 1)}">Newer</a>`] : []),
      ...(page + 1 < pages ? [html`<a href="${hrefOf(page + 1)}">Older</a>`] : []),
    ];
    const body = html`${pageTop()}
<main id="main">
<h1>${title}</h1>
<p class="meta">page ${page + 1} of ${pages}; ${counted(newest.length, 'run')} in all</p>
<p><a href="index.html">Dashboard</a> ${links}</p>
${pageFilters(own, { policies: [], hidesUnchanged: false })}
${runsTable(own, 'Runs')}
</main>`;
    yield { href: hrefOf(page), title, text: await pageDocument({ title, body, charts: [] }) };
  }
}
