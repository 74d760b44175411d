/**
 * Explores the crash states of one recording as a stream: put a state in place, judge it, count, continue. Memory is bounded by the
 * recording and by fixed-size tables, not by the number of states.
 */
import { judgeRepair } from '../judge/repair-phase.ts';
import { FINDING_CLASSES, type FindingClass, isViolation, noFindings } from '../judge/state-verdict.ts';
import type { GuestOracle } from '../requests/guest-oracle.ts';
import { type CrashPoint, CrashTimeline } from '../states/crash-points.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { StateHashes } from '../states/state-hashes.ts';
import { type CounterExample, explorePoint, type PointOptions, type PointResult } from './explore-point.ts';

export interface ExploreOptions extends PointOptions {
  /** Points before this request are left out: another workload that begins alike has them. Default: none. */
  readonly fromRequest?: number;
  /** Guest data too is enumerated, not treated as a set per sector. Default false. */
  readonly enumerateData?: boolean;
  /** Of how many points one state that needs it is repaired, and the repair interrupted. Default 2. */
  readonly repairs?: number;
}

export interface Exploration {
  /** Points at which the power could fail with new outcomes. */
  points: number;
  exhaustivePoints: number;
  states: number;
  /** Different contents of the file's metadata among them. */
  distinctStates: number;
  /** States by class; a state may count in several. */
  readonly findings: Record<FindingClass, number>;
  maxLeakedClusters: number;
  /** Most sectors of metadata, and of all kinds, that were undecided at one point. */
  maxAtoms: number;
  maxUndecidedSectors: number;
  /** States that were repaired, and their repairs interrupted at every point. */
  repairs: number;
  /** The first of each class. */
  readonly examples: Partial<Record<FindingClass, CounterExample>>;
}

const REPAIRS = 2;

/** How many state hashes are remembered; beyond, `distinctStates` is a lower bound. */
const DISTINCT_MOST = 2 ** 20;

/** `oracle` stands in for the one that the workload's requests give. */
export function exploreRecording(
  recording: CrashRecording,
  options: ExploreOptions,
  oracle?: GuestOracle,
): Exploration {
  const timeline = new CrashTimeline(recording, {
    enumerateData: options.enumerateData ?? false,
    ...(oracle === undefined ? {} : { oracle }),
  });
  const distinct = new StateHashes(DISTINCT_MOST);
  const sum = emptyExploration();
  // Until its making is acknowledged, a new image may be anything.
  const fromRequest = options.fromRequest ?? (recording.workload.recordsCreation ? 0 : -1);
  const onState = (hash: number) => distinct.add(hash);
  for (const point of timeline.points()) {
    if (point.request < fromRequest) continue;
    const isRepairDue = sum.repairs < (options.repairs ?? REPAIRS);
    const repair = isRepairDue ? { repair: () => harmOfRepair(timeline, options.seed) } : {};
    addPoint(sum, point, explorePoint(timeline, point, options, { onState, ...repair }));
  }
  sum.distinctStates = distinct.size;
  return sum;
}

function emptyExploration(): Exploration {
  return {
    points: 0,
    exhaustivePoints: 0,
    states: 0,
    distinctStates: 0,
    findings: noFindings(),
    maxLeakedClusters: 0,
    maxAtoms: 0,
    maxUndecidedSectors: 0,
    repairs: 0,
    examples: {},
  };
}

function addPoint(sum: Exploration, { atoms, looseData }: CrashPoint, result: PointResult): void {
  sum.points++;
  if (result.isExhaustive) sum.exhaustivePoints++;
  if (result.wasRepaired) sum.repairs++;
  sum.states += result.states;
  sum.maxLeakedClusters = Math.max(sum.maxLeakedClusters, result.maxLeakedClusters);
  sum.maxAtoms = Math.max(sum.maxAtoms, atoms.length);
  sum.maxUndecidedSectors = Math.max(sum.maxUndecidedSectors, atoms.length, looseData.size);
  for (const kind of FINDING_CLASSES) {
    sum.findings[kind] += result.findings[kind];
    const example = result.examples[kind];
    if (example !== undefined) sum.examples[kind] ??= example;
  }
}

/** Repairs the file as it is, interrupted at every point: the worst that comes of it, or null. */
function harmOfRepair(timeline: CrashTimeline, seed: number): string | null {
  return judgeRepair(timeline.file, timeline.recording, (repair, oracle) => {
    const { examples } = exploreRecording(repair, { statesPerPoint: 256, seed, repairs: 0 }, oracle);
    const worst = FINDING_CLASSES.find((kind) => isViolation(kind) && examples[kind] !== undefined);
    return worst === undefined ? null : examples[worst]!.reason;
  });
}
