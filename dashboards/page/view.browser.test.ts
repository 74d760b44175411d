/** What a reader sees, keeps and takes away, in real Chromium: contrast, the view in the URL, the theme, copies, single sections. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { readRecord } from '../../results/store.ts';
import { renderReport } from '../run/report.ts';
import { answeredRecord } from '../testing/fixture-answer.ts';
import { launchChromium, looks, openFile } from './testing/chromium.ts';
import { lowContrasts } from './testing/contrast.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
const reportFile = path.join(folder, 'report.html');
const installFile = path.join(folder, 'install.html');
const record = answeredRecord();
let browser: Browser;

before(async () => {
  writeFileSync(reportFile, await renderReport(record));
  const sample = readRecord(path.join(import.meta.dirname, '../../docs/sample/install.json'));
  writeFileSync(installFile, await renderReport(sample));
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

function drawn(page: Page): Promise<unknown> {
  return page.waitForFunction(() => document.documentElement.dataset.charts === 'drawn');
}

const MOST_SIZES = 4;
const MOST_ELEMENTS = 4000;

/** Runs in the page before its own script: marks when charts are drawn, and counts the sizes that each was drawn in. */
function watchDrawing(): void {
  const sizes: Record<string, number> = {};
  Object.assign(globalThis, { sizes });
  const once = (name: string) => performance.getEntriesByName(name).length === 0 && performance.mark(name);
  const isLeft = (chart: Element) =>
    !(chart as HTMLElement).dataset.drawn && chart.getBoundingClientRect().top < innerHeight;
  new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      const isDrawing = attributeName === 'width' && (target as Element).matches('svg.marks, canvas');
      const id = isDrawing ? (target as Element).closest('.chart')?.id : undefined;
      if (id !== undefined) sizes[id] = (sizes[id] ?? 0) + 1;
    }
    const charts = [...document.querySelectorAll('.chart')];
    if (charts.length > 0 && !charts.some(isLeft)) once('first-screen');
    if (document.documentElement.dataset.charts === 'drawn') once('drawn');
  }).observe(document, {
    ...{ subtree: true, attributes: true, attributeFilter: ['data-charts', 'data-drawn', 'width'] },
  });
}

