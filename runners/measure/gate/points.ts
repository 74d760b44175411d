/**
 * The small runs whose exact metrics are the baseline: each kind of workload by every stage of history, in the two host cache
 * modes that differ in what they count. On a modelled device, so that they need no disk and have an exact time, too.
 */
import { findPolicy, policyOfStage, policyPresets, STAGE_IDS } from '../../../engine/index.ts';
import { UsageError } from '../../console/errors.ts';
import type { NbdSampleJob, SampleJob } from '../../sample/job.ts';
import type { QemuSampleJob } from '../../sample/qemu-sample.ts';
import { modelNamed } from '../plan/modelled-device.ts';
import { isForeign, isNull, type NbdCell, type PlannedCell, type QemuCell } from '../plan/plan.ts';
import { planCells } from '../plan/planned-cells.ts';

export interface ExactPoint {
  readonly name: string;
  readonly job: Omit<SampleJob | QemuSampleJob | NbdSampleJob, 'imageFile'>;
}

interface SmallRun {
  readonly workload: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly clusterSizeBytes: number;
}

/** Small clusters make many tables, so that caches of the default size overflow. */
const SMALL_CLUSTER_BYTES = 4096;
const DEFAULT_CLUSTER_BYTES = 65536;

const RUNS: readonly SmallRun[] = [
  { workload: 'install-burst', parameters: { data: '2M' }, clusterSizeBytes: DEFAULT_CLUSTER_BYTES },
  { workload: 'random-write', parameters: { span: '64M', writes: '256' }, clusterSizeBytes: SMALL_CLUSTER_BYTES },
  { workload: 'overwrite', parameters: { span: '4M', writes: '128' }, clusterSizeBytes: DEFAULT_CLUSTER_BYTES },
  {
    workload: 'snapshot',
    parameters: { 'l2-tables': '2', 'clusters-per-table': '8' },
    clusterSizeBytes: SMALL_CLUSTER_BYTES,
  },
  {
    workload: 'savevm',
    parameters: { memory: '1M', disk: '4M', 'writes-between': '32' },
    clusterSizeBytes: DEFAULT_CLUSTER_BYTES,
  },
  { workload: 'backing', parameters: { span: '4M', writes: '32' }, clusterSizeBytes: DEFAULT_CLUSTER_BYTES },
];

/** Workloads that need more of an image than a plain disk can do. */
const IMAGE_RUNS: readonly string[] = ['snapshot', 'savevm'];

const V3 = { value: 3, text: '3' } as const;
const OWN_SIZE = { value: null, text: 'default' };
const REAL = { value: null, text: 'real' };

const MODES = ['writeback', 'writethrough'] as const;
/** Its flushes cost, so that a sync more or less moves the time. */
const DEVICE = modelNamed('sata-ssd-no-plp', () => {
  throw new Error('this device needs no probe');
});

/**
 * The runs that another engine can serve. Their names do not say which engine it is: the baseline of one build judges another.
 * @throws UsageError for an engine that has points of its own.
 */
export function enginePoints(engine: string): ExactPoint[] {
  const clusters = [...new Set(RUNS.map(({ clusterSizeBytes }) => clusterSizeBytes))];
  const given = { engine, versions: [V3], l2Caches: [OWN_SIZE], refcountCaches: [OWN_SIZE], devices: [REAL] };
  const clusterSizes = clusters.map((value) => ({ value, text: String(value) }));
  const cells = planCells({ ...given, clusterSizes });
  const isServed = ({ workload }: SmallRun, cell: PlannedCell) =>
    cell.engine === 'qemu' || !IMAGE_RUNS.includes(workload);
  return RUNS.flatMap((run) => {
    const fitting = cells.filter(({ clusterSizeBytes }) => clusterSizeBytes === run.clusterSizeBytes);
    if (fitting.length !== 1 || !isForeign(fitting[0]!) || isNull(fitting[0]!))
      throw new UsageError(`--engine ${engine}: the gate measures one other engine: qemu, qemu=DIR or nbd:COMMAND`);
    const [cell] = fitting;
    if (!isServed(run, cell!)) return [];
    return [{ name: nameOf(run), job: { workload: workloadOf(run), cell: cell as QemuCell | NbdCell, traced: true } }];
  });
}

/** Every point, in a fixed order: history in both modes, and each policy that is no point of history in its own. */
export function exactPoints(): ExactPoint[] {
  const history = MODES.flatMap((mode) =>
    STAGE_IDS.map((stage) => ({ policy: policyOfStage(stage, mode), stage, hostCacheMode: mode })),
  );
  const others = policyPresets()
    .filter(({ stage }) => stage === undefined)
    .map(({ name, hostCacheMode }) => ({ policy: name, stage: null, hostCacheMode }));
  return RUNS.flatMap((run) => [...history, ...others].map((subject) => pointOf(run, subject)));
}

type Subject = Pick<SampleJob['cell'], 'policy' | 'stage' | 'hostCacheMode'>;

function pointOf(run: SmallRun, subject: Subject): ExactPoint {
  const { policy, stage, hostCacheMode } = subject;
  const { clusterSizeBytes } = run;
  const { l2CacheCoversDisk, refcountCacheTables, ...behaviour } = findPolicy(policy, stage ?? undefined).behaviour;
  const l2CacheTables = l2CacheCoversDisk ? null : behaviour.l2CacheTables;
  return {
    name: [nameOf(run), stage ?? policy, hostCacheMode].join(' '),
    job: {
      workload: workloadOf(run),
      cell: {
        ...subject,
        ...{ version: 3 as const, clusterSizeBytes, l2CacheTables, refcountCacheTables },
      },
      traced: true,
      device: DEVICE,
    },
  };
}

function nameOf({ workload, parameters, clusterSizeBytes }: SmallRun): string {
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return [workload, ...given, `cluster=${clusterSizeBytes}`].join(' ');
}

function workloadOf({ workload, parameters }: SmallRun): SampleJob['workload'] {
  return { name: workload, parameters, seed: 1, guestFlush: 'recorded', discard: 'ignore', limit: null };
}
