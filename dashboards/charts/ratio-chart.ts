/** Figures of several cells as multiples of something, on a log scale: a dot each, and a rule through it where there is an interval. */
import type { TopLevelSpec } from 'vega-lite';
import { CELL_COLOR, CELL_ROWS, CELL_SHAPE, DOT, logAxis, RATIO_LABEL } from './encodings.ts';

export const FIGURE_SIZE = { width: 640, height: { step: 14, for: 'offset' as const } };

/** A band for each figure, in the order given from the top, and in it a line for each cell. */
export function figureBands(figures: readonly string[]) {
  return {
    y: {
      field: 'figure',
      type: 'nominal' as const,
      sort: [...figures],
      title: null,
      scale: { paddingInner: 0.35 },
      axis: { ticks: false, domain: false, grid: true, bandPosition: 0 },
    },
    yOffset: { field: 'cell', type: 'nominal' as const, scale: { domain: { expr: 'cells' } } },
  };
}

/**
 * Rows have `figure`, `cell`, `ratio`, `low`, `high`, and `shown`, `says`, `spread` for the tooltip. `figures`: their order from the top;
 * `title`: what a ratio is, for example `times the baseline`; `cells`: what a cell is called.
 */
export function ratioChart(figures: readonly string[], title: string, cells = 'policy'): TopLevelSpec {
  return {
    ...CELL_ROWS,
    ...FIGURE_SIZE,
    layer: [
      { mark: { type: 'rule', strokeDash: [4, 3] }, encoding: { x: { datum: 1 } } },
      {
        encoding: figureBands(figures),
        layer: [
          {
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: {
              x: { field: 'low', type: 'quantitative', scale: { type: 'log', nice: false, padding: 44 } },
              x2: { field: 'high' },
              color: CELL_COLOR,
            },
          },
          {
            mark: DOT,
            encoding: {
              x: {
                field: 'ratio',
                type: 'quantitative',
                title: `${title} (log scale)`,
                axis: logAxis('x', RATIO_LABEL),
              },
              color: CELL_COLOR,
              shape: CELL_SHAPE,
              tooltip: [
                { field: 'cell', title: cells },
                { field: 'figure', title: 'figure' },
                { field: 'shown', title },
                { field: 'says', title: 'value' },
                { field: 'spread', title: 'spread' },
              ],
            },
          },
          {
            mark: { type: 'text', align: 'left', dx: 8, fontSize: 11 },
            encoding: { x: { field: 'high', type: 'quantitative' }, text: { field: 'shown' } },
          },
        ],
      },
    ],
  };
}
