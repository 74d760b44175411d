/** A fuzzing run in shards finds what the run at once finds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FuzzPart, partName, rangeOf } from './fuzz-shards.ts';
import { type Defect, type FuzzSummary, runFuzz, sumOfRuns } from './run-fuzz.ts';

test('ranges of shards follow each other and cover the images, however many shards there are', () => {
  for (const [from, images, count] of [
    [0, 20_000, 7],
    [1000, 10, 3],
    [5, 3, 8],
    [0, 2 ** 30, 10_000],
  ] as const) {
    const ranges = Array.from({ length: count }, (_, place) => rangeOf({ from, images }, { index: place + 1, count }));
    let next: number = from;
    for (const range of ranges) {
      assert.equal(range.from, next);
      next += range.images;
    }
    assert.equal(next, from + images);
  }
  assert.equal(partName(rangeOf({ from: 10, images: 7 }, { index: 2, count: 2 })), '4 images from number 13');
});

/** What does not depend on the machine. */
const counted = ({ peakMemoryBytes: _, ...summary }: FuzzSummary) => summary;

test('two shards give the counts of one run', async () => {
  const run = { seed: 5, jobs: 1, directory: null };
  const whole = await runFuzz({ ...run, images: 40 });
  assert.equal(whole.done, 40);
  const shards = [1, 2].map((index) => rangeOf({ from: 0, images: 40 }, { index, count: 2 }));
  const [one, two] = [await runFuzz({ ...run, ...shards[0]! }), await runFuzz({ ...run, ...shards[1]! })];
  assert.deepEqual(counted(sumOfRuns([one, two])), counted(whole));
  assert.deepEqual(counted({ ...one, ...FuzzPart.parse(JSON.parse(JSON.stringify(one))) }), counted(one));
});

test('one defect of several shards is one, with its first image and all its images', () => {
  const defect = (message: string, firstIndex: number, images: number): Defect => ({
    ...{ property: 'exception', step: 'check', message, stack: '', images, firstIndex },
    ...{ baseName: `of ${firstIndex}`, reproducer: null },
  });
  const run = (defects: Defect[], missedFields: string[]): FuzzSummary => ({
    ...{ seed: 1, done: 10, outcomes: { refused: 1, readable: 2, writable: 7 }, baseNames: ['b'] },
    ...{ peakMemoryBytes: 5, missedFields, defects },
  });
  const sum = sumOfRuns([
    run([defect('at 0x17', 3, 2), defect('other', 5, 1)], ['a', 'b']),
    run([defect('at 0x99', 14, 4)], ['b', 'c']),
  ]);
  assert.deepEqual(
    sum.defects.map(({ message, firstIndex, images }) => [message, firstIndex, images]),
    [
      ['at 0x17', 3, 6],
      ['other', 5, 1],
    ],
  );
  assert.deepEqual([sum.done, sum.outcomes.writable, sum.missedFields], [20, 14, ['b']]);
});
