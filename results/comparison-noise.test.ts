/**
 * Verdicts on engine time under the noise of a real machine: runs are drawn from 80 rounds in which the same code was measured three times
 * (`npm run verdicts:check -- --write` made `testing/engine-noise.json`, and is the long form, with code that is really slower).
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { PairedComparison } from './comparison.ts';
import { type Candidate, drawnVerdicts, type MeasuredRound } from './testing/drawn-runs.ts';

const RUNS = 1000;
/** Logarithms in steps of 0.001 %: of each variant over each, by request and of whole replays. */
type StoredRound = Record<'spans' | 'sums', number[][]>;
const stored = JSON.parse(
  fs.readFileSync(new URL('./testing/engine-noise.json', import.meta.url), 'utf8'),
) as StoredRound[];
const roundsOf = (how: keyof StoredRound): MeasuredRound[] =>
  stored.map((round) => ({ logs: round[how].map((row) => row.map((log) => log / 1e5)) }));

function changed(how: keyof StoredRound, candidate: Candidate, runs = RUNS): PairedComparison[] {
  return drawnVerdicts(roundsOf(how), candidate, runs).filter(({ verdict }) => verdict === 'changed');
}

test('paired by request, identical code is called changed in at most 1 % of runs', () => {
  const wrong = changed('spans', { effect: 1 }).length;
  assert.ok(wrong <= 0.01 * RUNS, `${wrong} of ${RUNS}`);
});

test('paired by request, 5 % of engine time are found in at least 95 % of runs, in their direction', () => {
  for (const effect of [1.05, 1 / 1.05]) {
    const direction = effect > 1 ? 'higher' : 'lower';
    const found = changed('spans', { effect }).filter((verdict) => verdict.direction === direction).length;
    assert.ok(found >= 0.95 * RUNS, `${effect} found in ${found} of ${RUNS}`);
  }
});

test('by the times of whole replays the same 5 % are found in fewer: the pairing by request is what finds them', () => {
  const found = changed('sums', { effect: 1.05 }, 50).length;
  assert.ok(found < 0.8 * 50, `found in ${found} of 50`);
});
