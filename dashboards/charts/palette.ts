/**
 * The two colour themes and the step that puts them into a chart. Used by the page's script and, headless, by Node.
 * Chart colours are the Okabe–Ito set, which stays apart under every common colour blindness; dark swaps in the tones
 * that keep a contrast of 3:1 with the background.
 */

export type ThemeName = 'light' | 'dark';

export const THEMES = {
  light: {
    page: '#fdfdfc',
    raised: '#f4f4f1',
    ink: '#1b1e22',
    soft: '#555c65',
    line: '#cfd1cf',
    grid: '#e9eae7',
    accent: '#0a58a5',
    warn: '#7a4a00',
    warnBack: '#fff4dc',
    bad: '#a1260d',
    badBack: '#fdecea',
    good: '#00664b',
    vermillion: '#d55e00',
    green: '#009e73',
    blue: '#0072b2',
    purple: '#b8608f',
    orange: '#c98500',
    sky: '#3a9bd9',
    yellow: '#a99a00',
    heatLow: '#eef3f8',
    heatHigh: '#0b4f8a',
    shadeHigh: '#84b4de',
  },
  dark: {
    page: '#15181c',
    raised: '#1e2228',
    ink: '#e9e9e5',
    soft: '#a9b0b8',
    line: '#454b53',
    grid: '#292e35',
    accent: '#82bcf2',
    warn: '#f2c572',
    warnBack: '#33290f',
    bad: '#ff9d8a',
    badBack: '#3a1a14',
    good: '#5fd0a8',
    vermillion: '#ee7420',
    green: '#1bb78b',
    blue: '#56b4e9',
    purple: '#d98bb5',
    orange: '#e69f00',
    sky: '#9ad4f5',
    yellow: '#f0e442',
    heatLow: '#1f2a35',
    heatHigh: '#86c4f4',
    shadeHigh: '#2c5f8f',
  },
} as const;

export type ThemeColor = keyof (typeof THEMES)['light'];

export const POLICY_SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
] as const;

/** A control character: labels cannot hold one, because they are made visible before they reach a chart. */
const PREFIX = '\u0001';

/** A colour by name, resolved by {@link applyTheme}. */
export function themeToken(color: ThemeColor): string {
  return PREFIX + color;
}

/** A deep copy of a chart specification with every colour token replaced by the theme's colour. */
export function applyTheme<Spec>(spec: Spec, name: ThemeName): Spec {
  const theme: Readonly<Record<string, string>> = THEMES[name];
  return JSON.parse(JSON.stringify(spec), (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(PREFIX) ? (theme[value.slice(PREFIX.length)] ?? value) : value,
  ) as Spec;
}
