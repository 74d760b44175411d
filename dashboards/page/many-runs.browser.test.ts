/** The pages over many runs, and the report of a sweep, in real Chromium: offline, silent, accessible, filterable. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { renderComparison } from '../comparison/comparison-report.ts';
import { renderReport } from '../run/report.ts';
import { matrixRecord } from '../testing/fixture-answer.ts';
import { COMMITS, fixtureCommits, fixtureRuns, WORSE_AT } from '../testing/fixture-runs.ts';
import { HOSTILE, hostileRecord } from '../testing/hostile-record.ts';
import { profiledRecord } from '../testing/profiled-record.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { renderDashboard } from '../trend/dashboard.ts';
import { renderFleet } from '../trend/fleet-page.ts';
import { type RunSummary, summariseRun } from '../trend/run-points.ts';
import { RUNS_PER_PAGE, runsPages } from '../trend/runs-pages.ts';
import { axeViolations, changedFrom, launchChromium, looks, openFile } from './testing/chromium.ts';
import { lowContrasts } from './testing/contrast.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
const file = (name: string) => path.join(folder, `${name}.html`);
let browser: Browser;
const ONE_WORKLOAD = new URLSearchParams({ workload: 'made-up-savevm, flush none' });

async function dashboardPage(): Promise<string> {
  const commits = fixtureCommits();
  const runs = fixtureRuns().map((record) => summariseRun(record, commits));
  return renderDashboard({ runs, unreadable: ['x.json: not a JSON document'], pages: [] });
}

async function hostileDashboardPage(): Promise<string> {
  const record = hostileRecord();
  const subject = `${HOSTILE.markup}${HOSTILE.ansi}${HOSTILE.rightToLeft}`;
  const commits = new Map([[record.source.commit ?? '', { subject, date: record.startedAt }]]);
  return renderDashboard({ runs: [summariseRun(record, commits)], unreadable: [subject], pages: [] });
}

async function comparisonPage(): Promise<string> {
  const on = (commit: number) => fixtureRuns().filter(({ startedAt }) => Number(startedAt.slice(8, 10)) === commit + 1);
  const [baseline, candidate] = [on(WORSE_AT - 1), on(WORSE_AT)];
  const reportOf = (runId: string) => `runs/${runId}.html`;
  return renderComparison({
    baseline: { name: 'before', records: baseline },
    candidate: { name: HOSTILE.markup, records: candidate },
    reportOf,
    // Its chart has no parameter for the filters of the page.
    run: profiledRecord(),
  });
}

/** Ten thousand made-up runs on three machines, of which the pages with charts get the newest. */
async function writeManyRuns(): Promise<void> {
  const commits = fixtureCommits();
  const real = fixtureRuns().map((record) => summariseRun(record, commits));
  const runs = Array.from({ length: 10_000 }, (_, index): RunSummary => {
    const run = real[index % real.length]!;
    const startedAt = new Date(Date.UTC(2027, 0, 1) - index * 3_600_000).toISOString();
    const place = { machine: `machine ${index % 3}`, startedAt, runId: `run-${index}`, hasReport: index < 1000 };
    const storages = run.storages.map((one) => ({ ...one, storage: `ext4 on machine ${index % 3}` }));
    const points = index < RUNS_PER_PAGE ? run.points.map((point) => ({ ...point, ...place })) : [];
    return { ...run, ...place, storages, points };
  });
  const pages = [{ href: 'runs-1.html', title: 'All runs' }];
  const shown = { runs: runs.slice(0, RUNS_PER_PAGE), total: runs.length };
  writeFileSync(file('index'), await renderDashboard({ ...shown, unreadable: [], pages }));
  writeFileSync(file('fleet'), await renderFleet(runs));
  const hrefs: string[] = [];
  for await (const { href, text } of runsPages(runs)) {
    hrefs.push(href);
    // The first, one amid, and the last stand for all.
    if ([1, 10, 20].includes(hrefs.length)) writeFileSync(path.join(folder, href), text);
  }
  assert.equal(hrefs.length, 20);
}

