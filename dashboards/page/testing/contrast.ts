/**
 * The contrast of every text of a page as it is rendered: its computed colour against the pixels behind it, which are read from a
 * screenshot in which no text is painted. Axe leaves text over shapes of a chart undecided; this does not.
 */
import type { Page } from 'playwright-core';

export interface TextContrast {
  readonly text: string;
  readonly ratio: number;
  readonly color: string;
  readonly behind: string;
}

interface FoundText {
  readonly text: string;
  readonly color: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Runs in the page. Text that is clipped away, transparent on purpose or of no size is not seen by anyone. */
function visibleTexts(): FoundText[] {
  const found: FoundText[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const parent = node.parentElement;
    const text = (node.textContent ?? '').trim();
    if (parent === null || text === '' || !parent.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    let [left, top, right, bottom] = [Math.max(box.left, 0), box.top, Math.min(box.right, innerWidth), box.bottom];
    for (let around: Element | null = parent; around !== null; around = around.parentElement) {
      if (getComputedStyle(around).overflow === 'visible' || around instanceof SVGElement) continue;
      const clip = around.getBoundingClientRect();
      [left, top] = [Math.max(left, clip.left), Math.max(top, clip.top)];
      [right, bottom] = [Math.min(right, clip.right), Math.min(bottom, clip.bottom)];
    }
    if (right - left < 2 || bottom - top < 2) continue;
    const style = getComputedStyle(parent);
    const color = parent instanceof SVGElement ? style.fill : style.color;
    found.push({ text, color, left: left + scrollX, top: top + scrollY, width: right - left, height: bottom - top });
  }
  return found;
}

/** Runs in the page, under its policy of styles: a sheet made by script is allowed. */
function withoutText(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    '*, *::before, *::after { color: transparent !important; transition: none !important } svg text { fill: transparent !important; opacity: 0 !important }',
  );
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/** Runs in a blank page. `png` is base64. */
async function measure({ png, texts }: { png: string; texts: FoundText[] }): Promise<TextContrast[]> {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  const linear = (value: number) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r = 0, g = 0, b = 0]: readonly number[]) =>
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return texts.flatMap(({ text, color, left, top, width, height }) => {
    const [x, y] = [Math.max(Math.floor(left), 0), Math.max(Math.floor(top), 0)];
    const [w, h] = [Math.min(Math.ceil(width), image.width - x), Math.min(Math.ceil(height), image.height - y)];
    if (w < 1 || h < 1) return [];
    const { data } = context.getImageData(x, y, w, h);
    const counts = new Map<string, number>();
    for (let at = 0; at < data.length; at += 4) {
      const key = `${data[at]},${data[at + 1]},${data[at + 2]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const [behind = '0,0,0'] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most));
    const back = behind.split(',').map(Number);
    const [r = 0, g = 0, b = 0, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
    const front = [r, g, b].map((value, index) => value * alpha + back[index]! * (1 - alpha));
    const [light, dark] = [luminance(front), luminance(back)].toSorted((one, other) => other - one);
    return [{ text, color, behind: `rgb(${behind})`, ratio: (light! + 0.05) / (dark! + 0.05) }];
  });
}

/** Of every visible text of the page in document order; the page is of no use afterwards. */
async function textContrasts(page: Page): Promise<TextContrast[]> {
  await page.evaluate(() => scrollTo(0, 0));
  const texts = await page.evaluate(visibleTexts);
  await page.evaluate(withoutText);
  const png = (await page.screenshot({ fullPage: true })).toString('base64');
  const reader = await page.context().newPage();
  try {
    return await reader.evaluate(measure, { png, texts });
  } finally {
    await reader.close();
  }
}

const LEAST_RATIO = 4.5;

/** Texts below 4.5:1 (WCAG 2.2, success criterion 1.4.3), one line each. */
export async function lowContrasts(page: Page): Promise<string[]> {
  const all = await textContrasts(page);
  if (all.length === 0) throw new Error('no text was found on the page');
  return all
    .filter(({ ratio }) => ratio < LEAST_RATIO)
    .map(({ text, ratio, color, behind }) => `${ratio.toFixed(2)} ${color} on ${behind}: ${text.slice(0, 60)}`);
}
