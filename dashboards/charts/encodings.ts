/**
 * Pieces of Vega-Lite specification that several questions share: how cells are distinguished, and axis labels in human
 * units. Plain data; `cells` is the parameter that lists the cells' labels in the record's order.
 */
import { themeToken } from './palette.ts';

export const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';

/** The parameter that {@link compileQuestion} fills with the cells' labels. */
export const CELLS_PARAM = { name: 'cells', value: [] as string[] } as const;

/** What a chart whose rows belong to cells begins with. */
export const CELL_ROWS = { $schema: SCHEMA, params: [CELLS_PARAM], data: { name: 'rows' } };

/** A dot that is pointed at. */
export const DOT = { type: 'point', filled: true, size: 85, opacity: 1, tooltip: true } as const;

/** Head of a panel: above it, from its left edge; where space is short, a line for each of its parts. */
export const PANEL_HEADER = {
  labelAnchor: 'start',
  labelOrient: 'top',
  labelExpr: "narrow && length(datum.label) > 28 ? split(datum.label, ' · ') : datum.label",
} as const;

/** Panels by the rows' own field `order`. */
export const BY_ORDER = { field: 'order', op: 'min' } as const;

/** One panel for each value of `field`, each with its value at its head. */
export function panels(field: string, sort: string[] | { readonly field: string; readonly op: 'min' }) {
  return { field, type: 'nominal', title: null, sort, header: PANEL_HEADER } as const;
}

/** A stretch of the x axis of an overview, to zoom into; the parameter `brush`. */
export const ZOOM_BRUSH = {
  name: 'brush',
  select: {
    type: 'interval',
    encodings: ['x'] as 'x'[],
    mark: { fill: themeToken('accent'), fillOpacity: 0.16, stroke: themeToken('accent') },
  },
} as const;

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

function textByUnit(value: string, units: readonly (readonly [number, string])[], format: string): string {
  const [smallest] = units.slice(-1);
  const cases = units
    .slice(0, -1)
    .map(([size, unit]) => `${value} >= ${size} ? format(${value} / ${size}, '${format}') + ' ${unit}' : `);
  return `(${cases.join('')}format(${value}, '${format}') + ' ${smallest?.[1]}')`;
}

const DURATION_UNITS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
] as const;
const BYTE_UNITS = [
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB'],
  [1, 'B'],
] as const;

/** Vega expression: a value in nanoseconds as `1.25 ms`. */
export function durationText(value: string): string {
  return textByUnit(value, DURATION_UNITS, '.3~r');
}

/** Vega expression: a value in bytes as `1.25 MiB`. */
export function bytesText(value: string): string {
  return textByUnit(value, BYTE_UNITS, '.3~r');
}

/** Vega expression: the axis value in nanoseconds as `10 µs`. */
export const DURATION_LABEL = textByUnit('datum.value', DURATION_UNITS, ',~g');

/**
 * Axis properties for a log scale: label (and draw fully) the powers of ten; 2 and 5 as well where the axis spans less than
 * two powers, and every digit where it spans less than one. `label` is a Vega expression over `datum.value`;
 * panels with scales of their own call theirs `child_y`.
 */
export function logAxis(scale: 'x' | 'y' | 'child_y', label: string) {
  const lead = 'round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))';
  const span = `log(domain('${scale}')[1] / domain('${scale}')[0]) / LN10`;
  const shown = `(${lead} == 1 || ${span} < 1 || (${span} < 2 && (${lead} == 2 || ${lead} == 5)))`;
  return {
    labelExpr: `${shown} ? ${label} : ''`,
    labelOverlap: 'greedy',
    gridOpacity: { condition: { test: `${lead} == 1`, value: 1 }, value: 0.35 },
    tickOpacity: { condition: { test: `${lead} == 1`, value: 1 }, value: 0.35 },
  } as const;
}

/** A field in nanoseconds on a log scale of durations. */
export function logDuration(channel: 'x' | 'y', field: string, title: string) {
  const scale = { type: 'log', nice: false } as const;
  return { field, type: 'quantitative', scale, title, axis: logAxis(channel, DURATION_LABEL) } as const;
}

/** Axis properties for time that passes, on a linear scale. */
export const TIME_AXIS = { labelExpr: DURATION_LABEL, tickCount: 6, labelOverlap: true } as const;

/** Vega expression: a factor as `0.01×`. */
export const RATIO_LABEL = "format(datum.value, '~r') + '×'";
