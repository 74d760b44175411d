/** Runs as files in a folder, `MACHINE/COMMIT/RUN.json`, as `cowbench bench` writes them: no index, no server. */
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../results/record.ts';
import { RecordError } from '../../results/record-error.ts';
import { type RunSample, samplesFile } from '../../results/run-samples.ts';
import { SampleLog } from '../../results/sample-log.ts';
import {
  parseRecord,
  readableText,
  readRecord,
  recordPath,
  removeRecord,
  storedFiles,
  writeWhole,
} from '../../results/store.ts';
import { UsageError } from '../console/errors.ts';
import {
  isFurther,
  isPlainName,
  type PutOutcome,
  type ResultStore,
  type RunQuery,
  type RunSummary,
  type SeriesPoint,
  type SeriesQuery,
  seriesValues,
  summaryOf,
} from './result-store.ts';

const MOST_BYTES = 256 * 1024 * 1024;

export class FileStore implements ResultStore {
  readonly name: string;
  readonly #root: string;

  /** `root` is made when the first run is put. */
  constructor(root: string) {
    this.name = root;
    this.#root = root;
  }

  async put(document: string): Promise<PutOutcome> {
    const record = parseRecord('the record', document);
    const file = this.#fileOf(record.runId);
    if (file === null) {
      requirePlainPlace(record);
      writeWhole(recordPath(this.#root, record), document);
      return 'added';
    }
    const stored = readableText(file, MOST_BYTES);
    if (stored === document) return 'same';
    if (!isFurther(summaryOf(record), summaryOf(readRecord(file)))) return 'kept';
    writeWhole(file, document);
    // The document has them.
    fs.rmSync(samplesFile(file), { force: true });
    return 'replaced';
  }

  async append(runId: string, sample: RunSample): Promise<void> {
    const file = this.#fileOf(runId);
    if (file === null || parseRecord(file, readableText(file, MOST_BYTES)).status !== 'running') {
      throw new RecordError(`no run ${runId} is being measured in ${this.name}`);
    }
    const log = new SampleLog(file, { keeps: true });
    try {
      log.append(sample);
    } finally {
      log.close();
    }
  }

  async document(runId: string): Promise<string | null> {
    const file = this.#fileOf(runId);
    if (file === null) return null;
    const text = readableText(file, MOST_BYTES);
    if (!fs.existsSync(samplesFile(file)) || parseRecord(file, text).status !== 'running') return text;
    return `${JSON.stringify(readRecord(file))}\n`;
  }

  async *find(query: RunQuery): AsyncGenerator<RunSummary> {
    const { newest = Number.POSITIVE_INFINITY, ...wanted } = query;
    let found = 0;
    for (const record of this.#records()) {
      const summary = summaryOf(record);
      const matches = Object.entries(wanted).every(
        ([name, value]) => value === undefined || summary[name as keyof typeof wanted] === value,
      );
      if (!matches) continue;
      if (found++ >= newest) return;
      yield summary;
    }
  }

  async *series({ metric, workload, cell, machine }: SeriesQuery): AsyncGenerator<SeriesPoint> {
    const points: SeriesPoint[] = [];
    for (const record of this.#records()) {
      const { runId, startedAt, commit, ...summary } = summaryOf(record);
      if (summary.status !== 'complete') continue;
      if (machine !== undefined && machine !== summary.machine) continue;
      const value = seriesValues(record).find(
        (one) => one.workload === workload && one.cell === cell && one.metric === metric,
      )?.value;
      if (value !== undefined) points.push({ runId, startedAt, machine: summary.machine, commit, value });
    }
    yield* points.reverse();
  }

  async attach(runId: string, name: string, bytes: Uint8Array): Promise<void> {
    writeWhole(this.#attachmentFile(runId, name), bytes);
  }

  async attachments(runId: string): Promise<string[]> {
    const file = this.#fileOf(runId);
    if (file === null) return [];
    const prefix = `${runId}.`;
    const names = fs
      .readdirSync(path.dirname(file))
      .filter((name) => name.startsWith(prefix) && name !== `${runId}.json` && name !== samplesFile(`${runId}.json`));
    return names.map((name) => name.slice(prefix.length)).sort();
  }

  async attachment(runId: string, name: string): Promise<Uint8Array | null> {
    const file = this.#attachmentFile(runId, name);
    return fs.existsSync(file) ? fs.readFileSync(file) : null;
  }

  async prune(before: Date): Promise<number> {
    let removed = 0;
    for (const { runId, status, startedAt } of [...this.#records()].map(summaryOf)) {
      if (status === 'running' || new Date(startedAt) >= before) continue;
      const file = this.#fileOf(runId)!;
      for (const name of await this.attachments(runId)) fs.rmSync(this.#attachmentFile(runId, name));
      removeRecord(file);
      removed++;
    }
    return removed;
  }

  async *verify(): AsyncGenerator<string> {
    for (const file of this.#files()) {
      try {
        const { runId } = readRecord(file);
        if (path.basename(file) !== `${runId}.json`) yield `${file}: is run ${runId}`;
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        yield error.message;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Newest first: run ids begin with the time. What is no record is left out; `verify` names it. */
  *#records(): Generator<RunRecord> {
    for (const file of this.#files()) {
      try {
        yield readRecord(file);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
      }
    }
  }

  #files(): string[] {
    const files = storedFiles(this.#root).filter((file) => !path.basename(file).startsWith('.'));
    return files.sort((one, other) => (path.basename(one) < path.basename(other) ? 1 : -1));
  }

  #fileOf(runId: string): string | null {
    if (!isPlainName(runId)) return null;
    return storedFiles(this.#root).find((file) => path.basename(file) === `${runId}.json`) ?? null;
  }

  #attachmentFile(runId: string, name: string): string {
    if (!isPlainName(name) || name === 'json') throw new UsageError(`"${name}" is no name of an attachment`);
    const file = this.#fileOf(runId);
    if (file === null) throw new RecordError(`there is no run ${runId} in ${this.name}`);
    return `${file.slice(0, -'json'.length)}${name}`;
  }
}

/** A record may come from anywhere, and its machine and commit name folders. */
function requirePlainPlace({ environment, source }: RunRecord): void {
  const { machine } = environment;
  if (!isPlainName(machine)) throw new RecordError('the record: $.environment.machine is no plain name');
  if (source.commit !== null && !/^[0-9a-f]{12,64}$/.test(source.commit)) {
    throw new RecordError('the record: $.source.commit is no hash');
  }
}
