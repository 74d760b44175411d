/** The registry of policies by name. Those of history are in it from the start; a program can add its own. */
import { Qcow2Error } from '../base/errors.ts';
import type { HostCacheMode } from '../io/block-file.ts';
import type { AllocatorFactory } from './allocator.ts';
import type { Behaviour } from './behaviour.ts';
import { LegacyPolicy } from './legacy-policy.ts';
import { ModernPolicy } from './modern-policy.ts';
import { OrderedPolicy } from './ordered-policy.ts';
import type { PolicyFactory } from './policy.ts';
import { Quarantine } from './quarantine.ts';
import { Reserve } from './reserve.ts';
import { findStage, STAGES, type Stage, type StageId } from './stage.ts';
import { WritebackPolicy } from './writeback-policy.ts';
import { WritethroughPolicy } from './writethrough-policy.ts';

/** A policy under a name: how it is made, and what it comes with. */
export interface PolicyPreset {
  /** As users give it: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** The point of history that it stands for when none is asked for; absent for a policy that is none. */
  readonly stage?: StageId;
  /** What it runs with when no stage is asked for. */
  readonly behaviour: Behaviour;
  /** The host cache mode that it runs with when none is asked for. */
  readonly hostCacheMode: HostCacheMode;
  readonly create: PolicyFactory;
  /** What `bench` compares by default: history, today, and what is possible. */
  readonly comparedByDefault?: boolean;
  /** The one to choose: it costs least and no explored power cut violates it. `docs/policies.md` has the reasons. */
  readonly isRecommended?: boolean;
  /** It counts clusters ahead, as the `reserve` of its parts says. */
  readonly reserves?: boolean;
}

/** A name in the registry: one of {@link policyNames}. */
export type PolicyName = string;

const NAME = /^[a-z][a-z0-9-]*$/;
const registry = new Map<PolicyName, PolicyPreset>();

/**
 * Adds a policy: from now on it can be opened by its name, and is in every list of policies.
 * @throws Qcow2Error INVALID_ARGUMENT for a name that is taken, or is none.
 */
export function registerPolicy(preset: PolicyPreset): void {
  const refuse = (why: string) => {
    throw new Qcow2Error('INVALID_ARGUMENT', `policy ${JSON.stringify(preset.name)}: ${why}`);
  };
  if (!NAME.test(preset.name)) refuse('a name is lower-case letters, digits and hyphens');
  if (registry.has(preset.name)) refuse('a policy with that name exists already');
  if (findStage(preset.name) !== null) refuse('a stage has that name');
  registry.set(preset.name, preset);
}

/** Every policy, in the order in which they were added. */
export function policyPresets(): PolicyPreset[] {
  return [...registry.values()];
}

/** The names of all registered policies, in the order in which they were added. */
export function policyNames(): PolicyName[] {
  return [...registry.keys()];
}

/** @throws Qcow2Error INVALID_ARGUMENT when there is no policy of that name. */
export function policyNamed(name: PolicyName): PolicyPreset {
  const preset = registry.get(name);
  if (preset !== undefined) return preset;
  throw new Qcow2Error('INVALID_ARGUMENT', `there is no policy "${name}"; there are: ${policyNames().join(', ')}`);
}

/** The policy that a stage runs with under a host cache mode: the caches write through exactly when the file does. */
export function policyOfStage(stage: StageId, hostCacheMode: HostCacheMode): PolicyName {
  if (!STAGES[stage].behaviour.cachesTables) return 'legacy';
  return hostCacheMode === 'writethrough' || hostCacheMode === 'directsync' ? 'writethrough' : 'writeback';
}

/**
 * How the image file is opened for a host cache mode, and whether each request is flushed: what writes through by flushing needs no
 * O_DSYNC.
 */
export function fileModeOf(
  { flushesToWriteThrough }: Behaviour,
  mode: HostCacheMode,
): { readonly mode: HostCacheMode; readonly writethrough: boolean } {
  if (flushesToWriteThrough && mode === 'writethrough') return { mode: 'writeback', writethrough: true };
  if (flushesToWriteThrough && mode === 'directsync') return { mode: 'none', writethrough: true };
  return { mode, writethrough: false };
}

export interface FoundPolicy {
  readonly preset: PolicyPreset;
  /** The stage that it runs at; null for a policy that is no point of history. */
  readonly stage: Stage | null;
  readonly behaviour: Behaviour;
}

