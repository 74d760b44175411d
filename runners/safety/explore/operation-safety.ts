/**
 * Policy by operation: what a power cut does during one operation, an allocation after it and the flush that follows. Made once for a
 * state of the program and kept as `operation-safety-table.ts`, so that every report can show it; a test makes part of it again.
 */
import { findPolicy, policyNames } from '../../../engine/index.ts';
import { isViolated } from '../judge/state-verdict.ts';
import { OPERATIONS, startImages } from '../requests/operation-table.ts';
import { sequenceImage, sequenceWorkload } from '../requests/sequences.ts';
import type { CrashSubject } from '../states/record-workload.ts';
import type { ExplorationJob } from './jobs.ts';
import { OPERATION_SAFETY } from './operation-safety-table.ts';
import type { Tally } from './tally.ts';

const CLUSTER_BYTES = 4096;
const STATES_A_POINT = 256;
/** What shows whether the operation left something that the next requests damage. */
const AFTERWARDS = ['alloc', 'flush'];

/** For the record. */
export const EXPLORED_OPERATIONS = `each operation, then ${AFTERWARDS.join(' and ')}, on ${CLUSTER_BYTES}-byte clusters, up to ${STATES_A_POINT} states a crash point`;

export interface OperationJob {
  readonly policy: string;
  readonly operation: string;
  readonly onSnapshot: boolean;
  readonly job: ExplorationJob;
}

export interface OperationSafety {
  readonly operation: string;
  readonly onSnapshot: boolean;
  readonly verdict: 'survived' | 'leaks' | 'violated';
  readonly distinctStates: number;
  readonly violations: Readonly<Record<string, number>>;
}

/** Operations that make sense on each start image, for every policy. */
export function operationJobs(policies: readonly string[] = policyNames()): OperationJob[] {
  const image = sequenceImage(CLUSTER_BYTES);
  const operationOf = (name: string) => OPERATIONS.find((operation) => operation.name === name)!;
  return policies.flatMap((policy) =>
    OPERATIONS.flatMap((operation) =>
      startImages(image).flatMap((start): OperationJob[] => {
        const operations = [operation, ...AFTERWARDS.map(operationOf)];
        const workload = sequenceWorkload({ cacheTables: null }, image, start, operations);
        if (workload === null) return [];
        const subject = { policy, stage: null, hostCacheMode: null };
        const job = { subject, work: { workload }, options: { statesPerPoint: STATES_A_POINT, seed: 1 } };
        return [{ policy, operation: operation.name, onSnapshot: start.snapshots.length > 0, job }];
      }),
    ),
  );
}

/** A tally as the file has it: classes without a finding are left out. */
export function operationSafety({ operation, onSnapshot }: OperationJob, tally: Tally): OperationSafety {
  const { findings, maxLeakedClusters, distinctStates } = tally;
  return {
    operation,
    onSnapshot,
    verdict: isViolated(findings) ? 'violated' : maxLeakedClusters > 0 ? 'leaks' : 'survived',
    distinctStates,
    violations: Object.fromEntries(Object.entries(findings).filter(([, states]) => states > 0)),
  };
}

/** What the table has of a subject; nothing for a policy that is not in it, at another stage of history, or in another host cache mode. */
export function operationsOf({ policy, stage, hostCacheMode }: CrashSubject): OperationSafety[] {
  const found = findPolicy(policy);
  const ownStage = found.stage?.id ?? null;
  const isPreset =
    (stage === null || stage === ownStage) &&
    (hostCacheMode ?? found.preset.hostCacheMode) === found.preset.hostCacheMode;
  if (!isPreset) return [];
  return OPERATION_SAFETY.filter(([name]) => name === policy).map(
    ([, operation, onSnapshot, verdict, distinctStates, violations]) => {
      return { operation, onSnapshot, verdict, distinctStates, violations };
    },
  );
}
