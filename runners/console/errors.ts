/** Errors of use, and the exit codes of every command. */
import { Qcow2Error } from '../../engine/index.ts';
import { RecordError } from '../../results/record-error.ts';
import { SampleProtocolError } from '../../results/sample-protocol.ts';
import { TraceError, WorkloadError } from '../../workloads/errors.ts';

export const EXIT_CODES = {
  /** Done. */
  ok: 0,
  /** Measured, but not to be trusted: content different, image corrupt, or two rounds counted differently. */
  finding: 1,
  /** Not done: wrong use, bad input, a device that failed, or a defect. */
  error: 2,
  /** `gate` alone: there is nothing to compare with. */
  noBaseline: 3,
  /** `calibrate` alone: measured, but nothing can be concluded from it. */
  unsure: 3,
  /** Ctrl-C; what was measured is kept. */
  interrupted: 130,
  /** SIGTERM; what was measured is kept. */
  terminated: 143,
} as const;

/** For the end of `--help`. */
export const EXIT_CODE_TEXT =
  'Exit codes: 0 done; 1 measured, but content, image or counts were not as they must be; ' +
  '2 wrong use, bad input or a failing device; 130 interrupted (what was measured is kept).';

/** The command line asks for something that makes no sense; the message is one line that names the option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A worker could not take its sample; `expected`: bad input or a failing device, else a defect, told by `workerStack`. */
export class SampleFailure extends Error {
  override readonly name = 'SampleFailure';
  readonly expected: boolean;
  readonly workerStack: string;

  constructor(message: string, expected: boolean, workerStack: string) {
    super(message);
    this.expected = expected;
    this.workerStack = workerStack;
  }
}

const EXPECTED = [UsageError, Qcow2Error, TraceError, WorkloadError, RecordError, SampleProtocolError];

/** One line about `error`, and whether it was foreseen (bad input, a failing device) or is a defect of the program. */
export function describeFailure(error: unknown): { readonly message: string; readonly expected: boolean } {
  const message = oneLine(error instanceof Error ? error.message : String(error));
  if (error instanceof SampleFailure) return { message, expected: error.expected };
  return { message, expected: EXPECTED.some((kind) => error instanceof kind) };
}

/** Without characters that could steer a terminal or reorder the line: names and texts from files may hold anything. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
