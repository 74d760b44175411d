/** The first sentence of the report: what the counts say, then what the clock and the crash explorer say, in plain words. */
import type { RunRecord } from '../../results/record.ts';
import { crashClause } from '../questions/crash-safety.ts';
import {
  type ComparedCell,
  type CountedCell,
  comparedCells,
  countedCells,
  timesMeaningless,
  waitsOf,
} from '../reading/cells.ts';
import { imageGroups } from '../reading/image-groups.ts';
import { hasInterval, type PairedTime, pairedTime, WALL_TIME } from '../reading/paired-times.ts';
import { compareInWords, counted, countedOrNo, formatCount, formatRatio, formatShare } from '../reading/quantities.ts';

function isDurable({ exact }: CountedCell): boolean {
  return exact.odsyncWrites > 0;
}

/** `writeback needs 96.8 % fewer syncs than legacy (188 vs 5 850)`. */
function countsClause(item: CountedCell, baseline: CountedCell): string {
  const durable = isDurable(item) || isDurable(baseline);
  const noun = durable ? 'waits for the disk' : 'syncs';
  const [ours, theirs] = durable
    ? [waitsOf(item.exact), waitsOf(baseline.exact)]
    : [item.exact.fsyncs, baseline.exact.fsyncs];
  if (ours === 0 && theirs === 0) return `${item.label} needs no ${noun}, like ${baseline.label}`;
  const figures = `${formatCount(ours)} vs ${formatCount(theirs)}`;
  const words = compareInWords(ours, theirs, noun);
  return `${item.label} needs ${words} ${baseline.label}${ours === theirs ? ` (${formatCount(ours)})` : ` (${figures})`}`;
}

/** `was 8.2× faster here`, as certain as the pairs of rounds make it. */
function timeWords(time: PairedTime): string {
  const { interval, verdict, morePairs, floor } = time;
  const faster = interval.ratio < 1;
  const ratio = (value: number) => formatRatio(faster ? 1 / value : value);
  const words = `${ratio(interval.ratio)} ${faster ? 'faster' : 'slower'} here`;
  if (interval.pairs === 1) return `was ${words} in the one round measured`;
  if (!hasInterval(time)) return `was ${words} (median of ${counted(interval.pairs, 'round')}, too few to settle it)`;
  const [low, high] = faster ? [interval.high, interval.low] : [interval.low, interval.high];
  if (verdict === 'changed')
    return `was ${words} (${formatShare(interval.confidence)} interval ${ratio(low)} to ${ratio(high)})`;
  if (verdict === 'same') return `took the same time here (within ${formatShare(floor)})`;
  const more = morePairs > 0 ? `; about ${counted(morePairs, 'more round')} needed` : '';
  return `took about as long here (not settled${more})`;
}

/** Null when times say nothing. */
function timeClause(record: RunRecord, item: CountedCell, baseline: CountedCell): string | null {
  if (timesMeaningless(record, item.cell) !== null || timesMeaningless(record, baseline.cell) !== null) return null;
  const time = pairedTime(record, item.cell, baseline.cell, WALL_TIME);
  return time === null ? null : timeWords(time);
}

function safetyClause({ cell }: CountedCell): string {
  return cell.crash === null ? 'its crash safety was not explored in this run' : `it ${crashClause(cell.crash)}`;
}

function sentence(record: RunRecord, item: CountedCell, baseline: CountedCell): string {
  const time = timeClause(record, item, baseline);
  const first = [countsClause(item, baseline), ...(time === null ? [] : [time])].join(' and ');
  return `${first}; ${safetyClause(item)}.`;
}

interface Pair {
  readonly item: ComparedCell;
  readonly baseline: CountedCell;
}

/** A raw file is what the others are measured by, and a server that keeps nothing stores nothing: neither is a policy that anyone could choose. */
function pairsOf(record: RunRecord): Pair[] {
  return comparedCells(record).flatMap((item) =>
    item.baseline === null || item.cell.engine === 'raw' || item.cell.engine === 'null'
      ? []
      : [{ item, baseline: item.baseline }],
  );
}

/** The policy that the headline is about: `writeback` where it was run, else the one that waits least. */
function headlineOf(pairs: readonly Pair[]): Pair | undefined {
  const byWaits = [...pairs].sort((a, b) => waitsOf(a.item.exact) - waitsOf(b.item.exact));
  return pairs.find(({ item }) => item.cell.policy.name === 'writeback') ?? byWaits[0];
}

