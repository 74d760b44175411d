/**
 * The small runs whose exact metrics are the baseline: each kind of workload by every stage of history, in the two host cache
 * modes that differ in what they count. On a modelled device, so that they need no disk and have an exact time, too.
 */
import { findPolicy, policyOfStage, policyPresets, STAGE_IDS } from '../../../engine/index.ts';
import type { SampleJob } from '../../sample/job.ts';
import { modelNamed } from '../plan/modelled-device.ts';

export interface ExactPoint {
  readonly name: string;
  readonly job: Omit<SampleJob, 'imageFile'>;
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

const MODES = ['writeback', 'writethrough'] as const;
/** Its flushes cost, so that a sync more or less moves the time. */
const DEVICE = modelNamed('sata-ssd-no-plp', () => {
  throw new Error('this device needs no probe');
});

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

function pointOf({ workload, parameters, clusterSizeBytes }: SmallRun, subject: Subject): ExactPoint {
  const { policy, stage, hostCacheMode } = subject;
  const { l2CacheCoversDisk, refcountCacheTables, ...behaviour } = findPolicy(policy, stage ?? undefined).behaviour;
  const l2CacheTables = l2CacheCoversDisk ? null : behaviour.l2CacheTables;
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return {
    name: [workload, ...given, `cluster=${clusterSizeBytes}`, stage ?? policy, hostCacheMode].join(' '),
    job: {
      workload: {
        name: workload,
        parameters,
        seed: 1,
        guestFlush: 'recorded',
        discard: 'ignore',
        limit: null,
      } as const,
      cell: {
        ...subject,
        ...{ version: 3 as const, clusterSizeBytes, l2CacheTables, refcountCacheTables },
      },
      traced: true,
      device: DEVICE,
    },
  };
}
