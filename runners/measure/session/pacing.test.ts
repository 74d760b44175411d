import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedRounds, Pacing } from './pacing.ts';
import { benchDisplay, progressLine } from './progress.ts';

test('a budget holds as many rounds as those done suggest, one at least', () => {
  assert.equal(expectedRounds(0, 0, 120_000, 20), 1);
  assert.equal(expectedRounds(1, 300_000, 120_000, 20), 1);
  assert.equal(expectedRounds(2, 60_000, 120_000, 20), 4);
  assert.equal(expectedRounds(2, 60, 120_000, 20), 20);
});

test('what remains is the rest of this sample, of this round, and the rounds after it', () => {
  const pacing = new Pacing([null, 7]);
  const cells = ['a', 'b', 'c'];
  assert.equal(pacing.remainingMs({ cell: 'a', sampleMs: 5, ahead: ['b', 'c'], later: 0, cells }), null);
  pacing.finished('a', 100, 0, 50);
  pacing.finished('b', 300, 0, 50);
  assert.deepEqual([pacing.totalRequests(0), pacing.totalRequests(1)], [50, 7]);
  // c was never measured and counts as an average sample, 200 ms.
  assert.equal(pacing.remainingMs({ cell: 'c', sampleMs: 50, ahead: ['b'], later: 2, cells }), 150 + 300 + 2 * 600);
  assert.equal(pacing.remainingMs({ cell: 'a', sampleMs: 500, ahead: [], later: 0, cells }), 0);
});

test('B12: a line says where the run is, and that the baseline is measured again as the control', () => {
  const state = {
    round: 1,
    rounds: 1,
    cell: 'writeback',
    part: 'replay',
    requests: 12,
    totalRequests: 50,
    share: null,
  };
  assert.equal(progressLine({ ...state, etaMs: null }), 'round 1, writeback, request 12 of 50');
  assert.match(progressLine({ ...state, isControl: true, etaMs: null }), /writeback again, as the control, request 12/);
  assert.equal(
    progressLine({ ...state, rounds: 3, part: 'verify', etaMs: 61_000 }),
    '1:01 left, round 1 of 3, writeback, verifying',
  );
  const warmUp = { ...state, round: 0, rounds: 3, etaMs: null };
  assert.equal(progressLine(warmUp), 'warm-up, writeback, request 12 of 50');
});

test('B11: work that is no sample is shown with its own progress, in a log at once', () => {
  const lines: string[] = [];
  const display = benchDisplay(false, false, (line) => lines.push(line));
  display.stage('power cuts', 0, 5);
  display.stage('power cuts, quick', 0, 7);
  assert.deepEqual(lines, ['power cuts: 0 of 5', 'power cuts, quick: 0 of 7']);
});
