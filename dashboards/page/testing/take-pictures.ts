/**
 * Takes the pictures in `docs/images` again: every page in light, dark, on a phone and on paper, and those that use the width on a wide
 * screen. The report is that of `docs/sample`; the other pages show the made-up runs of the tests, as their labels say.
 *
 *     node dashboards/page/testing/take-pictures.ts
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { readRecord } from '../../../results/store.ts';
import { renderComparison } from '../../comparison/comparison-report.ts';
import { renderHistory } from '../../history/page/report.ts';
import { renderReport } from '../../run/report.ts';
import { matrixRecord } from '../../testing/fixture-answer.ts';
import { historyPart, historyRun } from '../../testing/fixture-history.ts';
import { fixtureCommits, fixtureRuns, WORSE_AT } from '../../testing/fixture-runs.ts';
import { sweepRecord } from '../../testing/sweep-record.ts';
import { renderDashboard } from '../../trend/dashboard.ts';
import { summariseRun } from '../../trend/run-points.ts';
import { launchChromium, openFile } from './chromium.ts';
import { palettePng } from './palette-png.ts';

const DOCS = path.join(import.meta.dirname, '../../../docs');

const VIEWS = {
  light: { viewport: { width: 1200, height: 1000 }, colorScheme: 'light' },
  dark: { viewport: { width: 1200, height: 1000 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 390, height: 1000 }, colorScheme: 'light' },
  wide: { viewport: { width: 1920, height: 1000 }, colorScheme: 'light' },
  // The width of A4 between its margins.
  print: { viewport: { width: 718, height: 1000 }, colorScheme: 'dark' },
} as const;

const USE_THE_WIDTH = new Set(['report', 'sweep', 'dashboard', 'comparison']);

function pages(): Record<string, () => Promise<string>> {
  const runs = fixtureRuns();
  const commits = fixtureCommits('image: a made-up change');
  const on = (commit: number) => runs.filter(({ startedAt }) => Number(startedAt.slice(8, 10)) === commit + 1);
  const name = (commit: number) =>
    `${[...commits.keys()][commit]?.slice(0, 7)} (${[...commits.values()][commit]?.subject})`;
  return {
    report: () => renderReport(readRecord(path.join(DOCS, 'sample/install.json'))),
    sweep: () => renderReport(sweepRecord()),
    matrix: () => renderReport(matrixRecord()),
    history: () =>
      renderHistory(
        historyRun(['install', 'install-unflushed', 'savevm'].map((id) => historyPart(id, `Fixture: ${id}`))),
      ),
    dashboard: () =>
      renderDashboard({ runs: runs.map((record) => summariseRun(record, commits)), unreadable: [], pages: [] }),
    comparison: () =>
      renderComparison({
        baseline: { name: name(WORSE_AT - 1), records: on(WORSE_AT - 1) },
        candidate: { name: name(WORSE_AT), records: on(WORSE_AT) },
      }),
  };
}

/** The pixels of what is seen: the browser that drew them reads its own PNG. */
async function pixels(page: Page): Promise<{ width: number; rgba: Uint8Array }> {
  const png = (await page.screenshot()).toString('base64');
  const reader = await page.context().newPage();
  const [width, text] = await reader.evaluate(async (encoded) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${encoded}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    let binary = '';
    for (let at = 0; at < data.length; at += 32_768) binary += String.fromCharCode(...data.subarray(at, at + 32_768));
    return [image.width, btoa(binary)] as const;
  }, png);
  await reader.close();
  return { width, rgba: Buffer.from(text, 'base64') };
}

async function take(browser: Browser, file: string, view: keyof typeof VIEWS, hash = ''): Promise<Uint8Array> {
  const { page, close } = await openFile(browser, file, { ...VIEWS[view], hash });
  if (view === 'print') {
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    // A comparison that was not profiled has no chart.
    if ((await page.locator('.chart').count()) > 0) await page.locator('.chart[data-drawn=light]').last().waitFor();
  }
  const { width, rgba } = await pixels(page);
  await close();
  return palettePng(width, rgba);
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
const browser = await launchChromium();
try {
  for (const [name, render] of Object.entries(pages())) {
    const file = path.join(folder, `${name}.html`);
    fs.writeFileSync(file, await render());
    for (const view of Object.keys(VIEWS) as (keyof typeof VIEWS)[]) {
      if (view === 'wide' && !USE_THE_WIDTH.has(name)) continue;
      fs.writeFileSync(path.join(DOCS, 'images', `${name}-${view}.png`), await take(browser, file, view));
    }
  }
  const charts = ['policy-cost', 'file-map', 'sync-cascade', 'latency-tail', 'latency-over-time'];
  for (const id of charts) {
    const picture = await take(browser, path.join(folder, 'report.html'), 'light', `#${id}`);
    fs.writeFileSync(path.join(DOCS, 'images', `report-${id}.png`), picture);
  }
} finally {
  await browser.close();
  fs.rmSync(folder, { recursive: true });
}
