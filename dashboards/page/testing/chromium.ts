/**
 * Chromium for tests, with the network cut: everything that a page says or asks for is kept, so that a test can demand
 * silence.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { HEADLESS_FLAGS } from '../../charts/rasterize.ts';

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: installedChromium(), args: HEADLESS_FLAGS });
}

function installedChromium(): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, 'chromium')).find((file) => fs.existsSync(file));
  if (found === undefined) throw new Error('this test needs chromium, which is not on the PATH');
  return found;
}

export interface WatchedPage {
  readonly page: Page;
  /** Console messages, uncaught errors and requests for anything but the file itself. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function openFile(
  browser: Browser,
  file: string,
  options: BrowserContextOptions & { hash?: string } = {},
): Promise<WatchedPage> {
  const { hash = '', ...contextOptions } = options;
  const context = await browser.newContext({ offline: true, acceptDownloads: true, ...contextOptions });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const asked = request.url().split('#')[0];
    // A saved chart is a blob that the page made itself.
    if (asked !== url && !asked?.startsWith('blob:')) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url + hash);
  await page.waitForFunction(() => document.documentElement.dataset.charts === 'drawn');
  return { page, complaints, close: () => context.close() };
}

/** A fingerprint of what a chart shows: its pixels, or its markup. */
export function looks(page: Page, id: string): Promise<string> {
  return page.locator(`#${id}-chart`).evaluate((element) => {
    const canvas = element.querySelector('canvas');
    return canvas === null ? (element.querySelector('svg')?.innerHTML ?? '') : canvas.toDataURL();
  });
}

/** Waits until a chart looks other than `before`, and returns how it looks then. */
export async function changedFrom(page: Page, id: string, previous: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const now = await looks(page, id);
    if (now !== previous) return now;
    await page.waitForTimeout(30);
  }
  throw new Error(`chart ${id} did not change`);
}

/**
 * What axe finds, one line each; all rules unless some are named. `colours: 'computed'`: all but that of contrast, which takes most of
 * axe's time and leaves texts in charts undecided; `lowContrasts` computes it for all texts.
 */
export async function axeViolations(page: Page, rules?: string[] | { colours: 'computed' }): Promise<string[]> {
  // The tables are all built alike: one open stands for the others.
  await page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
  const axe = new AxeBuilder({ page }).setLegacyMode();
  if (Array.isArray(rules)) axe.withRules(rules);
  else if (rules !== undefined) axe.disableRules('color-contrast');
  const { violations: found } = await axe.analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}
