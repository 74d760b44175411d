/** What distinguishes rows and panels of pages over many runs, in real Chromium, on a phone too: there a row of a table is a card. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { renderComparison } from '../comparison/comparison-report.ts';
import { renderReport } from '../run/report.ts';
import { answeredRecord } from '../testing/fixture-answer.ts';
import { fixtureCommits, fixtureRuns } from '../testing/fixture-runs.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { renderDashboard } from '../trend/dashboard.ts';
import { renderFleet } from '../trend/fleet-page.ts';
import { summariseRun } from '../trend/run-points.ts';
import { launchChromium, openFile } from './testing/chromium.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
const file = (name: string) => path.join(folder, `${name}.html`);
let browser: Browser;

before(async () => {
  const records = fixtureRuns();
  const runs = records.map((record) => summariseRun(record, fixtureCommits()));
  writeFileSync(file('dashboard'), await renderDashboard({ runs, unreadable: [], pages: [] }));
  writeFileSync(file('fleet'), await renderFleet(runs));
  const [baseline, candidate] = [records.slice(0, 3), records.slice(-3)];
  const sides = { baseline: { name: 'before', records: baseline }, candidate: { name: 'after', records: candidate } };
  writeFileSync(file('comparison'), await renderComparison(sides));
  const equal = { baseline: { name: 'one', records: baseline }, candidate: { name: 'other', records: baseline } };
  writeFileSync(file('equal'), await renderComparison(equal));
  writeFileSync(file('report'), await renderReport(answeredRecord()));
  writeFileSync(file('sweep'), await renderReport(sweepRecord()));
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

suite('no two rows or panels look alike, on a phone too', { concurrency: false }, () => {
  for (const name of ['dashboard', 'fleet', 'comparison', 'report', 'sweep']) {
    test(`${name}: on a phone each row is a card that fits, and each of its values is named`, async () => {
      const { page, complaints, close } = await openFile(browser, file(name), {
        viewport: { width: 390, height: 844 },
      });
      const tables = await page.locator('table.cards').evaluateAll((all) =>
        all.map((table) => ({
          id: table.id,
          hidden: table.parentElement!.scrollWidth - table.parentElement!.clientWidth,
          heads: [...table.querySelectorAll('thead th[scope=col]')].map(({ textContent }) => textContent),
          names: [...(table.querySelector('tbody tr:has(td)')?.querySelectorAll('td') ?? [])].map((cell) =>
            getComputedStyle(cell, '::before')
              .content.split('"')[1]
              ?.replace(/: .*|:$/, ''),
          ),
          shown: [...table.querySelectorAll('tbody tr[hidden]')].filter((row) => row.checkVisibility()).length,
        })),
      );
      assert.ok(tables.length >= 1);
      for (const { id, hidden, heads, names, shown } of tables) {
        assert.ok(hidden <= 0, `${hidden} pixels of ${id} are out of sight`);
        assert.ok(names.length > 2 && names.every((one) => one !== ''), id);
        // The heads of rows may have no head of their own.
        assert.deepEqual(names, heads.slice(-names.length), id);
        assert.equal(shown, 0, `${id} shows rows that the filters hide`);
      }
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  for (const width of [390, 1200]) {
    test(`the heads of panels are whole, and all different, at ${width} pixels`, async () => {
      const { page, close } = await openFile(browser, file('dashboard'), { viewport: { width, height: 900 } });
      const heads = await page.locator('#trend-waits-chart svg .role-title-text').allTextContents();
      assert.equal(heads.length, 9);
      assert.equal(new Set(heads).size, 9, heads.join('\n'));
      assert.deepEqual(
        heads.filter((head) => head.includes('…')),
        [],
      );
      await close();
    });
  }

  test('a comparison in which nothing changed says so, and how much it hides; a search that finds nothing says that', async () => {
    const { page, close } = await openFile(browser, file('equal'));
    const caption = page.locator('[data-shown-rows=changes-table]');
    const rows = await page.locator('#changes-table tbody tr').count();
    assert.equal(await caption.innerText(), `Nothing changed: ${rows} rows without a significant change are hidden.`);
    await page.locator('#filter-all').check();
    assert.equal(await caption.innerText(), `${rows} of ${rows} rows match these filters`);
    await page.locator('#filter-search').fill('no such metric');
    assert.equal(await caption.innerText(), `No rows match these filters (${rows} in all).`);
    await close();
  });

  test('each row of what changed names its workload and machine, so that no two are alike', async () => {
    const { page, close } = await openFile(browser, file('dashboard'));
    const rows = await page
      .locator('#changes-table tbody tr')
      .evaluateAll((all) =>
        all.map((row) => `${row.querySelector('th')!.textContent} ${row.querySelector('td')!.textContent}`),
      );
    assert.equal(new Set(rows).size, rows.length, rows.join('\n'));
    await close();
  });
});
