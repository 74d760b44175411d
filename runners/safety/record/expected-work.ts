/** How much work a safety record is, counted before it is done. */
import { workloadsOf } from '../explore/jobs.ts';
import { explorationsOf } from './jobs.ts';
import { type SafetyPlan, safetySubjects } from './safety-plan.ts';

/**
 * Milliseconds of one core of a server processor. Sequences: the record of length 3 in docs/safety.md, 7 subjects with 29 574 workloads each, took 35 minutes on
 * two cores, most of it sequences. The rest: of the default, one sixtieth of its parts took 12 seconds of a core one day and 20 another, a quarter of
 * it sequences; 2290 parts of length 1 without mutants took 181 seconds.
 */
const MS_PER_SEQUENCE = 14;
const MS_PER_PART: Readonly<Record<SafetyPlan['mutants'], number>> = { none: 80, named: 250, all: 350 };

/** Sequences that the record of `plan` explores, under all its policies and caches. */
export function sequencesIn(plan: SafetyPlan): number {
  const [subject, ...others] = safetySubjects(plan.policies);
  let count = 0;
  // The sequences are the same under each of them.
  for (const { work, options } of explorationsOf(subject!, plan)) {
    if ('space' in work) for (const _ of workloadsOf(work, options)) count++;
  }
  return count * (1 + others.length);
}

/** Milliseconds that one core would take for the record of `plan`, which has this many parts. */
export function expectedCoreMs(plan: SafetyPlan, parts: number): number {
  return sequencesIn(plan) * MS_PER_SEQUENCE + parts * MS_PER_PART[plan.mutants];
}
