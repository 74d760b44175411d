/** The page of a history run in real Chromium: offline, silent, every chart drawn; a run that measured little says so. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { historyText, renderHistory } from '../history/page/report.ts';
import { historyPart, historyRun, STAGES } from '../testing/fixture-history.ts';
import { launchChromium, openFile } from './testing/chromium.ts';

const HOSTILE = '</script><img src=x onerror=alert(1)>';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const IDS = [
  'install',
  'install-unflushed',
  'snapshot-few',
  'snapshot-many',
  'savevm',
  'random-write',
  'sequential-write',
];

for (const colorScheme of ['light', 'dark'] as const) {
  test(`in Chromium, ${colorScheme}: silent, drawn, without barriers, no wider than a narrow window`, async () => {
    const file = path.join(folder, `${colorScheme}.html`);
    writeFileSync(
      file,
      await renderHistory(
        historyRun(
          IDS.map((id) => historyPart(id, `${id} ${HOSTILE}`)),
          HOSTILE,
        ),
      ),
    );
    const { page, complaints, close } = await openFile(browser, file, {
      colorScheme,
      viewport: { width: 390, height: 800 },
    });
    assert.deepEqual(complaints, []);
    const charts = await page.locator('.chart').count();
    assert.ok(charts >= 6, `${charts} charts`);
    assert.equal(await page.locator('.chart svg').count(), charts);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    assert.equal(await page.locator('img').count(), 0);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`),
      [],
    );
    await close();
  });
}

test('the page says whose history it is and when, links commits that have an address, and states the size of each workload', async () => {
  const run = historyRun([historyPart('install', 'installation')]);
  run.stages[1]!.commit = '93913dfd8a^ + c641483fb';
  const page = await renderHistory(run);
  assert.match(page, /<h1>QEMU’s qcow2 driver: the history of its metadata cache, January 2011 to January 2011<\/h1>/);
  assert.match(
    page,
    /commit 93913dfd8a\^ \+ <a href="https:\/\/gitlab\.com\/qemu-project\/qemu\/-\/commit\/c641483fb">c641483fb<\/a>/,
  );
  assert.match(page, /installation \(48\u202f905 writes, 1\.33\u00a0GiB\)/);
  assert.match(page, /Recorded workloads are replayed in part only/);
});

test('the page on safety is linked where it is known to lie, and named where it is not', async () => {
  const run = { ...historyRun([]), safetyPage: 'docs/safety.md' };
  const said = (page: string) => /<section id="safety".*?<\/section>/s.exec(page)?.[0] ?? '';
  assert.match(
    said(await renderHistory(run, '../docs/safety.md')),
    /<a href="\.\.\/docs\/safety\.md">docs\/safety\.md<\/a> in the/,
  );
  assert.match(said(await renderHistory(run)), /does that\. docs\/safety\.md in the repository/);
  assert.ok(!said(await renderHistory(historyRun([]))).includes('safety.md'));
});

test('effects are told by their sign, and what was not measured is said to be so', () => {
  const text = historyText(historyRun([historyPart('install', 'installation')]));
  assert.equal(text.filter((line) => /gained: installation, writeback/.test(line)).length, STAGES.length - 1);
  assert.equal(text.filter((line) => /made worse/.test(line)).length, 0);
  assert.ok(text.some((line) => line.includes('Holds: Every counter of S3') || line.includes('DOES NOT HOLD')));
  assert.ok(text.some((line) => line.includes('Not measured in this run: The cache saves syncs only')));
  const nothing = historyText(historyRun([]));
  assert.ok(nothing.some((line) => line.trim() === 'not measured'));
  assert.match(nothing.at(-1)!, /0 hold in this run, 0 do not, \d+ were not measured/);
});
