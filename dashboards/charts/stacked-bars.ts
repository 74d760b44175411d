/**
 * Bars made of parts, one a cell, with what the whole is at their end: Vega-Lite data and its rows. A part may be hollow: what is
 * counted but costs next to nothing.
 */
import type { TopLevelSpec } from 'vega-lite';
import { panels, SCHEMA } from './encodings.ts';
import { type ThemeColor, themeToken } from './palette.ts';
import type { Row } from './question.ts';

export interface BarPart {
  readonly part: string;
  readonly value: number;
  readonly hollow?: boolean;
  /** Said when it is pointed at. */
  readonly says: string;
}

export interface Bar {
  readonly panel: string;
  readonly cell: string;
  readonly parts: readonly BarPart[];
  /** Written after the bar. */
  readonly label: string;
  /** The same where space is short. */
  readonly short?: string;
}

/** Of the colour of a hollow part. */
const HOLLOW = 0.2;

/** What is left for the texts after the longest bar of a panel, as a multiple of that bar. */
const ROOM = 1.45;
/** Of that, where space is short. */
const NARROW_ROOM = 1.25;

/** Rows of {@link stackedBars}, parts in the order in which they lie; the last of each bar is its text. */
export function barRows(bars: readonly Bar[]): Row[] {
  const whole = ({ parts }: Bar) => parts.reduce((sum, { value }) => sum + value, 0);
  return bars.flatMap((bar): Row[] => {
    const { panel, cell, label, short = label } = bar;
    let end = 0;
    const parts = bar.parts.flatMap(({ part, value, hollow = false, says }): Row[] => {
      const from = end;
      end += value;
      return value === 0 ? [] : [{ panel, cell, part, hollow, from, to: end, says, label: '', short: '' }];
    });
    const longest = Math.max(...bars.filter((other) => other.panel === panel).map(whole));
    const text = { from: end, to: longest * ROOM, says: '', label, short };
    return [...parts, { panel, cell, part: '', hollow: false, ...text }];
  });
}

export interface BarWords {
  readonly panels: readonly string[];
  readonly parts: readonly (readonly [part: string, color: ThemeColor])[];
}

const Y = { field: 'cell', type: 'nominal', sort: null, title: null } as const;
const TEXTS = [
  { filter: "datum.label != ''" },
  { calculate: `narrow ? datum.to * ${NARROW_ROOM} : datum.to`, as: 'to' },
  { calculate: 'narrow ? datum.short : datum.label', as: 'text' },
];

/** A panel for each kind of value, each with a scale of its own from zero; the values stand at the bars. */
export function stackedBars({ panels: names, parts }: BarWords): TopLevelSpec {
  const color = {
    field: 'part',
    type: 'nominal',
    title: null,
    scale: { domain: parts.map(([part]) => part), range: parts.map(([, name]) => themeToken(name)) },
  } as const;
  return {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    facet: panels('panel', [...names]),
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 600,
      height: { step: 30 },
      encoding: {
        y: { ...Y, axis: { ticks: false, domain: false } },
        x: { field: 'from', type: 'quantitative', title: null, axis: null, scale: { domainMin: 0, nice: false } },
      },
      layer: [
        {
          transform: [{ filter: "datum.label == ''" }],
          mark: { type: 'bar', tooltip: true, height: { band: 0.7 }, strokeWidth: 1 },
          encoding: {
            x2: { field: 'to' },
            color: { ...color, legend: { columns: { expr: 'narrow ? 2 : 4' }, symbolType: 'square' } },
            stroke: color,
            fillOpacity: { condition: { test: 'datum.hollow', value: HOLLOW }, value: 1 },
            tooltip: [
              { field: 'cell', title: 'policy' },
              { field: 'part', title: 'part' },
              { field: 'says', title: 'value' },
            ],
          },
        },
        { transform: TEXTS, mark: { type: 'rule', opacity: 0 }, encoding: { x2: { field: 'to' } } },
        {
          transform: TEXTS,
          mark: { type: 'text', align: 'left', dx: 6, fontSize: 12 },
          encoding: { text: { field: 'text' } },
        },
      ],
    },
  } as TopLevelSpec;
}
