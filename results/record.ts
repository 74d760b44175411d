/**
 * The record of one run: the one document that everything else (tables, reports, comparisons) is made from.
 * The JSON Schema in `results/schema/` is generated from these definitions; readers outside this project rely on it.
 *
 * Units are in the names: `...Bytes`, `...Ns`. Counters under `exact` must repeat to the digit for the same source,
 * workload, seed and policy on any machine; everything under `rounds`, `histograms` and `latencyMap` is noisy.
 */
import { z } from 'zod';
import { Comparison, CostBreakdown, RawMultiples, StorageCosts } from './record-comparison.ts';
import { CpuDifference, CpuStacks } from './record-cpu.ts';
import { LatencyMap } from './record-latency-map.ts';
import { CrashVerdict, Safety } from './record-safety.ts';
import { Workload } from './record-workload.ts';

export type { CrashVerdict, Safety } from './record-safety.ts';

/** The version of the schema that this program reads and writes. */
export const SCHEMA_VERSION = 1;

const count = z.int().nonnegative();
const label = z.string().max(4096);

export const IoCounts = z.object({
  /** fdatasync calls that reached the operating system. */
  fsyncs: count,
  /** Writes through a descriptor opened O_DSYNC; also counted in `writes`. */
  odsyncWrites: count,
  writes: count,
  writeBytes: count,
  reads: count,
  readBytes: count,
});

const KindCounts = z.object({ writes: count, writeBytes: count, reads: count, readBytes: count });

const CacheCounts = z.object({ hits: count, misses: count, evictions: count, dirtyEvictions: count });

export const ExactCounters = IoCounts.extend({
  truncates: count,
  punches: count,
  /** Calls that took space ahead of writes; absent where there were none. */
  preallocations: count.optional(),
  preallocatedBytes: count.optional(),
  /** By what was touched: header, refcount-table, refcount-block, l1, l2, data, cow, snapshot-table. */
  byKind: z.record(label, KindCounts),
  /** Syncs by the reason that the engine gave. */
  syncsByCause: z.record(label, count),
  /**
   * Of `fsyncs`, those with work: something had changed in the file since the sync before. The others cost a device next to nothing.
   * Absent, with the breakdown by cause, where they were not told apart (qemu, earlier versions); see `sync-work.ts`.
   */
  workingSyncs: count.optional(),
  workingSyncsByCause: z.record(label, count).optional(),
  /** Matrix: kind of guest request being served, as in `byRequest` → cause → syncs. */
  syncsByTrigger: z.record(label, z.record(label, count)),
  /**
   * File operations by the kind of guest request that they served (write, flush, close, ...); `flush+write`: requests of both kinds
   * shared them.
   */
  byRequest: z.record(label, IoCounts),
  tableCaches: z.object({ l2: CacheCounts, refcounts: CacheCounts }).nullable(),
  imageBytes: count,
  guest: z.object({
    reads: count,
    readBytes: count,
    writes: count,
    writeBytes: count,
    flushes: count,
    discards: count,
    other: count,
  }),
});

/** Sparse log-linear bins: [lower bound in ns, count], ascending. Mergeable by adding counts of equal bounds. */
export const Histogram = z.object({
  unit: z.literal('ns'),
  count,
  minNs: count,
  maxNs: count,
  meanNs: z.number().nonnegative(),
  p50Ns: count,
  p90Ns: count,
  p99Ns: count,
  p999Ns: count,
  bins: z.array(z.tuple([count, count])),
});

export const LATENCY_SERIES = [
  'guestRead',
  'guestWrite',
  'guestFlush',
  'guestOther',
  'deviceRead',
  'deviceWrite',
  'deviceSync',
] as const;

/** One replay of the whole workload on a fresh image in a fresh worker. Times are noisy. */
export const Round = z.object({
  index: count,
  /** Position of this sample in the run's interleaved order. */
  order: count,
  startedAt: z.iso.datetime(),
  wallNs: count,
  userCpuNs: count,
  systemCpuNs: count,
  /** Sum of time inside file operations. */
  deviceNs: z.object({ read: count, write: count, sync: count }),
  peakMemoryBytes: count,
  /**
   * Engine time along the request stream, in spans of equally many requests: the time of each request less that of its file operations.
   * The same stream has the same spans. Absent where requests share their waits, and in records of earlier versions.
   */
  engineSpansNs: z.array(count).max(256).optional(),
  /**
   * The same replay with each command sent after the answer to the one before, as its latencies are measured; only where `wallNs` is
   * of one without such waits: of a program reached through a pipe.
   */
  oneByOneNs: count.optional(),
  /** True when the counters of this round equal those of the cell. */
  countsEqual: z.boolean(),
  /** The median guest flush of this round; absent without flushes. */
  flushNs: count.optional(),
  /** The round that warmed up and was traced for the pictures: its times are in no comparison. */
  traced: z.boolean().optional(),
});