suite('the view of a report in Chromium', { concurrency: false }, () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`B9: ${colorScheme}: no text, in charts neither, has less contrast than 4.5 to 1 with what is behind it`, async () => {
      const { page, close } = await openFile(browser, reportFile, { colorScheme });
      await page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
      assert.deepEqual(await lowContrasts(page), []);
      await close();
    });
  }

  test('the report of the recorded installation draws all of its charts, each in few passes; how long that takes is printed', async (context) => {
    const fresh = await browser.newContext({ offline: true });
    const page = await fresh.newPage();
    await page.addInitScript(watchDrawing);
    await page.goto(pathToFileURL(installFile).href);
    await drawn(page);
    const found = await page.evaluate(() => ({
      ms: ['first-screen', 'drawn'].map((name) => Math.round(performance.getEntriesByName(name)[0]?.startTime ?? -1)),
      charts: document.querySelectorAll('.chart').length,
      empty: document.querySelectorAll('.chart:not(:has(svg, canvas))').length,
      elements: document.querySelectorAll('*').length,
      sizes: Object.entries((globalThis as unknown as { sizes: Record<string, number> }).sizes),
    }));
    assert.equal(found.empty, 0);
    // Vega begins with a size of its own: then one about as wide as there is room, one that fills it, and at most one that gives a label its place.
    assert.equal(found.sizes.length, found.charts);
    assert.deepEqual(
      found.sizes.filter(([, times]) => times > MOST_SIZES),
      [],
    );
    assert.ok(found.elements < MOST_ELEMENTS, `${found.elements} elements`);
    const [firstMs, allMs] = found.ms;
    context.diagnostic(
      `${found.charts} charts, ${found.elements} elements; after the page was asked for, the charts of the first screen are drawn in ${firstMs} ms, all in ${allMs} ms`,
    );
    await fresh.close();
  });

  const SCREENS = [
    { name: 'a screen of 1440 × 900', viewport: { width: 1440, height: 900 }, within: 900 },
    { name: 'two screens of a phone', viewport: { width: 390, height: 844 }, within: 2 * 844 },
  ];
  const REPORTS = [
    { of: 'a small run', file: reportFile },
    { of: 'the recorded installation', file: installFile },
  ];
  for (const { name, viewport, within, of, file } of SCREENS.flatMap((one) =>
    REPORTS.map((two) => ({ ...one, ...two })),
  )) {
    test(`${of}: advice, the table of storages and the first chart are within ${name}, and nothing sticks out`, async () => {
      const { page, close } = await openFile(browser, file, { viewport });
      const bottoms = await page.evaluate(() =>
        ['.verdict', '#storage-table', '#storage-times-chart'].map(
          (selector) => document.querySelector(selector)?.getBoundingClientRect().bottom ?? Number.NaN,
        ),
      );
      for (const bottom of bottoms) assert.ok(bottom <= within, `${bottoms.map(Math.round).join(', ')} of ${within}`);
      assert.equal(await page.locator('.chart').first().getAttribute('id'), 'storage-times-chart');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
      const table = page.locator('#storage-table');
      assert.equal(
        await table.evaluate((element) => element.parentElement!.scrollWidth <= element.parentElement!.clientWidth),
        true,
      );
      await close();
    });
  }

  test('the measuring of contrast finds a text that is too weak, on a shape of a chart too', async () => {
    const { page, close } = await openFile(browser, reportFile);
    await page.evaluate(() => {
      document.querySelector('h1')?.style.setProperty('color', '#888');
      const texts = [...document.querySelectorAll<SVGElement>('#cost-model-chart svg text')];
      const label = texts.find(({ textContent }) => textContent !== '');
      label?.style.setProperty('fill', 'rgba(0, 0, 0, 0.4)');
    });
    const low = await lowContrasts(page);
    assert.equal(low.length, 2, low.join('\n'));
    assert.match(low[0] ?? '', /^3\.\d\d rgb\(136, 136, 136\) on rgb\(253,253,252\): Fixture/);
    await close();
  });

  test('what is chosen survives a reload: selects, sliders, brush, sorting, open tables and the section', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile, { hash: '#file-map' });
    await page.locator('#file-map-shownCell').selectOption('writeback');
    await page.locator('#file-map').getByRole('button', { name: 'Zoom in' }).press('Enter');
    await page.locator('#cost-model-table summary').press('Enter');
    const sort = page.locator('#cost-model-table').getByRole('button', { name: 'Wall time' });
    await sort.press('Enter');
    await sort.press('Enter');
    await page.locator('#device-cost input[type=range]').first().press('ArrowRight');
    await page.waitForFunction(() => location.hash.includes('device-cost.'));
    const url = page.url();
    assert.match(url, /#file-map&/);
    const before = [await looks(page, 'file-map'), await looks(page, 'device-cost')];
    const rows = () => page.locator('#cost-model-table tbody').innerText();
    const order = await rows();
    await page.reload();
    await drawn(page);
    assert.deepEqual([await looks(page, 'file-map'), await looks(page, 'device-cost')], before);
    assert.equal(await rows(), order);
    assert.equal(await page.locator('#file-map-shownCell').inputValue(), 'writeback');
    assert.equal(page.url(), url);
    // A link within the page keeps what was chosen.
    await page.evaluate(() => document.querySelector<HTMLAnchorElement>('a[href="#cost-model"]')?.click());
    await page.waitForFunction(() => location.hash.startsWith('#cost-model&file-map.shownCell=writeback'));
    assert.deepEqual(complaints, []);
    await close();
  });

  test('B19: no name is broken in an open table that has room', async () => {
    const { page, close } = await openFile(browser, reportFile, { viewport: { width: 1440, height: 900 } });
    const broken = await page.evaluate(async () => {
      for (const details of document.querySelectorAll('details')) details.open = true;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [...document.querySelectorAll('table td, table th')].flatMap((cell) =>
        [...cell.childNodes].flatMap((node) => {
          if (node.nodeType !== Node.TEXT_NODE || !/^[\w-]+$/.test((node.textContent ?? '').trim())) return [];
          const range = document.createRange();
          range.selectNodeContents(node);
          const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
          return lines.size > 1 ? [node.textContent] : [];
        }),
      );
    });
    assert.deepEqual(broken, []);
    assert.ok((await page.locator('table td', { hasText: 'writethrough' }).count()) > 5);
    await close();
  });

  test('B22: the theme is kept for the next visit', async () => {
    const { page, close } = await openFile(browser, reportFile, { colorScheme: 'light' });
    await page.locator('#theme').press('Enter');
    await page.locator('#theme').press('Enter');
    assert.equal(await page.locator('#theme').innerText(), 'Theme: dark');
    await page.reload();
    await drawn(page);
    assert.equal(await page.locator('#theme').innerText(), 'Theme: dark');
    assert.equal(await page.locator('.chart').first().getAttribute('data-drawn'), 'dark');
    await close();
  });

  test('a table is copied as Markdown, CSV or JSON, whether it is open or not', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const copy = async (table: string, form: string) => {
      await page.locator(`[data-copy-table="${table}"][data-copy-as="${form}"]`).press('Enter');
      await page.getByText('Copied', { exact: true }).waitFor();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      await page.getByText('Copied', { exact: true }).waitFor({ state: 'hidden' });
      return text;
    };
    const rows = JSON.parse(await copy('cost-model-table', 'json'));
    assert.deepEqual(
      rows.map((row: Record<string, unknown>) => row.Policy),
      record.cells.map(({ policy }) => policy.name),
    );
    assert.match(await copy('cost-model-table', 'csv'), /^Policy,Wall time,.*\r\nlegacy,\d+,/);
    assert.match(await copy('policy-table', 'markdown'), /\n\| legacy.*\| 5 850 \|/);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('one section alone, for a frame in another page; of an unknown one the whole page is shown', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile);
    const open = async (query: string) => {
      const url = `${pathToFileURL(reportFile).href}${query}`;
      await page.goto(url);
      await drawn(page);
      return page.locator('section:visible').evaluateAll((sections) => sections.map(({ id }) => id));
    };
    const silent = (lines: readonly string[]) => lines.filter((line) => !line.startsWith('request: file:'));
    assert.deepEqual(await open('?embed=cost-model'), ['cost-model']);
    assert.equal(await page.locator('.chart svg:visible').count(), 1);
    assert.equal(await page.locator('header:visible, nav:visible, footer:visible').count(), 0);
    assert.ok((await open('?embed=nonsense')).length > 5);
    assert.deepEqual(silent(complaints), []);
    await close();
  });
});
