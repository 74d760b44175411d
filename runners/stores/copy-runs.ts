/** Copies runs from one store to another, with what belongs to them: import and export are the same in two directions. */
import type { PutOutcome, ResultStore } from './result-store.ts';

export interface CopiedRun {
  readonly runId: string;
  readonly outcome: PutOutcome;
  readonly attachments: number;
}

/** Oldest first, so that what was copied before an interruption is a beginning. */
export async function* copyRuns(from: ResultStore, to: ResultStore): AsyncGenerator<CopiedRun> {
  const runIds: string[] = [];
  for await (const { runId } of from.find({})) runIds.push(runId);
  for (const runId of runIds.reverse()) {
    const document = await from.document(runId);
    // Removed meanwhile.
    if (document === null) continue;
    const outcome = await to.put(document);
    const names = await from.attachments(runId);
    for (const name of names) {
      const bytes = await from.attachment(runId, name);
      if (bytes !== null) await to.attach(runId, name, bytes);
    }
    yield { runId, outcome, attachments: names.length };
  }
}
