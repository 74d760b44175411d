/** One question of the page: its words, the place of its chart with controls and downloads, and its table. */
import { controlsOf } from '../charts/compile.ts';
import type { Answer, AskedQuestion, Control } from '../charts/question.ts';
import { groupNoun } from '../reading/image-groups.ts';
import { dataTable } from './data-table.ts';
import { type Html, html } from './html.ts';

function rangeControl(id: string, control: Control & { kind: 'range' }): Html {
  const input = `${id}-${control.param}`;
  return html`<span class="pair wide"><label for="${input}">${control.label}</label>
<input type="range" id="${input}" data-chart="${id}" data-param="${control.param}" min="${control.min}" max="${control.max}" step="${control.step}" value="${control.value}" aria-describedby="${id}-readout"></span>`;
}

/** What all sliders of a chart mean together. */
function readout(id: string, controls: readonly Control[]): Html | null {
  const range = controls.find((control) => control.kind === 'range');
  if (range?.kind !== 'range') return null;
  return html`<output id="${id}-readout" class="readout" data-readout="${JSON.stringify(range.readout)}"></output>`;
}

function selectControl(id: string, control: Control & { kind: 'select' }): Html {
  const input = `${id}-${control.param}`;
  return html`<label for="${input}">${control.label}</label>
<select id="${input}" data-chart="${id}" data-param="${control.param}">${control.options.map((option) => html`<option>${option}</option>`)}</select>`;
}

const ZOOMS = [
  ['in', 'Zoom in', '+'],
  ['out', 'Zoom out', '−'],
  ['earlier', 'Earlier', '←'],
  ['later', 'Later', '→'],
  ['all', 'Whole run', 'all'],
] as const;

function zoomControl(id: string, control: Control & { kind: 'zoom' }): Html {
  return html`<span class="buttons" role="group" aria-label="${control.label}">${ZOOMS.map(
    ([move, title, sign]) =>
      html`<button type="button" class="tool" data-chart="${id}" data-brush="${control.param}" data-move="${move}" title="${title}" aria-label="${title}">${sign}</button>`,
  )}</span>`;
}

function controlMarkup(id: string, control: Control): Html {
  if (control.kind === 'range') return rangeControl(id, control);
  return control.kind === 'select' ? selectControl(id, control) : zoomControl(id, control);
}

const DOWNLOADS = [
  ['svg', 'SVG', 'Save this chart as SVG'],
  ['png', 'PNG', 'Save this chart as PNG'],
  ['json', 'Vega-Lite', 'Save the Vega-Lite specification of this chart with its data'],
] as const;

/** At the choice of a group. */
export const GROUP_NAMES = { workload: 'Workload', device: 'Device', image: 'Image' } as const;

function groupControl(id: string, labels: readonly string[], noun: keyof typeof GROUP_NAMES): Html {
  return html`<label for="${id}-group">${GROUP_NAMES[noun]}</label>
<select id="${id}-group" data-group-select>${labels.map((label) => html`<option>${label}</option>`)}</select>`;
}

/** Answers beyond this are folded away: a wall of sentences answers nothing. */
const MOST_OPEN_ANSWERS = 6;

function answerList(lines: readonly string[]): Html {
  const list = html`<ul class="answers">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
  if (lines.length <= MOST_OPEN_ANSWERS) return list;
  return html`<details class="many"><summary>In words: ${lines.length} sentences</summary>${list}</details>`;
}

/** The answers in words; those of a sweep's further images wait until their image is chosen. */
function answers({ question, scopes }: AskedQuestion): Html {
  const wordsOf = (answer: Answer | null) => answerList(answer?.words ?? [question.absent]);
  if (scopes.length === 1) return wordsOf(scopes[0]!.answer);
  return html`${scopes.map(
    ({ label, answer }, index) =>
      html`<div data-group="${label}"${index === 0 ? null : html` hidden`}>${wordsOf(answer)}</div>`,
  )}`;
}

function drawing(asked: AskedQuestion): Html {
  const { id, reading, renderer, title } = asked.question;
  const scopes = asked.scopes.map(({ label }) => label);
  const controls = [
    ...(scopes.length > 1 ? [groupControl(id, scopes, groupNoun(asked.record))] : []),
    ...controlsOf(asked).map((control) => controlMarkup(id, control)),
    ...[readout(id, controlsOf(asked)) ?? []].flat(),
  ];
  return html`<p class="reading">${reading}</p>
<figure>
${controls.length > 0 ? html`<div class="controls">${controls}</div>` : null}
<div class="chart" id="${id}-chart" data-renderer="${renderer}"></div>
<figcaption>${answers(asked)}</figcaption>
</figure>
${chartTools(id, title)}
${asked.whole === null ? null : dataTable(asked.whole.table, id)}`;
}

/** The buttons that save a chart. */
export function chartTools(id: string, title: string): Html {
  return html`<div class="tools"><span class="buttons" role="group" aria-label="Save: ${title}">${DOWNLOADS.map(
    ([format, label, help]) =>
      html`<button type="button" class="tool" data-chart="${id}" data-save="${format}" title="${help}">${label}</button>`,
  )}</span></div>`;
}

/** Empty for an optional question that the record does not answer. */
export function questionSection(asked: AskedQuestion): Html {
  const { id, title, absent, optional } = asked.question;
  const drawn = asked.scopes.some(({ answer }) => answer !== null);
  if (!drawn && optional === true) return html``;
  return html`<section id="${id}" class="question" aria-labelledby="${id}-title">
<h2 id="${id}-title"><a href="#${id}">${title}</a></h2>
${drawn ? drawing(asked) : html`<p class="absent">${absent}</p>`}
</section>`;
}
