/** Both times of a program reached through a pipe: with its commands sent ahead, and waiting for each answer. */
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { median } from '../../results/statistics.ts';

/** A line for each such cell. */
export function oneByOneLines({ cells }: RunRecord): string[] {
  return cells.flatMap((cell) => {
    const timed = timedRounds(cell);
    const waiting = timed.flatMap(({ oneByOneNs }) => oneByOneNs ?? []);
    if (waiting.length === 0) return [];
    const ahead = milliseconds(median(timed.map(({ wallNs }) => wallNs)));
    const times = `${ahead} with commands sent ahead (its time above), ${milliseconds(median(waiting))} one by one`;
    return [`${cell.id}: ${times} (its latencies), medians of ${timed.length}`];
  });
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
