/** A thread that tests mutants: takes the name of one at a time and answers with the outcome. */
import { parentPort } from 'node:worker_threads';
import type { ExploreOptions } from '../explore/explore.ts';
import { LATER_WORKLOADS } from '../requests/later-workloads.ts';
import { NAMED_WORKLOADS } from '../requests/named-workloads.ts';
import type { CrashSubject } from '../states/record-workload.ts';
import { Hunter } from './mutant-hunt.ts';
import { mutantNamed } from './mutants.ts';

export interface MutantJob {
  readonly subject: CrashSubject;
  readonly mutant: string;
  readonly options: ExploreOptions;
  /** Sequences of operations, too; otherwise the named workloads only. */
  readonly withSequences: boolean;
}

const NAMES: ReadonlySet<string> = new Set([...NAMED_WORKLOADS, ...LATER_WORKLOADS].map(({ name }) => name));

/** Kept for the next mutant of the same subject: it knows what the policy does wrong on its own. */
let hunter: Hunter | null = null;
let hunted = '';

parentPort!.on('message', ({ subject, mutant, options, withSequences }: MutantJob) => {
  const key = JSON.stringify([subject, options]);
  if (hunter === null || hunted !== key) hunter = new Hunter(subject, options);
  hunted = key;
  const isWanted = ({ name }: { readonly name: string }) => withSequences || NAMES.has(name);
  parentPort!.postMessage(hunter.hunt(mutantNamed(mutant), isWanted));
});
