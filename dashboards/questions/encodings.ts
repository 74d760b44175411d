/**
 * Pieces of Vega-Lite specification that several questions share: how cells are told apart, and axis labels in human
 * units. Plain data; `cells` is the parameter that lists the cells' labels in the record's order.
 */

export const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';

/** The parameter that {@link compileQuestion} fills with the cells' labels. */
export const CELLS_PARAM = { name: 'cells', value: [] as string[] } as const;

const DOMAIN = { expr: 'cells' } as const;

export const CELL_COLOR = {
  field: 'cell',
  type: 'nominal',
  title: null,
  scale: { domain: DOMAIN, range: 'category' },
} as const;

export const CELL_SHAPE = {
  field: 'cell',
  type: 'nominal',
  title: null,
  scale: { domain: DOMAIN, range: 'symbol' },
} as const;

export const CELL_DASH = { field: 'cell', type: 'nominal', title: null, scale: { domain: DOMAIN } } as const;

/** Vega expression: the axis value in nanoseconds as `10 µs`. */
export const DURATION_LABEL =
  "datum.value >= 1e9 ? format(datum.value / 1e9, ',~g') + ' s' : datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' ms' : datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' µs' : format(datum.value, '~g') + ' ns'";

/** Vega expression: the axis value in bytes as `512 MiB`. */
export const BYTES_LABEL =
  "datum.value >= 1073741824 ? format(datum.value / 1073741824, '~r') + ' GiB' : datum.value >= 1048576 ? format(datum.value / 1048576, '~r') + ' MiB' : datum.value >= 1024 ? format(datum.value / 1024, '~r') + ' KiB' : format(datum.value, '~r') + ' B'";
