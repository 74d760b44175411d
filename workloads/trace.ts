/**
 * `trace:FILE`: any fio iolog that a user brings. The whole trace is read once before anything is made, so that a bad line
 * ends the run before it began, and the disk is as large as it needs to be.
 */
import { createHash } from 'node:crypto';
import { MiB, roundUp } from '../engine/base/units.ts';
import { noRequests } from './batches.ts';
import { TraceError } from './errors.ts';
import { type IologOptions, readIolog } from './iolog.ts';
import { IologChanges } from './iolog-changes.ts';
import { optionalChoiceParameter, optionalSizeParameter, optionalTextParameter, sizeText } from './parameters.ts';
import type { RequestStream } from './request.ts';
import { RequestTotals } from './totals.ts';
import { type TimeUnit, TraceTimes } from './trace-times.ts';
import { defineWorkload, type WorkloadDefinition } from './workload.ts';

const PARAMETERS = {
  diskSize: optionalSizeParameter('size of the disk; without it, the end of the farthest request').optional(),
  file: optionalTextParameter('the file of the trace to replay, when it names several'),
  files: optionalChoiceParameter(
    'all: every file of the trace, one after another on one disk; one: only one is expected',
    ['one', 'all'],
  ),
  timeUnit: optionalChoiceParameter('unit of its times; without it microseconds, unless they look like nanoseconds', [
    'us',
    'ns',
  ]),
};

/** Where the next file begins: a partition starts on a multiple of this, too. */
const PLACE_BYTES = MiB;

/** The workload that replays the iolog at `path`. */
export function traceWorkload(path: string): WorkloadDefinition {
  return defineWorkload({
    name: `trace:${path}`,
    title: `trace ${path}`,
    parameters: PARAMETERS,
    async plan({ diskSize, file, files, timeUnit }) {
      if (file !== undefined && files === 'all')
        throw new TraceError(path, undefined, '--file picks one, --files all takes all');
      const trace = await survey(path, { file, together: files === 'all', diskSize });
      const diskSizeBytes = diskSize ?? trace.endBytes;
      const unit = timeUnit ?? trace.times.unit;
      const options = {
        ...{ diskSizeBytes, unit },
        ...(file !== undefined && { file }),
        ...(trace.places !== null && { places: trace.places }),
        ...(trace.times.isTimed && { startUs: 0 }),
      };
      return {
        diskSizeBytes,
        inputs: [{ role: 'trace', name: path, sha256: trace.sha256 }],
        notes: notesOf(trace, timeUnit === undefined ? unit : null),
        phases: [],
        totalRequests: trace.requests,
        describe: () => `the fio iolog ${path}: ${trace.requests} requests on a disk of ${sizeText(diskSizeBytes)}`,
        prepare: noRequests,
        requests: () => unchanged(path, options, trace.sha256),
      };
    },
  });
}

interface Survey {
  readonly sha256: string;
  readonly requests: number;
  /** Where the farthest request ends. */
  readonly endBytes: number;
  /** Where each file begins, when all are replayed. */
  readonly places: ReadonlyMap<string, number> | null;
  readonly times: TraceTimes;
  readonly changes: IologChanges;
}

interface Asked {
  readonly file: string | undefined;
  readonly together: boolean;
  readonly diskSize: number | undefined;
}

/** Reads the whole trace once. */
async function survey(path: string, { file, together, diskSize }: Asked): Promise<Survey> {
  const content = createHash('sha256');
  const [totals, times, changes] = [new RequestTotals(), new TraceTimes(), new IologChanges()];
  const ends = new Map<string, number>();
  const options: IologOptions = {
    ...{ content, changes },
    ...(file !== undefined && { file }),
    ...(diskSize !== undefined && { diskSizeBytes: diskSize }),
    ...(together && {
      onRequest: (name, request) => {
        const end = 'length' in request ? request.offset + request.length : 0;
        ends.set(name, Math.max(ends.get(name) ?? 0, end));
      },
    }),
  };
  for await (const batch of readIolog(path, options)) {
    for (const request of batch) {
      totals.add(request);
      if ('atUs' in request && request.atUs !== undefined) times.add(request.atUs);
    }
  }
  if (totals.highestEnd === 0) throw new TraceError(path, undefined, 'no reads, writes or trims in this trace');
  const found = { sha256: content.digest('hex'), requests: totals.requests, times, changes };
  if (!together) return { ...found, endBytes: totals.highestEnd, places: null };
  const { places, endBytes } = sideBySide(ends);
  if (diskSize !== undefined && endBytes > diskSize) {
    throw new TraceError(
      path,
      undefined,
      `its ${ends.size} files need ${endBytes} bytes, more than the disk of ${diskSize} bytes`,
    );
  }
  return { ...found, endBytes, places };
}

/** One file after another, in the order in which they appear. */
function sideBySide(ends: ReadonlyMap<string, number>): { places: ReadonlyMap<string, number>; endBytes: number } {
  const places = new Map<string, number>();
  let endBytes = 0;
  for (const [name, length] of ends) {
    const place = roundUp(endBytes, PLACE_BYTES);
    places.set(name, place);
    endBytes = Math.max(endBytes, place + length);
  }
  return { places, endBytes };
}

/** `guessed`: the unit, where it was not given. */
function notesOf({ changes, places }: Survey, guessed: TimeUnit | null): string[] {
  const files =
    places === null || places.size < 2
      ? []
      : [
          `the ${places.size} files of the trace are laid out one after another on one disk, and a flush of one flushes all`,
        ];
  const times =
    guessed === 'ns'
      ? [
          'the times of the trace look like nanoseconds and are taken for such (--time-unit us: microseconds, as fio writes)',
        ]
      : [];
  return [...changes.sentences(), ...files, ...times];
}

/** The requests of the iolog; its end is an error when the file is not the one that was planned. */
async function* unchanged(path: string, options: IologOptions, sha256: string): RequestStream & AsyncGenerator {
  const content = createHash('sha256');
  yield* readIolog(path, { ...options, content });
  if (content.digest('hex') !== sha256) throw new TraceError(path, undefined, 'changed while it was being replayed');
}
