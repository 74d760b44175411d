/** Which cells a run compares: the points that `--engine`, `--policy`, `--stage`, `--cache`, the sizes and `--device` span. */
import {
  findPolicy,
  findStage,
  HOST_CACHE_MODES,
  type HostCacheMode,
  type PolicyName,
  policyNamed,
  policyNames,
  policyOfStage,
  policyPresets,
  STAGE_IDS,
  type StageId,
} from '../../../engine/index.ts';
import { UsageError } from '../../console/errors.ts';
import { list, type OptionText } from '../../console/option-values.ts';
import { unknownWord } from '../../console/suggest.ts';
import { OF_THE_COMMAND } from '../../nbd/cell.ts';
import type { ImageOptions } from '../../sample/image-options.ts';
import type { RawPreparation } from '../../sample/job.ts';
import { type Engine, enginesNamed, type QemuEngine, type ServerEngine } from './engines.ts';
import type { EngineCell, NbdCell, PlannedCell, QemuCell, RawCell } from './plan.ts';
import type { PlannedReserve } from './reserve-choice.ts';

const ALIASES: Readonly<Record<string, PolicyName>> = { wt: 'writethrough', wb: 'writeback', s0: 'legacy' };

/** The host cache mode of the installed qemu, and of a raw file, where none is asked for: qemu's own default. */
const DEFAULT_MODE: HostCacheMode = 'writeback';

/** One size of a table cache: a number of tables of any size, or their total bytes; null: what the stage had. */
export type CacheSize = { readonly tables: number } | { readonly bytes: number } | null;

/** A value of an option, and how an id says it; an option with one value is in no id. */
export interface Choice<Value> {
  readonly value: Value;
  readonly text: string;
}

export interface CellOptions {
  /** See `engines.ts`. */
  readonly engine?: OptionText | undefined;
  /** Names of policies, comma-separated; `all` for every one. Without it: all, or what the stages stand for. */
  readonly policy?: string | undefined;
  /** Stages of history, comma-separated; `all` for every one. */
  readonly stage?: string | undefined;
  /** What is counted ahead, by policies that do; absent: as they do. */
  readonly reserves?: readonly PlannedReserve[];
  /** Host cache modes, comma-separated; without it each policy's own. */
  readonly cache?: string | undefined;
  readonly versions: readonly Choice<2 | 3>[];
  readonly clusterSizes: readonly Choice<number>[];
  readonly l2Caches: readonly Choice<CacheSize>[];
  readonly refcountCaches: readonly Choice<CacheSize>[];
  /** Names of modelled devices; null: the real one. */
  readonly devices: readonly Choice<string | null>[];
  /** Default: one. */
  readonly requesters?: readonly Choice<number>[];
  readonly imageOptions?: ImageOptions;
}

interface Point {
  readonly policy: PolicyName;
  /** Null for a policy that is no point of history. */
  readonly stage: StageId | null;
  readonly hostCacheMode: HostCacheMode;
  /** Absent: as the policy does. */
  readonly reserve?: PlannedReserve;
}

/**
 * The cells in the order of their options, each once; those of other programs and of raw files last.
 * @throws UsageError for an unknown name, Qcow2Error for a policy that does not exist at a stage.
 */
export function planCells(options: CellOptions): PlannedCell[] {
  const engines = enginesNamed(options.engine);
  const shapes = shapesOf(options);
  const cells = (['cowbench', 'qemu', 'nbd', 'raw'] as const).flatMap((kind) =>
    engines.filter((engine) => engine.kind === kind).flatMap((engine) => cellsOf(engine, options, shapes)),
  );
  return cells.filter((cell, index) => cells.findIndex((other) => other.id === cell.id) === index);
}

function cellsOf(engine: Engine, options: CellOptions, shapes: readonly Shape[]): PlannedCell[] {
  switch (engine.kind) {
    case 'cowbench':
      return shapes.flatMap((shape) =>
        pointsOf(options).map((point) => engineCell(point, shape, options.imageOptions)),
      );
    case 'qemu':
      return qemuCells(engine, options, shapes);
    case 'nbd':
      return serverCells(engine, shapes);
    case 'raw':
      return rawCells(engine.how, options, shapes);
  }
}

/** Everything about a cell but its policy. */
interface Shape {
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  readonly l2Cache: CacheSize;
  readonly refcountCache: CacheSize;
  readonly device: string | null;
  readonly requesters: number;
  /** What tells this shape from the others of the run. */
  readonly words: readonly string[];
}

const ONE: readonly Choice<number>[] = [{ value: 1, text: '1' }];

