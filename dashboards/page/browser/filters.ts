/**
 * Filters of a page over many rows: selects, check boxes and a search field. What they show is in the URL. Rows that changed
 * nothing are hidden unless asked for.
 */
import type { ChartGallery } from './chart-gallery.ts';
import type { ViewState } from './view-state.ts';

type Filters = Readonly<Record<string, string>>;
type Input = HTMLSelectElement | HTMLInputElement;
/** The filters that a chart knows. */
const OF_CHARTS = ['workload', 'machine', 'policy'];
/** Rows know `all` and `search` besides. */
const OF_ROWS = [...OF_CHARTS, 'storage'];

function inputs(): Input[] {
  return [...document.querySelectorAll<Input>('[data-filter]')];
}

function isCheck(input: Input): input is HTMLInputElement {
  return input instanceof HTMLInputElement && input.type === 'checkbox';
}

function nameOf(input: Input): string {
  return input.dataset.filter ?? '';
}

/** Takes what the URL says; a value that no option has is left out. */
function readUrl(state: ViewState): void {
  for (const input of inputs()) {
    const value = state.get(nameOf(input));
    if (isCheck(input)) input.checked = value === '1';
    else if (input instanceof HTMLInputElement) input.value = value ?? '';
    else if (value !== null && [...input.options].some((option) => option.value === value)) input.value = value;
    else input.selectedIndex = 0;
  }
}

function settingOf(input: Input): string {
  return isCheck(input) ? (input.checked ? '1' : '') : input.value;
}

function current(): Filters {
  return Object.fromEntries(inputs().map((input) => [nameOf(input), settingOf(input)]));
}

/** Every word of the search occurs somewhere in the row. */
function isFound(row: HTMLElement, search: string): boolean {
  const text = `${row.textContent} ${row.dataset.workload ?? ''}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function isShown(row: HTMLElement, filters: Filters): boolean {
  const { dataset } = row;
  const fits = OF_ROWS.every((name) => {
    const wanted = filters[name] ?? '';
    const own = dataset[name];
    return wanted === '' || own === undefined || own === wanted;
  });
  return fits && (dataset.significant !== 'false' || filters.all === '1') && isFound(row, filters.search ?? '');
}

/** What stands over a table of which nothing is shown: an empty one is an answer where only what changed was asked for. */
function noneShown(rows: readonly HTMLElement[], filters: Filters): string {
  const unchanged = rows.filter((row) => isShown(row, { ...filters, all: '1' })).length;
  return unchanged > 0
    ? `Nothing changed: ${unchanged === 1 ? '1 row' : `${unchanged} rows`} without a significant change ${unchanged === 1 ? 'is' : 'are'} hidden.`
    : `No rows match these filters (${rows.length} in all).`;
}

function filterRows(filters: Filters): void {
  for (const row of document.querySelectorAll<HTMLElement>('[data-significant], [data-workload], [data-machine]'))
    row.hidden = !isShown(row, filters);
  for (const caption of document.querySelectorAll<HTMLElement>('[data-shown-rows]')) {
    const rows = [...document.querySelectorAll<HTMLElement>(`#${caption.dataset.shownRows} tbody tr`)];
    const shown = rows.filter(({ hidden }) => !hidden).length;
    caption.textContent =
      shown === 0 ? noneShown(rows, filters) : `${shown} of ${rows.length} rows match these filters`;
  }
}

/** Call before the first drawing, so that charts begin with what the URL asks for. Returns what hides rows that were made since. */
export function bindFilters(gallery: ChartGallery, state: ViewState): () => void {
  if (inputs().length === 0) return () => undefined;
  const apply = () => {
    const filters = current();
    filterRows(filters);
    for (const chart of gallery.charts.values()) {
      const names = OF_CHARTS.filter((name) => name in filters && chart.knows(name));
      if (names.length > 0) void chart.setAll(Object.fromEntries(names.map((name) => [name, filters[name]])));
    }
  };
  readUrl(state);
  apply();
  for (const input of inputs()) {
    input.addEventListener(input instanceof HTMLSelectElement || isCheck(input) ? 'change' : 'input', () => {
      state.set(nameOf(input), settingOf(input));
      apply();
    });
  }
  state.onChange(() => {
    readUrl(state);
    apply();
  });
  return () => filterRows(current());
}
