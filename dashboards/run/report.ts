/** The report of one run: answers on the first screen, then one section for each question. */
import type { RunRecord } from '../../results/record.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { compileQuestion } from '../charts/compile.ts';
import { type AskedQuestion, ask } from '../charts/question.ts';
import { copyButtons } from '../page/data-table.ts';
import { pageDocument } from '../page/document.ts';
import { environmentSection } from '../page/environment.ts';
import { glossarySection } from '../page/glossary.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { GROUP_NAMES, questionSection } from '../page/question-section.ts';
import { QUESTIONS } from '../questions/index.ts';
import { matrix } from '../questions/matrix.ts';
import { adviceSentence } from '../reading/advice.ts';
import { groupNoun, imageGroups } from '../reading/image-groups.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';
import { workloadsTitle } from '../reading/workload-words.ts';
import { answerTable } from './answer-table.ts';
import { flushWorlds } from './flush-world.ts';
import { policyTable, timesTable } from './policy-table.ts';
import { safetySection } from './safety-section.ts';
import { type Warning, warningsOf } from './warnings.ts';

/** `3 policies`, or `3 policies on 6 images`. */
function castOf(record: RunRecord): string {
  const groups = imageGroups(record);
  const most = Math.max(...groups.map((group) => group.record.cells.length));
  const cast = most === 1 ? '1 policy' : `${most} policies`;
  const workloads = workloadParts(record).length;
  const images = groups.length / workloads;
  const noun = groupNoun(workloadParts(record)[0]!);
  const on = images > 1 ? `${cast} on ${images} ${noun}s` : cast;
  return workloads > 1 ? `${on} under ${workloads} workloads` : on;
}

function pageHeader(record: RunRecord): Html {
  return html`${pageTop()}
<main id="main">
<h1>${workloadsTitle(record)}</h1>
<p class="meta">${record.startedAt.slice(0, 10)} · ${record.source.commit === null ? `cowbench ${record.source.version}` : `commit ${record.source.commit.slice(0, 12)}`} · ${castOf(record)} · ${record.environment.fileSystem.type}</p>`;
}

function warningList(record: RunRecord, severity: Warning['severity']): Html | null {
  const found = warningsOf(record).filter((warning) => warning.severity === severity);
  if (found.length === 0) return null;
  const label = severity === 'bad' ? 'Errors' : 'Warnings';
  return html`<ul class="warnings" aria-label="${label}">${found.map(({ text }) => html`<li class="${severity}">${text}</li>`)}</ul>`;
}

/** Shows one image of a sweep at a time, here and in all charts. */
function imageSelect(record: RunRecord): Html | null {
  const groups = imageGroups(record);
  if (groups.length < 2) return null;
  return html`<div class="controls"><label for="answer-group">${GROUP_NAMES[groupNoun(record)]}</label>
<select id="answer-group" data-group-select>${groups.map(({ label }) => html`<option>${label}</option>`)}</select></div>`;
}

/** What is read without scrolling: the advice, what it rests on, and the same as a picture. */
function firstScreen(record: RunRecord, first: AskedQuestion): Html {
  return html`<section id="answer" aria-label="The answer">
<p class="verdict">${adviceSentence(record)}</p>
${warningList(record, 'bad')}
${imageSelect(record)}
${answerTable(record)}
</section>
${questionSection(first)}
<div class="tools">${copyButtons('storage-table', 'each policy on each storage', 'Copy the table at the top')}</div>
<section id="counts" class="question" aria-labelledby="counts-title">
<h2 id="counts-title"><a href="#counts">All counts and times</a></h2>
${flushWorlds(record).map((line) => html`<p class="world">${line}</p>`)}
${warningList(record, 'warn')}
${policyTable(record)}
${timesTable(record)}
</section>`;
}

const LAST_SECTIONS = [
  ['crash-safety', 'Is it safe when the power fails?'],
  ['environment', 'Environment, and how to repeat this run'],
] as const;

function contents(drawn: readonly string[]): Html {
  const asked = QUESTIONS.filter(({ id, optional }) => optional !== true || drawn.includes(id));
  const links = [...asked.map(({ id, title }) => [id, title] as const), ...LAST_SECTIONS];
  return html`<nav aria-label="Questions"><ol class="contents">${links.map(
    ([id, title]) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ol></nav>`;
}

/** One HTML file that works offline; every label of the record is treated as untrusted. Takes well under ten seconds. */
export async function renderReport(record: RunRecord): Promise<string> {
  const visible = withVisibleLabels(record);
  const asked = QUESTIONS.map((question) => ask(question, visible));
  // Of several workloads or images all are seen at once, then each.
  const first = asked.find(({ question, whole }) => question === matrix && whole !== null) ?? asked[0]!;
  const charts = asked.flatMap((one) => compileQuestion(one) ?? []);
  const body = html`${pageHeader(visible)}
${firstScreen(visible, first)}
${contents(charts.map(({ id }) => id))}
${asked.filter((one) => one !== first).map(questionSection)}
${safetySection(visible)}
${environmentSection(visible)}
${glossarySection()}
</main>
<footer><p>Made from run ${visible.runId}. Counts are exact; times are noisy and compare only within this run.</p></footer>`;
  return pageDocument({ title: `${workloadsTitle(visible)}: cowbench report`, body, charts });
}
