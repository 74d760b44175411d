/** The gate's verdict on a comparison with the baseline, and its summary for a pull request. */
import type { BaselineComparison, PointDifference } from '../../../results/baseline.ts';
import type { ExactDifference } from '../../../results/comparison-exact.ts';
import { isCost } from '../commits/regressions.ts';

export interface GateVerdict {
  readonly verdict: 'equal' | 'changed' | 'regression';
  /** Points at which something that costs became more; a point that is gone counts, too. */
  readonly worse: readonly string[];
}

/** A modelled time is worse only beyond this share: an order of equal work may move it a little. */
const TIME_FLOOR = 0.02;

/** Judges a comparison: more of anything that costs is a regression, whatever became less elsewhere. */
export function judge({ changed, added, removed }: BaselineComparison): GateVerdict {
  const worse = [
    ...changed.filter(({ differences }) => differences.some(isWorse)).map(({ point }) => point),
    ...removed,
  ];
  if (worse.length > 0) return { verdict: 'regression', worse };
  return { verdict: changed.length + added.length > 0 ? 'changed' : 'equal', worse };
}

function isWorse({ metric, baseline, candidate }: ExactDifference): boolean {
  if (metric === 'modelledNs') return candidate > baseline * (1 + TIME_FLOOR);
  return isCost(metric) && candidate > baseline;
}

/** Metrics without a dot are totals; the others say where. */
const isTotal = ({ metric }: ExactDifference) => !metric.includes('.');
const MOST_POINTS = 40;

/** What was gated, in the summary's words. */
export interface GatedRun {
  /** Where the baseline was read. */
  readonly baseline: string;
  /** The engine as it was given; null for this program's own policies. */
  readonly engine: string | null;
  /** The command that makes the baseline anew. */
  readonly updateCommand: string;
}

/** Markdown: the verdict, then one row for each total that changed; breakdowns are counted, not listed. */
export function gateSummary(
  comparison: BaselineComparison,
  { verdict }: GateVerdict,
  pointCount: number,
  run: GatedRun,
): string {
  const { changed, added, removed } = comparison;
  const lines = [
    `## cowbench gate: ${verdict}`,
    '',
    sentence(comparison, pointCount, run.updateCommand),
    '',
    ...(run.engine === null ? [] : [`Engine: ${run.engine}`, '']),
    `Baseline: ${run.baseline}`,
    '',
  ];
  if (changed.length > 0) {
    lines.push('| point | metric | baseline | now | ratio |', '| --- | --- | ---: | ---: | ---: |');
    lines.push(...changed.slice(0, MOST_POINTS).flatMap(rows));
    if (changed.length > MOST_POINTS) lines.push('', `${changed.length - MOST_POINTS} more points changed.`);
    if (removed.length + added.length > 0) lines.push('');
  }
  for (const point of removed) lines.push(`- gone: ${point}`);
  for (const point of added) lines.push(`- new: ${point}`);
  return `${lines.join('\n').trimEnd()}\n`;
}

function sentence({ changed, added, removed }: BaselineComparison, pointCount: number, updateCommand: string): string {
  if (changed.length + added.length + removed.length === 0)
    return `All ${pointCount} points count exactly what the baseline says.`;
  const worse = changed.filter(({ differences }) => differences.some(isWorse)).length;
  const others = [
    ...(removed.length > 0 ? [`${removed.length} gone`] : []),
    ...(added.length > 0 ? [`${added.length} new`] : []),
  ];
  const counted = [
    `${changed.length} of ${pointCount} points changed: ${worse} worse, ${changed.length - worse} otherwise`,
    ...others,
  ];
  return `${counted.join('; ')}. If this is meant, run \`${updateCommand}\` and commit the diff.`;
}

function rows({ point, differences }: PointDifference): string[] {
  const totals = differences.filter(isTotal);
  const details = differences.length - totals.length;
  const shown = totals.map((difference) => row(point, difference));
  if (totals.length === 0) shown.push(`| ${point} | ${details} counts in breakdowns | | | |`);
  return shown;
}

function row(point: string, difference: ExactDifference): string {
  const { metric, baseline, candidate } = difference;
  const ratio = baseline === 0 ? '' : (candidate / baseline).toFixed(3);
  return `| ${point} | ${isWorse(difference) ? `**${metric}**` : metric} | ${baseline} | ${candidate} | ${ratio} |`;
}
