/** What a power cut does during the beginning of a given stream of requests: short enough to be part of every benchmark. */
import type { GuestRequest, RequestStream } from '../../../workloads/request.ts';
import type { CrashImage, CrashRequest } from '../requests/crash-workload.ts';
import type { CrashSubject } from '../states/record-workload.ts';
import type { ExplorationJob } from './jobs.ts';

/** Changes taken from the stream, and states tried at each crash point. */
const MOST_CHANGES = 24;
const STATES_A_POINT = 16;

/** The first changes of a stream, on an image like the one that is measured. */
export interface StreamBeginning {
  readonly name: string;
  readonly image: CrashImage;
  /** Done and durable before the power may fail. */
  readonly before: readonly CrashRequest[];
  readonly during: readonly CrashRequest[];
  /** How many of them are in flight at once. */
  readonly requesters: number;
}

/** More in flight at once would leave no request for a second turn. */
export const MOST_EXPLORED_REQUESTERS = 8;

/** Reads as much of each stream as is needed. Reads and marks leave no trace in the file. */
export async function beginningOf(
  name: string,
  image: CrashImage,
  streams: { readonly before: RequestStream; readonly during: RequestStream; readonly requesters?: number },
): Promise<StreamBeginning> {
  const { before, during, requesters = 1 } = streams;
  return { name, image, before: await firstChanges(before), during: await firstChanges(during), requesters };
}

async function firstChanges(stream: RequestStream): Promise<CrashRequest[]> {
  const changes: CrashRequest[] = [];
  for await (const batch of stream) {
    changes.push(...batch.flatMap(changeOf));
    if (changes.length >= MOST_CHANGES) break;
  }
  return changes.slice(0, MOST_CHANGES);
}

function changeOf(request: GuestRequest): CrashRequest[] {
  if (request.op === 'read' || request.op === 'vmstate-read' || request.op === 'mark') return [];
  const { op, ...rest } = request;
  return [{ op, ...rest } as CrashRequest];
}

export function beginningJob(subject: CrashSubject, beginning: StreamBeginning): ExplorationJob {
  const { name, image, before, during, requesters } = beginning;
  const workload = { name, image, cacheTables: null, before, during, ...(requesters > 1 && { requesters }) };
  return { subject, work: { workload }, options: { statesPerPoint: STATES_A_POINT, seed: 1 } };
}

/** What was explored, for the record. */
export function beginningWords({ name, image, during, requesters }: StreamBeginning): string {
  const sent = requesters === 1 ? '' : `, ${requesters} at once,`;
  return `the first ${during.length} changes of ${name}${sent} on ${image.clusterSizeBytes}-byte clusters, up to ${STATES_A_POINT} states a crash point`;
}
