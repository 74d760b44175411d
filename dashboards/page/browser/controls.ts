/** Sliders, selects and zoom buttons: each sets one parameter of one chart, with the mouse or the keyboard; the URL keeps them. */
import type { CostReadout } from '../../charts/question.ts';
import { formatDuration } from '../../reading/quantities.ts';
import type { Chart, ChartGallery } from './chart-gallery.ts';
import { currentTheme } from './theme-switch.ts';
import type { ViewState } from './view-state.ts';

type Span = readonly [number, number];

interface Page {
  readonly gallery: ChartGallery;
  readonly state: ViewState;
}

function chartOf({ gallery }: Page, element: HTMLElement): Chart | undefined {
  return gallery.charts.get(element.dataset.chart ?? '');
}

/** Under which name the URL keeps a parameter of a chart. */
function nameOf({ dataset }: HTMLElement): string {
  return `${dataset.chart}.${dataset.param ?? dataset.brush}`;
}

/** What the sliders of a chart mean now: their times, and for each row the sum of its counts times those. */
function readoutText(chart: Chart, inputs: readonly HTMLInputElement[], { source, label, terms }: CostReadout): string {
  const { fields, rows } = chart.bundle.sources[source] ?? { fields: [], rows: [] };
  const eachNs = terms.map(({ param, unitNs }) => {
    const input = inputs.find(({ dataset }) => dataset.param === param);
    return 10 ** Number(input?.value ?? 0) * unitNs;
  });
  const costs = rows.map((row) => {
    const ns = terms.reduce((sum, { times }, index) => sum + Number(row[fields.indexOf(times)]) * eachNs[index]!, 0);
    return `${String(row[fields.indexOf(label)])} ${formatDuration(ns)}`;
  });
  const told = terms.map(({ words }, index) => `${words} ${formatDuration(eachNs[index]!)}`);
  return `${told.join(', ')}: ${costs.join(' · ')}`;
}

function bindRange(page: Page, input: HTMLInputElement): void {
  const chart = chartOf(page, input);
  const output = document.getElementById(`${input.dataset.chart}-readout`);
  if (chart === undefined || output === null) return;
  const readout = JSON.parse(output.dataset.readout!) as CostReadout;
  const all = [
    ...document.querySelectorAll<HTMLInputElement>(`input[type=range][data-chart="${input.dataset.chart}"]`),
  ];
  const initial = input.value;
  const update = () => {
    chart.set(input.dataset.param ?? '', Number(input.value));
    output.textContent = readoutText(chart, all, readout);
    const term = readout.terms.find(({ param }) => param === input.dataset.param);
    input.setAttribute('aria-valuetext', formatDuration(10 ** Number(input.value) * (term?.unitNs ?? 1)));
  };
  const follow = () => {
    input.value = page.state.get(nameOf(input)) ?? initial;
    update();
  };
  input.addEventListener('input', update);
  input.addEventListener('change', () => page.state.set(nameOf(input), input.value === initial ? '' : input.value));
  follow();
  page.state.onChange(follow);
}

function bindSelect(page: Page, select: HTMLSelectElement): void {
  const chart = chartOf(page, select);
  // The selection may need more or less space, for example with panels for some policies only.
  const show = () => void chart?.setAll({ [select.dataset.param ?? '']: select.value });
  const follow = () => {
    const wanted = page.state.get(nameOf(select)) ?? select.options[0]?.value ?? '';
    if (select.value === wanted || ![...select.options].some(({ value }) => value === wanted)) return;
    select.value = wanted;
    show();
  };
  select.addEventListener('change', () => {
    page.state.set(nameOf(select), select.selectedIndex === 0 ? '' : select.value);
    show();
  });
  follow();
  page.state.onChange(follow);
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

function bindZoom(page: Page, button: HTMLButtonElement): void {
  const chart = chartOf(page, button);
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

/** A brush is kept as shares of the width, which differs from screen to screen. */
function bindBrush(page: Page, chartId: string, brush: string): void {
  const chart = page.gallery.charts.get(chartId);
  if (chart === undefined) return;
  const kept = `${chartId}.${brush}`;
  const digits = 4;
  const restore = () => {
    const [from, to] = (page.state.get(kept) ?? '').split('~').map(Number);
    const { view } = chart;
    if (view === null || from === undefined || to === undefined || !(from < to)) return;
    const width = Number(view.signal('width'));
    view.signal(`${brush}_x`, [from * width, to * width]).run();
  };
  chart.onDrawn((view) => {
    restore();
    view.addSignalListener(`${brush}_x`, (_name, value) => {
      const [from = 0, to = 0] = (value ?? []) as number[];
      const width = Number(view.signal('width'));
      const share = (pixels: number) => (pixels / width).toFixed(digits).replace(/0+$/, '');
      page.state.set(kept, from === to ? '' : `${share(Math.min(from, to))}~${share(Math.max(from, to))}`);
    });
  });
  page.state.onChange(restore);
}

/** All charts of a sweep show the same image; the words below each follow. */
function bindGroups({ gallery, state }: Page): void {
  const selects = [...document.querySelectorAll<HTMLSelectElement>('select[data-group-select]')];
  const [first] = selects;
  if (first === undefined) return;
  const choose = (label: string) => {
    for (const select of selects) select.value = label;
    for (const words of document.querySelectorAll<HTMLElement>('[data-group]'))
      words.hidden = words.dataset.group !== label;
    for (const chart of gallery.charts.values()) void chart.choose(label, currentTheme());
    for (const input of document.querySelectorAll<HTMLInputElement>('input[data-param]'))
      input.dispatchEvent(new Event('input'));
  };
  const initial = first.value;
  const follow = () => {
    const wanted = state.get('image') ?? initial;
    if (first.value !== wanted && [...first.options].some(({ value }) => value === wanted)) choose(wanted);
  };
  for (const select of selects) {
    select.addEventListener('change', () => {
      state.set('image', select.value === initial ? '' : select.value);
      choose(select.value);
    });
  }
  follow();
  state.onChange(follow);
}

/** Call before the first drawing, so that charts begin with what the URL asks for. */
export function bindControls(gallery: ChartGallery, state: ViewState): void {
  const page = { gallery, state };
  for (const input of document.querySelectorAll<HTMLInputElement>('input[data-param]')) bindRange(page, input);
  for (const select of document.querySelectorAll<HTMLSelectElement>('select[data-param]')) bindSelect(page, select);
  bindGroups(page);
  const brushes = new Map<string, readonly [chart: string, brush: string]>();
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-move]')) {
    bindZoom(page, button);
    brushes.set(nameOf(button), [button.dataset.chart ?? '', button.dataset.brush ?? '']);
  }
  for (const [chart, brush] of brushes.values()) bindBrush(page, chart, brush);
}
