import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type Baseline, baselineText, compareBaselines, parseBaseline } from '../../../results/baseline.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { type GatedRun, gateSummary, judge } from './gate-verdict.ts';
import { measurePoints } from './measure-points.ts';

const FILE = path.join(PROJECT_ROOT, 'results/baseline.json');
const OWN: GatedRun = { baseline: FILE, engine: null, updateCommand: 'npm run gate -- --update' };

test('the engine counts what the committed baseline says (meant to change? npm run gate -- --update)', async () => {
  const committed = parseBaseline(FILE, fs.readFileSync(FILE, 'utf8'));
  const comparison = compareBaselines(committed, await measurePoints());
  const told = gateSummary(comparison, judge(comparison), Object.keys(committed.points).length, OWN);
  assert.deepEqual(comparison, { changed: [], added: [], removed: [] }, told);
});

describe('a baseline', () => {
  const baseline: Baseline = {
    format: 1,
    points: { 'overwrite S0 "quoted"': { fsyncs: 400, writes: 7, 'byKind.l2.writes': 3, modelledNs: 1000 } },
  };
  const changed = (metrics: Record<string, number>): Baseline => {
    const [name, before] = Object.entries(baseline.points)[0]!;
    return { format: 1, points: { [name]: { ...before, ...metrics } } };
  };
  const verdictOn = (current: Baseline) => judge(compareBaselines(baseline, current)).verdict;

  test('is read as it was written, one line a group', () => {
    assert.deepEqual(parseBaseline('text', baselineText(baseline)), baseline);
    assert.match(
      baselineText(baseline),
      /^ {6}"fsyncs": 400, "writes": 7, "modelledNs": 1000,\n {6}"byKind\.l2\.writes": 3$/m,
    );
  });

  test('one sync more is a regression, one less is a change, a shift inside a breakdown too', () => {
    assert.equal(verdictOn(baseline), 'equal');
    assert.equal(verdictOn(changed({ fsyncs: 401 })), 'regression');
    assert.equal(verdictOn(changed({ fsyncs: 399 })), 'changed');
    assert.equal(verdictOn(changed({ 'byKind.l2.writes': 4 })), 'changed');
    const split = { ...baseline.points['overwrite S0 "quoted"'], workingSyncs: 300 };
    const moved = compareBaselines(
      { format: 1, points: { p: split } },
      { format: 1, points: { p: { ...split, workingSyncs: 301 } } },
    );
    assert.equal(judge(moved).verdict, 'regression', 'one more sync with work');
    assert.equal(verdictOn(changed({ modelledNs: 1019 })), 'changed');
    assert.equal(verdictOn(changed({ modelledNs: 1021 })), 'regression');
    assert.equal(verdictOn({ format: 1, points: {} }), 'regression');
  });

  test('the summary names point, metric, both values and their ratio', () => {
    const comparison = compareBaselines(baseline, changed({ fsyncs: 500 }));
    const text = gateSummary(comparison, judge(comparison), 1, { ...OWN, baseline: 'baseline.json, sha256 012345' });
    assert.match(text, /^Baseline: baseline\.json, sha256 012345$/m);
    assert.match(
      text,
      /^1 of 1 points changed: 1 worse, 0 otherwise\. If this is meant, run `npm run gate -- --update` and/m,
    );
    assert.doesNotMatch(text, /^Engine/m);
    assert.match(text, /^## cowbench gate: regression\n/);
    assert.match(text, /^\| overwrite S0 "quoted" \| \*\*fsyncs\*\* \| 400 \| 500 \| 1\.250 \|$/m);
  });

  test('points that are gone or new are in the sentence, with another engine, and the command that takes them over', () => {
    const comparison = compareBaselines(baseline, { format: 1, points: { p: { fsyncs: 1 }, q: { fsyncs: 1 } } });
    const run = { baseline: 'b.json', engine: 'nbd:serve {socket}', updateCommand: 'cowbench gate --update' };
    const text = gateSummary(comparison, judge(comparison), 2, run);
    const [title, , sentence, , engine] = text.split('\n');
    assert.deepEqual(
      [title, sentence, engine],
      [
        '## cowbench gate: regression',
        '0 of 2 points changed: 0 worse, 0 otherwise; 1 gone; 2 new. If this is meant, run `cowbench gate --update` and commit the diff.',
        'Engine: nbd:serve {socket}',
      ],
    );
  });

  test('what is none is refused in one line', () => {
    assert.throws(() => parseBaseline('B', '{'), /^RecordError: B: not a JSON document$/);
    assert.throws(() => parseBaseline('B', '{"format":2}'), /^RecordError: B: baseline format 2 is newer than 1/);
    assert.throws(
      () => parseBaseline('B', '{"format":1,"points":{"p":{"fsyncs":-1}}}'),
      /^RecordError: B: \$\.points\.p\.fsyncs: /,
    );
  });
});
