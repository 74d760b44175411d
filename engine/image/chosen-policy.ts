/** Which policy an image is opened with, and what it runs with: from names, or from a factory of the caller's. */
import { Qcow2Error } from '../base/errors.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import { findPolicy, type PolicyName, policyOfStage } from '../cache/policies.ts';
import type { PolicyFactory } from '../cache/policy.ts';
import type { ReserveOptions } from '../cache/reserve.ts';
import { STAGES, type StageId } from '../cache/stage.ts';

export interface PolicyOptions {
  /** Metadata cache policy: a name of the registry, or what makes one. Default: the one of `stage`, or `writeback`. */
  readonly policy?: PolicyName | PolicyFactory;
  /** Point of history. Default: the policy's own, if it is one. */
  readonly stage?: StageId;
  /** What the caches and the image code do, in place of what `stage` or the policy says. */
  readonly behaviour?: Behaviour;
  /** How much a policy counts ahead, and how its place is prepared; only for one that does. */
  readonly reserve?: ReserveOptions;
}

export interface ChosenPolicy {
  readonly create: PolicyFactory;
  readonly behaviour: Behaviour;
}

/** What a factory runs with that says nothing else: the last point of history, tables found and replaced in constant time. */
const DEFAULT_BEHAVIOUR: Behaviour = { ...STAGES.S4b.behaviour, replacement: 'lru', layout: 'indexed' };

/**
 * `writesAreDurable`: of the file; a stage without a policy then writes through.
 * @throws Qcow2Error INVALID_ARGUMENT for names that do not exist, or not together, and for a reserve of a policy that has none.
 */
export function choosePolicy(options: PolicyOptions, writesAreDurable: boolean): ChosenPolicy {
  const { policy, stage, behaviour } = options;
  if (typeof policy === 'function') {
    const fallback = stage === undefined ? DEFAULT_BEHAVIOUR : STAGES[stage].behaviour;
    return { create: policy, behaviour: behaviour ?? fallback };
  }
  const mode = writesAreDurable ? 'writethrough' : 'writeback';
  const name = policy ?? (stage === undefined ? 'writeback' : policyOfStage(stage, mode));
  const found = findPolicy(name, stage);
  if (options.reserve !== undefined && found.preset.reserves !== true)
    throw new Qcow2Error('INVALID_ARGUMENT', `policy ${name} has no reserve: it counts no clusters ahead`);
  return { create: found.preset.create, behaviour: behaviour ?? found.behaviour };
}
