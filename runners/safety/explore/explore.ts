/**
 * Explores the crash states of one recording as a stream: put a state in place, judge it, count, continue. Memory is bounded by the
 * recording and by fixed-size tables, not by the number of states.
 */

import { judgeRepair } from '../judge/repair-phase.ts';
import { type JudgeOptions, StateJudge } from '../judge/state-judge.ts';
import {
  FINDING_CLASSES,
  type Finding,
  type FindingClass,
  isViolation,
  noFindings,
  type StateFindings,
  type StateVerdict,
  type Symptom,
} from '../judge/state-verdict.ts';
import type { GuestOracle } from '../requests/guest-oracle.ts';
import { type CrashPoint, CrashTimeline } from '../states/crash-points.ts';
import { type StateVector, sampleStates, TriedStates } from '../states/enumeration.ts';
import { PlacedState } from '../states/placed-state.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { StateHashes } from '../states/state-hashes.ts';
import { searchStates } from '../states/state-search.ts';

export interface ExploreOptions extends JudgeOptions {
  /** States tried at one point at most, before sizes of the file are counted; fewer vectors than this are all tried. */
  readonly statesPerPoint: number;
  readonly seed: number;
  /** Points before this request are left out: another workload that begins alike has them. Default: none. */
  readonly fromRequest?: number;
  /** Guest data too is enumerated, not treated as a set per sector. Default false. */
  readonly enumerateData?: boolean;
  /** Of how many points one state that needs it is repaired, and the repair interrupted. Default 2. */
  readonly repairs?: number;
  /** Called for each state with symptoms, with its crash point. */
  readonly onSymptoms?: (symptoms: readonly Symptom[], point: CrashPoint) => void;
}

/** A state that broke a promise, so that it can be reproduced. */
export interface CounterExample extends Finding {
  readonly kind: FindingClass;
  readonly pointIndex: number;
  readonly vector: readonly number[];
  readonly sizeBytes: number;
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
  lastRepairPoint: number;
  /** The first of each class. */
  readonly examples: Partial<Record<FindingClass, CounterExample>>;
}

const REPAIRS = 2;

/** Of the states tried at a point with too many to try all, one in this many goes into looking whether most of them are alike. */
const SEARCH_SHARE = 16;

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
  const result = emptyExploration();
  // Until its making is acknowledged, a new image may be anything.
  const fromRequest = options.fromRequest ?? (recording.workload.recordsCreation ? 0 : -1);
  for (const point of timeline.points()) {
    if (point.request < fromRequest) continue;
    explorePoint(timeline, point, distinct, options, result);
  }
  result.distinctStates = distinct.size;
  return result;
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
    lastRepairPoint: -1,
    examples: {},
  };
}

function explorePoint(
  timeline: CrashTimeline,
  point: CrashPoint,
  distinct: StateHashes,
  options: ExploreOptions,
  result: Exploration,
): void {
  const placed = new PlacedState(timeline, point);
  const judge = new StateJudge(timeline.file, timeline.recording.values, point, options);
  result.points++;
  result.maxAtoms = Math.max(result.maxAtoms, point.atoms.length);
  result.maxUndecidedSectors = Math.max(result.maxUndecidedSectors, Math.max(point.atoms.length, point.looseData.size));
  const judgePlaced = (vector: StateVector): void => {
    distinct.add(placed.hash + timeline.file.sizeBytes());
    judgeState(timeline, judge, point, vector, options, result);
  };
  explorePlaced(point, placed, options, result, judgePlaced);
  placed.takeBack();
}

const nothingOpen = (): boolean => false;

/** All states of the point, or a sample of them where they are too many. */
function explorePlaced(
  point: CrashPoint,
  placed: PlacedState,
  { statesPerPoint, seed }: ExploreOptions,
  result: Exploration,
  judgePlaced: (vector: StateVector) => void,
): void {
  const tried = new TriedStates(statesPerPoint);
  const { complete } = searchStates(point.atoms, searchBudget(point, statesPerPoint), (vector, isOpen) => {
    placed.put(vector);
    tried.add(vector);
    return placed.atEachSize(isOpen, () => judgePlaced(vector));
  });
  if (complete) {
    result.exhaustivePoints++;
    return;
  }
  for (const vector of sampleStates(point, statesPerPoint - tried.size, seed, tried)) {
    placed.put(vector);
    placed.atEachSize(nothingOpen, () => judgePlaced(vector));
  }
}

/** A search that cannot end soon is not worth what a sample in good order would find in the same time. */
function searchBudget({ atoms }: CrashPoint, statesPerPoint: number): number {
  const total = atoms.reduce((product, { choices }) => product * choices.length, 1);
  return total <= statesPerPoint ? statesPerPoint : Math.ceil(statesPerPoint / SEARCH_SHARE);
}

function judgeState(
  timeline: CrashTimeline,
  judge: StateJudge,
  point: CrashPoint,
  vector: StateVector,
  options: ExploreOptions,
  result: Exploration,
): void {
  const verdict = judge.judge();
  if (verdict.symptoms.length > 0) options.onSymptoms?.(verdict.symptoms, point);
  const findings = { ...verdict.findings, ...tryRepair(timeline, point, verdict, options, result) };
  result.states++;
  result.maxLeakedClusters = Math.max(result.maxLeakedClusters, verdict.leaks);
  for (const kind of FINDING_CLASSES) {
    const finding = findings[kind];
    if (finding === undefined) continue;
    result.findings[kind]++;
    const sizeBytes = timeline.file.sizeBytes();
    result.examples[kind] ??= { kind, ...finding, pointIndex: point.index, vector: [...vector], sizeBytes };
  }
}

/** Repairs the first state of a point that is sound and yet has something to repair, for as long as repairs are left. */
function tryRepair(
  timeline: CrashTimeline,
  point: CrashPoint,
  { findings, leaks }: StateVerdict,
  options: ExploreOptions,
  result: Exploration,
): StateFindings {
  const isDue = result.repairs < (options.repairs ?? REPAIRS) && result.lastRepairPoint !== point.index;
  const needsRepair = leaks > 0 || findings.copiedOnly !== undefined || findings.copiedShared !== undefined;
  const isSound = !FINDING_CLASSES.some((kind) => isViolation(kind) && findings[kind] !== undefined);
  if (!isDue || !needsRepair || !isSound) return {};
  result.repairs++;
  result.lastRepairPoint = point.index;
  const reason = judgeRepair(timeline.file, timeline.recording, (repair, oracle) => {
    const limits = { statesPerPoint: 256, seed: options.seed, repairs: 0 };
    const { examples } = exploreRecording(repair, limits, oracle);
    const worst = FINDING_CLASSES.find((kind) => isViolation(kind) && examples[kind] !== undefined);
    return worst === undefined ? null : examples[worst]!.reason;
  });
  return reason === null ? {} : { repair: { reason, value: null } };
}
