/** The filters of a page over many runs; what they are set to is in the URL of the page. */
import { type Html, html } from '../page/html.ts';
import type { RunSummary } from './run-points.ts';

/** Each value once, in order. */
export function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort((a, b) => a.localeCompare(b));
}

/** Most runs first: that is what is shown before anything is chosen. */
function byRuns(runs: readonly RunSummary[], of: (run: RunSummary) => string): string[] {
  const groups = [...Map.groupBy(runs, of)];
  return groups.sort(([a, x], [b, y]) => y.length - x.length || a.localeCompare(b)).map(([value]) => value);
}

function select(name: string, label: string, all: string, values: readonly string[]): Html {
  const option = (value: string, text: string) => html`<option value="${value}">${text}</option>`;
  return html`<span class="pair"><label for="filter-${name}">${label}</label>
<select id="filter-${name}" data-filter="${name}">${option('', all)}${values.map((value) => option(value, value))}</select></span>`;
}

export interface FilterChoice {
  /** To choose from; empty: by policy nothing is filtered. */
  readonly policies: readonly string[];
  /** Rows without a change are hidden until asked for. */
  readonly hidesUnchanged: boolean;
}

export function pageFilters(runs: readonly RunSummary[], { policies, hidesUnchanged }: FilterChoice): Html {
  const storages = unique(runs.flatMap((run) => run.storages.map(({ storage }) => storage)));
  return html`<div class="controls filters" role="search" aria-label="What is shown">
${select(
  'workload',
  'Workload',
  'all workloads',
  byRuns(runs, ({ workload }) => workload),
)}
${select(
  'machine',
  'Machine',
  'all machines',
  byRuns(runs, ({ machine }) => machine),
)}
${storages.length > 1 ? select('storage', 'Storage', 'all storages', storages) : null}
${policies.length > 0 ? select('policy', 'Policy', 'all policies', policies) : null}
<span class="pair"><label for="filter-search">Search</label><input type="search" id="filter-search" data-filter="search"></span>
${hidesUnchanged ? html`<label class="check"><input type="checkbox" id="filter-all" data-filter="all"> show unchanged</label>` : null}
</div>`;
}