function shapesOf(options: CellOptions): Shape[] {
  const { versions, clusterSizes, l2Caches, refcountCaches, devices, requesters = ONE } = options;
  const word = <Value>(name: string, all: readonly Choice<Value>[], { text }: Choice<Value>) =>
    all.length > 1 ? [`${name} ${text}`] : [];
  return devices.flatMap((device) =>
    versions.flatMap((version) =>
      clusterSizes.flatMap((cluster) =>
        l2Caches.flatMap((l2) =>
          refcountCaches.flatMap((refcounts) =>
            requesters.map((sending) => ({
              ...{ version: version.value, clusterSizeBytes: cluster.value, device: device.value },
              ...{ l2Cache: l2.value, refcountCache: refcounts.value, requesters: sending.value },
              words: [
                ...word('version', versions, version),
                ...word('cluster', clusterSizes, cluster),
                ...word('l2', l2Caches, atLeast(l2, l2Caches, LEAST_L2_TABLES, cluster.value)),
                ...word(
                  'refcounts',
                  refcountCaches,
                  atLeast(refcounts, refcountCaches, LEAST_REFCOUNT_TABLES, cluster.value),
                ),
                ...word('on', devices, device),
                ...word('requesters', requesters, sending),
              ],
            })),
          ),
        ),
      ),
    ),
  );
}

/** One is the default, and in no plan, so that plans keep their hashes. */
function several({ requesters }: Shape): { requesters?: number } {
  return requesters > 1 ? { requesters } : {};
}

function engineCell(point: Point, shape: Shape, imageOptions: ImageOptions | undefined): EngineCell {
  const { version, clusterSizeBytes, device } = shape;
  const { policy, stage, hostCacheMode, reserve } = point;
  const { behaviour } = findPolicy(policy, stage ?? undefined);
  return {
    engine: 'cowbench',
    id: [idOf(point), ...shape.words].join(', '),
    ...{ policy, stage, hostCacheMode },
    ...{ version, clusterSizeBytes, device },
    l2CacheTables:
      tablesOf(shape.l2Cache, clusterSizeBytes, LEAST_L2_TABLES) ??
      (behaviour.l2CacheCoversDisk ? null : behaviour.l2CacheTables),
    refcountCacheTables:
      tablesOf(shape.refcountCache, clusterSizeBytes, LEAST_REFCOUNT_TABLES) ?? behaviour.refcountCacheTables,
    ...(imageOptions !== undefined && { imageOptions }),
    ...several(shape),
    ...(reserve !== undefined && { reserve: reserve.options, ...(reserve.isProbed && { isReserveProbed: true }) }),
    source: null,
  };
}

/** A copied L2 table and its original are held together. */
const LEAST_L2_TABLES = 2;
const LEAST_REFCOUNT_TABLES = 1;

/** An id says what is used, so that two sizes below the least one are one cell, and one with that size itself where `all` has it. */
function atLeast(
  size: Choice<CacheSize>,
  all: readonly Choice<CacheSize>[],
  least: number,
  clusterSizeBytes: number,
): Choice<CacheSize> {
  const bytesOf = ({ value }: Choice<CacheSize>) => (value !== null && 'bytes' in value ? value.bytes : null);
  const bytes = bytesOf(size);
  if (bytes === null || bytes >= least * clusterSizeBytes) return size;
  const same = all.find((other) => bytesOf(other) === least * clusterSizeBytes);
  return same ?? { ...size, text: least === 1 ? '1 table' : `${least} tables` };
}

function tablesOf(size: CacheSize, clusterSizeBytes: number, least: number): number | null {
  if (size === null) return null;
  return 'tables' in size ? size.tables : Math.max(least, Math.floor(size.bytes / clusterSizeBytes));
}

/** A program of others does its own input and output, and is sent one request at a time. */
function foreignShapes(engine: string, shapes: readonly Shape[]): Shape[] {
  const real = shapes.filter(({ device }) => device === null);
  if (real.length === 0) throw new UsageError(`--engine ${engine} runs on real storage only: add real to --device`);
  const single = real.filter(({ requesters }) => requesters === 1);
  if (single.length > 0) return single;
  throw new UsageError(
    `--engine ${engine} is sent one request at a time: add 1 to --requesters (cowbench load measures servers under many clients)`,
  );
}

/** The caches of a server are set in its command. */
function serverCells({ name, command, format }: ServerEngine, shapes: readonly Shape[]): NbdCell[] {
  return foreignShapes('nbd', shapes).map((shape) => ({
    engine: 'nbd' as const,
    id: [name, ...shape.words.filter((word) => /^(?:cluster|version|on|requesters) /.test(word))].join(', '),
    ...{ name, command, format, hostCacheMode: OF_THE_COMMAND },
    ...{ version: shape.version, clusterSizeBytes: shape.clusterSizeBytes },
  }));
}

