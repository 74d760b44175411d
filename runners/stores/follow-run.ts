/** Keeps a run in a store while it is measured: what a machine that dies has measured by then is not lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord } from '../../results/record.ts';
import { RecordError } from '../../results/record-error.ts';
import type { RunSample } from '../../results/run-samples.ts';
import { UsageError } from '../console/errors.ts';
import type { ResultStore } from './result-store.ts';

/** A measurement waits for the store no longer than this, once. */
const ANSWER_MS = 5000;

/**
 * The first failure ends it: the store may be away, and no measuring waits for it. The whole run is put at its end, by whoever measures.
 * `tell` gets one line then.
 */
export class StoreFollower {
  readonly #store: ResultStore;
  readonly #tell: (line: string) => void;
  /** The run that was begun there. */
  #runId: string | null = null;
  #isOver = false;

  constructor(store: ResultStore, tell: (line: string) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  async taken(record: RunRecord, sample: RunSample): Promise<void> {
    const { runId } = record;
    const isBegun = this.#runId === runId;
    if (!isBegun) this.#isOver = false;
    this.#runId = runId;
    if (this.#isOver) return;
    // Begun with its first sample: a run that measures nothing leaves nothing.
    await this.#attempt(() =>
      isBegun ? this.#store.append(runId, sample) : this.#store.put(`${JSON.stringify(record)}\n`),
    );
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await answeredInTime(work(), this.#store.name);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof RecordError)) throw error;
      this.#isOver = true;
      this.#tell(`${error.message}; the store gets this run when it is complete`);
    }
  }
}

async function answeredInTime(answer: Promise<unknown>, name: string): Promise<void> {
  const over = new AbortController();
  const timeOut = sleep(ANSWER_MS, undefined, { signal: over.signal }).then(() => {
    throw new UsageError(`${name}: no answer for ${ANSWER_MS / 1000} s`);
  });
  // Whichever comes second is not waited for, and its failure is nobody's.
  for (const one of [answer, timeOut]) one.catch(() => {});
  try {
    await Promise.race([answer, timeOut]);
  } finally {
    over.abort();
  }
}
