/** `cowbench report` where there is nothing to draw, or nothing to draw it with: one plain line, and nothing is written. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readRecord, writeRecord } from '../../results/store.ts';
import { CLI, cowbench, recordOf, smallBench, startProgram, temporaryFolder } from '../testing/command.ts';

let folder = '';
let recordFile = '';
before(async () => {
  folder = temporaryFolder();
  const own = { workload: 'sequential-write', data: null, span: '64k', policy: 'writeback', device: 'model:nvme-plp' };
  const record = recordOf(await cowbench(...smallBench(folder, own, '--no-report', '--json', '--quiet')));
  recordFile = path.join(folder, 'one.json');
  writeRecord(recordFile, record);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('every question is either drawn or refused with its reason', async () => {
  const { ChartError, QUESTION_IDS, renderChart } = await import('../../dashboards/index.ts');
  const record = readRecord(recordFile);
  const refusals = new Map<string, string>();
  for (const question of QUESTION_IDS) {
    const drawn = await renderChart(record, question, 'svg', 'light').catch((error: unknown) => {
      assert.ok(error instanceof ChartError, `${question}: ${error}`);
      refusals.set(question, error.message);
      return null;
    });
    if (drawn !== null) assert.match(String(drawn), /^<svg/, question);
  }
  const [refused, reason] = [...refusals][0]!;
  const shown = QUESTION_IDS.find((question) => !refusals.has(question))!;
  for (const question of [shown, refused]) {
    const picture = path.join(folder, `${question}.svg`);
    const { code, stderr } = await cowbench(
      ...['report', recordFile, '--format', 'svg', '--question', question, '--out', picture],
    );
    assert.deepEqual([code, stderr], question === shown ? [0, ''] : [2, `cowbench: ${reason}\n`]);
    assert.equal(fs.existsSync(picture), question === shown, question);
  }
});

test('a PNG without Chromium on the PATH says what is missing', async () => {
  const words = [
    'report',
    recordFile,
    '--format',
    'png',
    '--question',
    'file-map',
    '--out',
    path.join(folder, 'x.png'),
  ];
  const { finished } = startProgram(process.execPath, [CLI, ...words], { ...process.env, PATH: folder });
  const { code, stderr } = await finished;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^cowbench: PNG needs Chromium, and 'chromium' cannot be started: apt-get install chromium brings it; SVG needs nothing\n$/,
  );
});

test('where no program draws, nothing is waited for', async () => {
  const { renderChart } = await import('../../dashboards/index.ts');
  const { PATH } = process.env;
  process.env.PATH = folder;
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  try {
    await assert.rejects(renderChart(readRecord(recordFile), 'file-map', 'png', 'light'), /cannot be started/);
  } finally {
    process.env.PATH = PATH;
  }
  assert.equal(timers(), before);
});
