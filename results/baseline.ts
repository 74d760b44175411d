/**
 * The baseline: exact metrics of a fixed set of small runs, committed with the source. A commit that changes what a policy
 * does to the file changes a line of it, and the diff shows which and by how much.
 */
import { z } from 'zod';
import { type ExactDifference, compareMetrics } from './comparison-exact.ts';
import { RecordError } from './record-error.ts';

const BASELINE_FORMAT = 1;

const Baseline = z.object({
  format: z.literal(BASELINE_FORMAT),
  /** Name of the point → path of the metric → value. */
  points: z.record(z.string().max(4096), z.record(z.string().max(4096), z.int().nonnegative())),
});
export type Baseline = z.infer<typeof Baseline>;
export type Metrics = Readonly<Record<string, number>>;

export interface PointDifference {
  readonly point: string;
  readonly differences: readonly ExactDifference[];
}

export interface BaselineComparison {
  readonly changed: readonly PointDifference[];
  /** Points that only one side has. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The baseline in `text`, which `name` names. Throws RecordError with one line when it is none. */
export function parseBaseline(name: string, text: string): Baseline {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new RecordError(`${name}: not a JSON document`);
  }
  const format = (document as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > BASELINE_FORMAT) {
    throw new RecordError(`${name}: baseline format ${format} is newer than ${BASELINE_FORMAT}: use a newer cowbench`);
  }
  const parsed = Baseline.safeParse(document);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new RecordError(`${name}: $.${path.join('.')}: ${message.slice(0, 300)}`);
}

/** The text of a baseline: metrics of one group (`byKind`, `guest`, ...) share a line, so that a diff is read at a glance. */
export function baselineText({ points }: Baseline): string {
  const blocks = Object.entries(points).map(([name, metrics]) => {
    const groups = Map.groupBy(Object.entries(metrics), ([path]) => path.split('.').slice(0, -1).join('.'));
    const lines = [...groups.values()].map((entries) =>
      entries.map(([path, value]) => `${JSON.stringify(path)}: ${value}`).join(', '),
    );
    return `    ${JSON.stringify(name)}: {\n      ${lines.join(',\n      ')}\n    }`;
  });
  return `{\n  "format": ${BASELINE_FORMAT},\n  "points": {\n${blocks.join(',\n')}\n  }\n}\n`;
}

/** What differs between two baselines, in the order of `current`. */
export function compareBaselines(before: Baseline, current: Baseline): BaselineComparison {
  const common = Object.keys(current.points).filter((point) => point in before.points);
  const changed = common
    .map((point) => ({ point, differences: differences(before.points[point]!, current.points[point]!) }))
    .filter((difference) => difference.differences.length > 0);
  return {
    changed,
    added: Object.keys(current.points).filter((point) => !(point in before.points)),
    removed: Object.keys(before.points).filter((point) => !(point in current.points)),
  };
}

function differences(before: Metrics, current: Metrics): readonly ExactDifference[] {
  return compareMetrics([new Map(Object.entries(before))], [new Map(Object.entries(current))]).differences;
}
