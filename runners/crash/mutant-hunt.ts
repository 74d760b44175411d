/** Looks for a workload in which a mutant breaks a promise that the policy without it keeps. */
import type { CrashWorkload } from './crash-workload.ts';
import { type ExploreOptions, exploreRecording } from './explore.ts';
import type { Mutant } from './mutants.ts';
import { namedWorkloads } from './named-workloads.ts';
import { type CrashSubject, recordWorkload } from './record-workload.ts';
import { type SequenceWorkload, sequences } from './sequences.ts';
import { FINDING_CLASSES, type FindingClass } from './verdict.ts';

export interface Kill {
  readonly workload: string;
  readonly clusterSizeBytes: number;
  readonly kind: FindingClass;
  /** States of the workload that show it, of all that were tried. */
  readonly badStates: number;
  readonly states: number;
}

export interface HuntResult {
  readonly mutant: string;
  readonly subject: CrashSubject;
  /** Null when no workload shows the mutant. */
  readonly kill: Kill | null;
  readonly workloadsTried: number;
}

type HuntedWorkload = CrashWorkload & Partial<Pick<SequenceWorkload, 'lastOperation'>>;

/** The workloads that mutants are hunted with: the quick ones first. */
export function* huntedWorkloads(): Generator<HuntedWorkload> {
  const small = { l2: 2, refcounts: 2 };
  for (const clusterSizeBytes of [4096, 1024]) {
    for (const cacheTables of [null, small]) yield* namedWorkloads({ clusterSizeBytes, cacheTables });
  }
  for (const start of ['shared', 'plain']) {
    yield* sequences({ clusterSizeBytes: 1024, cacheTables: null, start, first: null, maxLength: 2 });
  }
  yield* namedWorkloads({ clusterSizeBytes: 512, cacheTables: { l2: 2, refcounts: 1 } });
}

/** What the policy does wrong by itself, by workload: the same for all mutants of it. */
export class Hunter {
  readonly #subject: CrashSubject;
  readonly #options: ExploreOptions;
  readonly #ownFaults = new Map<string, ReadonlySet<FindingClass>>();

  constructor(subject: CrashSubject, options: ExploreOptions) {
    this.#subject = subject;
    this.#options = options;
  }

  /** Tries the workloads, or those that `isWanted` picks, until one shows the mutant. */
  hunt(mutant: Mutant, isWanted: (workload: CrashWorkload) => boolean = () => true): HuntResult {
    let workloadsTried = 0;
    for (const workload of huntedWorkloads()) {
      if (!isWanted(workload)) continue;
      workloadsTried++;
      const kill = this.#try(workload, mutant);
      if (kill !== null) return { mutant: mutant.name, subject: this.#subject, kill, workloadsTried };
    }
    return { mutant: mutant.name, subject: this.#subject, kill: null, workloadsTried };
  }

  #try(workload: HuntedWorkload, mutant: Mutant): Kill | null {
    const exploration = this.#explore(workload, { ...this.#subject, mutant: mutant.name });
    const kinds = FINDING_CLASSES.filter((kind) => exploration.findings[kind] > 0);
    if (kinds.length === 0) return null;
    const own = this.#faultsOfPolicy(workload);
    const kind = kinds.find((candidate) => !own.has(candidate));
    if (kind === undefined) return null;
    const { states, findings } = exploration;
    const { clusterSizeBytes } = workload.image;
    return { workload: workload.name, clusterSizeBytes, kind, badStates: findings[kind], states };
  }

  #faultsOfPolicy(workload: HuntedWorkload): ReadonlySet<FindingClass> {
    const key = JSON.stringify([workload.name, workload.image, workload.cacheTables]);
    let faults = this.#ownFaults.get(key);
    if (faults === undefined) {
      const { findings } = this.#explore(workload, this.#subject);
      faults = new Set(FINDING_CLASSES.filter((kind) => findings[kind] > 0));
      this.#ownFaults.set(key, faults);
    }
    return faults;
  }

  #explore(workload: HuntedWorkload, subject: CrashSubject) {
    const fromRequest = workload.lastOperation ?? workload.before.length;
    return exploreRecording(recordWorkload(workload, subject), { ...this.#options, fromRequest });
  }
}
