/** The two drawings that most points use, as plain Vega-Lite data over the source `rows`. */
import type { TopLevelSpec } from 'vega-lite';
import { PANEL_HEADER, SCHEMA } from '../charts/encodings.ts';
import { type ThemeColor, themeToken } from '../charts/palette.ts';

/** Kinds of bar pieces or lines, in the order of the legend, with their colours. */
export type Colours = Readonly<Record<string, ThemeColor>>;

const STAGE_COLOURS: Colours = {
  S0: 'vermillion',
  S1: 'orange',
  S2: 'blue',
  S3: 'sky',
  S4a: 'purple',
  S4b: 'green',
};

export const MODE_COLOURS: Colours = { writeback: 'blue', writethrough: 'green' };

export function colourBy(field: string, colours: Colours, title: string | null = null) {
  const scale = { domain: Object.keys(colours), range: Object.values(colours).map(themeToken) };
  return { field, type: 'nominal', title, scale } as const;
}

/** Vega expression: thousands as 20k, everything else in full. */
const COUNT_LABEL = "datum.value >= 10000 ? format(datum.value, '~s') : format(datum.value, ',~r')";

const TOOLTIP = [
  { field: 'stage', title: 'stage' },
  { field: 'kind', title: 'what' },
  { field: 'says', title: 'value' },
];

/**
 * Bars, one a stage, in panels one below the other. Rows: `panel`, `stage`, `kind` (a piece of the bar), `value`, `says`; the
 * first row of a bar has its whole length in `total` and `label`, the others null.
 */
export function stageBars(title: string, panels: readonly string[], colours: Colours): TopLevelSpec {
  const kinds = Object.keys(colours);
  return {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    spacing: 26,
    facet: {
      field: 'panel',
      type: 'nominal',
      title: null,
      sort: [...panels],
      header: PANEL_HEADER,
    },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 600,
      height: { step: 24 },
      encoding: {
        y: { field: 'stage', type: 'nominal', sort: null, title: null, axis: { ticks: false, domain: false } },
      },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.7 }, tooltip: true },
          encoding: {
            x: {
              field: 'value',
              type: 'quantitative',
              stack: 'zero',
              title,
              scale: { nice: false },
              axis: { tickCount: 4, grid: true, domain: false, labelExpr: COUNT_LABEL },
            },
            color: { ...colourBy('kind', colours), ...(kinds.length < 2 && { legend: null }) },
            order: { field: 'rank', type: 'quantitative' },
            tooltip: TOOLTIP,
          },
        },
        {
          transform: [{ filter: 'isValid(datum.total)' }],
          mark: { type: 'text', align: 'left', dx: 5 },
          encoding: { x: { field: 'total', type: 'quantitative' }, text: { field: 'label' } },
        },
      ],
    },
  };
}

/** Lines with points, one a `stage`. Rows: `x`, `y`, `stage`, `kind`, `says`. `rule`: an x to mark. */
export function stageLines(
  axes: { readonly x: string; readonly y: string; readonly yScale: 'log' | 'linear' },
  stages: readonly string[],
  rule?: number,
): TopLevelSpec {
  const colours = Object.fromEntries(Object.entries(STAGE_COLOURS).filter(([stage]) => stages.includes(stage)));
  const marked: TopLevelSpec[] = rule === undefined ? [] : [ruleAt(rule)];
  return {
    $schema: SCHEMA,
    data: { name: 'rows' },
    width: 600,
    height: 260,
    layer: [
      ...(marked as []),
      {
        mark: { type: 'line', strokeWidth: 2, point: { size: 70, filled: true }, tooltip: true },
        encoding: {
          x: {
            field: 'x',
            type: 'quantitative',
            title: axes.x,
            scale: { type: 'log', base: 2, nice: false, padding: 12 },
            axis: {
              grid: false,
              format: 'd',
              values: { expr: "sort(pluck(data('rows'), 'x'))" } as never,
              labelOverlap: true,
            },
          },
          y: {
            field: 'y',
            type: 'quantitative',
            title: axes.y,
            scale: { type: axes.yScale, zero: axes.yScale === 'linear' },
            axis: { tickCount: 5, domain: false, format: '~r' },
          },
          color: colourBy('stage', colours),
          shape: { field: 'stage', type: 'nominal', title: null, scale: { domain: Object.keys(colours) } },
          tooltip: TOOLTIP,
        },
      },
    ],
  };
}

function ruleAt(x: number): TopLevelSpec {
  return {
    data: { values: [{ at: x }] },
    mark: { type: 'rule', strokeDash: [4, 4], color: themeToken('soft') },
    encoding: { x: { field: 'at', type: 'quantitative' } },
  } as TopLevelSpec;
}
