/**
 * Streaming writer of fio iologs v2 and v3, for workloads that are to be replayed elsewhere and for device traces.
 *
 * What an iolog can say: reads, writes, flushes (`datasync 0 0`: fio 3.33 fails on a length above 0) and discards (`trim`).
 * Zeroes that may unmap become `trim`, others `write`; what is to be durable at once is followed by a flush; marks are left out. VM state, snapshots and reopening
 * cannot be said and are errors, not gaps.
 */
import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WorkloadError } from './errors.ts';
import { type IologVersion, iologHeader } from './iolog-line.ts';
import type { GuestRequest, RequestStream } from './request.ts';

const FLUSH = 'datasync 0 0';

export interface IologWriterOptions {
  readonly version?: IologVersion;
  /** Name of the disk inside the iolog: fio opens a file of this name in its working directory. */
  readonly file?: string;
}

/**
 * Writes `requests` as an iolog to the file `target` (replaced if it exists) or to a stream, which is ended.
 * Times are those of the requests; a request without one gets the time before it, 0 at the start.
 * Throws {@link WorkloadError} on a request that an iolog cannot hold, and the error of the file system.
 */
export async function writeIolog(
  requests: RequestStream,
  target: string | Writable,
  options: IologWriterOptions = {},
): Promise<void> {
  const sink = typeof target === 'string' ? createWriteStream(target) : target;
  await pipeline(Readable.from(iologText(requests, options)), sink);
}

/** The text of an iolog, one piece a batch. */
export async function* iologText(requests: RequestStream, options: IologWriterOptions = {}): AsyncGenerator<string> {
  const { version = 3, file = 'disk' } = options;
  if (!/^[^\s]{1,255}$/.test(file)) throw new WorkloadError(`"${file}" cannot name the disk of an iolog`);
  let atUs = 0;
  const line = (action: string) => (version === 3 ? `${atUs} ${file} ${action}\n` : `${file} ${action}\n`);
  yield `${iologHeader(version)}\n${line('add')}${line('open')}`;
  for await (const batch of requests) {
    let text = '';
    for (const request of batch) {
      atUs = timeOf(request, atUs);
      const action = actionOf(request);
      if (action !== undefined) text += line(action);
      if ('durable' in request && request.durable) text += line(FLUSH);
    }
    if (text !== '') yield text;
  }
  yield line('close');
}

function timeOf(request: GuestRequest, before: number): number {
  const atUs = 'atUs' in request ? request.atUs : undefined;
  if (atUs === undefined) return before;
  if (!Number.isSafeInteger(atUs) || atUs < 0) throw new WorkloadError(`an iolog cannot hold the time ${atUs} us`);
  return atUs;
}

function actionOf(request: GuestRequest): string | undefined {
  switch (request.op) {
    case 'read':
    case 'write':
      return `${request.op} ${request.offset} ${request.length}`;
    case 'discard':
      return `trim ${request.offset} ${request.length}`;
    case 'write-zeroes':
      return `${request.mayUnmap ? 'trim' : 'write'} ${request.offset} ${request.length}`;
    case 'flush':
      return FLUSH;
    case 'mark':
      return undefined;
    default:
      throw new WorkloadError(`an iolog cannot hold ${request.op}`);
  }
}
