/** A line of a word's height: the course of one number, its last value as a dot. Says nothing alone; the numbers stand beside it. */
import { type Html, html } from './html.ts';

const WIDTH = 120;
const HEIGHT = 24;
const MARGIN = 3;

/** Of at least one value; values that are all equal are a straight line in the middle. */
export function sparkline(values: readonly number[], title: string): Html {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (index: number) =>
    values.length === 1 ? WIDTH / 2 : MARGIN + (index / (values.length - 1)) * (WIDTH - 2 * MARGIN);
  const y = (value: number) =>
    high === low ? HEIGHT / 2 : HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN);
  const at = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const [lastX = '0', lastY = '0'] = at.at(-1)?.split(',') ?? [];
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title><polyline points="${at.join(' ')}"/><circle cx="${lastX}" cy="${lastY}" r="2.5"/></svg>`;
}