function qemuCells({ name, folder }: QemuEngine, { cache }: CellOptions, shapes: readonly Shape[]): QemuCell[] {
  const modes = modesOf(cache);
  return foreignShapes('qemu', shapes).flatMap(({ version, clusterSizeBytes, l2Cache, refcountCache, words }) =>
    modes.map((hostCacheMode) => ({
      engine: 'qemu' as const,
      id: [hostCacheMode === DEFAULT_MODE ? name : `${name}/${hostCacheMode}`, ...words].join(', '),
      ...{ name, folder, version, clusterSizeBytes, hostCacheMode },
      l2CacheTables: tablesOf(l2Cache, clusterSizeBytes, LEAST_L2_TABLES),
      refcountCacheTables: tablesOf(refcountCache, clusterSizeBytes, LEAST_REFCOUNT_TABLES),
    })),
  );
}

function modesOf(cache: string | undefined): HostCacheMode[] {
  return cache === undefined ? [DEFAULT_MODE] : list('cache', cache).map(hostCacheModeNamed);
}

/** A raw file knows no tables: one for each size of clusters that the workload may aim at, and each device. */
function rawCells(raw: RawPreparation, { cache }: CellOptions, shapes: readonly Shape[]): RawCell[] {
  const words = (shape: Shape) => shape.words.filter((word) => /^(?:cluster|on|requesters) /.test(word));
  return shapes.flatMap((shape) =>
    modesOf(cache).map((hostCacheMode) => ({
      engine: 'raw' as const,
      id: [`raw:${raw}${hostCacheMode === DEFAULT_MODE ? '' : `/${hostCacheMode}`}`, ...words(shape)].join(', '),
      ...{ raw, hostCacheMode, clusterSizeBytes: shape.clusterSizeBytes, device: shape.device },
      ...several(shape),
    })),
  );
}

function pointsOf({ policy, stage, cache, reserves = [] }: CellOptions): Point[] {
  const modes = cache === undefined ? null : list('cache', cache).map(hostCacheModeNamed);
  const stages = stage === undefined ? null : stagesNamed(stage);
  if (policy === undefined && stages !== null) {
    const cacheModes = modes ?? ['writeback' as const];
    return cacheModes.flatMap((mode) =>
      stages.map((id) => ({ policy: policyOfStage(id, mode), stage: id, hostCacheMode: mode })),
    );
  }
  return (policy === undefined ? comparedByDefault() : policiesNamed(policy)).flatMap((name) =>
    (stages ?? [undefined]).flatMap((id) => {
      const { preset, stage: found } = findPolicy(name, id);
      const at = found?.id ?? null;
      const points = (modes ?? [preset.hostCacheMode]).map((mode) => ({
        policy: name,
        stage: at,
        hostCacheMode: mode,
      }));
      if (preset.reserves !== true || reserves.length === 0) return points;
      return points.flatMap((point) => reserves.map((reserve) => ({ ...point, reserve })));
    }),
  );
}

function comparedByDefault(): PolicyName[] {
  return policyPresets().flatMap((preset) => (preset.comparedByDefault ? [preset.name] : []));
}

function policiesNamed(text: string): PolicyName[] {
  const known = policyNames();
  if (text === 'all') return known;
  const names = list('policy', text).map((word) => {
    const name = ALIASES[word.toLowerCase()] ?? word;
    if (known.includes(name)) return name;
    throw new UsageError(`--policy: ${unknownWord('policy', word, known)}`);
  });
  return names;
}

function stagesNamed(text: string): StageId[] {
  if (text === 'all') return [...STAGE_IDS];
  return list('stage', text).map((word) => {
    const stage = findStage(word);
    if (stage !== null) return stage.id;
    throw new UsageError(`--stage: ${unknownWord('stage', word, STAGE_IDS)}`);
  });
}

function hostCacheModeNamed(word: string): HostCacheMode {
  const mode = HOST_CACHE_MODES.find((name) => name === word);
  if (mode !== undefined) return mode;
  throw new UsageError(`--cache: ${unknownWord('host cache mode', word, HOST_CACHE_MODES)}`);
}

/** The policy's name, and what differs from its preset. */
function idOf({ policy, stage, hostCacheMode, reserve }: Point): string {
  const preset = policyNamed(policy);
  const words: string[] = [policy];
  if (stage !== null && stage !== preset.stage) words.push(stage);
  if (hostCacheMode !== preset.hostCacheMode) words.push(hostCacheMode);
  words.push(...(reserve?.words ?? []));
  return words.join('/');
}
