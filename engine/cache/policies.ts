/** The policies by name, and the preset of stage and host cache mode that each name stands for. */
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile, HostCacheMode } from '../io/block-file.ts';
import { LegacyPolicy } from './legacy-policy.ts';
import type { CachePolicy } from './policy.ts';
import { STAGES, type Stage, type StageId } from './stage.ts';
import { WritebackPolicy } from './writeback-policy.ts';
import { WritethroughPolicy } from './writethrough-policy.ts';

export interface PolicyPreset {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** The point of history that it stands for when none is asked for. */
  readonly stage: StageId;
  /** The host cache mode that it runs with when none is asked for. */
  readonly hostCacheMode: HostCacheMode;
  create(file: BlockFile, stage: Stage): CachePolicy;
}

export const POLICIES = {
  legacy: {
    name: 'legacy',
    summary: 'no cache of dirty tables: sectors written at once, a sync per allocating request (stage S0)',
    stage: 'S0',
    hostCacheMode: 'writeback',
    create: (file) => new LegacyPolicy(file),
  },
  writethrough: {
    name: 'writethrough',
    summary: 'table cache, whole tables written out when released, on an O_DSYNC file (stage S4b)',
    stage: 'S4b',
    hostCacheMode: 'writethrough',
    create: (file, stage) => new WritethroughPolicy(file, stage),
  },
  writeback: {
    name: 'writeback',
    summary: 'table cache, tables stay dirty until a flush, an eviction or a dependency (stage S4b)',
    stage: 'S4b',
    hostCacheMode: 'writeback',
    create: (file, stage) => new WritebackPolicy(file, stage),
  },
} as const satisfies Record<string, PolicyPreset>;

export type PolicyName = keyof typeof POLICIES;

/** The policy that a stage runs with under a host cache mode: the caches write through exactly when the file does. */
export function policyOfStage(stage: StageId, hostCacheMode: HostCacheMode): PolicyName {
  if (!STAGES[stage].cachesTables) return 'legacy';
  return hostCacheMode === 'writethrough' || hostCacheMode === 'directsync' ? 'writethrough' : 'writeback';
}

/**
 * The preset named `name`.
 * @throws Qcow2Error INVALID_ARGUMENT when there is none, or when `stage` is not a stage of that policy.
 */
export function findPolicy(name: string, stage?: StageId): { preset: PolicyPreset; stage: Stage } {
  const preset: PolicyPreset | undefined = Object.hasOwn(POLICIES, name) ? POLICIES[name as PolicyName] : undefined;
  if (preset === undefined) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `there is no policy "${name}"; there are: ${Object.keys(POLICIES).join(', ')}`,
    );
  }
  const chosen = STAGES[stage ?? preset.stage];
  if (chosen.cachesTables !== STAGES[preset.stage].cachesTables) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `policy ${name} does not exist at stage ${chosen.id}; its stage is ${preset.stage}`,
    );
  }
  return { preset, stage: chosen };
}
