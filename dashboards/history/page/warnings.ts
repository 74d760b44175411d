/** What a reader must know before believing a number. */
import type { HistoryRun } from '../history-run.ts';

const SIZES: Readonly<Record<HistoryRun['size'], readonly string[]>> = {
  quick: ['A quick run: too small to show some of the effects.'],
  usual: ['Recorded workloads are replayed in part only (their sizes are in their names); --full replays all of them.'],
  full: [],
};

export function warningsOf(run: HistoryRun): string[] {
  const unsound = run.parts.flatMap(({ title, record }) =>
    record.cells.flatMap(({ id, verification: { content, check }, deterministic }) => [
      ...(content === 'different' ? [`${title}, ${id}: guest data read back differ.`] : []),
      ...(check === 'corrupt' ? [`${title}, ${id}: the image is corrupt.`] : []),
      ...(deterministic ? [] : [`${title}, ${id}: two rounds of the same requests counted differently.`]),
    ]),
  );
  const status =
    run.status === 'complete'
      ? []
      : [`The run is not complete (${run.status})${run.failure === null ? '' : `: ${run.failure}`}.`];
  const size = SIZES[run.size];
  return [...status, ...unsound, ...size];
}
