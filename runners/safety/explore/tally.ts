/** Sums over many explored workloads, in a form that passes between threads. */

import { FINDING_CLASSES, type FindingClass, noFindings } from '../judge/state-verdict.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import type { CrashSubject } from '../states/record-workload.ts';
import type { Exploration } from './explore.ts';
import type { CounterExample } from './explore-point.ts';

/** A counter-example with all that is needed to repeat it. */
export interface FoundExample<Subject = CrashSubject> {
  readonly subject: Subject;
  readonly workload: CrashWorkload;
  readonly example: CounterExample;
}

/** `Subject`: what a recording can be made from again, or the recording itself. */
export interface Tally<Subject = CrashSubject> {
  workloads: number;
  points: number;
  exhaustivePoints: number;
  states: number;
  distinctStates: number;
  findings: Record<FindingClass, number>;
  maxLeakedClusters: number;
  maxAtoms: number;
  maxUndecidedSectors: number;
  repairs: number;
  /** Of the shortest workload that has one, by class. */
  examples: Partial<Record<FindingClass, FoundExample<Subject>>>;
  /** Requests that the engine refused or failed, with the words of the first. */
  failedRequests: number;
  firstFailure: string | null;
}

export function emptyTally<Subject = CrashSubject>(): Tally<Subject> {
  return {
    workloads: 0,
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
    failedRequests: 0,
    firstFailure: null,
  };
}

/** The tally of one workload. */
export function tallyOf<Subject = CrashSubject>(
  exploration: Exploration,
  subject: Subject,
  workload: CrashWorkload,
  failures: ReadonlyMap<number, string>,
): Tally<Subject> {
  const { examples, ...numbers } = exploration;
  const found = Object.entries(examples).map(([kind, example]) => [kind, { subject, workload, example }]);
  const [firstFailure] = failures.values();
  return {
    ...numbers,
    workloads: 1,
    examples: Object.fromEntries(found),
    failedRequests: failures.size,
    firstFailure: firstFailure === undefined ? null : `${workload.name}: ${firstFailure}`,
  };
}

/** Adds `more` to `sum`. */
export function addTally<Subject>(sum: Tally<Subject>, more: Tally<Subject>): void {
  sum.workloads += more.workloads;
  sum.points += more.points;
  sum.exhaustivePoints += more.exhaustivePoints;
  sum.states += more.states;
  sum.distinctStates += more.distinctStates;
  sum.repairs += more.repairs;
  sum.failedRequests += more.failedRequests;
  sum.firstFailure ??= more.firstFailure;
  sum.maxLeakedClusters = Math.max(sum.maxLeakedClusters, more.maxLeakedClusters);
  sum.maxAtoms = Math.max(sum.maxAtoms, more.maxAtoms);
  sum.maxUndecidedSectors = Math.max(sum.maxUndecidedSectors, more.maxUndecidedSectors);
  for (const kind of FINDING_CLASSES) {
    sum.findings[kind] += more.findings[kind];
    const found = more.examples[kind];
    if (found !== undefined && isSimpler(found, sum.examples[kind])) sum.examples[kind] = found;
  }
}

/** Of two examples that are equally simple the first stays, so the order of `tallies` decides. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  for (const tally of tallies) addTally(sum, tally);
  return sum;
}

function isSimpler(found: FoundExample<unknown>, known: FoundExample<unknown> | undefined): boolean {
  if (known === undefined) return true;
  const size = ({ workload, example }: FoundExample<unknown>) => [
    workload.during.length,
    workload.before.length,
    example.vector.length,
    workload.image.clusterSizeBytes,
  ];
  const [ours, theirs] = [size(found), size(known)];
  const first = ours.findIndex((value, index) => value !== theirs[index]);
  return first >= 0 && ours[first]! < theirs[first]!;
}
