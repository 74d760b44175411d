/** Finds the run to resume: the newest record of the same plan, made by the same state of this program on this machine. */
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../../results/record.ts';
import { readRecord, recordPath } from '../../../results/store.ts';
import { workloadParts } from '../../../results/workload-parts.ts';
import { UsageError } from '../../console/errors.ts';

/**
 * The file of that record, finished or not; null when there is none. `fresh` is what a new run would begin with.
 * @throws UsageError when this program has changes that are in no commit and the record was made with others, or when nothing
 * is known of its state.
 */
export function findResumable(root: string, fresh: RunRecord): string | null {
  const { problem } = fresh.source;
  if (problem !== undefined) throw new UsageError(`--resume: which commit is measured is not known: ${problem}`);
  for (const { file, record } of newestFirst(root, fresh)) {
    if (record.plan !== fresh.plan || record.source.version !== fresh.source.version) continue;
    if (record.source.problem === undefined && record.source.changes === fresh.source.changes) return file;
    throw new UsageError(`--resume: the program was changed since ${file} was started; start a new run`);
  }
  return null;
}

/** Why the newest run of the same words is not gone on with, where the reason is an input that has changed. */
export function otherInputs(root: string, fresh: RunRecord): string[] {
  const words = wordsOf(fresh);
  for (const { file, record } of newestFirst(root, fresh)) {
    if (wordsOf(record) !== words) continue;
    const earlier = inputsOf(record);
    const changed = inputsOf(fresh).find(({ sha256 }, index) => sha256 !== earlier[index]?.sha256);
    if (changed === undefined) return [];
    const known =
      earlier.length > 0 ? `has changed since ${file}` : `may have changed since ${file}, which has no digest`;
    return [`--resume: ${changed.role} ${changed.name} ${known}: everything is measured again`];
  }
  return [];
}

function inputsOf(record: RunRecord) {
  return workloadParts(record).flatMap(({ workload }) => workload.inputs ?? []);
}

function* newestFirst(
  root: string,
  fresh: RunRecord,
): Generator<{ readonly file: string; readonly record: RunRecord }> {
  const folder = path.dirname(recordPath(root, fresh));
  if (!fs.existsSync(folder)) return;
  // Run ids begin with the time, so names sort by age.
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  for (const name of names.sort().reverse()) {
    const file = path.join(folder, name);
    yield { file, record: readRecord(file) };
  }
}

function wordsOf({ command }: RunRecord): string {
  return JSON.stringify(command.filter((word) => word !== '--resume'));
}
