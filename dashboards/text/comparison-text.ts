/** The verdicts of a run in words, for the terminal and for pull requests. */
import { PAIRS_MIN } from '../../results/comparison.ts';
import type { ComparedTime, Comparison, RunRecord, TimeComparison } from '../../results/record.ts';
import { textTable } from './text-table.ts';

export const TIME_NAMES: Readonly<Record<ComparedTime, string>> = {
  wall: 'time',
  cpu: 'CPU time',
  flush: 'median flush',
  engine: 'engine time',
  device: 'device time',
};

/** A ratio with its interval: `1.43x (1.38 to 1.49)`; alone where the pairs are too few for one. */
export function ratioText({ interval: { ratio, low, high, pairs } }: TimeComparison): string {
  if (pairs < PAIRS_MIN) return `${ratio.toFixed(3)}x`;
  return `${ratio.toFixed(3)}x (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

/** A table of all verdicts on times and their evidence; empty without pairs. */
export function verdictLines({ comparisons = [] }: RunRecord, width?: number): string[] {
  const rows = comparisons.flatMap(({ baseline, candidate, times }) =>
    times.map((time) => [
      `${candidate} against ${baseline}: ${TIME_NAMES[time.metric]}${time.byRequest ? ', by request' : ''}`,
      verdictWord(time),
      ratioText(time),
      percent(time.floor),
      String(time.interval.pairs),
    ]),
  );
  if (rows.length === 0) return [];
  return textTable(['paired comparison', 'verdict', 'ratio (95 % interval)', 'noise floor', 'pairs'], rows, width);
}

/** One word, or how many more pairs would settle it. */
function verdictWord({ verdict, direction, morePairs, floor }: TimeComparison): string {
  if (verdict === 'changed') return direction;
  if (verdict === 'unsure') return `inconclusive, about ${morePairs} more pairs`;
  return floor > NOISY ? `no difference above ${percent(floor)} of noise` : 'same';
}

/** With a noise floor above this, "same" would claim too much. */
const NOISY = 0.1;

/** One line for each counter that differs where both sides ought to count the same; at most `most` a comparison. */
export function countLines(comparisons: readonly Comparison[], most = 12): string[] {
  return comparisons.flatMap(({ candidate, exact }) => {
    if (exact === undefined) return [];
    if (exact.differences.length === 0) return [`${candidate}: all counts equal`];
    const shown = exact.differences
      .slice(0, most)
      .map(({ metric, baseline, candidate: now }) => `${candidate}: ${metric} ${baseline} -> ${now}`);
    const rest = exact.differences.length - shown.length;
    return rest > 0 ? [...shown, `${candidate}: ${rest} more counts differ`] : shown;
  });
}

/** One sentence about two commits; null for a record that compares something else. */
export function commitsHeadline({ comparisons = [], cells }: RunRecord): string | null {
  const compared = comparisons.filter(({ exact }) => exact !== undefined);
  if (compared.length === 0) return null;
  const revisions = new Set(cells.map(({ policy }) => String(policy.parameters.revision)));
  const [base, head = base] = [...revisions];
  const different = compared
    .filter(({ exact }) => exact!.differences.length > 0)
    .map(({ baseline }) => policyOf(baseline));
  const counts =
    different.length === 0
      ? `Counts of ${head} and ${base} are identical`
      : `Counts of ${head} differ from ${base} under ${different.join(', ')}`;
  const walls = compared.flatMap(({ baseline, times }) =>
    times.filter(({ metric }) => metric === 'wall').map((time) => `${policyOf(baseline)} ${verdictWord(time)}`),
  );
  return `${counts}.${walls.length === 0 ? '' : ` Times: ${walls.join(', ')}.`}`;
}

/** The cell's name without the commit. */
function policyOf(id: string): string {
  return id.split(' @ ')[0]!;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
