/**
 * Samples of a run that is being measured: `RUN.samples.jsonl` beside `RUN.json`, a line each, appended when the sample was taken. The
 * record of the run is a fold over them, made when somebody reads it and when the run ends.
 *
 * Invariant: a sample is added once, however often its line is read: its cell and its place in the schedule name it.
 */
import fs from 'node:fs';
import { z } from 'zod';
import { CellResults } from './cell-results.ts';
import type { RunRecord } from './record.ts';
import { RecordError } from './record-error.ts';
import { SampleResult } from './sample-protocol.ts';
import { workloadOfCell } from './workload-parts.ts';

const count = z.int().nonnegative();

/** A line. */
export const RunSample = z.object({
  /** Index of the cell. */
  cell: count,
  /** Of the A/A control. */
  control: z.boolean(),
  round: count,
  order: count,
  traced: z.boolean(),
  /** Time spent measuring in all, when it was done. */
  measuringMs: count,
  result: SampleResult,
});
export type RunSample = z.infer<typeof RunSample>;

/** What names a sample in its run. */
export type SampleName = Pick<RunSample, 'cell' | 'control' | 'order'>;

export class RunFold {
  readonly #record: RunRecord;
  readonly #cells: readonly CellResults[];

  /** `record` is changed, and may have samples already. */
  constructor(record: RunRecord) {
    this.#record = record;
    this.#cells = record.cells.map((cell) => new CellResults(cell));
  }

  has({ cell, control, order }: SampleName): boolean {
    return this.#cells[cell]!.has(order, control);
  }

  /** Changes nothing where the record has it. False for a sample of a cell that the record does not have. */
  add({ cell, control, round, order, traced, measuringMs, result }: RunSample): boolean {
    const results = this.#cells[cell];
    if (results === undefined) return false;
    if (results.has(order, control)) return true;
    const workload = workloadOfCell(this.#record, this.#record.cells[cell]!);
    if (workload.phases.length === 0) workload.phases = result.phases;
    this.#record.measuringMs = Math.max(this.#record.measuringMs ?? 0, measuringMs);
    if (control) results.addControl({ round, order, traced }, result);
    else results.add({ round, order, traced }, result);
    return true;
  }
}

export function samplesFile(recordFile: string): string {
  return recordFile.replace(/(?:\.json)?$/, '.samples.jsonl');
}

/** As in the file. */
export function sampleLine(sample: RunSample): string {
  return `${JSON.stringify(sample)}\n`;
}

/**
 * Adds to `record` what the lines beside `recordFile` have. A last line that was cut off was never a sample.
 * @throws RecordError naming file and line for what is no sample of this run.
 */
export function addSamplesBeside(recordFile: string, record: RunRecord): void {
  const file = samplesFile(recordFile);
  addSampleLines(linesOf(file), file, record);
}

/** Adds `lines` to `record`; `name` is for errors. @throws RecordError as {@link addSamplesBeside}. */
export function addSampleLines(lines: Iterable<string>, name: string, record: RunRecord): void {
  const fold = new RunFold(record);
  let number = 0;
  let torn: RecordError | null = null;
  for (const line of lines) {
    if (torn !== null) throw torn;
    torn = addLine(fold, line, `${name}: line ${++number}`);
  }
}

/**
 * Adds a line without its end; `name` is for errors. What is no JSON at all is given back as an error: at the end of a file it is a line
 * that was cut off. @throws RecordError
 */
function addLine(fold: RunFold, line: string, name: string): RecordError | null {
  let sample: unknown;
  try {
    sample = JSON.parse(line);
  } catch (error) {
    return refusal(name, (error as Error).message);
  }
  const parsed = RunSample.safeParse(sample);
  if (!parsed.success) throw refusal(name, issueOf(parsed.error));
  if (!fold.add(parsed.data)) throw refusal(name, `there is no cell ${parsed.data.cell}`);
  return null;
}

/** A message may quote the file, which may hold anything. */
function refusal(name: string, why: string): RecordError {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  const plain = why.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300);
  return new RecordError(`${name}: no sample of this run: ${plain}`);
}

function issueOf({ issues: [issue] }: z.ZodError): string {
  return `${issue!.path.map(String).join('.')}: ${issue!.message}`;
}

const READ_BYTES = 1 << 20;
/** A longer line is no sample: refused before it is held in memory. */
const MOST_BYTES = 256 * 1024 * 1024;

/** The whole lines of a file, without their ends; none where it does not exist. It may be longer than memory. */
function* linesOf(file: string): Generator<string> {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new RecordError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    let parts: Buffer[] = [];
    let partBytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const bytes = fs.readSync(descriptor, chunk);
      if (bytes === 0) return;
      let begin = 0;
      for (let end = chunk.indexOf(0x0a); end !== -1 && end < bytes; end = chunk.indexOf(0x0a, begin)) {
        yield Buffer.concat([...parts, chunk.subarray(begin, end)]).toString();
        [parts, partBytes, begin] = [[], 0, end + 1];
      }
      parts.push(chunk.subarray(begin, bytes));
      partBytes += bytes - begin;
      if (partBytes > MOST_BYTES)
        throw new RecordError(`${file}: a line of more than ${MOST_BYTES} bytes is no sample`);
    }
  } finally {
    fs.closeSync(descriptor);
  }
}
