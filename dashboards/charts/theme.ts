/**
 * Colours and type of page and charts, in one place. Chart specifications name colours by token ({@link themeToken}), so that one
 * compiled chart serves both themes; {@link applyTheme} puts the colours in. Policies are distinguished by the
 * Okabe–Ito colours, and always by shape or dash as well.
 */
import type { Config } from 'vega-lite';
import { POLICY_SHAPES, themeToken } from './palette.ts';

const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';

/** Okabe–Ito tokens in the order in which unknown policies take them. */
const ORDER = ['vermillion', 'green', 'blue', 'purple', 'orange', 'sky', 'ink', 'yellow'] as const;
const KNOWN: Readonly<Record<string, number>> = { legacy: 0, writethrough: 1, writeback: 2 };

/** One slot of colour and shape for each policy name given; known policies keep theirs in every report. */
export function styleSlots(policyNames: readonly string[]): number[] {
  const taken = new Set<number>();
  return policyNames.map((name) => {
    const wanted = KNOWN[name];
    const free = ORDER.findIndex((_, slot) => !taken.has(slot) && !Object.values(KNOWN).includes(slot));
    const slot = wanted !== undefined && !taken.has(wanted) ? wanted : free >= 0 ? free : taken.size;
    taken.add(slot);
    return slot % ORDER.length;
  });
}

/** Named ranges of colour and shape for the cells of one record, in the record's order. */
function cellRanges(policyNames: readonly string[]): { color: string[]; shape: string[] } {
  const slots = styleSlots(policyNames);
  return {
    color: slots.map((slot) => themeToken(ORDER[slot] ?? 'ink')),
    shape: slots.map((slot) => POLICY_SHAPES[slot] ?? 'circle'),
  };
}

/** The Vega-Lite configuration shared by all charts, colours still tokens. */
export function chartConfig(policyNames: readonly string[]): Config {
  const ranges = cellRanges(policyNames);
  return {
    background: themeToken('page'),
    padding: 4,
    font: FONT,
    // As in text: a narrow space between groups of three digits.
    locale: { number: { decimal: '.', thousands: '\u202f', grouping: [3], currency: ['', ''] } },
    view: { stroke: null },
    range: { category: ranges.color, symbol: ranges.shape },
    axis: {
      labelColor: themeToken('soft'),
      titleColor: themeToken('soft'),
      gridColor: themeToken('grid'),
      domainColor: themeToken('line'),
      tickColor: themeToken('line'),
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      titlePadding: 8,
      labelLimit: { expr: 'narrow ? 108 : 190' },
      labelPadding: 5,
    },
    legend: {
      orient: 'top',
      direction: 'horizontal',
      labelColor: themeToken('ink'),
      titleColor: themeToken('soft'),
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      labelLimit: { expr: 'narrow ? 102 : 190' },
      symbolStrokeWidth: 2,
      symbolSize: 90,
      columns: { expr: 'narrow ? 2 : 5' },
      offset: 8,
    },
    header: {
      labelColor: themeToken('ink'),
      labelFontSize: 13,
      labelFontWeight: 600,
      labelLimit: { expr: 'narrow ? 220 : 860' },
      titleFontSize: 12,
    },
    text: { color: themeToken('ink'), fontSize: 12 },
    rule: { color: themeToken('soft') },
    title: { color: themeToken('ink'), fontSize: 14, fontWeight: 600 },
  };
}
