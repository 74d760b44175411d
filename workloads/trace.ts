/**
 * `trace:FILE`: any fio iolog that a user brings. The whole trace is read once before anything is made, so that a bad line
 * ends the run before it began, and the disk is as large as it needs to be.
 */
import { noRequests } from './batches.ts';
import { TraceError } from './errors.ts';
import { readIolog } from './iolog.ts';
import { optionalSizeParameter, optionalTextParameter, sizeText } from './parameters.ts';
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
      const totals = await totalsOf(readIolog(path, options));
      if (totals.highestEnd === 0) throw new TraceError(path, undefined, 'no reads, writes or trims in this trace');
      const diskSizeBytes = diskSize ?? totals.highestEnd;
      return {
        diskSizeBytes,
        phases: [],
        totalRequests: totals.requests,
        describe: () => `the fio iolog ${path}: ${totals.requests} requests on a disk of ${sizeText(diskSizeBytes)}`,
        prepare: noRequests,
        requests: () => readIolog(path, { ...options, diskSizeBytes }),
      };
    },
  });
}
