/** Usage errors, and the exit codes that commands set; `exit-codes.ts` says what each means for each command. */
import { Qcow2Error } from '../../engine/index.ts';
import { RecordError } from '../../results/record-error.ts';
import { SampleProtocolError } from '../../results/sample-protocol.ts';
import { TraceError, WorkloadError } from '../../workloads/errors.ts';

export const EXIT_CODES = {
  /** Success. */
  ok: 0,
  /** Measured, but verification failed: guest data differ, the image is corrupt, or two rounds counted differently. */
  finding: 1,
  /** Usage error, invalid input, a device that failed, or a defect. */
  error: 2,
  /** `gate` only: there is nothing to compare with. */
  noBaseline: 3,
  /** `calibrate` only: measured, but nothing can be concluded. */
  unsure: 3,
  /** Ctrl-C; results so far are kept. */
  interrupted: 130,
  /** SIGTERM; results so far are kept. */
  terminated: 143,
} as const;

/** The command line asks for something that makes no sense; the message is one line that names the option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * A worker could not take its sample; `expected`: bad input or a failing device, else a defect, located by `workerStack`;
 * `isInput`: what was asked for can be measured nowhere.
 */
export class SampleFailure extends Error {
  override readonly name = 'SampleFailure';
  readonly expected: boolean;
  readonly isInput: boolean;
  readonly workerStack: string;

  constructor(message: string, blame: { readonly expected: boolean; readonly isInput?: boolean }, workerStack: string) {
    super(message);
    this.expected = blame.expected;
    this.isInput = blame.isInput ?? false;
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

/** True for an error of what was asked for, which no other machine and no second try would change. */
export function isBadInput(error: unknown): boolean {
  if (error instanceof SampleFailure) return error.isInput;
  if (error instanceof Qcow2Error) return INPUT_CODES.includes(error.code);
  return [UsageError, TraceError, WorkloadError].some((kind) => error instanceof kind);
}

const INPUT_CODES: readonly string[] = ['IN_USE', 'INVALID_ARGUMENT', 'UNSUPPORTED', 'OUT_OF_RANGE'];

/** Without characters that could steer a terminal or reorder the line: names and texts from files may hold anything. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
