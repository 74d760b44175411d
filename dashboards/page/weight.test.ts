/** The page: one file, within its weight, the same for the same record, and its script is type-checked. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readRecord } from '../../results/store.ts';
import { renderReport } from '../run/report.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';

const MOST_BYTES = 5_000_000;
const MOST_SAMPLE_BYTES = 1_500_000;

test('the report of the recorded installation stays under 1.5 MB', async () => {
  const sample = fileURLToPath(new URL('../../docs/sample/install.json', import.meta.url));
  const page = await renderReport(readRecord(sample));
  assert.ok(Buffer.byteLength(page) < MOST_SAMPLE_BYTES, `${Buffer.byteLength(page)} bytes`);
});

test('a record with many cells and the finest pictures stays under 5 MB', async () => {
  const record = fixtureRecord((draft) => {
    const cells: [number, number, string, number][] = [];
    for (let column = 0; column < 400; column += 1) {
      for (let row = 0; row < 200; row += 1)
        cells.push([column, row, row % 2 === 0 ? 'data' : 'refcount-block', 1_234_567]);
    }
    // A count in every bin, of as many digits as a long run has.
    const lane = Array.from({ length: 200 * 64 }, () => 1234);
    const lanes = { 'guest-request': lane, 'guest-flush': lane, 'device-sync': lane, 'device-write': lane };
    draft.cells = Array.from({ length: 12 }, (_, index) => {
      const cell = structuredClone(draft.cells[index % draft.cells.length]!);
      cell.image.clusterSizeBytes = 512 * 2 ** index;
      cell.fileMap = { columns: 400, rows: 200, fileBytes: 2 ** 31, durationNs: 4e10, cells, syncs: [] };
      cell.latencyMap = { columnNs: 2e8, columns: 200, lowestNs: 1000, rowsPerDecade: 8, rows: 64, lanes };
      return cell;
    });
  });
  const page = await renderReport(record);
  assert.ok(Buffer.byteLength(page) < MOST_BYTES, `${Buffer.byteLength(page)} bytes`);
});

test('the same record makes the same page, and the page names no other place', async () => {
  const page = await renderReport(fixtureRecord());
  assert.equal(page, await renderReport(fixtureRecord()));
  assert.ok(page.startsWith('<!doctype html>'));
  const policy = /Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'") ?? '';
  assert.match(
    policy,
    /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'$/,
  );
  assert.ok(!/<(link|iframe|img)\b|\b(src|href)="(?!#)/.test(page.replace(/<script>.*<\/script>/s, '')));
});

test('the types of the page’s own script hold', () => {
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', folder], { encoding: 'utf8' });
  const own = stdout.split('\n').filter((line) => line.startsWith('dashboards/page/'));
  assert.deepEqual({ status, own: own.join('\n') }, { status: 0, own: '' });
});