/** Address × time picture of the file, binned: at most `columns × rows` entries. */
export const FileMap = z.object({
  columns: count,
  rows: count,
  fileBytes: count,
  durationNs: count,
  /** [column, row, kind, bytes written]. Rows count from the start of the file. */
  cells: z.array(z.tuple([count, count, label, count])),
  /** [column, syncs in it, ns spent in them]. */
  syncs: z.array(z.tuple([count, count, count])),
});

/** Every file operation of one guest request, for the cascade picture. */
const CascadeEvent = z.object({
  startNs: count,
  durationNs: count,
  op: z.enum(['read', 'write', 'sync', 'truncate', 'punch', 'preallocate']),
  /** TableKind for reads and writes, SyncCause for syncs. */
  what: label,
  offset: count,
  lengthBytes: count,
});
export const Cascade = z.object({
  /** Which request it shows, for example "the guest flush with the most syncs". */
  title: label,
  request: z.object({ index: count, op: label, offset: count, lengthBytes: count }),
  /** Requests that were served at once, `request` the first of them; absent: it alone. */
  together: count.optional(),
  durationNs: count,
  events: z.array(CascadeEvent).max(512),
});

export const Verification = z.object({
  /** Guest content read back against the model. */
  content: z.enum(['equal', 'different', 'not-run']),
  contentBytes: count,
  /** The engine's own check of the image. */
  check: z.enum(['clean', 'leaks', 'corrupt', 'not-run']),
  leaks: count,
  corruptions: count,
  detail: label.optional(),
});

/** One point of the comparison: a policy on an image on a device, under a workload. */
export const Cell = z.object({
  id: label,
  /** Which of `furtherWorkloads`, counted from 1; absent: the run's `workload`. */
  workload: z.int().positive().optional(),
  /**
   * `raw`: the same requests on a plain file, what any image can at best come down to. `nbd`: a server program that was given a command;
   * `null`: a server that keeps nothing, what the protocol costs.
   */
  engine: z.enum(['cowbench', 'qemu', 'raw', 'nbd', 'null']),
  policy: z.object({
    name: label,
    stage: label.nullable(),
    parameters: z.record(label, z.union([z.string(), z.number(), z.boolean()])),
  }),
  hostCacheMode: label,
  image: z.object({
    /** Null, and the sizes of tables 0, for a raw file: `clusterSizeBytes` is then what the workload aims at. */
    version: z.union([z.literal(2), z.literal(3)]).nullable(),
    clusterSizeBytes: count,
    refcountBits: count,
    l2CacheTables: count,
    refcountCacheTables: count,
    options: z.record(label, z.union([z.string(), z.number(), z.boolean()])),
  }),
  device: z.object({
    kind: z.enum(['real', 'model']),
    name: label,
    /** Of a model, so that its times can be reproduced. */
    parameters: z.record(label, z.number().nullable()).optional(),
  }),
  /** How many sent their requests at once, each the next after the answer to its last; absent: one. */
  requesters: z.int().min(2).optional(),
  /** Null until the first round has finished. */
  exact: ExactCounters.nullable(),
  /** False when two rounds counted differently: an error of the run. */
  deterministic: z.boolean(),
  rounds: z.array(Round),
  /** All counted rounds merged; the warm-up where there is no other. */
  histograms: z.partialRecord(z.enum(LATENCY_SERIES), Histogram),
  /** The same latencies as in `histograms` (but those of reads of the file) by time, of one round. */
  latencyMap: LatencyMap.optional(),
  /** The round of the map, by its index: the nearest to the median. Absent in records of earlier versions, whose maps add up all rounds. */
  latencyMapRound: count.optional(),
  fileMap: FileMap.nullable(),
  cascades: z.array(Cascade),
  verification: Verification,
  /** Of many sequences of operations that have nothing to do with the workload (`--crash quick`). */
  crash: CrashVerdict.nullable(),
  /** Absent where nothing was explored. */
  safety: Safety.optional(),
  /** The baseline measured a second time in each paired round: what differs from `rounds` is noise. */
  control: z.array(Round).optional(),
  /**
   * What all file operations of one replay would take on modelled devices, by the device's name, whatever device they were measured on:
   * exact, in virtual nanoseconds, without the engine's own time.
   */
  modelledNs: z.record(label, count).optional(),
  /** Syncs that found the file grown since the one before. */
  growingSyncs: count.optional(),
  /** Syncs that found nothing written since the one before; only in records of versions without `exact.workingSyncs`. */
  cleanSyncs: count.optional(),
  /** Where the time of the median round went. */
  cost: CostBreakdown.optional(),
  /** What it costs as a multiple of the raw file of the run; absent without one. */
  rawMultiples: RawMultiples.optional(),
  /** Where the engine's own CPU time went, largest first. */
  profile: z.array(z.object({ part: label, selfNs: count, share: z.number() })).optional(),
  /** The same by call path. */
  cpuStacks: CpuStacks.optional(),
  /** Only of the second side of a comparison of commits or engines that was profiled. */
  cpuDifference: CpuDifference.optional(),
});

