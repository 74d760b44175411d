/** Explores the crash states of one point: puts each in place, judges it, and sums up what was found. */
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
import type { CrashPoint, CrashTimeline } from '../states/crash-points.ts';
import { type StateVector, sampleStates, TriedStates } from '../states/enumeration.ts';
import { PlacedState } from '../states/placed-state.ts';
import { searchStates } from '../states/state-search.ts';

export interface PointOptions extends JudgeOptions {
  /** States tried at one point at most, before sizes of the file are counted; fewer vectors than this are all tried. */
  readonly statesPerPoint: number;
  readonly seed: number;
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

export interface PointResult {
  /** Every state was tried. */
  readonly isExhaustive: boolean;
  readonly states: number;
  /** States by class; a state may count in several. */
  readonly findings: Readonly<Record<FindingClass, number>>;
  readonly maxLeakedClusters: number;
  /** A state was repaired. */
  readonly wasRepaired: boolean;
  /** The first of each class. */
  readonly examples: Readonly<Partial<Record<FindingClass, CounterExample>>>;
}

export interface PointSurroundings {
  /** Hears the hash of each state. */
  readonly onState: (hash: number) => void;
  /** Repairs the file as it is and says what went wrong, or null; absent when no state of this point is to be repaired. */
  readonly repair?: () => string | null;
}

/** Leaves the file of `timeline` as it was. */
export function explorePoint(
  timeline: CrashTimeline,
  point: CrashPoint,
  options: PointOptions,
  surroundings: PointSurroundings,
): PointResult {
  return new PointExplorer(timeline, point, options, surroundings).explore();
}

const nothingOpen = (): boolean => false;

/** Of the states tried at a point with too many to try all, one in this many goes into looking whether most of them are alike. */
const SEARCH_SHARE = 16;

class PointExplorer {
  readonly #timeline: CrashTimeline;
  readonly #point: CrashPoint;
  readonly #options: PointOptions;
  readonly #surroundings: PointSurroundings;
  readonly #placed: PlacedState;
  readonly #judge: StateJudge;
  readonly #findings = noFindings();
  readonly #examples: Partial<Record<FindingClass, CounterExample>> = {};
  #states = 0;
  #maxLeakedClusters = 0;
  #wasRepaired = false;

  constructor(timeline: CrashTimeline, point: CrashPoint, options: PointOptions, surroundings: PointSurroundings) {
    this.#timeline = timeline;
    this.#point = point;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#placed = new PlacedState(timeline, point);
    this.#judge = new StateJudge(timeline.file, timeline.recording.values, point, options);
  }

  explore(): PointResult {
    const isExhaustive = this.#tryStates();
    this.#placed.takeBack();
    return {
      isExhaustive,
      states: this.#states,
      findings: this.#findings,
      maxLeakedClusters: this.#maxLeakedClusters,
      wasRepaired: this.#wasRepaired,
      examples: this.#examples,
    };
  }

  /** All states of the point, or a sample of them where they are too many; true for all. */
  #tryStates(): boolean {
    const { statesPerPoint, seed } = this.#options;
    const tried = new TriedStates(statesPerPoint);
    const budget = searchBudget(this.#point, statesPerPoint);
    const { complete } = searchStates(this.#point.atoms, budget, (vector, isOpen) => {
      this.#placed.put(vector);
      tried.add(vector);
      return this.#placed.atEachSize(isOpen, () => this.#tryState(vector));
    });
    if (complete) return true;
    for (const vector of sampleStates(this.#point, statesPerPoint - tried.size, seed, tried)) {
      this.#placed.put(vector);
      this.#placed.atEachSize(nothingOpen, () => this.#tryState(vector));
    }
    return false;
  }

  #tryState(vector: StateVector): void {
    const sizeBytes = this.#timeline.file.sizeBytes();
    this.#surroundings.onState(this.#placed.hash + sizeBytes);
    const verdict = this.#judge.judge();
    if (verdict.symptoms.length > 0) this.#options.onSymptoms?.(verdict.symptoms, this.#point);
    const findings = { ...verdict.findings, ...this.#tryRepair(verdict) };
    this.#states++;
    this.#maxLeakedClusters = Math.max(this.#maxLeakedClusters, verdict.leaks);
    for (const kind of FINDING_CLASSES) {
      const finding = findings[kind];
      if (finding === undefined) continue;
      this.#findings[kind]++;
      const pointIndex = this.#point.index;
      this.#examples[kind] ??= { kind, ...finding, pointIndex, vector: [...vector], sizeBytes };
    }
  }

  /** Repairs the first state that is sound and yet has something to repair. */
  #tryRepair({ findings, leaks }: StateVerdict): StateFindings {
    const { repair } = this.#surroundings;
    const needsRepair = leaks > 0 || findings.copiedOnly !== undefined || findings.copiedShared !== undefined;
    const isSound = !FINDING_CLASSES.some((kind) => isViolation(kind) && findings[kind] !== undefined);
    if (repair === undefined || this.#wasRepaired || !needsRepair || !isSound) return {};
    this.#wasRepaired = true;
    const reason = repair();
    return reason === null ? {} : { repair: { reason, value: null } };
  }
}

/** A search that cannot end soon is not worth what a sample in good order would find in the same time. */
function searchBudget({ atoms }: CrashPoint, statesPerPoint: number): number {
  const total = atoms.reduce((product, { choices }) => product * choices.length, 1);
  return total <= statesPerPoint ? statesPerPoint : Math.ceil(statesPerPoint / SEARCH_SHARE);
}
