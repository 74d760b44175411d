/** The errors that workloads throw on purpose: each message is one line that names the thing at fault. */

/** A trace file that cannot be read or replayed; `line` is 1-based, absent when no line is at fault. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly file: string;
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, problem: string, cause?: unknown) {
    super(line === undefined ? `${file}: ${problem}` : `${file}:${line}: ${problem}`, { cause });
    this.file = file;
    this.line = line;
  }
}

/** A workload name or parameter that makes no sense. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
}

/** Shows a piece of foreign text in a message: quoted, escaped, at most 40 characters of it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