/**
 * The preset named `name` at `stage`, or at its own.
 * @throws Qcow2Error INVALID_ARGUMENT when there is none, or when `stage` is not a stage of that policy.
 */
export function findPolicy(name: PolicyName, stage?: StageId): FoundPolicy {
  const preset = policyNamed(name);
  const own = preset.stage === undefined ? null : STAGES[preset.stage];
  if (stage === undefined) return { preset, stage: own, behaviour: preset.behaviour };
  const asked = STAGES[stage];
  if (own?.behaviour.cachesTables === asked.behaviour.cachesTables)
    return { preset, stage: asked, behaviour: asked.behaviour };
  const why = own === null ? 'it is not a stage of history' : `its stage is ${own.id}`;
  throw new Qcow2Error('INVALID_ARGUMENT', `policy ${name} does not exist at stage ${stage}; ${why}`);
}

registerPolicy({
  name: 'legacy',
  summary: 'no cache of dirty tables: sectors written at once, a sync per allocating request (stage S0)',
  stage: 'S0',
  behaviour: STAGES.S0.behaviour,
  hostCacheMode: 'writeback',
  comparedByDefault: true,
  create: ({ file, refcountsMayLag }) => {
    const policy = new LegacyPolicy(file, refcountsMayLag);
    return { policy, snapshotWalk: policy };
  },
});
registerPolicy({
  name: 'writethrough',
  summary: 'table cache, whole tables written out when released, on an O_DSYNC file (stage S4b)',
  stage: 'S4b',
  behaviour: STAGES.S4b.behaviour,
  hostCacheMode: 'writethrough',
  comparedByDefault: true,
  create: ({ file, behaviour, refcountsMayLag }) => {
    const policy = new WritethroughPolicy(file, behaviour, refcountsMayLag);
    return { policy, snapshotWalk: policy };
  },
});
registerPolicy({
  name: 'writeback',
  summary: 'table cache, tables stay dirty until a flush, an eviction or a dependency (stage S4b)',
  stage: 'S4b',
  behaviour: STAGES.S4b.behaviour,
  hostCacheMode: 'writeback',
  comparedByDefault: true,
  create: ({ file, behaviour }) => ({ policy: new WritebackPolicy(file, behaviour) }),
});

/** What programs do today whatever their policy: tables of the whole disk in a cache that always writes back, copies merged. */
const MODERN: Behaviour = {
  ...STAGES.S4b.behaviour,
  replacement: 'lru',
  layout: 'indexed',
  countsAgainAfterNewBlock: true,
  l2CacheCoversDisk: true,
  copyOnWrite: 'merged',
  flushesToWriteThrough: true,
};
const ORDERED: Behaviour = { ...MODERN, countsAgainAfterNewBlock: false, snapshots: 'flipped' };

registerPolicy({
  name: 'modern',
  summary: 'the driver of today, rebuilt: as writeback, clean syncs skipped, copies merged, caches sized for the disk',
  behaviour: MODERN,
  hostCacheMode: 'writeback',
  comparedByDefault: true,
  create: ({ file, behaviour }) => ({ policy: new ModernPolicy(file, behaviour) }),
});
registerPolicy({
  name: 'ordered',
  summary:
    'soft updates: two barriers a flush at most, freed clusters kept back, dirty sectors only, snapshots in one header write',
  behaviour: ORDERED,
  hostCacheMode: 'writeback',
  create: ({ file, geometry, refcountsMayLag }) => {
    const policy = new OrderedPolicy(file, geometry.clusterBytes, { refcountsMayLag });
    return { policy, createAllocator: (parts) => new Quarantine(parts, () => policy.flush()) };
  },
});
registerPolicy({
  name: 'reserve',
  summary: 'as ordered, with clusters counted ahead of time: a fresh cluster costs the one barrier of its flush',
  behaviour: ORDERED,
  hostCacheMode: 'writeback',
  comparedByDefault: true,
  isRecommended: true,
  reserves: true,
  create: ({ file, geometry, lazyRefcounts, refcountsMayLag, reserve }) => {
    const policy = new OrderedPolicy(file, geometry.clusterBytes, { refcountsMayLag });
    const flush = () => policy.flush();
    // Counting ahead spares references the wait for their refcounts; lazy ones are not waited for.
    const createAllocator: AllocatorFactory = lazyRefcounts
      ? (parts) => new Quarantine(parts, flush)
      : (parts) => new Reserve(parts, flush, geometry.clustersPerRefcountBlock, reserve);
    return { policy, createAllocator };
  },
});
