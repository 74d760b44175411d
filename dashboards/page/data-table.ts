/**
 * The table of a chart. The page carries its values only; its script makes the rows when the table is opened, so that what nobody
 * looks at costs neither elements nor weight. Below each table are buttons that copy it.
 */
import type { DataTable, Quantity } from '../charts/question.ts';
import { formatCount, NUMBER_FORMS } from '../reading/quantities.ts';
import { type Html, html, scriptJson } from './html.ts';

/** A number in human units, exact and explained when pointed at. */
export function figure(value: number | null, quantity: Exclude<Quantity, 'text'>, help?: string): Html {
  if (value === null || !Number.isFinite(value)) return html`<span title="not measured">–</span>`;
  const { show, exact } = NUMBER_FORMS[quantity];
  const title = help === undefined ? exact(value) : `${exact(value)}: ${help}`;
  return html`<data value="${value}" title="${title}">${show(value)}</data>`;
}

const COPIES = [
  ['markdown', 'Markdown', 'in human units, for an issue or a pull request'],
  ['csv', 'CSV', 'exact values, for a spreadsheet'],
  ['json', 'JSON', 'exact values, for a program'],
] as const;

/** Buttons that copy the table of element `id`: a `details` made by {@link dataTable}, or any `table`. */
export function copyButtons(id: string, title: string, shown = 'Copy'): Html {
  return html`<span class="buttons copies" role="group" aria-label="Copy the table: ${title}"><span class="tool-label" aria-hidden="true">${shown}</span>${COPIES.map(
    ([form, label, help]) =>
      html`<button type="button" class="tool" data-copy-table="${id}" data-copy-as="${form}" title="Copy this table as ${label}: ${help}" aria-label="Copy as ${label}">${label}</button>`,
  )}</span>`;
}

/** Closed; its heads are buttons that sort. */
export function dataTable(table: DataTable, id: string): Html {
  return html`<details class="data" id="${id}-table">
<summary>Table: ${formatCount(table.rows.length)} rows</summary>
<script type="application/json">${scriptJson(table)}</script>
</details>
<div class="tools">${copyButtons(`${id}-table`, table.caption)}</div>`;
}
