/**
 * The charts of the page: drawn one after the other so that the first screen appears at once, redrawn for another theme,
 * fitted to the width that they have. Expressions are interpreted, never compiled, since the page forbids `eval`.
 */
import { parse, type Runtime, type Signal, type TooltipHandler, View } from 'vega';
import { Handler } from 'vega-tooltip';
import { type ChartBundle, type JsonObject, vegaWithRows, withGroup } from '../../charts/chart-bundle.ts';
import { applyTheme, type ThemeName } from '../../charts/palette.ts';
import { tooltipsOnDemand, tooltipWords } from './tooltip-words.ts';

/** Widths narrower than this are scrolled instead. */
const LEAST_WIDTH = 100;
const MOST_FIT_PASSES = 5;
/** What an axis with its labels takes beside a drawing, in pixels, until it is known. */
const GUESSED_BESIDE = 120;
/** Below this, labels and legends make do with less. */
const NARROW_BELOW = 480;
/** The only places that a mark may lead to. */
const OWN_PAGE = /^runs\/[0-9A-Za-z-]+\.html$/;
/** The signal that holds the width of the drawing, by kind of specification. */
const WIDTH_SIGNALS = ['child_width', 'width'];

const tooltip = new Handler({ disableDefaultStyle: true, id: 'chart-tooltip' });

const showTooltip: TooltipHandler = (handler, event, item, value) =>
  tooltip.call(handler, event, item, tooltipWords(item, value));

function signalNames(spec: JsonObject): string[] {
  return ((spec.signals ?? []) as unknown as Signal[]).map(({ name }) => name);
}

function widthSignal(spec: JsonObject): string {
  const names = signalNames(spec);
  return WIDTH_SIGNALS.find((name) => names.includes(name)) ?? 'width';
}

/** The specification without the inputs that Vega would add: the page has its own, labelled ones. */
function withoutInputs(spec: JsonObject): JsonObject {
  const signals = ((spec.signals ?? []) as readonly JsonObject[]).map(({ bind: _bind, ...signal }) => signal);
  return { ...spec, signals };
}

export class Chart {
  #bundle: ChartBundle;
  readonly element: HTMLElement;
  #view: View | null = null;
  #width = '';
  /** Pixels that axes, labels and legends took beside the drawing itself when it was drawn last. */
  #beside = GUESSED_BESIDE;
  /** Values set by controls; they outlive a change of theme. */
  #signals = new Map<string, unknown>();
  readonly #listeners: ((view: View) => void)[] = [];

  constructor(bundle: ChartBundle, element: HTMLElement) {
    this.#bundle = bundle;
    this.element = element;
  }

  get bundle(): ChartBundle {
    return this.#bundle;
  }

  get view(): View | null {
    return this.#view;
  }

  /** Calls `listener` with each new drawing once it has its size. */
  onDrawn(listener: (view: View) => void): void {
    this.#listeners.push(listener);
  }

