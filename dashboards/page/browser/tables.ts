/**
 * The tables of the charts. Heads sort: numbers by value, text by the alphabet; a second press reverses the order.
 * A number that is pointed at says exactly what it is.
 */

function compare(a: string, b: string): number {
  const numbers = [Number(a), Number(b)];
  const numeric = a !== '' && b !== '' && numbers.every((value) => !Number.isNaN(value));
  return numeric ? (numbers[0] ?? 0) - (numbers[1] ?? 0) : a.localeCompare(b);
}

function sortBy(table: HTMLTableElement, column: number, descending: boolean): void {
  const body = table.tBodies[0];
  if (body === undefined) return;
  const key = (row: HTMLTableRowElement) => row.cells[column]?.dataset.sort ?? '';
  const rows = [...body.rows].sort((a, b) => compare(key(a), key(b)) * (descending ? -1 : 1));
  body.append(...rows);
}

export function bindSorting(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>('button.sort')) {
    const head = button.closest('th');
    const table = button.closest('table');
    if (head === null || table === null) continue;
    button.addEventListener('click', () => {
      const descending = head.ariaSort === 'ascending';
      for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      sortBy(table, Number(button.dataset.column), descending);
    });
  }
}

/** Writes the tooltip when it is wanted: thousands of prepared ones would weigh more than the tables. */
export function bindExplanations(root: HTMLElement): void {
  root.addEventListener('pointerover', ({ target }) => {
    const cell = target instanceof Element ? target.closest('td') : null;
    const head = cell?.closest('table.sortable')?.querySelectorAll('th')[cell.cellIndex];
    if (cell === null || head === undefined || cell.title !== '') return;
    const help = head.querySelector('button')?.title ?? '';
    cell.title = `${cell.dataset.sort ?? ''}${head.dataset.unit ?? ''}: ${help}`;
  });
}
