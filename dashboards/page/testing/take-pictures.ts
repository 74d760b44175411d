/**
 * Takes pictures of every page, to be looked at: light, dark, wide, on a phone in both themes, and on paper. The report is that of `docs/sample`;
 * the other pages show the made-up runs of the tests, as their labels say.
 *
 *     node dashboards/page/testing/take-pictures.ts [--whole] [--out DIR] [PAGE | FILE.html]…
 *     node dashboards/page/testing/take-pictures.ts --docs
 *
 * PAGE is one of those below (all by default), FILE.html any page that cowbench wrote. `--whole`: all of each page in pieces, not its first
 * screen. Into a temporary folder, which is named at the end; `--docs` takes the few in `docs/images` again.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { readRecord } from '../../../results/store.ts';
import { renderComparison } from '../../comparison/comparison-report.ts';
import { renderHistory } from '../../history/page/report.ts';
import { renderReport } from '../../run/report.ts';
import { matrixRecord } from '../../testing/fixture-answer.ts';
import { historyPart, historyRun } from '../../testing/fixture-history.ts';
import { fixtureCommits, fixtureRuns, WORSE_AT } from '../../testing/fixture-runs.ts';
import { profiledRecord } from '../../testing/profiled-record.ts';
import { sweepRecord } from '../../testing/sweep-record.ts';
import { renderDashboard } from '../../trend/dashboard.ts';
import { renderFleet } from '../../trend/fleet-page.ts';
import { summariseRun } from '../../trend/run-points.ts';
import { launchChromium, openFile } from './chromium.ts';
import { palettePng } from './palette-png.ts';

const DOCS = path.join(import.meta.dirname, '../../../docs');

const VIEWS = {
  light: { viewport: { width: 1200, height: 1000 }, colorScheme: 'light' },
  dark: { viewport: { width: 1200, height: 1000 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 390, height: 1000 }, colorScheme: 'light' },
  'narrow-dark': { viewport: { width: 390, height: 1000 }, colorScheme: 'dark' },
  wide: { viewport: { width: 1920, height: 1000 }, colorScheme: 'light' },
  // The width of A4 between its margins.
  print: { viewport: { width: 718, height: 1000 }, colorScheme: 'dark' },
} as const;
type View = keyof typeof VIEWS;

/** What `docs/images` has: the forms of each page, and charts of the report in the light one. */
const IN_DOCS: Readonly<Record<string, readonly View[]>> = {
  report: ['light', 'dark', 'narrow', 'wide', 'print'],
  sweep: ['light', 'dark', 'narrow', 'wide', 'print'],
  matrix: ['light', 'dark', 'narrow', 'print'],
  history: ['light', 'dark', 'narrow', 'print'],
  dashboard: ['light', 'dark', 'narrow', 'wide', 'print'],
  comparison: ['light', 'dark', 'narrow', 'wide', 'print'],
};
const CHARTS_IN_DOCS = ['policy-cost', 'file-map', 'sync-cascade', 'latency-tail', 'latency-over-time'];
/** Of a whole page; as high as a picture that is read without being made smaller. */
const PIECE_HEIGHT = 1400;

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
    profiled: () =>
      renderComparison({
        baseline: { name: name(WORSE_AT - 1), records: on(WORSE_AT - 1) },
        candidate: { name: name(WORSE_AT), records: on(WORSE_AT) },
        run: profiledRecord(),
      }),
    fleet: () => renderFleet(runs.map((record) => summariseRun(record, commits))),
  };
}

/** Where the pieces of a picture begin, and how high they are: all of the page, or what is seen of it. */
async function piecesOf(page: Page, whole: boolean): Promise<{ y: number; height: number }[]> {
  if (!whole) return [{ y: 0, height: page.viewportSize()!.height }];
  const all = await page.evaluate(() => document.documentElement.scrollHeight);
  return Array.from({ length: Math.ceil(all / PIECE_HEIGHT) }, (_, piece) => {
    const y = piece * PIECE_HEIGHT;
    return { y, height: Math.min(PIECE_HEIGHT, all - y) };
  });
}

/** The pixels of one piece: the browser that drew them reads its own PNG. */
async function pixels(page: Page, whole: boolean, piece: { y: number; height: number }) {
  const clip = { x: 0, width: page.viewportSize()!.width, ...piece };
  const png = (await page.screenshot(whole ? { clip, fullPage: true } : {})).toString('base64');
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
  return palettePng(width, Buffer.from(text, 'base64'));
}

/** Writes the picture, or its pieces, to files that begin with `name`. */
async function take(browser: Browser, file: string, view: View, name: string, { whole = false, hash = '' } = {}) {
  const { page, close } = await openFile(browser, file, { ...VIEWS[view], hash });
  if (view === 'print') {
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    // A comparison that was not profiled has no chart.
    if ((await page.locator('.chart').count()) > 0) await page.locator('.chart[data-drawn=light]').last().waitFor();
  }
  for (const [index, piece] of (await piecesOf(page, whole)).entries())
    fs.writeFileSync(`${name}${whole ? `-${index + 1}` : ''}.png`, await pixels(page, whole, piece));
  await close();
}

/** The pages asked for, as files in `folder` or where they are; all when none is named. */
async function filesOf(names: readonly string[], folder: string): Promise<Record<string, string>> {
  const known = pages();
  const files: Record<string, string> = {};
  for (const name of names.length === 0 ? Object.keys(known) : names) {
    const render = known[name];
    if (render === undefined && !fs.existsSync(name))
      throw new Error(`no page and no file '${name}'; pages: ${Object.keys(known).join(', ')}`);
    const file = render === undefined ? name : path.join(folder, `${name}.html`);
    if (render !== undefined) fs.writeFileSync(file, await render());
    files[path.basename(file, '.html')] = file;
  }
  return files;
}

async function takeForDocs(browser: Browser, folder: string): Promise<void> {
  const images = path.join(DOCS, 'images');
  const files = await filesOf(Object.keys(IN_DOCS), folder);
  for (const [name, views] of Object.entries(IN_DOCS)) {
    for (const view of views) await take(browser, files[name]!, view, path.join(images, `${name}-${view}`));
  }
  for (const id of CHARTS_IN_DOCS)
    await take(browser, files.report!, 'light', path.join(images, `report-${id}`), { hash: `#${id}` });
}

const { values, positionals } = parseArgs({
  options: {
    docs: { type: 'boolean', default: false },
    whole: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
  allowPositionals: true,
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
const browser = await launchChromium();
try {
  if (values.docs) await takeForDocs(browser, folder);
  else {
    const out = values.out ?? fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-pictures-'));
    fs.mkdirSync(out, { recursive: true });
    for (const [name, file] of Object.entries(await filesOf(positionals, folder))) {
      for (const view of Object.keys(VIEWS) as View[])
        await take(browser, file, view, path.join(out, `${name}-${view}`), { whole: values.whole });
    }
    console.log(`pictures in ${out}`);
  }
} finally {
  await browser.close();
  fs.rmSync(folder, { recursive: true });
}
