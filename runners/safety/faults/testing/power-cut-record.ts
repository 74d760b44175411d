/**
 * What the order of calls itself leaves behind: the requests of a workload during which a power cut can leave the image corrupt, by
 * the crash explorer. A call that fails persistently leaves the file as a power cut there would.
 */
import type { PolicyName } from '../../../../engine/index.ts';
import { exploreRecording } from '../../explore/explore.ts';
import { recordWorkload } from '../../states/record-workload.ts';
import type { FaultWorkload } from './fault-workloads.ts';

const STATES_PER_POINT = 256;

/** Numbers of requests, counted as the trials count them. */
export function requestsCorruptAfterPowerCut(workload: FaultWorkload, policy: PolicyName): ReadonlySet<number> {
  const recording = recordWorkload(workload, { policy, stage: null, hostCacheMode: null });
  const requests = new Set<number>();
  exploreRecording(recording, {
    statesPerPoint: STATES_PER_POINT,
    seed: 1,
    secondPhase: false,
    repairs: 0,
    onSymptoms: (symptoms, { request }) => {
      if (symptoms.some(({ kind }) => kind === 'corrupt')) requests.add(request);
    },
  });
  return requests;
}
