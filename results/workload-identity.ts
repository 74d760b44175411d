/**
 * What makes two workloads the same: what they ask of a disk, not what they are called. A file from outside the program is
 * known by its content, so the same file under another name is the same workload, and another file under that name is not.
 */
import type { RunRecord } from './record.ts';

type RecordedWorkload = RunRecord['workload'];

/** The role of an input that is the request stream itself: its name decides nothing. */
const TRACE_ROLE = 'trace';
const TRACE_PREFIX = 'trace:';
/** Digits of a digest that people are shown. */
const SHOWN_DIGITS = 8;

/** Equal texts: the same requests on a disk of the same size. Records without digests are known by their names. */
export function workloadIdentity(workload: RecordedWorkload): string {
  const { name, parameters, seed, guestFlush, discard, pace, diskSizeBytes, inputs = [] } = workload;
  const contents = inputs.map(({ role, sha256 }) => [role, sha256]);
  const named = inputs.some(({ role }) => role === TRACE_ROLE) ? TRACE_ROLE : name;
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([named, contents, sorted, seed, guestFlush, discard, pace ?? null, diskSizeBytes]);
}

/** What can tell workloads of one name apart, in words. */
export function workloadAttributes(workload: RecordedWorkload): (readonly [name: string, value: string])[] {
  const { name, inputs, diskSizeBytes } = workload;
  const disk = ['disk', `${diskSizeBytes} bytes`] as const;
  if (inputs !== undefined && inputs.length > 0) return [['content', contentText(workload)], disk];
  return name.startsWith(TRACE_PREFIX) ? [['content', contentText(workload)], disk] : [disk];
}

/** The first digits of the digests of all inputs. */
export function contentText({ inputs = [] }: Pick<RecordedWorkload, 'inputs'>): string {
  return inputs.map(({ sha256 }) => sha256.slice(0, SHOWN_DIGITS)).join('+') || 'not recorded';
}
