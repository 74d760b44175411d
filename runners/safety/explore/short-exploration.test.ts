/** The short form of the exploration: all sequences of two operations under every policy. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type PolicyName, policyNames } from '../../../engine/index.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import { OPERATIONS } from '../requests/operation-table.ts';
import type { SequenceSpace } from '../requests/sequences.ts';
import { exploreJobs } from './exploration-pool.ts';
import type { ExplorationJob } from './jobs.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';

const CACHE_SIZES = [{ l2: 2, refcounts: 2 }, null];
const DISTINCT_STATES_MIN = 20_000;

function jobsOf(
  policy: PolicyName,
  clusterSizes = [512, 4096],
  caches: readonly SequenceSpace['cacheTables'][] = CACHE_SIZES,
  requesters = 1,
): ExplorationJob[] {
  const subject = { policy, stage: null, hostCacheMode: null };
  const options = { statesPerPoint: 2 ** 16, seed: 1 };
  return clusterSizes.flatMap((clusterSizeBytes) =>
    caches.flatMap((cacheTables) =>
      ['shared', 'plain'].flatMap((start) =>
        OPERATIONS.map(({ name }) => ({
          subject,
          work: { space: { clusterSizeBytes, cacheTables, start, first: name, maxLength: 2, requesters } },
          options,
        })),
      ),
    ),
  );
}

/** What the record of each preset is. An entry that goes is a defect fixed, and one that comes is a new one. */
const RECORD: Record<PolicyName, readonly string[]> = {
  legacy: ['corrupt', 'snapshot', 'secondPhase', 'copiedShared', 'copiedOnly'],
  writethrough: ['corrupt', 'snapshot', 'secondPhase', 'copiedShared', 'copiedOnly'],
  writeback: ['corrupt', 'lost', 'foreign', 'snapshot', 'secondPhase', 'copiedShared', 'copiedOnly'],
  modern: ['corrupt', 'lost', 'foreign', 'snapshot', 'secondPhase', 'copiedShared', 'copiedOnly'],
  ordered: ['copiedOnly'],
  reserve: ['copiedOnly'],
};

describe('all sequences of two operations, two requests in flight at once', () => {
  const expected: Record<PolicyName, readonly string[]> = { ordered: [], reserve: [], modern: RECORD.modern! };
  for (const [policy, record] of Object.entries(expected)) {
    test(`${policy}: ${record.join(', ') || 'nothing'}`, async () => {
      const jobs = jobsOf(policy, [512], [null], 2);
      const { findings, points, exhaustivePoints } = await exploreJobs(jobs);
      const classes = FINDING_CLASSES.filter((kind) => kind !== 'copiedOnly' && findings[kind] > 0);
      assert.deepEqual(
        classes,
        record.filter((kind) => kind !== 'copiedOnly'),
      );
      assert.equal(exhaustivePoints, points);
      // Together they leave other states than one after the other.
      const alone = await exploreJobs(jobsOf(policy, [512], [null]));
      assert.notEqual(points, alone.points);
    });
  }
});

describe('all sequences of two operations', () => {
  const tallies = new Map<string, Tally>();

  before(async () => {
    for (const policy of policyNames()) tallies.set(policy, await exploreJobs(jobsOf(policy)));
  });

  for (const policy of policyNames()) {
    const record = RECORD[policy];
    test(`${policy}: ${record?.join(', ') ?? 'without a record'}`, () => {
      const { findings, points, exhaustivePoints } = tallies.get(policy)!;
      assert.deepEqual(
        FINDING_CLASSES.filter((kind) => findings[kind] > 0),
        record,
      );
      assert.equal(exhaustivePoints, points);
    });
  }

  test(`at least ${DISTINCT_STATES_MIN} distinct states`, () => {
    const sum = emptyTally();
    for (const tally of tallies.values()) addTally(sum, tally);
    assert.ok(sum.distinctStates >= DISTINCT_STATES_MIN, `${sum.distinctStates} distinct states`);
  });
});
