/** Opens the workload that a run was asked for, with the guest's flushes and discards as chosen. */

import { WorkloadError } from '../../workloads/errors.ts';
import { findWorkload } from '../../workloads/registry.ts';
import type { RequestStream } from '../../workloads/request.ts';
import { sentBy } from '../../workloads/requesters.ts';
import { limited, parseGuestFlush, withGuestDiscard, withGuestFlush } from '../../workloads/transforms.ts';
import type { Workload, WorkloadInput } from '../../workloads/workload.ts';

/** A workload with everything that decides its requests; plain JSON. */
export interface WorkloadChoice {
  readonly name: string;
  /** As given; names in kebab-case. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly seed: number;
  /** As on the command line: `recorded`, `none` or `every:N`. */
  readonly guestFlush: string;
  readonly discard: 'ignore' | 'unmap';
  /** The maximum number of requests; null: all. */
  readonly limit: number | null;
  /** The contents that the run began with; absent: whatever they are now. */
  readonly inputs?: readonly WorkloadInput[];
}

export interface OpenWorkload {
  readonly workload: Workload;
  /** What to replay; may be asked for once. */
  readonly requests: RequestStream;
}

/** Throws WorkloadError and TraceError, one line each. `requesters` send the requests at once. */
export async function openWorkload(
  choice: WorkloadChoice,
  clusterSizeBytes: number,
  requesters = 1,
): Promise<OpenWorkload> {
  const workload = await findWorkload(choice.name, choice.parameters, { seed: choice.seed, clusterSizeBytes });
  refuseChanged(workload.inputs, choice.inputs ?? workload.inputs);
  const discarded = withGuestDiscard(workload.requests(), choice.discard);
  const flushed = withGuestFlush(discarded, parseGuestFlush(choice.guestFlush));
  const requests = choice.limit === null ? flushed : limited(flushed, choice.limit);
  return { workload, requests: sentBy(requesters, requests) };
}

function refuseChanged(found: readonly WorkloadInput[], wanted: readonly WorkloadInput[]): void {
  const changed = found.find(({ sha256 }, index) => sha256 !== wanted[index]?.sha256);
  if (changed === undefined) return;
  throw new WorkloadError(`${changed.role} ${changed.name} was changed since the run began`);
}
