/** The page of a load run in real Chromium: offline, silent, every chart drawn; what nobody measured is not drawn. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { LoadRecord } from '../../results/load-record.ts';
import { renderLoad } from '../load/load-report.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
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

/** Server `index` does (index + 1) times what the first does, with as many fewer syncs; the last one keeps nothing. */
function loadRecord(servers: readonly string[], commits = true): LoadRecord {
  const jobs = [
    ['sequential read, 1 MiB', 1, false],
    ...(commits ? [['commits of 16 clients', 16, true] as const] : []),
  ] as const;
  return LoadRecord.parse({
    document: 'cowbench-load',
    schemaVersion: 1,
    startedAt: '2024-05-06T09:00:00.000Z',
    command: ['load', HOSTILE],
    rounds: 3,
    commits: 100,
    environment: fixtureRecord().environment,
    reference: servers[0],
    results: jobs.flatMap(([job, clients, flushes]) =>
      servers.map((server, index) => ({
        ...{ job, server, clients, medianUs: 100 / (index + 1), p99Us: 900 },
        ...{ bytesPerSecond: 4096e3 * (index + 1), requestsPerSecond: 1000 * (index + 1) },
        ...{ slowestPerSecond: 900 * (index + 1), fastestPerSecond: 1100 * (index + 1) },
        syncsPerFlush: flushes && index < servers.length - 1 ? 1 / (index + 1) : null,
      })),
    ),
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`in Chromium, ${colorScheme}: silent, drawn, without barriers, no wider than a narrow window`, async () => {
    const file = path.join(folder, `${colorScheme}.html`);
    writeFileSync(file, await renderLoad(loadRecord(['qemu-nbd', `mine ${HOSTILE}`, 'cowbench reserve', 'protocol'])));
    const viewport = { width: 390, height: 800 };
    const { page, complaints, close } = await openFile(browser, file, { colorScheme, viewport });
    assert.deepEqual(complaints, []);
    assert.equal(await page.locator('.chart svg').count(), 3);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    assert.equal(await page.locator('img').count(), 0);
    await page.locator('#throughput-table summary').click();
    // The rows of a table come when it is opened, an event later than the click.
    await page.locator('#throughput-table tbody tr').first().waitFor();
    assert.equal(await page.locator('#throughput-table tbody tr').count(), 8);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`),
      [],
    );
    await close();
  });
}

test('the answer says what each server does beside the reference; a run without commits has no chart of syncs', async () => {
  const page = await renderLoad(loadRecord(['qemu-nbd', 'cowbench reserve', 'protocol']));
  assert.match(
    page,
    /class="verdict">cowbench reserve against qemu-nbd: 2× the throughput without flushes, 2× the commits; with 16 clients 0\.5 syncs a flush, qemu-nbd 1\.</,
  );
  assert.doesNotMatch(page, /class="further"/);
  const plain = await renderLoad(loadRecord(['qemu-nbd', 'cowbench reserve'], false));
  assert.match(plain, /<section id="latency"/);
  assert.doesNotMatch(plain, /<section id="shared-syncs"/);
});
