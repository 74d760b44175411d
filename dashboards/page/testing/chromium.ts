/**
 * Chromium for tests, with the network cut: everything that a page says or asks for is kept, so that a test can demand
 * silence. A missing Chromium fails the test.
 */
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
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