export const Environment = z.object({
  /** Hash of the machine's identity; the name itself is not recorded. */
  machine: label,
  cpu: label,
  cores: count,
  memoryBytes: count,
  kernel: label,
  node: label,
  fileSystem: z.object({ type: label, mountOptions: label, tmpfs: z.boolean() }),
  syncProbe: z.object({ samples: count, medianNs: count, p99Ns: count, looksReal: z.boolean() }).nullable(),
  /** What the cost model was given: probed before the first sample. */
  storageCosts: StorageCosts.optional(),
  warnings: z.array(label),
});

/** The schema of a record: `RunRecord.parse(json)` checks a document and gives its typed form. */
export const RunRecord = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string().regex(/^[0-9A-Za-z-]{8,80}$/),
  status: z.enum(['running', 'complete', 'interrupted', 'failed']),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  /** The words after `npm run -s cowbench --` that repeat this run. */
  command: z.array(label),
  source: z.object({
    version: label,
    commit: label.nullable(),
    dirty: z.boolean(),
    /** Hash of the changes that are in no commit; absent when there are none. */
    changes: label.optional(),
    /** Why neither the commit nor its changes are known; `dirty` is then true. */
    problem: label.optional(),
  }),
  /** Policies and workloads that came from files of the user's, with the digest of what was in them. */
  plugins: z
    .array(z.object({ kind: z.enum(['policy', 'workload']), name: label, file: label, sha256: label }))
    .optional(),
  /** What the guest does, in every cell that names no other. */
  workload: Workload,
  /** What it does in the others: the cell with `workload` n has the nth of these, counted from 1. */
  furtherWorkloads: z.array(Workload).optional(),
  environment: Environment,
  /** Why the run did not complete, in one line. */
  failure: label.nullable(),
  cells: z.array(Cell),
  /** Verdicts on the times of cells, baseline against each other one. */
  comparisons: z.array(Comparison).optional(),
  /** Hash of everything that was asked for: an interrupted run is only continued by the same plan. */
  plan: label.optional(),
  /** Time spent measuring, over all sittings, in milliseconds. */
  measuringMs: count.optional(),
  /** Files next to the record that explain it, for example a profile. */
  attachments: z.array(z.object({ title: label, file: label })).optional(),
});

export type { ComparedTime, Comparison, RatioInterval, RawMultiples, TimeComparison } from './record-comparison.ts';
export type { CpuDifference, CpuStacks } from './record-cpu.ts';
export type { LatencyLane, LatencyMap } from './record-latency-map.ts';
export type IoCounts = z.infer<typeof IoCounts>;
export type ExactCounters = z.infer<typeof ExactCounters>;
export type Histogram = z.infer<typeof Histogram>;
export type LatencySeries = (typeof LATENCY_SERIES)[number];
export type Round = z.infer<typeof Round>;
export type FileMap = z.infer<typeof FileMap>;
export type Cascade = z.infer<typeof Cascade>;
export type Verification = z.infer<typeof Verification>;
export type Cell = z.infer<typeof Cell>;
export type Environment = z.infer<typeof Environment>;
export type RunRecord = z.infer<typeof RunRecord>;
