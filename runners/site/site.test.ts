/** `site` and `report` on the command line, from records of real small runs. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { recordPath, writeRecord } from '../../results/store.ts';
import { cowbench, type Finished, filesBelow, recordOf, smallBench, temporaryFolder } from '../testing/command.ts';

const folder = temporaryFolder();
const records = path.join(folder, 'gathered');
const first = path.join(records, 'first');
const second = path.join(records, 'second');
let record: RunRecord;

/** The same run under another id and commit, with one more sync: enough to compare two commits. */
function dearer(): RunRecord {
  const other = structuredClone(record);
  other.runId = `${record.runId}-dearer`;
  other.startedAt = new Date(Date.parse(record.startedAt) + 60_000).toISOString();
  other.source = { ...other.source, commit: 'f'.repeat(40), dirty: false };
  other.cells[0]!.exact!.fsyncs += 1;
  return other;
}

before(async () => {
  record = recordOf(await cowbench(...smallBench(folder, { policy: 'legacy,writeback' }, '--json', '--quiet')));
  writeRecord(recordPath(first, record), record);
  writeRecord(recordPath(second, dearer()), dearer());
});

after(() => fs.rmSync(folder, { recursive: true, force: true }));

function refused({ code, stderr, stdout }: Finished, reason: RegExp): void {
  assert.equal(code, 2, stderr);
  assert.match(stderr, reason);
  assert.equal(stderr.trim().split('\n').length, 1);
  assert.equal(stdout, '');
}

suite('site and report', { concurrency: false }, () => {
  test('a site has a page and a record for each run, a dashboard, and the newest comparison', async () => {
    const out = path.join(folder, 'site');
    fs.writeFileSync(path.join(records, 'broken.json'), '{');
    fs.writeFileSync(path.join(records, 'other.json'), '{"schemaVersion":1}');
    // The same run twice is one page.
    writeRecord(path.join(records, 'copy', 'run.json'), record);
    const { code, stdout, stderr } = await cowbench('site', '--from', records, '--out', out, '--quiet');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^site: .*index\.html \(2 runs\)\n$/);
    assert.equal(stderr.match(/^left out: /gm)?.length, 2, stderr);
    const runs = [record.runId, `${record.runId}-dearer`].flatMap((id) => [`runs/${id}.html`, `runs/${id}.json`]);
    assert.deepEqual(filesBelow(out), ['fleet.html', 'index.html', 'latest.html', ...runs].sort());
    const index = fs.readFileSync(path.join(out, 'index.html'), 'utf8');
    for (const link of index.matchAll(/<a href="([^"#]+)"/g))
      assert.ok(fs.existsSync(path.join(out, link[1]!)), link[1]);
    assert.match(index, /broken\.json: not a JSON document/);
    assert.doesNotMatch(index.replace(/<script>.*<\/script>/s, ''), new RegExp(folder));
    assert.match(
      fs.readFileSync(path.join(out, 'latest.html'), 'utf8'),
      /Exact counts differ in 1 of 2 policy\/workload pairs/,
    );
  });

  test('a site of nothing says so', async () => {
    const empty = path.join(folder, 'empty');
    fs.mkdirSync(empty);
    const out = path.join(folder, 'empty-site');
    assert.equal((await cowbench('site', '--from', empty, '--out', out)).code, 0);
    assert.match(fs.readFileSync(path.join(out, 'index.html'), 'utf8'), /no counts yet/);
  });

  test('a chart is drawn in each format, beside the record or where it is asked for', async () => {
    const file = recordPath(first, record);
    const svg = await cowbench('report', file, '--format', 'svg', '--question', 'counts-by-kind');
    assert.equal(svg.stdout.trim(), `chart: ${file.replace(/\.json$/, '.counts-by-kind.svg')}`, svg.stderr);
    assert.match(fs.readFileSync(file.replace(/\.json$/, '.counts-by-kind.svg'), 'utf8'), /^<svg .*<\/svg>$/s);
    const png = path.join(folder, 'chart.png');
    await cowbench('report', file, '--format', 'png', '--question', 'sync-reasons', '--theme', 'dark', '--out', png);
    assert.equal(fs.readFileSync(png).toString('latin1', 1, 4), 'PNG');
    const json = path.join(folder, 'chart.json');
    await cowbench('report', file, '--format', 'json', '--question', 'sync-reasons', '--out', json);
    assert.match(String(JSON.parse(fs.readFileSync(json, 'utf8')).$schema), /vega-lite/);
  });

  test('two folders of records are compared', async () => {
    const out = path.join(folder, 'changes.html');
    const { code, stderr } = await cowbench('report', second, '--against', first, '--out', out);
    assert.equal(code, 0, stderr);
    assert.match(fs.readFileSync(out, 'utf8'), /Comparison of first with second/);
  });

  test('bad use is told in one line', async () => {
    const file = recordPath(first, record);
    const nowhere = path.join(folder, 'nowhere');
    const cases: [words: string[], reason: RegExp][] = [
      [['report', file, '--format', 'pdf'], /--format: .*pdf/],
      [['report', file, '--format', 'svg'], /--format svg needs --question, one of: storage-times, policy-cost/],
      [['report', file, '--format', 'svg', '--question', 'polcy-cost'], /--question: .*did you mean policy-cost/],
      [['report', file, '--question', 'policy-cost'], /--question is for --format/],
      [['report', file, '--against', nowhere], /nowhere: no such file or folder/],
      [['report', file, '--against', file, '--format', 'svg'], /--against makes a page/],
      [['site', '--from', nowhere], /nowhere: no such file or folder/],
    ];
    await Promise.all(cases.map(async ([words, reason]) => refused(await cowbench(...words), reason)));
  });
});
