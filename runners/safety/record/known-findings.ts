/** Three defects that the installed QEMU shows: which policies have them, in the same workloads. */
import { exploreRecording } from '../explore/explore.ts';
import { addTally, emptyTally, type Tally, tallyOf } from '../explore/tally.ts';
import { FINDING_CLASSES, type FindingClass } from '../judge/state-verdict.ts';
import { exploreByQemu } from '../qemu/qemu-exploration.ts';
import { type LeakRepair, repairLeaks } from '../qemu/qemu-leak-repair.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { type SafetyPlan, safetySubjects } from './safety-plan.ts';

export interface KnownFinding {
  readonly name: string;
  readonly title: string;
  readonly workloads: readonly string[];
  /** The classes that it shows in. */
  readonly kinds: readonly FindingClass[];
}

export const KNOWN_FINDINGS: readonly KnownFinding[] = [
  {
    name: 'F1',
    title: 'a freed cluster is reused before its release is durable',
    workloads: ['reuse-compressed', 'reuse-discarded'],
    kinds: ['lost', 'foreign'],
  },
  {
    name: 'F2',
    title: 'going back to a snapshot leaves COPIED set on shared clusters: the next write changes the snapshot',
    workloads: ['snapshot-apply', 'snapshot-return', 'snapshot-apply-wide'],
    kinds: ['secondPhase', 'copiedShared'],
  },
  {
    name: 'F3',
    title: 'snapshot operations pass through states with COPIED set on what has two references',
    workloads: ['snapshot-create', 'snapshot-apply', 'snapshot-delete', 'snapshot-return', 'snapshot-delete-wide'],
    kinds: ['copiedShared'],
  },
];

/** States that show a finding, of all states of its workloads. */
export interface FindingCount {
  readonly finding: string;
  readonly who: string;
  readonly shown: number;
  readonly states: number;
}

const CLUSTER_BYTES = [512, 4096];
const OPTIONS = { statesPerPoint: 65_536, seed: 1 };

const presetsOf = ({ policies }: SafetyPlan) => safetySubjects(policies).filter(({ stage }) => stage === null);

const workloadsNamed = (names: readonly string[], clusters: readonly number[]) =>
  clusters
    .flatMap((clusterSizeBytes) => namedWorkloads({ clusterSizeBytes, cacheTables: null }))
    .filter(({ name }) => names.includes(name));

/** Each finding under QEMU and every preset of the plan. */
export async function countFindings(
  plan: SafetyPlan,
  signal: AbortSignal,
  clusters = CLUSTER_BYTES,
): Promise<FindingCount[]> {
  const counts: FindingCount[] = [];
  for (const finding of KNOWN_FINDINGS) {
    const workloads = workloadsNamed(finding.workloads, clusters);
    const works = workloads.map((workload) => ({ workload }));
    const { name, tally } = await exploreByQemu(works, OPTIONS, signal);
    counts.push(countOf(finding, name, tally));
    for (const subject of presetsOf(plan)) {
      const sum = emptyTally();
      for (const workload of workloads) {
        const recording = recordWorkload(workload, subject);
        addTally(sum, tallyOf(exploreRecording(recording, OPTIONS), subject, workload, recording.failures));
      }
      counts.push(countOf(finding, subject.policy, sum));
    }
  }
  return counts;
}

/** A state in two of the classes counts once for each: what matters is whether there is any. */
function countOf({ name, kinds }: KnownFinding, who: string, { findings, states }: Tally<unknown>): FindingCount {
  const shown = FINDING_CLASSES.filter((kind) => kinds.includes(kind)).reduce((sum, kind) => sum + findings[kind], 0);
  return { finding: name, who, shown, states };
}

export interface LeakRepairRow extends LeakRepair {
  readonly policy: string;
  readonly op: string;
}

/** States of each recording that QEMU repairs at most: it takes three of its processes a state. */
const REPAIRED_MAX = 12;

/** `qemu-img check -r leaks` on states of every preset, by the operation that they lie in. */
export async function leakRepairs(plan: SafetyPlan, signal: AbortSignal): Promise<LeakRepairRow[]> {
  const rows: LeakRepairRow[] = [];
  const workloads = CLUSTER_BYTES.flatMap((clusterSizeBytes) =>
    namedWorkloads({ clusterSizeBytes, cacheTables: null }),
  );
  // Until its making is acknowledged, a new image may be anything.
  const finished = workloads.filter(({ recordsCreation, image }) => !recordsCreation && !image.lazyRefcounts);
  for (const { policy, ...subject } of presetsOf(plan)) {
    const recordings = finished.map((workload) => recordWorkload(workload, { policy, ...subject }));
    const sums = await repairLeaks(recordings, Math.min(REPAIRED_MAX, plan.qemuStates), signal);
    for (const [op, sum] of sums) rows.push({ policy, op, ...sum });
  }
  return rows;
}
