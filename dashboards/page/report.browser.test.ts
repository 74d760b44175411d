/** The report in real Chromium: offline, under its own Content-Security-Policy, silent, and equal to the record. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { compile, type TopLevelSpec } from 'vega-lite';
import { QUESTIONS as ALL_QUESTIONS } from '../questions/index.ts';
import { renderReport } from '../run/report.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { HOSTILE, hostileRecord } from '../testing/hostile-record.ts';
import { axeViolations, changedFrom, launchChromium, looks, openFile } from './testing/chromium.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
const reportFile = path.join(folder, 'report.html');
const hostileFile = path.join(folder, 'hostile.html');
const record = fixtureRecord();
const QUESTIONS = ALL_QUESTIONS.filter(({ optional }) => optional !== true);
let browser: Browser;

before(async () => {
  writeFileSync(reportFile, await renderReport(record));
  writeFileSync(hostileFile, await renderReport(hostileRecord()));
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

suite('report in Chromium', { concurrency: false }, () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${colorScheme}: every chart is drawn, nothing is requested or logged, axe finds nothing`, async () => {
      const { page, complaints, close } = await openFile(browser, reportFile, { colorScheme });
      for (const { id } of QUESTIONS) {
        const chart = page.locator(`#${id}-chart`);
        assert.equal(await chart.getAttribute('data-drawn'), colorScheme, id);
        const marks = await chart.evaluate((element) => {
          const canvas = element.querySelector('canvas');
          if (canvas === null) return element.querySelectorAll('svg .mark-group path, svg .mark-text text').length;
          const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
          return new Set(new Uint32Array(Uint8Array.from(pixels).buffer)).size;
        });
        assert.ok(marks > 10, `${id} has ${marks} marks`);
        assert.ok(((await chart.getAttribute('aria-label')) ?? '').length > 40, `${id} has no description`);
      }
      // The other rules do not look at colours: once is enough.
      assert.deepEqual(await axeViolations(page, colorScheme === 'dark' ? ['color-contrast'] : undefined), []);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test('tables equal the record', async () => {
    const { page, close } = await openFile(browser, reportFile);
    const shown = await page
      .locator('#policy-table tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [
          row.querySelector('th')?.firstChild?.textContent,
          ...[...row.querySelectorAll('data')].map((data) => Number(data.value)),
        ]),
      );
    const expected = record.cells.map(({ policy, exact }) => [
      policy.name,
      ...[exact?.fsyncs, exact?.odsyncWrites],
      Math.round(((exact?.fsyncs ?? 0) / (exact?.guest.writes ?? 1)) * 1e5) / 100,
      ...[exact?.writes, exact?.writeBytes],
    ]);
    assert.deepEqual(shown, expected);
    for (const question of QUESTIONS) {
      await page.locator(`#${question.id}-table summary`).press('Enter');
      await page.locator(`#${question.id}-table table`).waitFor();
      const cells = await page
        .locator(`#${question.id}-table tbody tr`)
        .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.dataset.sort)));
      const table = (question.ask(record)?.table.rows ?? []).map((row) => row.map((value) => String(value ?? '')));
      assert.deepEqual(cells, table, question.id);
    }
    await close();
  });

  test('slider, selects, brush and zoom buttons react, with mouse and keyboard', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile);
    const device = await looks(page, 'device-cost');
    await page.locator('#device-cost-working').focus();
    for (let step = 0; step < 20; step += 1) await page.keyboard.press('ArrowRight');
    await changedFrom(page, 'device-cost', device);
    const readout = ((await page.locator('#device-cost-readout').textContent()) ?? '').replaceAll('\u00a0', ' ');
    // Twenty steps of 0.05 from 1 ms are 10 ms; 5 850 syncs of legacy, all with work, then take 58.5 s.
    assert.match(readout, /^sync with work 10 ms, without 100 µs: legacy 58\.5 s/);

    const whole = await looks(page, 'file-map');
    const box = await page.locator('#file-map-chart canvas').boundingBox();
    assert.ok(box !== null);
    await page.locator('#file-map-chart').scrollIntoViewIfNeeded();
    const at = await page.locator('#file-map-chart canvas').boundingBox();
    assert.ok(at !== null);
    await page.mouse.move(at.x + at.width * 0.4, at.y + 65);
    await page.mouse.down();
    await page.mouse.move(at.x + at.width * 0.6, at.y + 65, { steps: 4 });
    await page.mouse.up();
    await changedFrom(page, 'file-map', whole);

    const press = async (name: string) => {
      const previous = await looks(page, 'file-map');
      await page.locator('#file-map').getByRole('button', { name }).focus();
      await page.keyboard.press('Enter');
      return changedFrom(page, 'file-map', previous);
    };
    const all = await press('Whole run');
    const near = await press('Zoom in');
    assert.notEqual(await press('Later'), near);
    assert.equal(await press('Whole run'), all);
    await page.locator('#file-map-shownCell').selectOption('writeback');
    await changedFrom(page, 'file-map', all);

    const requests = await looks(page, 'latency-over-time');
    await page.locator('#latency-over-time-shownLane').selectOption('writes of the file');
    const writes = await changedFrom(page, 'latency-over-time', requests);
    await page.locator('#latency-over-time-shownCell').selectOption('writeback');
    await changedFrom(page, 'latency-over-time', writes);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('theme switch, sorting, copying and deep links', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile, { hash: '#cost-model' });
    assert.ok(await page.locator('#cost-model-title').evaluate((element) => element.getBoundingClientRect().top < 200));
    const theme = page.locator('#theme');
    await theme.press('Enter');
    await theme.press('Enter');
    await page.locator('#cost-model-chart[data-drawn=dark]').waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(21, 24, 28)');

    await page.locator('#counts-by-kind-table summary').press('Enter');
    await page.locator('#counts-by-kind-table table').waitFor();
    const column = () =>
      page
        .locator('#counts-by-kind-table tbody tr')
        .evaluateAll((rows) => rows.map((row) => Number(row.querySelectorAll('td')[2]?.dataset.sort)));
    const before = await column();
    const head = page.locator('#counts-by-kind-table').getByRole('button', { name: 'Writes' });
    await head.press('Enter');
    assert.deepEqual(
      await column(),
      before.toSorted((a, b) => a - b),
    );
    await head.press('Enter');
    assert.deepEqual(
      await column(),
      before.toSorted((a, b) => b - a),
    );
    assert.equal(await page.locator('#counts-by-kind-table th[aria-sort]').getAttribute('aria-sort'), 'descending');
    const cell = page.locator('#counts-by-kind-table tbody tr').first().locator('td').nth(2);
    await cell.hover();
    assert.match((await cell.getAttribute('title')) ?? '', /^\d+: write calls/);

    await page.locator('button[data-copy]').click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.deepEqual(complaints, []);
    await close();
  });

  test('a chart is saved as SVG, as PNG and as a Vega-Lite specification that compiles', async () => {
    const { page, complaints, close } = await openFile(browser, reportFile);
    const save = async (id: string, format: string) => {
      const download = page.waitForEvent('download');
      await page.locator(`#${id} [data-save=${format}]`).click();
      return readFileSync(await (await download).path());
    };
    assert.match((await save('policy-cost', 'svg')).toString('utf8'), /^<svg .*<\/svg>$/s);
    assert.deepEqual([...(await save('file-map', 'png')).subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    const spec = JSON.parse((await save('file-map', 'json')).toString('utf8')) as TopLevelSpec & { datasets: object };
    assert.deepEqual(Object.keys(spec.datasets), ['writes', 'syncs', 'scales']);
    assert.ok((compile(spec).spec.marks?.length ?? 0) > 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('hostile labels are shown as text and do nothing', async () => {
    const { page, complaints, close } = await openFile(browser, hostileFile);
    assert.equal(await page.locator('img, [onerror], iframe').count(), 0);
    assert.equal(await page.evaluate(() => 'hit' in globalThis), false);
    const text = ((await page.locator('main').textContent()) ?? '').replaceAll('\u00a0', ' ');
    assert.ok(text.includes(HOSTILE.markup), 'markup is shown as it is');
    assert.ok(text.includes('\\u001b[31m'), 'the escape character is written out');
    assert.ok(text.includes('\\u202e'), 'the right-to-left mark is written out');
    assert.ok(!text.includes('\u001b') && !text.includes('\u202e'));
    await page.locator('#policy-cost-chart svg .mark-symbol path').nth(1).hover();
    await page.locator('#chart-tooltip.visible').waitFor();
    assert.match((await page.locator('#chart-tooltip').textContent()) ?? '', /<\/script><img/);
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('nothing sticks out on a narrow phone; paper is light and as wide as the page', async () => {
    const narrow = await openFile(browser, reportFile, { viewport: { width: 360, height: 740 } });
    assert.equal(await narrow.page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.deepEqual(await axeViolations(narrow.page, ['scrollable-region-focusable', 'target-size']), []);
    await narrow.close();
    const paper = await openFile(browser, reportFile, { colorScheme: 'dark' });
    // At the end of printing the page says in its title which theme was on paper.
    await paper.page.evaluate(() => {
      const chart = document.querySelector<HTMLElement>('.chart');
      addEventListener(
        'afterprint',
        () => {
          document.title = `printed ${chart?.dataset.drawn}`;
        },
        { capture: true },
      );
    });
    const pdf = await paper.page.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    assert.equal(await paper.page.title(), 'printed light');
    assert.deepEqual(paper.complaints, []);
    await paper.close();
  });
});
