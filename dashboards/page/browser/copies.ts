/** Copying: the command of the run, and each table as Markdown, CSV or JSON. */
import { type PlainTable, type TableForm, tableText, type Value } from './table-text.ts';
import { tableData } from './tables.ts';

const SHOWN_MS = 2000;

function textOf(cell: Element): string {
  const inner = cell instanceof HTMLElement ? cell.innerText : (cell.textContent ?? '');
  return inner.replaceAll(/\s*\n\s*/g, '; ').trim();
}

/** A number alone in its cell is taken to the digit. */
function cellValue(cell: Element): Value {
  const numbers = cell.querySelectorAll('data');
  const [number] = numbers;
  if (number === undefined || numbers.length > 1 || number.textContent?.trim() !== cell.textContent?.trim())
    return textOf(cell);
  return Number(number.value);
}

/** A table that the page has from the start: its last row of heads, and the rows that are shown. */
function plainTable(table: HTMLTableElement): PlainTable {
  const rows = [...table.tBodies]
    .flatMap((body) => [...body.rows])
    .filter((row) => !row.hidden && row.cells.length > 1);
  const values = rows.map((row) => [...row.cells].map(cellValue));
  const heads = [...(table.tHead?.querySelectorAll('[data-column-name], th:not([scope=colgroup])') ?? [])].map(textOf);
  const width = Math.max(...values.map(({ length }) => length), heads.length);
  const labels = [...Array<string>(width - heads.length).fill(''), ...heads];
  const columns = labels.map((label, index) => {
    const numeric = values.some((row) => typeof row[index] === 'number');
    return { label, quantity: numeric ? ('count' as const) : ('text' as const) };
  });
  return { columns, rows: values };
}

/** Markdown shows what the page shows. */
function shownTable(table: HTMLTableElement): PlainTable {
  const { columns } = plainTable(table);
  const rows = [...table.tBodies]
    .flatMap((body) => [...body.rows])
    .filter((row) => !row.hidden && row.cells.length > 1);
  return { columns, rows: rows.map((row) => [...row.cells].map(textOf)) };
}

function copied(id: string, form: TableForm): string {
  const owner = document.getElementById(id);
  if (owner === null) return '';
  const data = tableData(owner);
  if (data !== null) return tableText(data, form);
  const table = owner instanceof HTMLTableElement ? owner : owner.querySelector('table');
  if (table === null) return '';
  return tableText(form === 'markdown' ? shownTable(table) : plainTable(table), form);
}

/** Where the browser gives no clipboard to a local file, the text is put into a selection, as it was copied in former times. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.readOnly = true;
  area.className = 'copied';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

async function copy(button: HTMLButtonElement, text: string): Promise<void> {
  const label = button.textContent ?? '';
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = copyBySelection(text);
  }
  button.textContent = done ? 'Copied' : 'Not allowed';
  setTimeout(() => {
    button.textContent = label;
  }, SHOWN_MS);
}

export function bindCopies(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]'))
    button.addEventListener('click', () => void copy(button, button.dataset.copy ?? ''));
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy-table]')) {
    const { copyTable = '', copyAs = 'markdown' } = button.dataset;
    button.addEventListener('click', () => void copy(button, copied(copyTable, copyAs as TableForm)));
  }
}
