/** The record of a run before its first sample. */
import { createHash, randomBytes } from 'node:crypto';
import { type Cell, type RunRecord, SCHEMA_VERSION } from '../../../results/record.ts';
import { unmeasured } from '../../../results/unmeasured-cell.ts';
import type { Workload } from '../../../workloads/workload.ts';
import { programVersion } from '../../console/program-version.ts';
import { describeEnvironment } from '../../machine/environment.ts';
import { describeSource, sourceWarning } from '../../machine/source.ts';
import { emptyNbdCell } from '../../nbd/cell.ts';
import { loadedPlugins } from '../../plugins/plugins.ts';
import { defaultL2Tables, emptyQemuCell, qemuWarnings } from '../../qemu/cell.ts';
import { findQemuTools } from '../../qemu/tools.ts';
import {
  type BenchPlan,
  type EngineCell,
  ignoresSyncs,
  isReal,
  type MeasuredPlan,
  type RawCell,
  REFCOUNT_BITS,
} from '../plan/plan.ts';

/** What a run through the workload has shown. */
export interface WorkloadFacts {
  /** How often the guest flushes on its own; undefined where that is what is replayed. */
  readonly recordedFlushes: number | undefined;
}

/** Makes the record; `imageFolder` is where the images will be. Throws UsageError when qemu is asked for and not there. */
export function newRecord(
  plan: BenchPlan,
  workload: Workload,
  { recordedFlushes }: WorkloadFacts,
  imageFolder: string,
): RunRecord {
  const environment = describeEnvironment(imageFolder);
  const source = sourceOf(plan);
  const unknown = sourceWarning(source);
  environment.warnings.push(...workload.notes, ...warningsOf(plan, workload), ...(unknown === null ? [] : [unknown]));
  const startedAt = new Date().toISOString();
  const { name, title, diskSizeBytes, inputs } = workload;
  const { seed, guestFlush, discard } = plan.workload;
  const plugins = loadedPlugins();
  return {
    schemaVersion: SCHEMA_VERSION,
    runId: `${startedAt.replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    status: 'running',
    startedAt,
    finishedAt: null,
    command: [...plan.session.command],
    source,
    ...(plugins.length > 0 && { plugins: plugins.map((plugin) => ({ ...plugin })) }),
    workload: {
      ...{ name, title, parameters: plainParameters(plan, workload), seed, guestFlush, discard },
      ...(recordedFlushes !== undefined && { recordedFlushes }),
      ...(plan.pace !== null && { pace: plan.pace }),
      ...{ diskSizeBytes, inputs: inputs.map((input) => ({ ...input })), phases: [] },
    },
    environment,
    failure: null,
    cells: emptyCells(plan, workload, environment.fileSystem.type),
    comparisons: [],
    plan: planHash(plan, workload),
    measuringMs: 0,
  };
}

/**
 * Names everything that decides what is measured: runs of equal plans may be one run. Where programs lie decides nothing, nor
 * does the name of a trace: its content does.
 */
export function planHash(plan: MeasuredPlan, { inputs, diskSizeBytes }: Workload): string {
  const { cells, baselines, rounds, pace, directory, crash } = plan;
  const places = cells.some(isReal) ? directory : null;
  const name = inputs.some(({ role }) => role === 'trace') ? 'trace' : plan.workload.name;
  const contents = inputs.map(({ role, sha256 }) => [role, sha256]);
  const workload = { ...plan.workload, name, inputs: contents, diskSizeBytes };
  const digests = loadedPlugins().map(({ kind, name, sha256 }) => [kind, name, sha256]);
  const plugins = digests.length > 0 ? digests : undefined;
  const asked = JSON.stringify(
    { workload, cells, baselines, rounds, pace, places, crash: crash === 'quick' ? crash : undefined, plugins },
    (key, value) => (key === 'root' || key === 'revision' ? undefined : value),
  );
  return createHash('sha256').update(asked).digest('hex').slice(0, 16);
}

/** The program that is measured: this one, or the one commit that takes all samples. */
function sourceOf({ cells }: BenchPlan): RunRecord['source'] {
  const sources = cells.map((cell) => (cell.engine === 'cowbench' ? cell.source : null));
  const [first] = sources;
  if (first == null || sources.some((source) => source?.commit !== first.commit)) return describeSource();
  return { version: programVersion(first.root), commit: first.commit, dirty: false };
}

function warningsOf(plan: BenchPlan, workload: Workload): string[] {
  const warnings: string[] = [];
  if (plan.cells.some((cell) => ignoresSyncs(cell.hostCacheMode) && isReal(cell))) {
    warnings.push('host cache mode unsafe makes every sync do nothing: its times mean nothing here');
  }
  if (plan.cells.some(({ engine }) => engine === 'qemu')) warnings.push(...qemuWarnings(workload));
  return warnings;
}

function emptyCells({ cells }: BenchPlan, workload: Workload, fileSystemType: string): Cell[] {
  return cells.map((cell) => {
    if (cell.engine === 'qemu')
      return emptyQemuCell(cell, workload.diskSizeBytes, fileSystemType, findQemuTools(cell.folder));
    if (cell.engine === 'nbd') return emptyNbdCell(cell, fileSystemType);
    if (cell.engine === 'raw') return emptyRawCell(cell, fileSystemType);
    return emptyCell(cell, workload.diskSizeBytes, fileSystemType);
  });
}

function emptyCell(cell: EngineCell, diskSizeBytes: number, fileSystemType: string): Cell {
  const { version, clusterSizeBytes, refcountCacheTables, imageOptions, source } = cell;
  const l2CacheTables = cell.l2CacheTables ?? defaultL2Tables(diskSizeBytes, clusterSizeBytes);
  const refcountBits = imageOptions?.create.refcountBits ?? REFCOUNT_BITS;
  const parameters = source === null ? {} : { revision: source.revision, commit: source.commit.slice(0, 12) };
  return {
    id: cell.id,
    engine: 'cowbench',
    policy: { name: cell.policy, stage: cell.stage, parameters },
    hostCacheMode: cell.hostCacheMode,
    image: {
      ...{ version, clusterSizeBytes, refcountBits, l2CacheTables, refcountCacheTables },
      options: { ...imageOptions?.words },
    },
    device: deviceOf(cell, fileSystemType),
    ...sending(cell),
    ...unmeasured(),
  };
}

function sending({ requesters }: EngineCell | RawCell): Pick<Cell, 'requesters'> {
  return requesters === undefined ? {} : { requesters };
}

function emptyRawCell(cell: RawCell, fileSystemType: string): Cell {
  const { clusterSizeBytes } = cell;
  const none = { version: null, refcountBits: 0, l2CacheTables: 0, refcountCacheTables: 0 };
  return {
    id: cell.id,
    engine: 'raw',
    policy: { name: `raw:${cell.raw}`, stage: null, parameters: {} },
    hostCacheMode: cell.hostCacheMode,
    image: { ...none, clusterSizeBytes, options: {} },
    device: deviceOf(cell, fileSystemType),
    ...sending(cell),
    ...unmeasured(),
  };
}

function deviceOf({ device }: EngineCell | RawCell, fileSystemType: string): Cell['device'] {
  return device === null ? { kind: 'real', name: fileSystemType } : { kind: 'model', name: device };
}

/** All parameters of the workload with their values; a limit is one too, as it decides what was replayed. */
function plainParameters(plan: BenchPlan, workload: Workload): RunRecord['workload']['parameters'] {
  const entries = Object.entries({ ...workload.parameters, limit: plan.workload.limit ?? undefined });
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined).map(([name, value]) => [name, plain(value)]),
  );
}

function plain(value: unknown): string | number | boolean {
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
}
