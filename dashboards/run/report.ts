/** The report of one run: answers on the first screen, then one section for each question. */
import type { RunRecord } from '../../results/record.ts';
import { compileQuestion } from '../charts/compile.ts';
import { ask } from '../charts/question.ts';
import { pageDocument } from '../page/document.ts';
import { environmentSection } from '../page/environment.ts';
import { glossarySection } from '../page/glossary.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { questionSection } from '../page/question-section.ts';
import { QUESTIONS } from '../questions/index.ts';
import { imageGroups } from '../reading/image-groups.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';
import { policyTable, timesTable } from './policy-table.ts';
import { flushWorld, verdictOf } from './verdict.ts';
import { warningsOf } from './warnings.ts';

/** `3 policies`, or `3 policies on 6 images`. */
function castOf(record: RunRecord): string {
  const groups = imageGroups(record);
  const most = Math.max(...groups.map((group) => group.record.cells.length));
  const cast = most === 1 ? '1 policy' : `${most} policies`;
  return groups.length > 1 ? `${cast} on ${groups.length} images` : cast;
}

function pageHeader(record: RunRecord): Html {
  return html`${pageTop()}
<main id="main">
<h1>${record.workload.title}</h1>
<p class="meta">${record.startedAt.slice(0, 10)} · ${record.source.commit === null ? `cowbench ${record.source.version}` : `commit ${record.source.commit.slice(0, 12)}`} · ${castOf(record)} · ${record.environment.fileSystem.type}</p>`;
}

function firstScreen(record: RunRecord): Html {
  const { headline, further } = verdictOf(record);
  const warnings = warningsOf(record).map(({ severity, text }) => html`<li class="${severity}">${text}</li>`);
  return html`<section id="answer" aria-label="The answer">
<p class="verdict">${headline}</p>
${further.map((sentence) => html`<p class="further">${sentence}</p>`)}
<p class="world">${flushWorld(record)}</p>
${warnings.length > 0 ? html`<ul class="warnings" aria-label="Warnings">${warnings}</ul>` : null}
${policyTable(record)}
${timesTable(record)}
</section>`;
}

function contents(drawn: readonly string[]): Html {
  const asked = QUESTIONS.filter(({ id, optional }) => optional !== true || drawn.includes(id));
  return html`<nav aria-label="Questions"><ol class="contents">${asked.map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ol></nav>`;
}

/** One HTML file that works offline; every label of the record is treated as untrusted. Takes well under ten seconds. */
export async function renderReport(record: RunRecord): Promise<string> {
  const visible = withVisibleLabels(record);
  const asked = QUESTIONS.map((question) => ask(question, visible));
  const charts = asked.flatMap((one) => compileQuestion(one) ?? []);
  const body = html`${pageHeader(visible)}
${firstScreen(visible)}
${environmentSection(visible)}
${contents(charts.map(({ id }) => id))}
${asked.map(questionSection)}
${glossarySection()}
</main>
<footer><p>Made from run ${visible.runId}. Counts are exact; times are noisy and compare only within this run.</p></footer>`;
  return pageDocument({ title: `${visible.workload.title}: cowbench report`, body, charts });
}
