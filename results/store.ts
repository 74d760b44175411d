/**
 * Records on disk: `ROOT/<machine>/<commit>/<run>.json`, one document a run; of a run that is being measured, its samples lie beside it. The
 * documents are the truth; any index over them can be rebuilt.
 *
 * Invariants:
 *  1. A record file is always a whole document: it is replaced by rename, never written in place.
 *  2. When `writeRecord` returns, the document survives a power cut.
 */
import fs from 'node:fs';
import path from 'node:path';
import { RunRecord, SCHEMA_VERSION } from './record.ts';
import { RecordError } from './record-error.ts';
import { addSamplesBeside, samplesFile } from './run-samples.ts';

/** A document larger than this is no record of ours: refused before it is held in memory. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;

/** Where the record of a run belongs below `root`. */
export function recordPath(root: string, record: Pick<RunRecord, 'runId' | 'source' | 'environment'>): string {
  const { commit, dirty } = record.source;
  const folder = commit === null ? 'unversioned' : commit.slice(0, 12) + (dirty ? '-dirty' : '');
  return path.join(root, record.environment.machine, folder, `${record.runId}.json`);
}

/** The files below `root` that have the place of a record, of one commit (its first twelve digits) or of all. */
export function storedFiles(root: string, commit?: string): string[] {
  if (!fs.existsSync(root)) return [];
  return fs
    .readdirSync(root, { encoding: 'utf8', recursive: true })
    .filter((file) => {
      const [, folder, name, ...deeper] = file.split(path.sep);
      return name?.endsWith('.json') && deeper.length === 0 && (commit === undefined || folder === commit);
    })
    .map((file) => path.join(root, file));
}

/**
 * Puts `record` at `file`, durable and whole, in place of an earlier state of the same run.
 * @throws RecordError when the file system refuses; the earlier state is then still there.
 */
export function writeRecord(file: string, record: RunRecord): void {
  writeWhole(file, `${JSON.stringify(record)}\n`);
}

/** Removes the record in `file`, and the samples beside it. Throws RecordError when the file system refuses. */
export function removeRecord(file: string): void {
  try {
    for (const one of [samplesFile(file), file]) fs.rmSync(one, { force: true });
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Writes `text` to `file` by way of a temporary file next to it; folders are made.
 * @throws RecordError when the file system refuses.
 */
export function writeWhole(file: string, text: string | Uint8Array): void {
  const directory = path.dirname(file);
  const temporary = path.join(directory, `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    makeFolder(directory);
    fs.writeFileSync(temporary, text, { flush: true });
    fs.renameSync(temporary, file);
    syncDirectory(directory);
  } catch (error) {
    removeQuietly(temporary);
    throw cannotWrite(file, error);
  }
}

/**
 * Makes `directory`, and those above it. Throws what the file system says. Node's own recursion never ends where a folder is
 * there, but what would be made in it is called missing, as in /proc.
 */
export function makeFolder(directory: string): void {
  if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = path.dirname(directory);
  if (parent !== directory) makeFolder(parent);
  try {
    fs.mkdirSync(directory);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** The one line about a file system that refuses to write `file`. */
export function cannotWrite(file: string, error: unknown): RecordError {
  return new RecordError(`cannot write ${file}: ${reason(error)}`, { cause: error });
}

/** The error that brought us here is the one to report, not that its leftovers could not be removed. */
function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {}
}

/** A new name is durable only when its directory is. */
export function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * The record in `file`, validated; of a run that is being measured, or that nobody ended, with the samples that it has so far.
 * @throws RecordError naming the file, and the place in it, when it cannot be read, is not JSON, is of a newer schema
 * version, or breaks the schema.
 */
export function readRecord(file: string): RunRecord {
  const record = parseRecord(file, readableText(file, MAX_RECORD_BYTES));
  if (record.status === 'running') addSamplesBeside(file, record);
  return record;
}

/**
 * The text of `file`, of at most `mostBytes`.
 * @throws RecordError naming the file when it is no regular file, is larger, or cannot be read.
 */
export function readableText(file: string, mostBytes: number): string {
  try {
    const status = fs.statSync(file);
    if (!status.isFile()) throw new RecordError(`${file}: not a regular file`);
    if (status.size > mostBytes) throw new RecordError(`${file}: ${status.size} bytes are too many for a record`);
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof RecordError) throw error;
    throw new RecordError(`cannot read ${file}: ${reason(error)}`, { cause: error });
  }
}

/**
 * The record that `text` is; `file` names it in errors.
 * @throws RecordError as {@link readRecord}.
 */
export function parseRecord(file: string, text: string): RunRecord {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new RecordError(`${file}: not a JSON document: ${oneLine((error as Error).message)}`);
  }
  const version = (document as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > SCHEMA_VERSION) {
    throw new RecordError(
      `${file}: $.schemaVersion is ${version}, newer than ${SCHEMA_VERSION}, which this program reads: use a newer cowbench`,
    );
  }
  const parsed = RunRecord.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RecordError(`${file}: ${jsonPath(issue.path)}: ${oneLine(issue.message)}`);
}

function jsonPath(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((place, key) => place + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`), '$');
}

/** Messages may quote the file, which may hold anything. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300);
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a part of the path is not a directory',
};

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined ? REASONS[code] : undefined) ?? oneLine(message);
}
