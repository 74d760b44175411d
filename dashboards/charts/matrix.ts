/** The heat table that several questions draw: counts as shaded, labelled squares. Plain Vega-Lite data. */
import type { TopLevelSpec } from 'vega-lite';
import { themeToken } from './palette.ts';

const X = { field: 'x', type: 'nominal', sort: null, title: null } as const;
const Y = { field: 'y', type: 'nominal', sort: null, title: null } as const;
const NO_LINES = { ticks: false, domain: false } as const;

type Layers = Extract<TopLevelSpec, { layer: unknown }>['layer'];

/** Two layers over sources with `x`, `y`, `share`, `shown`, `says`. No shade is too strong for text in the colour of all text. */
export const MATRIX_LAYERS: Layers = [
  {
    mark: { type: 'rect', tooltip: true, stroke: themeToken('page'), strokeWidth: 2, cornerRadius: 3 },
    encoding: {
      x: { ...X, axis: { ...NO_LINES, orient: 'top', labelAngle: 0, labelOverlap: true } },
      y: { ...Y, axis: { ...NO_LINES, labelLimit: { expr: 'narrow ? 108 : 340' } } },
      color: {
        field: 'share',
        type: 'quantitative',
        legend: null,
        scale: { domain: [0, 1], range: [themeToken('heatLow'), themeToken('shadeHigh')] },
      },
      tooltip: [
        { field: 'y', title: 'row' },
        { field: 'x', title: 'column' },
        { field: 'says', title: 'value' },
      ],
    },
  },
  {
    mark: { type: 'text', fontSize: 12 },
    encoding: {
      x: X,
      y: Y,
      text: { field: 'shown' },
    },
  },
];
