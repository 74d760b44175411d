/** A thread that hunts mutants: takes the names of some under one subject, and answers with a result for each. */
import { parentPort } from 'node:worker_threads';
import type { ExploreOptions } from './explore.ts';
import { Hunter, type HuntResult } from './mutant-hunt.ts';
import { mutantNamed } from './mutants.ts';
import { NAMED_WORKLOADS } from './named-workloads.ts';
import type { CrashSubject } from './record-workload.ts';

export interface MutantJob {
  readonly subject: CrashSubject;
  readonly mutants: readonly string[];
  readonly options: ExploreOptions;
  /** Sequences of operations, too; otherwise the named workloads only. */
  readonly withSequences: boolean;
}

const NAMES: ReadonlySet<string> = new Set(NAMED_WORKLOADS.map(({ name }) => name));

parentPort!.on('message', ({ subject, mutants, options, withSequences }: MutantJob) => {
  const hunter = new Hunter(subject, options);
  const results: HuntResult[] = mutants.map((name) =>
    hunter.hunt(mutantNamed(name), (workload) => withSequences || NAMES.has(workload.name)),
  );
  parentPort!.postMessage(results);
});