  /** Only waits for Vega's own steps, never for a timer, so that it ends before the browser prints. */
  async draw(theme: ThemeName): Promise<void> {
    this.#view?.finalize();
    const themed = { ...this.bundle, vega: withoutInputs(applyTheme(this.bundle.vega, theme)) };
    const spec = vegaWithRows(themed);
    this.#width = widthSignal(spec);
    const runtime: Runtime = parse(spec as never, undefined, { ast: true });
    const view = new View(runtime, { expr: tooltipsOnDemand, renderer: this.bundle.renderer } as never);
    this.#view = view.tooltip(showTooltip).initialize(this.element).hover();
    // A mark that stands for a run leads to its report; the same link is in the table for those without a mouse.
    view.addEventListener('click', (_event, item) => {
      const href = (item?.datum as { href?: unknown } | undefined)?.href;
      if (typeof href === 'string' && OWN_PAGE.test(href)) location.assign(href);
    });
    for (const [name, value] of this.#signals) view.signal(name, value);
    // Drawn at once about as wide as it will be: each drawing of another width lays out everything again.
    const room = this.element.clientWidth;
    view.signal('narrow', room < NARROW_BELOW).signal(this.#width, Math.max(room - this.#beside, LEAST_WIDTH));
    await view.runAsync();
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', this.bundle.description);
    this.element.removeAttribute('aria-roledescription');
    // The label says it all; hundreds of marks read out one by one would say less.
    this.element.firstElementChild?.setAttribute('aria-hidden', 'true');
    await this.#fillWidth(view);
    this.element.dataset.drawn = theme;
    for (const listener of this.#listeners) listener(view);
  }

  /** Gives the drawing the width that is left next to its axes. */
  async fit(): Promise<void> {
    const view = this.#view;
    if (view === null) return;
    view.signal('narrow', this.element.clientWidth < NARROW_BELOW);
    // The layout too: shorter labels leave more room next to them.
    await view.resize().runAsync();
    await this.#fillWidth(view);
  }

  async #fillWidth(view: View): Promise<void> {
    const drawing = this.element.querySelector<SVGElement | HTMLCanvasElement>('svg, canvas');
    if (drawing === null) return;
    for (let pass = 0; pass < MOST_FIT_PASSES; pass += 1) {
      const width = Number(view.signal(this.#width));
      this.#beside = drawing.clientWidth - width;
      const wanted = Math.max(Math.floor(this.element.clientWidth - this.#beside), LEAST_WIDTH);
      // Labels at the ends move with the width: after the first pass only shrink, or it may never settle.
      if (wanted === width || (pass > 0 && wanted > width)) break;
      await view.signal(this.#width, wanted).resize().runAsync();
    }
    // What still does not fit is scrolled, also with the keyboard.
    if (this.element.scrollWidth > this.element.clientWidth) this.element.tabIndex = 0;
    else this.element.removeAttribute('tabindex');
  }

  /** True when the chart has this parameter. */
  knows(name: string): boolean {
    return signalNames(this.bundle.vega).includes(name);
  }

  set(name: string, value: unknown): void {
    this.#signals.set(name, value);
    this.#view?.signal(name, value).run();
  }

  /** Sets several parameters at once, then gives the chart the size that its new content needs. */
  async setAll(values: Readonly<Record<string, unknown>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      this.#signals.set(name, value);
      this.#view?.signal(name, value);
    }
    await this.#view?.resize().runAsync();
    await this.fit();
  }

  /** Shows the rows of another image of a sweep. */
  async choose(group: string, theme: ThemeName): Promise<void> {
    this.#bundle = withGroup(this.#bundle, group);
    if (this.#view !== null) await this.draw(theme);
  }
}

/** What is on the screen first, then in the order of the page. */
function seenFirst(charts: Iterable<Chart>): Chart[] {
  const isSeen = ({ element }: Chart) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const all = [...charts].filter(({ element }) => element.offsetParent !== null);
  return [...all.filter(isSeen), ...all.filter((chart) => !isSeen(chart))];
}

export class ChartGallery {
  readonly charts = new Map<string, Chart>();
  #round = 0;

  /** The charts that the page has a place for. */
  take(bundles: readonly ChartBundle[]): void {
    for (const bundle of bundles) {
      const element = document.getElementById(`${bundle.id}-chart`);
      if (element !== null) this.charts.set(bundle.id, new Chart(bundle, element));
    }
  }

  /** Draws all charts, giving the browser a turn between two; a later call ends an earlier one. */
  async drawAll(theme: ThemeName): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    document.documentElement.dataset.charts = 'drawing';
    for (const chart of seenFirst(this.charts.values())) {
      await new Promise((resolve) => setTimeout(resolve));
      if (round !== this.#round) return;
      await chart.draw(theme);
    }
    document.documentElement.dataset.charts = 'drawn';
  }

  /** Draws all charts without giving the browser a turn. */
  async drawAllNow(theme: ThemeName): Promise<void> {
    this.#round += 1;
    await Promise.all(seenFirst(this.charts.values()).map((chart) => chart.draw(theme)));
    document.documentElement.dataset.charts = 'drawn';
  }

  fitAll(): void {
    for (const chart of this.charts.values()) void chart.fit();
  }
}
