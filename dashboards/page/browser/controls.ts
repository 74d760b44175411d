/** Sliders, selects and zoom buttons: each sets one parameter of one chart, with the mouse or the keyboard. */
import type { DurationReadout } from '../../charts/question.ts';
import { formatDuration } from '../../reading/quantities.ts';
import type { Chart, ChartGallery } from './chart-gallery.ts';
import { currentTheme } from './theme-switch.ts';

type Span = readonly [number, number];

function chartOf(gallery: ChartGallery, element: HTMLElement): Chart | undefined {
  return gallery.charts.get(element.dataset.chart ?? '');
}

/** What the slider means now: a time, and for each row that time as often as the row has it. */
function readoutText(chart: Chart, exponent: number, { unitNs, source, label, times }: DurationReadout): string {
  const eachNs = 10 ** exponent * unitNs;
  const { fields, rows } = chart.bundle.sources[source] ?? { fields: [], rows: [] };
  const [labelAt, timesAt] = [fields.indexOf(label), fields.indexOf(times)];
  const costs = rows.map((row) => `${String(row[labelAt])} ${formatDuration(Number(row[timesAt]) * eachNs)}`);
  return `${formatDuration(eachNs)} each: ${costs.join(' · ')}`;
}

function bindRange(gallery: ChartGallery, input: HTMLInputElement): void {
  const chart = chartOf(gallery, input);
  const output = document.getElementById(`${input.dataset.chart}-readout`);
  if (chart === undefined || output === null) return;
  const readout = JSON.parse(input.dataset.readout!) as DurationReadout;
  const update = () => {
    const text = readoutText(chart, Number(input.value), readout);
    chart.set(input.dataset.param ?? '', Number(input.value));
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
  };
  input.addEventListener('input', update);
  update();
}

function bindSelect(gallery: ChartGallery, select: HTMLSelectElement): void {
  const chart = chartOf(gallery, select);
  // The selection may need more or less space, for example with panels for some policies only.
  select.addEventListener('change', () => void chart?.setAll({ [select.dataset.param ?? '']: select.value }));
}

function moved(move: string, [from, to]: Span): Span {
  const length = to - from;
  if (move === 'in') return [from + length / 4, to - length / 4];
  if (move === 'out') return [from - length / 2, to + length / 2];
  const step = move === 'later' ? length / 2 : -length / 2;
  return [from + step, to + step];
}

/** Kept inside the drawing without changing its length, where it fits. */
function inside([from, to]: Span, width: number): Span {
  const length = Math.min(to - from, width);
  const start = Math.min(Math.max(from, 0), width - length);
  return [start, start + length];
}

function bindZoom(gallery: ChartGallery, button: HTMLButtonElement): void {
  const chart = chartOf(gallery, button);
  const name = `${button.dataset.brush}_x`;
  button.addEventListener('click', () => {
    const view = chart?.view;
    if (view === null || view === undefined) return;
    const width = Number(view.signal('width'));
    const move = button.dataset.move ?? 'all';
    const [from = 0, to = width] = view.signal(name) as number[];
    const next = inside(moved(move, from === to ? [0, width] : [from, to]), width);
    // An empty selection shows everything.
    const whole = move === 'all' || next[1] - next[0] >= width;
    view.signal(name, whole ? [0, 0] : [...next]).run();
  });
}

/** All charts of a sweep show the same image; the words below each follow. */
function bindGroups(gallery: ChartGallery): void {
  const selects = [...document.querySelectorAll<HTMLSelectElement>('select[data-group-select]')];
  const choose = async (label: string) => {
    for (const select of selects) select.value = label;
    for (const words of document.querySelectorAll<HTMLElement>('[data-group]'))
      words.hidden = words.dataset.group !== label;
    for (const chart of gallery.charts.values()) await chart.choose(label, currentTheme());
    for (const input of document.querySelectorAll<HTMLInputElement>('input[data-param]'))
      input.dispatchEvent(new Event('input'));
  };
  for (const select of selects) select.addEventListener('change', () => void choose(select.value));
}

export function bindControls(gallery: ChartGallery): void {
  for (const input of document.querySelectorAll<HTMLInputElement>('input[data-param]')) bindRange(gallery, input);
  for (const select of document.querySelectorAll<HTMLSelectElement>('select[data-param]')) bindSelect(gallery, select);
  bindGroups(gallery);
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-move]')) bindZoom(gallery, button);
}
