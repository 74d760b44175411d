/** The page of a load run: servers side by side, each job as a multiple of the reference. */
import type { LoadRecord, LoadResult } from '../../results/load-record.ts';
import { compileChart } from '../charts/compile.ts';
import { dataTable } from '../page/data-table.ts';
import { pageDocument } from '../page/document.ts';
import { clock, commandBox, machineFacts } from '../page/environment.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { chartTools } from '../page/question-section.ts';
import { counted, formatRatio, formatShort } from '../reading/quantities.ts';
import { visibleLabel } from '../reading/visible-labels.ts';
import { baseOf, type LoadQuestion, loadQuestions } from './load-charts.ts';

/** One sentence for each server that keeps what it is given. */
function sentences(record: LoadRecord): string[] {
  const reference = visibleLabel(record.reference);
  const servers = [...Map.groupBy(record.results, ({ server }) => server)];
  return servers.flatMap(([server, results]) => {
    const keeps = results.some(({ syncsPerFlush }) => syncsPerFlush !== null);
    if (server === record.reference || !keeps) return [];
    const plain = range(record, results, (result) => result.syncsPerFlush === null);
    const commits = range(record, results, (result) => result.syncsPerFlush !== null);
    const most = results.toSorted((a, b) => b.clients - a.clients)[0]!;
    const base = baseOf(record, most)?.syncsPerFlush;
    const beside = base == null ? '' : `, ${reference} ${formatShort(base)}`;
    const syncs =
      most.syncsPerFlush === null
        ? ''
        : `; with ${counted(most.clients, 'client')} ${formatShort(most.syncsPerFlush)} syncs a flush${beside}`;
    const clauses = [
      ...(plain === null ? [] : [`${plain} the throughput without flushes`]),
      ...(commits === null ? [] : [`${commits} the commits`]),
    ];
    return [`${visibleLabel(server)} against ${reference}: ${clauses.join(', ')}${syncs}.`];
  });
}

/** The lowest and the highest multiple of the reference among these jobs. */
function range(
  record: LoadRecord,
  results: readonly LoadResult[],
  belongs: (result: LoadResult) => boolean,
): string | null {
  const ratios = results.filter(belongs).flatMap((result) => {
    const base = baseOf(record, result);
    return base === undefined ? [] : [result.requestsPerSecond / base.requestsPerSecond];
  });
  if (ratios.length === 0) return null;
  const [low, high] = [formatRatio(Math.min(...ratios)), formatRatio(Math.max(...ratios))];
  return low === high ? low : `${low} to ${high}`;
}

function section({ title, reading, chart, table }: LoadQuestion): Html {
  const { id } = chart;
  return html`<section id="${id}" class="question" aria-labelledby="${id}-title">
<h2 id="${id}-title"><a href="#${id}">${title}</a></h2>
<p class="reading">${reading}</p>
<figure><div class="chart" id="${id}-chart" data-renderer="svg"></div></figure>
${chartTools(id, title)}
${dataTable(table, id)}</section>`;
}

export function renderLoad(record: LoadRecord): Promise<string> {
  const { environment, rounds, commits, startedAt, command } = record;
  const questions = loadQuestions(record);
  const [verdict = 'Nothing to compare with.', ...further] = sentences(record);
  const body = html`${pageTop()}
<main id="main">
<h1>NBD servers under load</h1>
<p class="meta">${clock(startedAt)}, ${counted(rounds, 'round')} in turns, ${counted(commits, 'commit')} a client, each a write of 4 KiB into a fresh cluster and a flush; load by fio</p>
<section id="answer" aria-label="The answer">
<p class="verdict">${verdict}</p>
${further.map((sentence) => html`<p class="further">${sentence}</p>`)}
${environment.warnings.length > 0 ? html`<ul class="warnings" aria-label="Warnings">${environment.warnings.map((line) => html`<li class="warn">${visibleLabel(line)}</li>`)}</ul>` : null}
</section>
${questions.map(section)}
<section id="environment" aria-labelledby="environment-title">
<h2 id="environment-title">Environment, and how to repeat this run</h2>
${commandBox(['cowbench', ...command.map(visibleLabel)])}
<dl class="facts">${machineFacts(environment).map(([name, value]) => html`<div><dt>${name}</dt><dd>${visibleLabel(value)}</dd></div>\n`)}</dl>
</section>
</main>
<footer><p>Syncs are counted. Throughput and latency are noisy: compare them within a run only.</p></footer>`;
  return pageDocument({ title: 'cowbench load', body, charts: questions.map(({ chart }) => compileChart(chart)) });
}