before(async () => {
  await writeManyRuns();
  writeFileSync(file('dashboard'), await dashboardPage());
  writeFileSync(file('hostile'), await hostileDashboardPage());
  writeFileSync(file('comparison'), await comparisonPage());
  writeFileSync(file('sweep'), await renderReport(sweepRecord([4, 64, 16, 256, 1024, 2048])));
  writeFileSync(file('matrix'), await renderReport(matrixRecord()));
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

function shownRows(page: Page, table: string): Promise<string[]> {
  return page
    .locator(`#${table} tbody tr:not([hidden])`)
    .evaluateAll((rows) => rows.map((row) => (row as HTMLElement).innerText.replace(/\s+/g, ' ')));
}

suite('pages over many runs in Chromium', { concurrency: false }, () => {
  test('ten thousand runs are in pages of five hundred: each is filtered, searched and linked, and none is too large', async () => {
    for (const name of ['index', 'fleet', 'runs-1', 'runs-10', 'runs-20']) {
      const bytes = statSync(file(name)).size;
      assert.ok(bytes < 4_000_000, `${name}: ${bytes} bytes`);
    }
    const index = await openFile(browser, file('index'));
    assert.match(await index.page.locator('.meta').first().innerText(), /^500 runs from .*, the newest of 10.000$/);
    assert.equal(await index.page.locator('#runs-table tbody tr').count(), 500);
    await index.close();
    const hash = `#${new URLSearchParams({ machine: 'machine 1' })}`;
    const amid = await openFile(browser, file('runs-10'), { hash });
    const shown = (await shownRows(amid.page, 'runs-table')).length;
    assert.ok(shown > 160 && shown < 170, `${shown} rows of machine 1`);
    // Of older runs there is only the record.
    assert.equal(await amid.page.locator('#runs-table th a').count(), 0);
    await amid.page.getByRole('link', { name: 'Older' }).waitFor();
    assert.deepEqual(await axeViolations(amid.page, { colours: 'computed' }), []);
    await amid.page.getByLabel('Storage', { exact: true }).selectOption('ext4 on machine 2');
    assert.deepEqual(await shownRows(amid.page, 'runs-table'), []);
    assert.match(new URL(amid.page.url()).hash, /storage=ext4/);
    await amid.close();
    const last = await openFile(browser, file('runs-20'));
    assert.equal(await last.page.getByRole('link', { name: 'Older' }).count(), 0);
    await last.close();
  });

  test('the page over machines and storages says which policy on which, and what changed on how many machines', async () => {
    const fleet = await openFile(browser, file('fleet'));
    assert.match(
      await fleet.page.locator('.verdict').innerText(),
      /^Fastest, of \d+ pairs of storage and workload: \S+ \d+/,
    );
    const rows = await shownRows(fleet.page, 'storages-table');
    assert.ok(
      rows.some((row) => /^ext4 on machine 2 made-up-/.test(row)),
      rows.join('\n'),
    );
    const changes = await shownRows(fleet.page, 'changes-table');
    assert.ok(
      changes.some((row) => / 2 of 2$/.test(row)),
      changes.join('\n'),
    );
    assert.equal((await shownRows(fleet.page, 'machines-table')).length, 3);
    await fleet.page.getByLabel('Machine', { exact: true }).selectOption('machine 2');
    assert.equal((await shownRows(fleet.page, 'machines-table')).length, 1);
    assert.deepEqual(await axeViolations(fleet.page), []);
    await fleet.close();
  });

  for (const name of ['dashboard', 'comparison', 'sweep', 'matrix']) {
    test(`${name}: axe finds nothing in light and dark, nothing is requested or logged, nothing sticks out`, async () => {
      // One workload on one machine stands for all.
      const hash = name === 'dashboard' ? `#${ONE_WORKLOAD}` : '';
      const light = await openFile(browser, file(name), { viewport: { width: 360, height: 740 }, hash });
      assert.equal(await light.page.evaluate(() => document.documentElement.scrollWidth), 360);
      assert.deepEqual(await axeViolations(light.page, { colours: 'computed' }), []);
      assert.deepEqual(await lowContrasts(light.page), []);
      await light.close();
      const dark = await openFile(browser, file(name), { colorScheme: 'dark', hash });
      assert.deepEqual(await lowContrasts(dark.page), []);
      for (const chart of await dark.page.locator('.chart').all()) {
        assert.equal(await chart.getAttribute('data-drawn'), 'dark');
        assert.ok(
          (await chart.locator('.mark-symbol path, .mark-rect path, .mark-line path').count()) > 0 ||
            (await chart.locator('canvas').count()) === 1,
        );
      }
      assert.deepEqual([...light.complaints, ...dark.complaints], []);
      await dark.close();
    });
  }

  test('what did not change is hidden until asked for; filters choose rows and charts and are in the URL', async () => {
    const { page, complaints, close } = await openFile(browser, file('dashboard'));
    assert.equal((await shownRows(page, 'runs-table')).length, 3 * COMMITS, 'all runs, until something is chosen');
    await page.locator('#filter-workload').selectOption('made-up-install, flush none');
    await page.locator('#filter-machine').selectOption({ index: 1 });
    const changed = await shownRows(page, 'changes-table');
    assert.equal(changed.length, 2, changed.join('\n'));
    assert.match(changed.join('\n'), /writeback made-up-install.* Waits for the disk worse 49 37/);
    await page.locator('#filter-all').press('Space');
    assert.equal((await shownRows(page, 'changes-table')).length, 9);
    const previous = await looks(page, 'trend-waits');
    await page.locator('#filter-policy').selectOption('writeback');
    await changedFrom(page, 'trend-waits', previous);
    assert.equal((await shownRows(page, 'changes-table')).length, 3);
    const url = new URLSearchParams(new URL(page.url()).hash.slice(1));
    assert.deepEqual(
      [url.get('policy'), url.get('all'), url.get('workload')],
      ['writeback', '1', 'made-up-install, flush none'],
    );
    const run = page.locator('#runs-table tbody tr:not([hidden]) a').first();
    assert.match((await run.getAttribute('href')) ?? '', /^runs\/fixture-one-made-up-install-24\.html$/);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('a link shows what it says; tables equal the points; a mark leads to its report', async () => {
    const hash = `#${new URLSearchParams({ workload: 'made-up-savevm, flush none', policy: 'writeback', all: '1' })}`;
    const { page, close } = await openFile(browser, file('dashboard'), { hash });
    assert.equal(await page.locator('#filter-workload').inputValue(), 'made-up-savevm, flush none');
    assert.equal((await shownRows(page, 'runs-table')).length, COMMITS);
    await page.locator('#trend-waits-table summary').press('Enter');
    await page.locator('#trend-waits-table table').waitFor();
    const values = await page
      .locator('#trend-waits-table tbody tr:not([hidden])')
      .evaluateAll((rows) => rows.map((row) => Number(row.querySelectorAll('td')[4]?.dataset.sort)));
    assert.deepEqual(values, [...Array(WORSE_AT).fill(37), ...Array(COMMITS - WORSE_AT).fill(49)]);
    const marks = page.locator('#trend-waits-chart .mark-symbol path[aria-roledescription]');
    assert.equal(await marks.count(), COMMITS);
    const navigation = page.waitForRequest(/runs\/fixture-one-made-up-savevm-24\.html$/);
    await marks.last().click();
    await navigation;
    await close();
  });

  test('the landing has the newest value and the course of each figure; runs are searched; with one run it is of use', async () => {
    const { page, close } = await openFile(browser, file('dashboard'));
    const rows = await shownRows(page, 'overview-table');
    assert.equal(rows.length, 9);
    assert.ok(
      rows.some((row) => /^writeback made-up-install.* 49 \+32\.4 % with /.test(row)),
      rows.join('\n'),
    );
    assert.equal(await page.locator('#overview-table tbody tr').first().locator('svg.spark').count(), 3);
    await page.locator('#filter-search').fill('savevm 2024-03-24');
    assert.equal((await shownRows(page, 'runs-table')).length, 1);
    assert.match(page.url(), /search=savevm/);
    await close();
    const single = await openFile(browser, file('hostile'));
    assert.equal(await single.page.locator('#overview-table tbody tr').count(), 3);
    assert.equal(await single.page.locator('.chart').count(), 0, 'one point has no course');
    assert.equal((await shownRows(single.page, 'runs-table')).length, 1);
    await single.close();
  });

  test('the comparison lists what differs, the most relevant first, and, when asked, the rest', async () => {
    const { page, close } = await openFile(browser, file('comparison'));
    const rows = await shownRows(page, 'changes-table');
    assert.equal(rows.length, 2);
    for (const row of rows) assert.match(row, /syncs 37 49 \+32\.4 % /);
    await page.locator('#filter-all').check();
    assert.ok((await shownRows(page, 'changes-table')).length > 40);
    await page.locator('#filter-search').fill('bytes written');
    assert.equal((await shownRows(page, 'changes-table')).length, 6);
    assert.ok(((await page.locator('h1').textContent()) ?? '').includes(HOSTILE.markup));
    assert.equal(await page.locator('img').count(), 0);
    await close();
  });

  test('a sweep shows one image at a time, the same in all charts and words, with at most half of the 17 859 elements that it had', async () => {
    const { page, complaints, close } = await openFile(browser, file('sweep'));
    const count = await page.locator('*').count();
    assert.ok(count > 1000 && count <= 17_859 / 2, `${count} elements`);
    const previous = await looks(page, 'policy-cost');
    const other = (await page.locator('#policy-cost-group option').allTextContents())[1] ?? '';
    await page.locator('#policy-cost-group').selectOption(other);
    await changedFrom(page, 'policy-cost', previous);
    assert.equal(await page.locator('#cost-model-group').inputValue(), other);
    assert.equal(await page.locator('#storage-table tbody:visible').getAttribute('data-group'), other);
    const words = await page.locator('#policy-cost [data-group]:not([hidden])').allInnerTexts();
    assert.equal(words.length, 1);
    assert.match((words[0] ?? '').replaceAll('\u202f', ' '), /writeback: 99\.4\u00a0% fewer waits .* \(37 to 5 850\)/);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('several workloads: a panel for each comes first, and the one that is chosen is shown everywhere', async () => {
    const { page, complaints, close } = await openFile(browser, file('matrix'), {
      viewport: { width: 390, height: 844 },
    });
    assert.equal(await page.locator('.chart').first().getAttribute('id'), 'matrix-chart');
    const names = ['install, guest flushes', 'made-up-updates, guest flushes', 'made-up-updates, no guest flush'];
    const drawn = await page.locator('#matrix-chart svg text').allTextContents();
    const isCut = (text: string, name: string) => text.endsWith('…') && name.startsWith(text.slice(0, -1));
    const heads = drawn.filter((text) => names.some((name) => text === name || isCut(text, name)));
    assert.equal(heads.length, names.length, drawn.join('; '));
    const [drawing, room] = await page
      .locator('#matrix-chart')
      .evaluate((chart) => [chart.querySelector('svg')!.getBoundingClientRect().width, chart.clientWidth]);
    assert.ok(drawing! <= room!, `a drawing of ${drawing} in ${room}`);
    const choice = page.locator('#answer-group');
    assert.deepEqual(await choice.locator('option').allTextContents(), names);
    const best = () =>
      page.locator('#storage-table tbody:visible tr', { hasText: '7200 rpm' }).locator('.best').innerText();
    assert.match(await best(), /1\.97× faster/);
    await choice.selectOption(names[2]!);
    assert.match(await best(), /^6\smin/);
    assert.equal(await page.locator('#policy-cost-group').inputValue(), names[2]);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('hostile commit messages, file names and labels are text', async () => {
    const { page, complaints, close } = await openFile(browser, file('hostile'));
    assert.equal(await page.locator('img, [onerror], iframe').count(), 0);
    assert.equal(await page.evaluate(() => 'hit' in globalThis), false);
    const text = (await page.locator('main').textContent()) ?? '';
    for (const shown of [HOSTILE.markup, '\\u001b[31m', '\\u202e']) assert.ok(text.includes(shown), shown);
    assert.ok(!text.includes('\u001b') && !text.includes('\u202e'));
    assert.deepEqual(complaints, []);
    await close();
  });
});
