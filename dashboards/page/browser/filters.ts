/**
 * The filters of a page over many runs: what they show is in the URL's fragment, so that a view can be linked to
 * (`#workload=…&machine=…&policy=…&all=1`). Rows that changed nothing are hidden unless asked for.
 */
import type { ChartGallery } from './chart-gallery.ts';

type Filters = Readonly<Record<string, string>>;
/** The filters that a chart knows; rows know `all` besides. */
const OF_CHARTS = ['workload', 'machine', 'policy'];

function inputs(): (HTMLSelectElement | HTMLInputElement)[] {
  return [...document.querySelectorAll<HTMLSelectElement | HTMLInputElement>('[data-filter]')];
}

function isCheck(input: HTMLSelectElement | HTMLInputElement): input is HTMLInputElement {
  return input instanceof HTMLInputElement;
}

/** Takes what the URL says; a value that no option has is left out. */
function readUrl(): void {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const input of inputs()) {
    const value = asked.get(input.dataset.filter ?? '');
    if (value === null) continue;
    if (isCheck(input)) input.checked = value === '1';
    else if ([...input.options].some((option) => option.value === value)) input.value = value;
  }
}

function current(): Filters {
  return Object.fromEntries(
    inputs().map((input) => [input.dataset.filter ?? '', isCheck(input) ? (input.checked ? '1' : '') : input.value]),
  );
}

function writeUrl(filters: Filters): void {
  const said = Object.entries(filters).filter(([, value]) => value !== '');
  history.replaceState(null, '', `#${new URLSearchParams(said)}`);
}

function isShown({ dataset }: HTMLElement, filters: Filters): boolean {
  const fits = OF_CHARTS.every((name) => {
    const wanted = filters[name] ?? '';
    const own = dataset[name];
    return wanted === '' || own === undefined || own === wanted;
  });
  return fits && (dataset.significant !== 'false' || filters.all === '1');
}

function filterRows(filters: Filters): void {
  for (const row of document.querySelectorAll<HTMLElement>('tr[data-significant], tr[data-workload]'))
    row.hidden = !isShown(row, filters);
  for (const caption of document.querySelectorAll<HTMLElement>('[data-shown-rows]')) {
    const rows = [...document.querySelectorAll<HTMLElement>(`#${caption.dataset.shownRows} tbody tr`)];
    const shown = rows.filter(({ hidden }) => !hidden).length;
    const none = `No rows match these filters (${rows.length} in all).`;
    caption.textContent = shown === 0 ? none : `${shown} of ${rows.length} rows match these filters`;
  }
}

/** Call before the first drawing, so that charts begin with what the URL asks for. */
export function bindFilters(gallery: ChartGallery): void {
  if (inputs().length === 0) return;
  const apply = () => {
    const filters = current();
    filterRows(filters);
    const values = Object.fromEntries(OF_CHARTS.flatMap((name) => (name in filters ? [[name, filters[name]]] : [])));
    for (const chart of gallery.charts.values()) void chart.setAll(values);
  };
  readUrl();
  apply();
  for (const input of inputs()) {
    input.addEventListener('change', () => {
      writeUrl(current());
      apply();
    });
  }
  addEventListener('hashchange', () => {
    if (!location.hash.includes('=')) return;
    readUrl();
    apply();
  });
}
