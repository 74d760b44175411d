/** Saving a chart: as it is seen (SVG, PNG at twice the size) or as its Vega-Lite specification with the data. */
import { standaloneSpec } from '../../charts/chart-bundle.ts';
import { applyTheme } from '../../charts/palette.ts';
import type { Chart, ChartGallery } from './chart-gallery.ts';
import { currentTheme } from './theme-switch.ts';

const PIXELS_PER_UNIT = 2;
/** Long enough for the browser to have taken the file. */
const FORGET_AFTER_MS = 60_000;

function offer(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), FORGET_AFTER_MS);
}

async function picture({ view }: Chart): Promise<Blob | null> {
  const canvas = await view?.toCanvas(PIXELS_PER_UNIT);
  return new Promise((resolve) => (canvas === undefined ? resolve(null) : canvas.toBlob(resolve)));
}

async function contentOf(chart: Chart, format: string): Promise<Blob | null> {
  if (format === 'png') return picture(chart);
  if (format === 'svg') return new Blob([(await chart.view?.toSVG()) ?? ''], { type: 'image/svg+xml' });
  const themed = { ...chart.bundle, vegaLite: applyTheme(chart.bundle.vegaLite, currentTheme()) };
  return new Blob([JSON.stringify(standaloneSpec(themed), null, 2)], { type: 'application/json' });
}

export function bindSaves(gallery: ChartGallery): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-save]')) {
    button.addEventListener('click', async () => {
      const chart = gallery.charts.get(button.dataset.chart ?? '');
      const format = button.dataset.save ?? 'json';
      const blob = chart === undefined ? null : await contentOf(chart, format);
      const ending = format === 'json' ? 'vl.json' : format;
      if (chart !== undefined && blob !== null) offer(blob, `${chart.bundle.id}.${ending}`);
    });
  }
}
