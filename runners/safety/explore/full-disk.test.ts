/** A disk that is full in the middle of it: no power cut finds the file in a state that breaks a promise. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESERVE_PREPARATIONS } from '../../../engine/index.ts';
import { FINDING_CLASSES, isViolation } from '../judge/state-verdict.ts';
import { laterWorkloads } from '../requests/later-workloads.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { exploreRecording } from './explore.ts';

const SUBJECTS: readonly CrashSubject[] = [
  { policy: 'ordered', stage: null, hostCacheMode: null },
  ...RESERVE_PREPARATIONS.map((preparation) => ({
    ...{ policy: 'reserve', stage: null, hostCacheMode: null },
    reserve: { preparation },
  })),
];

/** The requests for which there is no space whatever is released, counted from the first that prepares the image. */
const FAILS: Readonly<Record<string, readonly number[]>> = {
  'full-reuse': [7],
  'full-snapshot': [],
  'full-reserve': [6],
};

for (const subject of SUBJECTS) {
  describe([subject.policy, subject.reserve?.preparation].filter((word) => word !== undefined).join(', '), () => {
    for (const clusterSizeBytes of [512, 4096]) {
      const workloads = laterWorkloads({ clusterSizeBytes, cacheTables: null });
      for (const workload of workloads.filter(({ freeClusters }) => freeClusters !== undefined)) {
        test(`${workload.name}, clusters of ${clusterSizeBytes}`, () => {
          const recording = recordWorkload(workload, subject);
          const { findings, states } = exploreRecording(recording, { statesPerPoint: 1024, seed: 1 });
          assert.ok(states > 8);
          assert.deepEqual(
            FINDING_CLASSES.filter((kind) => isViolation(kind) && findings[kind] > 0),
            [],
          );
          assert.deepEqual([...recording.failures.keys()], FAILS[workload.name]);
          for (const why of recording.failures.values()) assert.match(why, /^[^\n]*no space left on device$/);
        });
      }
    }
  });
}
