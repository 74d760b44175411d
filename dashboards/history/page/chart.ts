/** From a point, its rows and its claims to a chart that the page can draw. */
import { logger, None } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { ChartBundle } from '../../charts/chart-bundle.ts';
import { packRows } from '../../charts/compile.ts';
import { themeToken } from '../../charts/palette.ts';
import type { Row } from '../../charts/question.ts';
import { chartConfig } from '../../charts/theme.ts';

export interface DrawnChart {
  readonly id: string;
  readonly description: string;
  readonly spec: TopLevelSpec;
  readonly rows: readonly Row[];
}

/** True while the chart is narrow; set by the page. */
const NARROW_PARAM = { name: 'narrow', value: false } as const;

export function compileChart({ id, description, spec, rows }: DrawnChart): ChartBundle {
  const { range: _, ...config } = chartConfig([]);
  const vegaLite = {
    ...spec,
    params: [NARROW_PARAM],
    description,
    config: { ...config, bar: { color: themeToken('blue') } },
  } as TopLevelSpec;
  return {
    id,
    description,
    renderer: 'svg',
    vegaLite: vegaLite as unknown as ChartBundle['vegaLite'],
    vega: compile(vegaLite, { logger: logger(None) }).spec as unknown as ChartBundle['vega'],
    sources: { rows: packRows(rows) },
  };
}
