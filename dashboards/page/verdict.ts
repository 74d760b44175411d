/** The first sentence of the report: what the counts say, then what the clock and the crash explorer say, in plain words. */
import type { RunRecord } from '../../results/record.ts';
import { baselineOf, type CountedCell, countedCells, pairedRatio, timesMeaningless, waitsOf } from '../cells.ts';
import { compareInWords, formatCount, formatRatio } from '../quantities.ts';
import { crashWords } from '../questions/crash-safety.ts';

/** Below this a difference in time is not spoken of, whatever its spread. */
const FLOOR = 0.02;

function isDurable({ exact }: CountedCell): boolean {
  return exact.odsyncWrites > 0;
}

/** `writeback needs 31.1× fewer syncs than legacy (188 instead of 5 850)`. */
function countsClause(item: CountedCell, baseline: CountedCell): string {
  const durable = isDurable(item) || isDurable(baseline);
  const noun = durable ? 'waits for the disk' : 'syncs';
  const [ours, theirs] = durable
    ? [waitsOf(item.exact), waitsOf(baseline.exact)]
    : [item.exact.fsyncs, baseline.exact.fsyncs];
  const figures = `${formatCount(ours)} instead of ${formatCount(theirs)}`;
  const words = compareInWords(ours, theirs, noun);
  return `${item.label} needs ${words} ${baseline.label}${ours === theirs ? ` (${formatCount(ours)})` : ` (${figures})`}`;
}

/** `was 8.2× faster here`, or that no difference can be told; null when times say nothing. */
function timeClause(record: RunRecord, item: CountedCell, baseline: CountedCell): string | null {
  if (timesMeaningless(record, item.cell) !== null || timesMeaningless(record, baseline.cell) !== null) return null;
  const ratio = pairedRatio(item.cell, baseline.cell, (round) => round.wallNs);
  if (ratio === null) return null;
  const faster = ratio.middle < 1;
  const words = `${formatRatio(faster ? 1 / ratio.middle : ratio.middle)} ${faster ? 'faster' : 'slower'} here`;
  if (ratio.rounds === 1) return `was ${words} in the one round measured`;
  const clear = (ratio.low > 1 || ratio.high < 1) && Math.abs(ratio.middle - 1) > FLOOR;
  return clear ? `was ${words}` : 'took about as long here (the rounds do not tell them apart)';
}

function crashClause({ cell }: CountedCell): string {
  return cell.crash === null ? 'its crash safety was not explored in this run' : `it ${crashWords(cell.crash)}`;
}

function sentence(record: RunRecord, item: CountedCell, baseline: CountedCell): string {
  const time = timeClause(record, item, baseline);
  const first = [countsClause(item, baseline), ...(time === null ? [] : [time])].join(' and ');
  return `${first}; ${crashClause(item)}.`;
}

/** The policy that the headline is about: `writeback` where it was run, else the one that waits least. */
function headlineOf(others: readonly CountedCell[]): CountedCell | undefined {
  const byWaits = [...others].sort((a, b) => waitsOf(a.exact) - waitsOf(b.exact));
  return others.find(({ cell }) => cell.policy.name === 'writeback') ?? byWaits[0];
}

export interface Verdict {
  readonly headline: string;
  /** One shorter sentence for each further policy. */
  readonly further: readonly string[];
}

export function verdictOf(record: RunRecord): Verdict {
  const cells = countedCells(record);
  const baseline = baselineOf(cells);
  if (baseline === undefined)
    return { headline: 'No policy finished a round: this run has no counts to show.', further: [] };
  const others = cells.filter((item) => item !== baseline);
  const main = headlineOf(others);
  if (main === undefined) {
    const { exact, label } = baseline;
    const durable = exact.odsyncWrites > 0 ? ` and ${formatCount(exact.odsyncWrites)} O_DSYNC writes` : '';
    const counts = `${label} needs ${formatCount(exact.fsyncs)} syncs${durable} for ${formatCount(exact.guest.writes)} guest writes`;
    return { headline: `${counts}; ${crashClause(baseline)}.`, further: [] };
  }
  const rest = others.filter((item) => item !== main).slice(0, 3);
  return { headline: sentence(record, main, baseline), further: rest.map((item) => sentence(record, item, baseline)) };
}

/** Which world of guest flushes the run shows, since that decides more than any policy. */
export function flushWorld(record: RunRecord): string {
  const flushes = countedCells(record)[0]?.exact.guest.flushes ?? 0;
  const mode = record.workload.guestFlush;
  if (mode === 'none') {
    return 'The guest asks for durability only once, when it is powered off (guest flush: none), as a guest of 2011 mounted without barriers did. With recorded flushes the picture can turn around.';
  }
  if (mode === 'recorded') {
    return `The guest’s ${formatCount(flushes)} flushes are replayed as recorded (guest flush: recorded), as a guest of today asks for them. Without them the picture can turn around.`;
  }
  return `Guest flushes: ${mode} (${formatCount(flushes)} in all). Other choices can turn the picture around.`;
}
