/** Every question: its specification compiles without a warning, draws headless, and its table fits its columns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoggerInterface, logger, parse, type Spec, View, Warn } from 'vega';
import { RunRecord } from '../../results/record.ts';
import { vegaWithRows } from '../charts/chart-bundle.ts';
import { compileQuestion } from '../charts/compile.ts';
import { ask } from '../charts/question.ts';
import { questionSection } from '../page/question-section.ts';
import { renderChart } from '../run/chart.ts';
import { matrixRecord } from '../testing/fixture-answer.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { profiledRecord } from '../testing/profiled-record.ts';
import { rawRecord } from '../testing/raw-record.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { deviceCost } from './device-cost.ts';
import { QUESTIONS } from './index.ts';

const record = fixtureRecord();
const unfinished = fixtureRecord((draft) => {
  draft.status = 'running';
  for (const cell of draft.cells)
    Object.assign(cell, { exact: null, rounds: [], histograms: {}, fileMap: null, cascades: [] });
});

test('the fixture is a valid record', () => {
  assert.deepEqual(RunRecord.parse(record), record);
  assert.deepEqual(RunRecord.parse(unfinished), unfinished);
});

function collecting(into: string[]): LoggerInterface {
  const log = logger(Warn);
  log.warn = (...words: readonly unknown[]) => {
    into.push(words.join(' '));
    return log;
  };
  return log;
}

/** What is asked of some runs only has an answer in those only. */
const ASKED: Readonly<Record<string, RunRecord>> = {
  matrix: matrixRecord(),
  sweep: sweepRecord(),
  'raw-multiples': rawRecord(),
  'cpu-flame': profiledRecord(),
  'cpu-difference': profiledRecord(),
};

test('a question that not every record answers has a record here that does', () => {
  const optional = QUESTIONS.filter((question) => question.optional === true).map(({ id }) => id);
  assert.deepEqual(optional.toSorted(), Object.keys(ASKED).toSorted());
});

for (const question of QUESTIONS) {
  const asked = ASKED[question.id] ?? record;
  test(`${question.id}: compiles without warnings and draws headless`, async () => {
    const warnings: string[] = [];
    assert.notEqual(compileQuestion(ask(question, asked), collecting(warnings)), null);
    assert.deepEqual(warnings, []);
    const svg = String(await renderChart(asked, question.id, 'svg'));
    assert.match(svg, /^<svg /);
    assert.ok((svg.match(/<path/g) ?? []).length > 5, 'has marks');
    assert.ok(!svg.includes('\u0001') && !svg.includes('NaN'), 'no colour token and no lost number is left');
  });

  test(`${question.id}: table and words`, () => {
    const { table, words } = question.ask(asked)!;
    const { columns, rows } = table;
    assert.ok(rows.length > 0);
    for (const row of rows) assert.equal(row.length, columns.length);
    for (const line of words) assert.ok(!/undefined|NaN|null/.test(line), line);
  });

  test(`${question.id}: an unfinished record draws nothing and throws nothing`, async () => {
    assert.equal(question.ask(unfinished), null);
    assert.equal(compileQuestion(ask(question, unfinished)), null);
    await assert.rejects(renderChart(unfinished, question.id, 'svg'), { message: new RegExp(question.id) });
  });
}

test('chart, controls, words and table come of one answer for each image, and one for the whole of a sweep', () => {
  for (const [asked, times] of [
    [record, 1],
    [sweepRecord([4, 64, 256]), 4],
  ] as const) {
    let answers = 0;
    const counting = (of: RunRecord) => {
      answers++;
      return deviceCost.ask(of);
    };
    const once = ask({ ...deviceCost, ask: counting }, asked);
    assert.notEqual(compileQuestion(once), null);
    assert.match(questionSection(once).markup, /Time of a sync with work/);
    assert.equal(answers, times);
  }
});

test('an unknown chart is named, with those that exist', async () => {
  await assert.rejects(
    renderChart(record, 'nonsense', 'svg'),
    /unknown chart 'nonsense'; known: storage-times, policy-cost/,
  );
});

test('the JSON form stands alone: Vega-Lite with its rows and light colours', async () => {
  const spec = JSON.parse(String(await renderChart(record, 'latency-tail', 'json')));
  assert.equal(spec.$schema, 'https://vega.github.io/schema/vega-lite/v6.json');
  assert.ok(spec.datasets.rows.length > 100);
  assert.equal(spec.config.background, '#fdfdfc');
});

test('the PNG form is a PNG of twice the size of the SVG', async () => {
  const png = await renderChart(record, 'cost-model', 'png');
  assert.ok(png instanceof Uint8Array);
  const view = new DataView(png.buffer, png.byteOffset);
  const svg = String(await renderChart(record, 'cost-model', 'svg'));
  const width = Math.ceil(Number(/\bwidth="([0-9.]+)"/.exec(svg)?.[1]));
  assert.equal(view.getUint32(0), 0x89504e47);
  assert.equal(view.getUint32(16), width * 2);
});

test('B7: the time axis of the cascade, one for all policies, reaches the end of the longest request', async () => {
  const asked = ask(QUESTIONS.find(({ id }) => id === 'sync-cascade')!, record);
  const { sources, params } = asked.whole!;
  const shown = sources.rows!.filter(({ title }) => title === params!.shownRequest);
  const longest = Math.max(...shown.map(({ toNs }) => Number(toNs)));
  const view = new View(parse(vegaWithRows(compileQuestion(asked)!) as unknown as Spec), { renderer: 'none' });
  await view.runAsync();
  const [from, to] = view.scale('x').domain();
  view.finalize();
  assert.equal(from, 0);
  assert.ok(to >= longest, `${to} of ${longest}`);
});

test('the cascade begins with the request that is the same for all policies, and shows it for each of them', () => {
  const title = 'the largest guest write, the same for all policies';
  const same = fixtureRecord(({ cells }) => {
    for (const cell of cells) {
      const [first] = cell.cascades;
      const request = { index: 12, op: 'write', offset: 0, lengthBytes: 1_048_576 };
      cell.cascades.push({ ...first!, title, request, events: first!.events.slice(0, 1) });
      // As costly under every policy, and another request under each: nothing to compare.
      cell.cascades.unshift({
        ...first!,
        title: 'the slowest',
        request: { ...request, op: 'flush', index: cells.indexOf(cell) },
      });
    }
  });
  const asked = QUESTIONS.find(({ id }) => id === 'sync-cascade')!.ask(same)!;
  const [select] = asked.controls!;
  assert.equal(asked.params!.shownRequest, title);
  assert.deepEqual(select?.kind === 'select' && select.options, [
    title,
    'the slowest',
    'the request with the most syncs',
  ]);
  const rows = asked.sources.rows!.filter((row) => row.title === title && row.op === 'request');
  assert.deepEqual(
    rows.map(({ panel, at }) => [String(panel).split(',')[0], String(at).replaceAll('\u00a0', ' ')]),
    ['legacy', 'writethrough', 'writeback'].map((policy) => [policy, 'write of 1 MiB at 0']),
  );
});

test('B8: no chart is read by how dark it is, which a dark page turns round', () => {
  for (const { id, reading } of QUESTIONS) assert.doesNotMatch(reading, /dark|shade|light/i, id);
});
