/**
 * `trace:FILE`: any fio iolog that a user brings. The whole trace is read once before anything is made, so that a bad line
 * ends the run before it began, and the disk is as large as it needs to be.
 */
import { createHash } from 'node:crypto';
import { noRequests } from './batches.ts';
import { TraceError } from './errors.ts';
import { type IologOptions, readIolog } from './iolog.ts';
import { optionalSizeParameter, optionalTextParameter, sizeText } from './parameters.ts';
import type { RequestStream } from './request.ts';
import { totalsOf } from './totals.ts';
import { defineWorkload, type WorkloadDefinition } from './workload.ts';

const PARAMETERS = {
  diskSize: optionalSizeParameter('size of the disk; without it, the end of the farthest request').optional(),
  file: optionalTextParameter('the file of the trace to replay, when it names several'),
};

/** The workload that replays the iolog at `path`. */
export function traceWorkload(path: string): WorkloadDefinition {
  return defineWorkload({
    name: `trace:${path}`,
    title: `trace ${path}`,
    parameters: PARAMETERS,
    async plan({ diskSize, file }) {
      const options = { ...(diskSize && { diskSizeBytes: diskSize }), ...(file && { file }) };
      const content = createHash('sha256');
      const totals = await totalsOf(readIolog(path, { ...options, content }));
      const sha256 = content.digest('hex');
      if (totals.highestEnd === 0) throw new TraceError(path, undefined, 'no reads, writes or trims in this trace');
      const diskSizeBytes = diskSize ?? totals.highestEnd;
      return {
        diskSizeBytes,
        inputs: [{ role: 'trace', name: path, sha256 }],
        phases: [],
        totalRequests: totals.requests,
        describe: () => `the fio iolog ${path}: ${totals.requests} requests on a disk of ${sizeText(diskSizeBytes)}`,
        prepare: noRequests,
        requests: () => unchanged(path, { ...options, diskSizeBytes }, sha256),
      };
    },
  });
}

/** The requests of the iolog; its end is an error when the file is not the one that was planned. */
async function* unchanged(path: string, options: IologOptions, sha256: string): RequestStream & AsyncGenerator {
  const content = createHash('sha256');
  yield* readIolog(path, { ...options, content });
  if (content.digest('hex') !== sha256) throw new TraceError(path, undefined, 'changed while it was being replayed');
}
