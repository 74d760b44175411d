/**
 * Looks for a workload in which a mutant breaks a promise that the policy without it keeps.
 *
 * A mutant is killed by a symptom: one kind of damage in one request, which the policy alone, with every state of the same workload
 * tried, does not show there. So a mutant is distinguished from its policy even where the policy itself is not safe.
 */

import { type ExploreOptions, exploreRecording } from '../explore/explore.ts';
import { FINDING_CLASSES, type FindingClass, isViolation } from '../judge/state-verdict.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { laterWorkloads } from '../requests/later-workloads.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { type SequenceWorkload, sequences } from '../requests/sequences.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import type { Mutant } from './mutant.ts';
import { whyEquivalent } from './mutant-reasons.ts';
import { alterationNamed } from './mutants.ts';
import { type ShownSymptom, SymptomLog } from './symptom-log.ts';

export interface Kill {
  readonly workload: string;
  readonly clusterSizeBytes: number;
  readonly kind: FindingClass;
  /** The damage, and the request that it is done in. */
  readonly what: string;
  readonly op: string;
  /** States of the workload that show it, of all that were tried. */
  readonly badStates: number;
  readonly states: number;
}

export interface HuntResult {
  readonly mutant: string;
  readonly subject: CrashSubject;
  readonly verdict: HuntVerdict;
  /** Null when no workload shows the mutant. */
  readonly kill: Kill | null;
  /** Why a mutant that survives makes no difference; null where nothing explains it. */
  readonly why: string | null;
  readonly workloadsTried: number;
}

/** `present`: the policy makes the mistake itself, and shows it. `unexplained` is a hole in the explorer, or in the list of reasons. */
export type HuntVerdict = 'killed' | 'present' | 'equivalent' | 'unexplained';

export type HuntedWorkload = CrashWorkload & Partial<Pick<SequenceWorkload, 'lastOperation'>>;

/** The workloads of later mechanisms, then those of all mutants. */
function* laterFirst(): Generator<HuntedWorkload> {
  for (const clusterSizeBytes of [4096, 512]) yield* laterWorkloads({ clusterSizeBytes, cacheTables: null });
  yield* huntedWorkloads();
}

/** The workloads that mutants are tested with: the quick ones first. */
export function* huntedWorkloads(): Generator<HuntedWorkload> {
  const small = { l2: 2, refcounts: 2 };
  for (const clusterSizeBytes of [4096, 1024]) {
    for (const cacheTables of [null, small]) yield* namedWorkloads({ clusterSizeBytes, cacheTables });
  }
  for (const start of ['shared', 'plain']) {
    yield* sequences({ clusterSizeBytes: 1024, cacheTables: null, start, first: null, maxLength: 2 });
  }
  yield* namedWorkloads({ clusterSizeBytes: 512, cacheTables: { l2: 2, refcounts: 1 } });
  // The others take longer there, and show nothing that they have not shown.
  const roomy = namedWorkloads({ clusterSizeBytes: 512, cacheTables: null });
  yield* roomy.filter(({ name }) => name === 'refcount-leap');
}

interface Observation {
  readonly log: SymptomLog;
  readonly workload: HuntedWorkload;
  readonly states: number;
  /** Every state was tried. */
  readonly isComplete: boolean;
}

/** Remembers what the policy does wrong on its own, by workload: the same for all mutants of it. */
export class Hunter {
  readonly #subject: CrashSubject;
  readonly #options: ExploreOptions;
  readonly #own = new Map<string, Observation>();

  constructor(subject: CrashSubject, options: ExploreOptions) {
    this.#subject = subject;
    this.#options = options;
  }

  /** Tries the workloads, or those that `isWanted` picks, until one shows the mutant. */
  hunt(mutant: Mutant, isWanted: (workload: HuntedWorkload) => boolean = () => true): HuntResult {
    let workloadsTried = 0;
    for (const workload of mutant.isLater ? laterFirst() : huntedWorkloads()) {
      if (!isWanted(workload)) continue;
      workloadsTried++;
      const kill = this.kill(mutant, workload);
      if (kill !== null) return this.#result(mutant, kill, workloadsTried);
    }
    return this.#result(mutant, null, workloadsTried);
  }

  #result(mutant: Mutant, kill: Kill | null, workloadsTried: number): HuntResult {
    const why = kill === null ? whyEquivalent(mutant.name, this.#subject.policy) : null;
    const shown = mutant.isHistory ? 'present' : 'killed';
    const verdict = kill !== null ? shown : why === null ? 'unexplained' : 'equivalent';
    return { mutant: mutant.name, subject: this.#subject, verdict, kill, why, workloadsTried };
  }

  /** The worst thing that the mutant does to the workload and the policy without it does not; null when there is none. */
  kill(mutant: Mutant, workload: HuntedWorkload): Kill | null {
    const observed = this.#observe(workload, mutant.name);
    const violations = worstFirst(observed.log.shown);
    if (violations.length === 0) return null;
    // A mistake that the stages make is in the policy alone, which can then be no measure.
    const measures = mutant.isHistory ? [mutant.against] : [...new Set([undefined, mutant.against])];
    const own = measures.map((alteration) => this.#withoutMutant(workload, alteration));
    if (own.some(({ isComplete }) => !isComplete)) return null;
    const fresh = violations.find((symptom) => !own.some(({ log }) => log.shows(symptom)));
    return fresh === undefined ? null : killBy(fresh, observed);
  }

  /** What the policy does wrong on its own, the worst first. */
  ownSymptoms(workload: HuntedWorkload, alteration?: string): ShownSymptom[] {
    return worstFirst(this.#withoutMutant(workload, alteration).log.shown);
  }

  #withoutMutant(workload: HuntedWorkload, alteration: string | undefined): Observation {
    const key = JSON.stringify([workload.name, workload.image, workload.cacheTables, alteration]);
    let own = this.#own.get(key);
    if (own === undefined) {
      own = this.#observe(workload, alteration);
      this.#own.set(key, own);
    }
    return own;
  }

  #observe(workload: HuntedWorkload, alteration: string | undefined): Observation {
    const altered = alteration === undefined ? {} : alterationNamed(alteration);
    const recording = recordWorkload(workload, this.#subject, altered);
    const log = new SymptomLog(recording);
    const fromRequest = workload.lastOperation ?? workload.before.length;
    const onSymptoms: NonNullable<ExploreOptions['onSymptoms']> = (symptoms, point) => log.note(symptoms, point);
    const exploration = exploreRecording(recording, { ...this.#options, fromRequest, onSymptoms });
    const isComplete = exploration.points === exploration.exhaustivePoints;
    return { log, workload, states: exploration.states, isComplete };
  }
}

function worstFirst(symptoms: readonly ShownSymptom[]): ShownSymptom[] {
  const violations = symptoms.filter(({ kind }) => isViolation(kind));
  return violations.sort((a, b) => FINDING_CLASSES.indexOf(a.kind) - FINDING_CLASSES.indexOf(b.kind));
}

function killBy(symptom: ShownSymptom, { workload, states }: Observation): Kill {
  const { kind, what, request } = symptom;
  const op = [...workload.before, ...workload.during][request]?.op ?? 'create';
  const { clusterSizeBytes } = workload.image;
  return { workload: workload.name, clusterSizeBytes, kind, what, op, badStates: symptom.states, states };
}
