/** Finds the records of a site: below a folder, or in a store. */
import fs from 'node:fs';
import path from 'node:path';
import { RecordError } from '../../results/record-error.ts';
import { readableText, readRecord } from '../../results/store.ts';
import { UsageError } from '../console/errors.ts';
import type { ResultStore } from '../stores/result-store.ts';

const MOST_BYTES = 256 * 1024 * 1024;

export interface StoredRecord {
  /** For messages. */
  readonly name: string;
  /** @throws RecordError */
  readonly document: () => string;
}

/** The record files that `place` stands for: itself, or all `.json` files below it, in a fixed order. Throws UsageError when it is neither. */
export function recordFiles(place: string): string[] {
  const status = fs.statSync(place, { throwIfNoEntry: false });
  if (status === undefined) throw new UsageError(`${place}: no such file or folder`);
  if (!status.isDirectory()) return [place];
  return fs
    .readdirSync(place, { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => path.join(place, file));
}

/** The newest first: names of runs begin with their time. Throws UsageError as {@link recordFiles}. */
export async function* recordsBelow(place: string): AsyncGenerator<StoredRecord> {
  const files = recordFiles(place);
  for (const file of files.toSorted((a, b) => path.basename(b).localeCompare(path.basename(a)))) {
    const name = file === place ? file : path.relative(place, file);
    yield { name, document: () => documentOf(file, name) };
  }
}

/** Of a run that is being measured, the record so far. */
function documentOf(file: string, name: string): string {
  try {
    const text = readableText(file, MOST_BYTES);
    return /"status":"running"/.test(text) ? `${JSON.stringify(readRecord(file))}\n` : text;
  } catch (error) {
    if (error instanceof RecordError) throw new RecordError(error.message.replace(file, name), { cause: error });
    throw error;
  }
}

/** All runs of a store. Reports that it keeps are not used: they are markup, and whoever may add runs wrote it. */
export async function* recordsOf(store: ResultStore): AsyncGenerator<StoredRecord> {
  for await (const { runId } of store.find({})) {
    const document = await store.document(runId);
    // Removed meanwhile.
    if (document === null) continue;
    yield { name: `run ${runId}`, document: () => document };
  }
}

/** What `read` gives, or the line that says why it could not. */
export function orReason<Result>(read: () => Result): { readonly result: Result } | { readonly reason: string } {
  try {
    return { result: read() };
  } catch (error) {
    if (error instanceof RecordError) return { reason: error.message };
    throw error;
  }
}
