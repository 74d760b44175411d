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
import type { WorkloadChoice } from '../../sample/workload-choice.ts';
import {
  type BenchPlan,
  type EngineCell,
  ignoresSyncs,
  isReal,
  type MeasuredPlan,
  type PlannedCell,
  type RawCell,
  REFCOUNT_BITS,
  workloadsOf,
} from '../plan/plan.ts';

/** A workload as it was opened, and what a run through it has shown. */
export interface OpenedWorkload {
  readonly workload: Workload;
  /** How often the guest flushes on its own; undefined where that is what is replayed. */
  readonly recordedFlushes: number | undefined;
}

/** Makes the record; `imageFolder` is where the images will be. Throws UsageError when qemu is asked for and not there. */
export function newRecord(plan: BenchPlan, opened: readonly OpenedWorkload[], imageFolder: string): RunRecord {
  const environment = describeEnvironment(imageFolder);
  const source = sourceOf(plan);
  const unknown = sourceWarning(source);
  const warnings = opened.flatMap(({ workload }) => [...workload.notes, ...warningsOf(plan, workload)]);
  environment.warnings.push(...new Set(warnings), ...(unknown === null ? [] : [unknown]));
  const startedAt = new Date().toISOString();
  const [workload, ...further] = opened.map((one, index) => recordedWorkload(plan, workloadsOf(plan)[index]!, one));
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
    workload: workload!,
    ...(further.length > 0 && { furtherWorkloads: further }),
    environment,
    failure: null,
    cells: emptyCells(plan, opened, environment.fileSystem.type),
    comparisons: [],
    plan: planHash(
      plan,
      opened.map(({ workload: one }) => one),
    ),
    measuringMs: 0,
  };
}

/**
 * Names everything that decides what is measured: runs of equal plans may be one run. Where programs lie decides nothing, nor
 * does the name of a trace: its content does.
 */
export function planHash(plan: MeasuredPlan, workloads: readonly Workload[]): string {
  const { cells, baselines, rounds, pace, directory, crash } = plan;
  const places = cells.some(isReal) ? directory : null;
  const [workload, ...others] = workloads.map(({ inputs, diskSizeBytes }, index) => {
    const choice = workloadsOf(plan)[index]!;
    const name = inputs.some(({ role }) => role === 'trace') ? 'trace' : choice.name;
    return { ...choice, name, inputs: inputs.map(({ role, sha256 }) => [role, sha256]), diskSizeBytes };
  });
  const further = others.length > 0 ? others : undefined;
  const digests = loadedPlugins().map(({ kind, name, sha256 }) => [kind, name, sha256]);
  const plugins = digests.length > 0 ? digests : undefined;
  const asked = JSON.stringify(
    {
      workload,
      further,
      cells,
      baselines,
      rounds,
      pace,
      places,
      crash: crash === 'quick' ? crash : undefined,
      plugins,
    },
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

function emptyCells({ cells }: BenchPlan, opened: readonly OpenedWorkload[], fileSystemType: string): Cell[] {
  return cells.map((cell) => {
    const { workload } = opened[cell.workload ?? 0]!;
    const empty = emptyCellOf(cell, workload, fileSystemType);
    return cell.workload === undefined ? empty : { ...empty, workload: cell.workload };
  });
}

function emptyCellOf(cell: PlannedCell, workload: Workload, fileSystemType: string): Cell {
  if (cell.engine === 'qemu')
    return emptyQemuCell(cell, workload.diskSizeBytes, fileSystemType, findQemuTools(cell.folder));
  if (cell.engine === 'nbd') return emptyNbdCell(cell, fileSystemType);
  if (cell.engine === 'raw') return emptyRawCell(cell, fileSystemType);
  return emptyCell(cell, workload.diskSizeBytes, fileSystemType);
}

function recordedWorkload(
  plan: BenchPlan,
  choice: WorkloadChoice,
  { workload, recordedFlushes }: OpenedWorkload,
): RunRecord['workload'] {
  const { name, title, diskSizeBytes, inputs } = workload;
  const { seed, guestFlush, discard } = choice;
  return {
    ...{ name, title, parameters: plainParameters(choice, workload), seed, guestFlush, discard },
    ...(recordedFlushes !== undefined && { recordedFlushes }),
    ...(plan.pace !== null && { pace: plan.pace }),
    ...{ diskSizeBytes, inputs: inputs.map((input) => ({ ...input })), phases: [] },
  };
}

function emptyCell(cell: EngineCell, diskSizeBytes: number, fileSystemType: string): Cell {
  const { version, clusterSizeBytes, refcountCacheTables, imageOptions, source, reserve } = cell;
  const l2CacheTables = cell.l2CacheTables ?? defaultL2Tables(diskSizeBytes, clusterSizeBytes);
  const refcountBits = imageOptions?.create.refcountBits ?? REFCOUNT_BITS;
  const parameters = {
    ...(source !== null && { revision: source.revision, commit: source.commit.slice(0, 12) }),
    ...(reserve?.preparation !== undefined && { preparation: reserve.preparation }),
    ...(reserve?.maxBytes !== undefined && { reserveBytes: reserve.maxBytes }),
  };
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
function plainParameters({ limit }: WorkloadChoice, workload: Workload): RunRecord['workload']['parameters'] {
  const entries = Object.entries({ ...workload.parameters, limit: limit ?? undefined });
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined).map(([name, value]) => [name, plain(value)]),
  );
}

function plain(value: unknown): string | number | boolean {
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
}
