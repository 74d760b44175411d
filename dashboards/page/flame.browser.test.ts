/** The flame graph in real Chromium: both themes, hover, zoom and choice by keyboard, and function names as untrusted text. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { renderComparison } from '../comparison/comparison-report.ts';
import { HOSTILE } from '../testing/hostile-record.ts';
import { profiledRecord } from '../testing/profiled-record.ts';
import { axeViolations, changedFrom, launchChromium, looks, openFile } from './testing/chromium.ts';
import { lowContrasts } from './testing/contrast.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
const pageFile = path.join(folder, 'comparison.html');
let browser: Browser;

before(async () => {
  // It is the only chart of a comparison that was profiled; the others of a report have tests of their own.
  const side = { name: 'fixture', records: [] };
  const run = profiledRecord();
  for (const cell of run.cells) delete cell.cpuDifference;
  writeFileSync(pageFile, await renderComparison({ baseline: side, candidate: side, run }));
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

suite('the flame graph in Chromium', { concurrency: false }, () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${colorScheme}: every frame with its name, readable, and nothing is logged`, async () => {
      const { page, complaints, close } = await openFile(browser, pageFile, { colorScheme });
      const texts = await page.locator('#cpu-flame-chart svg .mark-text text').allTextContents();
      for (const name of ['replay', 'write', 'prepare', 'get', 'readSync', 'sync'])
        assert.ok(texts.includes(name), `${name} in ${texts.join(', ')}`);
      assert.deepEqual(await lowContrasts(page), []);
      assert.deepEqual(await axeViolations(page, colorScheme === 'dark' ? ['color-contrast'] : undefined), []);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test('hover names function, place, total and self; a hostile name is text', async () => {
    const { page, complaints, close } = await openFile(browser, pageFile);
    const frame = page.locator('#cpu-flame-chart svg .mark-rect path[aria-label*="entry-store"]').last();
    await frame.scrollIntoViewIfNeeded();
    await frame.hover({ force: true, position: { x: 60, y: 2 } });
    const tooltip = page.locator('#chart-tooltip');
    await tooltip.waitFor();
    const said = (await tooltip.innerText()).replaceAll('\u202f', ' ').replaceAll('\u00a0', ' ');
    assert.match(
      said,
      /function.*onerror=[\s\S]*place.*engine\/cache\/entry-store\.ts:12[\s\S]*total.*200 ms, 20\.0%[\s\S]*self.*200 ms, 20\.0%/,
    );
    assert.ok(said.includes(HOSTILE.markup.slice(0, 9)), said);
    assert.equal(await page.evaluate(() => (globalThis as { hit?: number }).hit), undefined);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('zoom and policy by keyboard; the ten costliest functions as a table', async () => {
    const { page, complaints, close } = await openFile(browser, pageFile);
    const whole = await looks(page, 'cpu-flame');
    await page.locator('#cpu-flame').getByRole('button', { name: 'Zoom in' }).focus();
    await page.keyboard.press('Enter');
    const near = await changedFrom(page, 'cpu-flame', whole);
    await page.locator('#cpu-flame').getByRole('button', { name: 'Whole run' }).press('Enter');
    await changedFrom(page, 'cpu-flame', near);
    const select = page.locator('#cpu-flame-shownCell');
    assert.deepEqual(await select.locator('option').allTextContents(), ['legacy', 'writethrough', 'writeback']);
    const previous = await looks(page, 'cpu-flame');
    await select.focus();
    await page.keyboard.press('ArrowDown');
    await changedFrom(page, 'cpu-flame', previous);
    await page.locator('#cpu-flame-table summary').press('Enter');
    await page.locator('#cpu-flame-table table').waitFor();
    assert.equal(await page.locator('#cpu-flame-table tbody tr').count(), 30);
    assert.deepEqual(complaints, []);
    await close();
  });
});