export interface Verdict {
  readonly headline: string;
  /** One shorter sentence for each further policy. */
  readonly further: readonly string[];
}

const MOST_FURTHER = 3;

function loneVerdict(item: CountedCell): Verdict {
  const { exact, label } = item;
  const durable = exact.odsyncWrites > 0 ? ` and ${counted(exact.odsyncWrites, 'O_DSYNC write')}` : '';
  const counts = `${label} needs ${countedOrNo(exact.fsyncs, 'sync')}${durable} for ${countedOrNo(exact.guest.writes, 'guest write')}`;
  return { headline: `${counts}; ${safetyClause(item)}.`, further: [] };
}

function imageVerdict(record: RunRecord): Verdict {
  const [first] = countedCells(record);
  if (first === undefined) {
    return { headline: 'No policy finished a round: this run has no counts to show.', further: [] };
  }
  const pairs = pairsOf(record);
  const main = headlineOf(pairs);
  if (main === undefined) return loneVerdict(first);
  const rest = pairs.filter((pair) => pair !== main).slice(0, MOST_FURTHER);
  return {
    headline: sentence(record, main.item, main.baseline),
    further: rest.map(({ item, baseline }) => sentence(record, item, baseline)),
  };
}

/** `writeback needs from 99.4 % fewer waits than legacy (cluster 64 KiB) to 2 times as many (cluster 4 KiB)`. */
function rangeSentence(label: string, found: readonly (Pair & { readonly image: string })[]): string {
  const factor = ({ item, baseline }: Pair) => waitsOf(item.exact) / Math.max(waitsOf(baseline.exact), 1);
  const sorted = found.toSorted((a, b) => factor(a) - factor(b));
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined) return '';
  const words = ({ item, baseline, image }: Pair & { image: string }) =>
    `${compareInWords(waitsOf(item.exact), waitsOf(baseline.exact), 'waits for the disk')} ${baseline.label} (${image})`;
  return factor(least) === factor(most)
    ? `On every image ${label} needs ${words(least)}.`
    : `Across ${found.length} image layouts ${label} needs from ${words(least)} to ${words(most)}.`;
}

function sweepVerdict(record: RunRecord): Verdict {
  const pairs = imageGroups(record).flatMap(({ label, record: part }) =>
    pairsOf(part).map((pair) => ({ ...pair, image: label })),
  );
  const sentences = [...Map.groupBy(pairs, ({ item }) => item.label)].map(([label, found]) => ({
    name: found[0]?.item.cell.policy.name,
    text: rangeSentence(label, found),
  }));
  const main = sentences.find(({ name }) => name === 'writeback') ?? sentences[0];
  if (main === undefined) return imageVerdict(record);
  const rest = sentences.filter((sentence) => sentence !== main).slice(0, MOST_FURTHER);
  return { headline: main.text, further: rest.map(({ text }) => text) };
}

/** What the run says, in plain words. */
export function verdictOf(record: RunRecord): Verdict {
  return imageGroups(record).length > 1 ? sweepVerdict(record) : imageVerdict(record);
}

/** Which world of guest flushes the run shows, since that decides more than any policy. */
export function flushWorld(record: RunRecord): string {
  const flushes = countedCells(record)[0]?.exact.guest.flushes ?? 0;
  const { guestFlush: mode, recordedFlushes } = record.workload;
  if (mode === 'none') {
    const once = 'The guest asks for durability only once, at power-off (guest flush: none)';
    if (recordedFlushes === 0) return `${once}; the workload itself has no flush at all.`;
    return `${once}, like a guest of 2011 mounted without barriers. With recorded flushes the ranking can reverse.`;
  }
  if (mode === 'recorded') {
    if (flushes === 0) {
      return 'The guest never flushes (guest flush: recorded): only the policies and the close ask for durability. With a guest that flushes the ranking can reverse.';
    }
    const replayed = flushes === 1 ? 'one flush is' : `${formatCount(flushes)} flushes are`;
    return `The guest’s ${replayed} replayed as recorded (guest flush: recorded), as a current guest makes them. Without guest flushes the ranking can reverse.`;
  }
  const inAll = flushes === 0 ? 'none here: the guest writes less often than that' : `${formatCount(flushes)} in total`;
  return `Guest flushes: ${mode} (${inAll}). With other settings the ranking can reverse.`;
}
