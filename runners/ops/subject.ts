/** What a script runs under, and how its image is opened for that. */
import {
  behaviourInHistory,
  fileModeOf,
  findPolicy,
  type HostCacheMode,
  type OpenOptions,
  type PolicyFactory,
  type PolicyName,
  policyOfStage,
  STAGES,
  type StageId,
} from '../../engine/index.ts';

/** A point of history, as the program of that day was, or a policy of the registry. */
export type OpsSubject = { readonly stage: StageId } | { readonly policy: PolicyName };

/** How the result names it. */
export interface SubjectName {
  /** Null for a policy that is no point of history. */
  readonly stage: StageId | null;
  /** Present when a policy was asked for. */
  readonly policy?: PolicyName;
}

export interface SubjectSetup {
  readonly name: SubjectName;
  readonly create: PolicyFactory;
  readonly open: OpenOptions;
  /** How the image file is opened. */
  readonly fileMode: HostCacheMode;
}

/** No program of those days looked whether a write hits metadata: a freed table that is written out late may. */
const AS_IN_HISTORY = { overlapCheck: 'none' } as const;

/** @throws Qcow2Error INVALID_ARGUMENT for a policy that does not exist. */
export function subjectSetup(subject: OpsSubject, cache: HostCacheMode): SubjectSetup {
  if ('stage' in subject) return setupOfStage(subject.stage, policyOfStage(subject.stage, cache), cache);
  const { policy } = subject;
  const { preset, stage, behaviour } = findPolicy(policy);
  if (stage !== null) {
    const setup = setupOfStage(stage.id, policy, cache);
    return { ...setup, name: { stage: stage.id, policy } };
  }
  const { mode, writethrough } = fileModeOf(behaviour, cache);
  const open = { behaviour, ...(writethrough && { writethrough }) };
  return { name: { stage: null, policy }, create: preset.create, open, fileMode: mode };
}

function setupOfStage(stage: StageId, policy: PolicyName, cache: HostCacheMode): SubjectSetup {
  const open = { ...AS_IN_HISTORY, behaviour: behaviourInHistory(STAGES[stage]) };
  return { name: { stage }, create: findPolicy(policy, stage).preset.create, open, fileMode: cache };
}

/** The host cache mode of a policy where none is asked for. */
export function ownCacheMode(subject: OpsSubject): HostCacheMode {
  return 'stage' in subject ? 'writeback' : findPolicy(subject.policy).preset.hostCacheMode;
}
