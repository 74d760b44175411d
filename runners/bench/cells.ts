/** Which policies a run compares: the cells that `--policy`, `--stage` and `--cache` ask for. */
import {
  findPolicy,
  HOST_CACHE_MODES,
  type HostCacheMode,
  POLICIES,
  type PolicyName,
  policyOfStage,
  STAGE_IDS,
  STAGES,
  type StageId,
} from '../../engine/index.ts';
import { UsageError } from '../errors.ts';
import { list } from '../option-values.ts';
import { unknownWord } from '../suggest.ts';
import type { PlannedCell } from './plan.ts';

export const POLICY_NAMES = Object.keys(POLICIES) as PolicyName[];

const ALIASES: Readonly<Record<string, PolicyName>> = { wt: 'writethrough', wb: 'writeback', s0: 'legacy' };

export interface CellOptions {
  /** Names of policies, comma-separated; `all` for every one. Without it: all, or what the stages stand for. */
  readonly policy?: string | undefined;
  /** Stages of history, comma-separated; `all` for every one. */
  readonly stage?: string | undefined;
  /** Host cache modes, comma-separated; without it each policy's own. */
  readonly cache?: string | undefined;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  /** Null: what the stage had. */
  readonly l2CacheTables: number | null;
  readonly refcountCacheTables: number | null;
}

interface Point {
  readonly policy: PolicyName;
  readonly stage: StageId;
  readonly hostCacheMode: HostCacheMode;
}

/**
 * The cells in the order of their options, each once.
 * @throws UsageError for an unknown name, Qcow2Error for a policy that does not exist at a stage.
 */
export function planCells(options: CellOptions): PlannedCell[] {
  const points = pointsOf(options);
  const cells = points.map((point) => ({
    id: idOf(point),
    ...point,
    version: options.version,
    clusterSizeBytes: options.clusterSizeBytes,
    l2CacheTables: options.l2CacheTables ?? STAGES[point.stage].l2CacheTables,
    refcountCacheTables: options.refcountCacheTables ?? STAGES[point.stage].refcountCacheTables,
  }));
  return cells.filter((cell, index) => cells.findIndex((other) => other.id === cell.id) === index);
}

function pointsOf({ policy, stage, cache }: CellOptions): Point[] {
  const modes = cache === undefined ? null : list('cache', cache).map(hostCacheModeNamed);
  const stages = stage === undefined ? null : stagesNamed(stage);
  if (policy === undefined && stages !== null) {
    const cacheModes = modes ?? ['writeback' as const];
    return cacheModes.flatMap((mode) =>
      stages.map((id) => ({ policy: policyOfStage(id, mode), stage: id, hostCacheMode: mode })),
    );
  }
  return policiesNamed(policy ?? 'all').flatMap((name) =>
    (stages ?? [undefined]).flatMap((id) => {
      const { preset, stage: found } = findPolicy(name, id);
      return (modes ?? [preset.hostCacheMode]).map((mode) => ({ policy: name, stage: found.id, hostCacheMode: mode }));
    }),
  );
}

function policiesNamed(text: string): PolicyName[] {
  if (text === 'all') return POLICY_NAMES;
  const names = list('policy', text).map((word) => {
    const name = ALIASES[word.toLowerCase()] ?? word;
    if ((POLICY_NAMES as string[]).includes(name)) return name as PolicyName;
    throw new UsageError(`--policy: ${unknownWord('policy', word, POLICY_NAMES)}`);
  });
  return names;
}

function stagesNamed(text: string): StageId[] {
  if (text === 'all') return [...STAGE_IDS];
  return list('stage', text).map((word) => {
    const stage = STAGE_IDS.find((id) => id.toLowerCase() === word.toLowerCase());
    if (stage !== undefined) return stage;
    throw new UsageError(`--stage: ${unknownWord('stage', word, STAGE_IDS)}`);
  });
}

function hostCacheModeNamed(word: string): HostCacheMode {
  const mode = HOST_CACHE_MODES.find((name) => name === word);
  if (mode !== undefined) return mode;
  throw new UsageError(`--cache: ${unknownWord('host cache mode', word, HOST_CACHE_MODES)}`);
}

/** The policy's name, and what differs from its preset. */
function idOf({ policy, stage, hostCacheMode }: Point): string {
  const preset = POLICIES[policy];
  const words: string[] = [policy];
  if (stage !== preset.stage) words.push(stage);
  if (hostCacheMode !== preset.hostCacheMode) words.push(hostCacheMode);
  return words.join('/');
}
