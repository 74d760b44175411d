import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { sampleResult } from '../../results/testing/sample-result.ts';
import { UsageError } from '../console/errors.ts';
import { StoreFollower } from './follow-run.ts';
import type { ResultStore } from './result-store.ts';
import { measuredRecord } from './testing/measured-record.ts';

const SAMPLE = { cell: 0, control: false, round: 0, order: 0, traced: false, measuringMs: 1, result: sampleResult(1) };

/** Notes what it is asked, and answers with `answers` in turn. */
function storeOf(answers: (() => Promise<unknown>)[]) {
  const asked: string[] = [];
  const answer = (what: string) => {
    asked.push(what);
    return answers.shift()!();
  };
  const store = { name: 'db', put: () => answer('put'), append: () => answer('append') } as unknown as ResultStore;
  return { asked, store };
}

test('a run is begun with its first sample; a store that fails is asked nothing more of that run, and again of the next', async () => {
  const fail = () => Promise.reject(new UsageError('db: gone'));
  const done = async () => {};
  const { asked, store } = storeOf([done, done, fail, done]);
  const lines: string[] = [];
  const follower = new StoreFollower(store, (line) => lines.push(line));
  for (let sample = 0; sample < 5; sample++) await follower.taken(measuredRecord(), SAMPLE);
  await follower.taken(measuredRecord({ runId: '20270101T000000Z-abcdef' }), SAMPLE);
  assert.deepEqual(asked, ['put', 'append', 'append', 'put']);
  assert.deepEqual(lines, ['db: gone; the store gets this run when it is complete']);
});

test('a store that answers nothing is waited for once, and not for long', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { asked, store } = storeOf([() => new Promise(() => {})]);
  const lines: string[] = [];
  const follower = new StoreFollower(store, (line) => lines.push(line));
  const taken = follower.taken(measuredRecord(), SAMPLE);
  mock.timers.tick(5000);
  await taken;
  await follower.taken(measuredRecord(), SAMPLE);
  mock.timers.reset();
  assert.deepEqual([asked, lines.length], [['put'], 1]);
  assert.match(lines[0]!, /^db: no answer for 5 s; /);
});
