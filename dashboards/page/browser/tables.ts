/**
 * The tables of the charts: made when they are opened. Heads sort: numbers by value, text by the alphabet; a second press reverses
 * the order. A number that is pointed at says exactly what it is.
 */
import type { Column, DataTable } from '../../charts/question.ts';
import { formatCount, NUMBER_FORMS } from '../../reading/quantities.ts';
import { shownValue } from './table-text.ts';
import type { ViewState } from './view-state.ts';

/** Rows beyond this stay in the chart's data, which can be downloaded. */
const MOST_TABLE_ROWS = 1000;

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function heading({ label, quantity, help }: Column, index: number): HTMLElement {
  const title = help ?? `sort by ${label}`;
  const button = element('button', { type: 'button', class: 'sort', 'data-column': String(index), title }, label);
  const unit = quantity === 'text' ? '' : NUMBER_FORMS[quantity].unit;
  return element('th', { scope: 'col', class: quantity === 'text' ? 'text' : 'num', 'data-unit': unit }, button);
}

function cell(value: string | number | null, column: Column): HTMLElement {
  const numeric = column.quantity !== 'text' && typeof value !== 'string';
  const attributes = { ...(numeric && { class: 'num' }), 'data-sort': String(value ?? '') };
  return element('td', attributes, shownValue(value, column));
}

function rowOf({ columns, rows, marks }: DataTable, at: number): HTMLElement {
  const { machine, workload, policy } = marks?.[at] ?? {};
  const known = Object.entries({ machine, workload, policy }).flatMap(([name, value]) =>
    value === undefined ? [] : [[`data-${name}`, value]],
  );
  return element(
    'tr',
    Object.fromEntries(known),
    ...columns.map((column, index) => cell(rows[at]?.[index] ?? null, column)),
  );
}

/** What a table of the page is made from; null where the element is none of them. */
export function tableData(details: Element): DataTable | null {
  const text = details.querySelector(':scope > script[type="application/json"]')?.textContent ?? null;
  return text === null ? null : (JSON.parse(text) as DataTable);
}

function makeRows(details: HTMLDetailsElement): void {
  const data = tableData(details);
  if (data === null || details.querySelector('table') !== null) return;
  const left = Math.max(data.rows.length - MOST_TABLE_ROWS, 0);
  const more = left > 0 ? ` (${formatCount(left)} further rows are in the chart’s data)` : '';
  const shown = data.rows.slice(0, MOST_TABLE_ROWS);
  const table = element(
    'table',
    { class: 'sortable' },
    element('caption', {}, element('span', { class: 'caption' }, `${data.caption}${more}`)),
    element('thead', {}, element('tr', {}, ...data.columns.map(heading))),
    element('tbody', {}, ...shown.map((_, at) => rowOf(data, at))),
  );
  const label = `Table: ${data.caption}`;
  details.append(element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, table));
}

function compare(a: string, b: string): number {
  const numbers = [Number(a), Number(b)];
  const numeric = a !== '' && b !== '' && numbers.every((value) => !Number.isNaN(value));
  return numeric ? (numbers[0] ?? 0) - (numbers[1] ?? 0) : a.localeCompare(b);
}

function sortBy(table: HTMLTableElement, column: number, descending: boolean): void {
  const head = table.tHead?.querySelector(`button.sort[data-column="${column}"]`)?.closest('th');
  const body = table.tBodies[0];
  if (body === undefined || head === null || head === undefined) return;
  for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  const key = (row: HTMLTableRowElement) => row.cells[column]?.dataset.sort ?? '';
  body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b)) * (descending ? -1 : 1)));
}

function sortAsAsked(details: Element, state: ViewState): void {
  const [column, order] = (state.get(`sort.${details.id}`) ?? '').split('-');
  const table = details.querySelector('table');
  if (column !== undefined && column !== '' && table !== null) sortBy(table, Number(column), order === 'down');
}

/** On a phone a row becomes a card, in which each value is named: by the head of its column. */
export function labelCards(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>('table.cards')) {
    const heads = [...(table.tHead?.querySelectorAll('th[scope=col]') ?? [])].map(
      ({ textContent }) => textContent ?? '',
    );
    for (const row of table.querySelectorAll<HTMLTableRowElement>('tbody tr')) {
      // The heads of rows may have no head of their own.
      const before = row.cells.length - heads.length;
      for (const cell of row.querySelectorAll('td')) cell.dataset.label = heads[cell.cellIndex - before] ?? '';
    }
  }
}

/** `made` is called after each table that was made. */
export function bindTables(state: ViewState, made: () => void): void {
  for (const details of document.querySelectorAll<HTMLDetailsElement>('details[id]')) {
    const name = `open.${details.id}`;
    const show = () => {
      makeRows(details);
      sortAsAsked(details, state);
      made();
    };
    const follow = () => {
      const wanted = state.get(name) !== null;
      if (wanted && !details.open) details.open = true;
    };
    details.addEventListener('toggle', () => {
      state.set(name, details.open ? '1' : '');
      if (details.open) show();
    });
    follow();
    state.onChange(follow);
  }
  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLButtonElement>('button.sort') : null;
    const table = button?.closest('table');
    if (button === null || table === null || table === undefined) return;
    const descending = button.closest('th')?.ariaSort === 'ascending';
    sortBy(table, Number(button.dataset.column), descending);
    const owner = table.closest('details[id]') ?? table;
    state.set(`sort.${owner.id}`, `${button.dataset.column}-${descending ? 'down' : 'up'}`);
  });
}

/** Writes the tooltip when it is wanted: thousands of prepared ones would weigh more than the tables. */
export function bindExplanations(root: HTMLElement): void {
  root.addEventListener('pointerover', ({ target }) => {
    const pointed = target instanceof Element ? target.closest('td') : null;
    const head = pointed?.closest('table.sortable')?.querySelectorAll('th')[pointed.cellIndex];
    if (pointed === null || head === undefined || pointed.title !== '') return;
    const help = head.querySelector('button')?.title ?? '';
    pointed.title = `${pointed.dataset.sort ?? ''}${head.dataset.unit ?? ''}: ${help}`;
  });
}
