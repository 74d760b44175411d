/** One question of the page: its words, the place of its chart with controls and downloads, and the table behind it. */
import type { RunRecord } from '../../results/record.ts';
import { type Control, hasData, type Question } from '../question.ts';
import { dataTable } from './data-table.ts';
import { type Html, html } from './html.ts';

function rangeControl(id: string, control: Control & { kind: 'range' }): Html {
  const input = `${id}-${control.param}`;
  return html`<label for="${input}">${control.label}</label>
<input type="range" id="${input}" data-chart="${id}" data-param="${control.param}" min="${control.min}" max="${control.max}" step="${control.step}" value="${control.value}" aria-describedby="${id}-readout">
<output id="${id}-readout" for="${input}" class="readout"></output>`;
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

function drawing(question: Question, record: RunRecord): Html {
  const { id } = question;
  const controls = question.controls?.(record) ?? [];
  return html`<p class="reading">${question.reading}</p>
<figure>
${controls.length > 0 ? html`<div class="controls">${controls.map((control) => controlMarkup(id, control))}</div>` : null}
<div class="chart" id="${id}-chart" data-renderer="${question.renderer}"></div>
<figcaption><ul class="answers">${question.answer(record).map((line) => html`<li>${line}</li>`)}</ul></figcaption>
</figure>
<div class="tools"><span class="buttons" role="group" aria-label="Save: ${question.title}">${DOWNLOADS.map(
    ([format, label, title]) =>
      html`<button type="button" class="tool" data-chart="${id}" data-save="${format}" title="${title}">${label}</button>`,
  )}</span></div>
${dataTable(question.table(record), id)}`;
}

export function questionSection(question: Question, record: RunRecord): Html {
  const { id } = question;
  const drawn = hasData(question.data(record));
  const stories = (drawn ? question.stories?.(record) : undefined) ?? [];
  return html`<section id="${id}" class="question" aria-labelledby="${id}-title">
<h2 id="${id}-title"><a href="#${id}">${question.title}</a></h2>
${drawn ? drawing(question, record) : html`<p class="absent">${question.absent}</p>`}
${stories.map((story) => html`<h3>${story.title}</h3><ol class="story">${story.steps.map((step) => html`<li>${step}</li>`)}</ol>`)}
</section>`;
}
