/**
 * What crosses between a runner and the worker process that takes a sample. The two may be different commits of this program
 * (`compare BASE HEAD` starts the worker of each), so each message says in which version it speaks and is parsed on arrival.
 *
 * Protocol 1 is what workers spoke before messages carried a version: `latencyMap` and `syncKinds` may be absent. Protocol 2 has both
 * always. A job keeps to what a worker of protocol 1 understands: fields are added to it, never renamed.
 */
import { z } from 'zod';
import {
  Cascade,
  ExactCounters,
  FileMap,
  Histogram,
  LATENCY_SERIES,
  Round,
  RunRecord,
  Verification,
} from './record.ts';
import { LatencyMap } from './record-latency-map.ts';

/** The version that this program speaks; it understands all up to this one. */
export const SAMPLE_PROTOCOL = 2;

const count = z.int().nonnegative();

/** What every job has. What the engine makes of the rest it checks on its own. */
const Job = z.looseObject({
  imageFile: z.string().min(1),
  workload: z.looseObject({}),
  cell: z.looseObject({ hostCacheMode: z.string(), clusterSizeBytes: count }),
  traced: z.boolean(),
});

export const SampleResult = z.object({
  startedAt: z.iso.datetime(),
  exact: ExactCounters,
  times: Round.pick({
    wallNs: true,
    userCpuNs: true,
    systemCpuNs: true,
    deviceNs: true,
    peakMemoryBytes: true,
    oneByOneNs: true,
    engineSpansNs: true,
  }),
  histograms: z.partialRecord(z.enum(LATENCY_SERIES), Histogram),
  latencyMap: LatencyMap.nullable().default(null),
  fileMap: FileMap.nullable(),
  cascades: z.array(Cascade),
  /** Syncs that found the file grown, or nothing written, since the one before; null when the sample was not traced. */
  syncKinds: z.object({ growing: count, clean: count }).nullable().default(null),
  /** See `Cell.modelledNs`; null when the sample was not traced, or comes from an earlier commit. */
  modelledNs: z.record(z.string(), count).nullable().default(null),
  phases: RunRecord.shape.workload.shape.phases,
  verification: Verification,
});

/** What a worker is doing. */
const SamplePart = z.enum(['prepare', 'replay', 'verify']);

const WorkerMessage = z.discriminatedUnion('type', [
  /** `part` names what the worker is doing; `requests` counts those served. */
  z.object({ type: z.literal('progress'), part: SamplePart, requests: count }),
  z.object({ type: z.literal('done'), result: SampleResult }),
  /**
   * `expected`: an error of input or device, in one line; otherwise a defect, `stack` says where. `isInput`: what was asked for
   * is at fault; workers of earlier commits do not say so.
   */
  z.object({
    ...{ type: z.literal('failed'), message: z.string(), stack: z.string() },
    ...{ expected: z.boolean(), isInput: z.boolean().default(false) },
  }),
]);

/** The other side speaks a version that this one does not know, or breaks its own. The message is one line. */
export class SampleProtocolError extends Error {
  override readonly name = 'SampleProtocolError';
}

/** What a worker says. Throws SampleProtocolError. */
export function parseWorkerMessage(message: unknown): WorkerMessage {
  return parsed(WorkerMessage, message, 'the worker');
}

/** Throws SampleProtocolError for what is no job for this worker. */
export function requireSampleJob(message: unknown): void {
  parsed(Job, message, 'the runner');
}

function parsed<Message>(schema: z.ZodType<Message>, message: unknown, who: string): Message {
  requireKnownProtocol(message, who);
  const { data, error } = schema.safeParse(message);
  if (error === undefined) return data as Message;
  const [issue] = error.issues;
  const place = issue!.path.join('.') || 'message';
  throw new SampleProtocolError(
    `${who} does not keep to sample protocol ${SAMPLE_PROTOCOL}: ${place}: ${issue!.message}`,
  );
}

function requireKnownProtocol(message: unknown, who: string): void {
  const protocol = (message as { protocol?: unknown } | null)?.protocol ?? 1;
  if (protocol === 1 || protocol === SAMPLE_PROTOCOL) return;
  const spoken = typeof protocol === 'number' ? String(protocol) : JSON.stringify(protocol).slice(0, 40);
  throw new SampleProtocolError(
    `${who} speaks sample protocol ${spoken}, this side only 1 to ${SAMPLE_PROTOCOL}: compare with the newer commit checked out`,
  );
}

export type SampleResult = z.infer<typeof SampleResult>;
export type SamplePart = z.infer<typeof SamplePart>;
export type WorkerMessage = z.infer<typeof WorkerMessage>;
