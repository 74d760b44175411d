/** The table of a chart: sortable, numbers in human units with the exact value in a tooltip. */

import type { Column, DataTable, Quantity, RowMarks } from '../charts/question.ts';
import { formatBytes, formatCount, formatDuration, formatRatio, formatShare } from '../reading/quantities.ts';
import { type Html, html } from './html.ts';

const FORMATS: Readonly<
  Record<Exclude<Quantity, 'text'>, { show: (value: number) => string; exact: (value: number) => string }>
> = {
  count: { show: formatCount, exact: formatCount },
  bytes: { show: formatBytes, exact: (value) => `${formatCount(value)} bytes` },
  duration: { show: formatDuration, exact: (value) => `${formatCount(Math.round(value))} ns` },
  ratio: { show: formatRatio, exact: (value) => `factor ${value}` },
  share: { show: formatShare, exact: (value) => `share ${value}` },
};

/** Rows beyond this stay in the chart's data, which can be downloaded. */
const MOST_TABLE_ROWS = 1000;

/** A number in human units, exact and explained when pointed at. */
export function figure(value: number | null, quantity: Exclude<Quantity, 'text'>, help?: string): Html {
  if (value === null || !Number.isFinite(value)) return html`<span title="not measured">–</span>`;
  const { show, exact } = FORMATS[quantity];
  const title = help === undefined ? exact(value) : `${exact(value)}: ${help}`;
  return html`<data value="${value}" title="${title}">${show(value)}</data>`;
}

/** A number's tooltip is written by the page's script, from the exact value here and the head of its column. */
function tableCell(value: string | number | null, column: Column | undefined): Html {
  const quantity = column?.quantity ?? 'text';
  if (quantity === 'text' || typeof value === 'string') return html`<td data-sort="${value}">${value}</td>`;
  if (value === null || !Number.isFinite(value)) return html`<td class="num" data-sort="">–</td>`;
  return html`<td class="num" data-sort="${value}">${FORMATS[quantity].show(value)}</td>`;
}

const EXACT_UNITS: Readonly<Record<Quantity, string>> = {
  text: '',
  count: '',
  bytes: ' bytes',
  duration: ' ns',
  ratio: '×',
  share: '',
};

function heading(column: Column, index: number): Html {
  const kind = column.quantity === 'text' ? 'text' : 'num';
  return html`<th scope="col" class="${kind}" data-unit="${EXACT_UNITS[column.quantity]}"><button type="button" class="sort" data-column="${index}" title="${column.help ?? `sort by ${column.label}`}">${column.label}</button></th>`;
}

function rowMarks(marks: RowMarks | undefined): Html | null {
  if (marks === undefined) return null;
  return html` data-machine="${marks.machine}" data-workload="${marks.workload}" data-policy="${marks.policy}"`;
}

/** The table inside a closed `<details>`; its heads are buttons that sort. */
export function dataTable(table: DataTable, id: string): Html {
  const rows = table.rows.slice(0, MOST_TABLE_ROWS);
  const left = table.rows.length - rows.length;
  const more = left > 0 ? ` (${formatCount(left)} further rows are in the chart’s data)` : '';
  return html`<details class="data" id="${id}-table">
<summary>Table: ${formatCount(table.rows.length)} rows</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Table: ${table.caption}">
<table class="sortable">
<caption><span class="caption">${table.caption}${more}</span></caption>
<thead><tr>${table.columns.map(heading)}</tr></thead>
<tbody>${rows.map((row, at) => html`<tr${rowMarks(table.marks?.[at])}>${row.map((value, index) => tableCell(value, table.columns[index]))}</tr>\n`)}</tbody>
</table></div>
</details>`;
}
