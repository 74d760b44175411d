/**
 * The document of one `history` run: every record that it took, by part, and the stages of history that they are about.
 * The report is made from this document alone.
 */
import { z } from 'zod';
import { type Cell, type ExactCounters, RunRecord } from '../../results/record.ts';

const label = z.string().max(4096);

const BothLayouts = z.object({ packed: z.number().nonnegative(), unpacked: z.number().nonnegative() });

const MicroDocument = z.object({
  node: label,
  cpu: label,
  rounds: z.int().positive(),
  operations: z.array(
    z.object({
      operation: label,
      title: label,
      capacity: z.int().positive(),
      medianNs: BothLayouts,
      /** packed / unpacked, with its 95 % interval. */
      ratio: z.object({ ratio: z.number(), low: z.number(), high: z.number() }),
      verdict: label,
    }),
  ),
  entries: z.array(z.object({ capacity: z.int().positive(), bytesPerEntry: BothLayouts })),
});

export const HistoryRun = z.object({
  document: z.literal('cowbench-history'),
  schemaVersion: z.literal(1),
  runId: z.string().regex(/^[0-9A-Za-z-]{8,80}$/),
  status: z.enum(['complete', 'interrupted', 'failed']),
  /** Why the run did not complete, in one line. */
  failure: label.nullable(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** The words after `npm run -s cowbench --` that repeat the run. */
  command: z.array(label),
  size: z.enum(['quick', 'usual', 'full']),
  /** In the order of time. */
  stages: z.array(z.object({ id: label, date: label, commit: label, title: label })).min(1),
  /** Those that were started; a record may hold fewer cells than were planned. */
  parts: z.array(z.object({ id: label, title: label, record: RunRecord })),
  /** The two memory layouts of a cache entry, by the clock and in bytes; null when they were not measured. */
  micro: MicroDocument.nullable(),
  /** What guests lost without a power cut, by stage; null when it was not tried. */
  staleTables: z
    .array(z.object({ stage: label, lostBytes: z.int().nonnegative(), lostBytesWithoutDefect: z.int().nonnegative() }))
    .nullable()
    .default(null),
  /** The page of the repository that tells what survives a power cut; null when there is none. */
  safetyPage: label.nullable(),
});

export type HistoryRun = z.infer<typeof HistoryRun>;
export type MicroDocument = z.infer<typeof MicroDocument>;
export type HistoryStage = HistoryRun['stages'][number];
export type Mode = 'writeback' | 'writethrough';

/** Modes in the order of lists. */
export const MODES = ['writeback', 'writethrough'] as const satisfies Mode[];

/** One measured cell of a part. */
export interface Place {
  readonly part: string;
  readonly stage: string;
  readonly mode: Mode;
}

/** A number that a sentence wants was not measured, because its part or cell was left out or not reached. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured';
}

/** What `compute` gives; null when it needs something that was not measured. */
export function ifMeasured<Result>(compute: () => Result): Result | null {
  try {
    return compute();
  } catch (error) {
    if (error instanceof NotMeasured) return null;
    throw error;
  }
}

/** The record of a part. @throws NotMeasured */
function recordOf(run: HistoryRun, part: string): RunRecord {
  const found = run.parts.find(({ id }) => id === part);
  if (found === undefined) throw new NotMeasured(`part ${part}`);
  return found.record;
}

/** The cell at `place`. @throws NotMeasured */
export function cellAt(run: HistoryRun, { part, stage, mode }: Place): Cell & { readonly exact: ExactCounters } {
  const cells = recordOf(run, part).cells;
  const found = cells.find((cell) => cell.policy.stage === stage && cell.hostCacheMode === mode);
  if (found === undefined || found.exact === null) throw new NotMeasured(`part ${part}, ${stage}, ${mode}`);
  return { ...found, exact: found.exact };
}

/** Stages of history (what-if stages left out) that a part measured in a mode, in the order of time. */
export function stagesIn(run: HistoryRun, part: string, mode: Mode): string[] {
  return run.stages
    .map(({ id }) => id)
    .filter((stage) => ifMeasured(() => cellAt(run, { part, stage, mode })) !== null);
}

/**
 * The counter at `path` of the cell at `place`: `fsyncs`, `byRequest.flush.fsyncs`, or `workload.parameters.writes` for what the
 * record says of its workload. What a cell never did is not listed in its counters: 0. @throws NotMeasured
 */
export function counterAt(run: HistoryRun, place: Place, path: string): number {
  const cell = cellAt(run, place);
  const ofWorkload = path.startsWith('workload.');
  const root: unknown = ofWorkload ? { workload: recordOf(run, place.part).workload } : cell.exact;
  return numberAt(root, path) ?? 0;
}

/** The number at a dotted path of a document; undefined when there is none. */
export function numberAt(root: unknown, path: string): number | undefined {
  let value = root;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof value === 'number' ? value : undefined;
}

/** Parts that measured every stage in at least one mode: they show what a commit gained. */
export function wideParts(run: HistoryRun): HistoryRun['parts'] {
  return run.parts.filter(({ id }) => MODES.some((mode) => stagesIn(run, id, mode).length === run.stages.length));
}
