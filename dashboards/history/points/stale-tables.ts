/** The defect that the cache brought: content lost without a power cut. */
import { formatBytes } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { type Figure, say, sum } from '../figures.ts';
import { type HistoryRun, NotMeasured } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageBars } from '../specs.ts';

const PANEL = 'A snapshot deleted, then new data written, writeback';

type Counter = 'lostBytes' | 'lostBytesWithoutDefect';

function lost(run: HistoryRun, stage: string, counter: Counter): Figure {
  const found = run.staleTables?.find((one) => one.stage === stage);
  if (found === undefined) throw new NotMeasured(`stale tables, ${stage}`);
  const value = found[counter];
  return { value, shown: formatBytes(value), from: `[stale-tables ${stage} writeback ${counter}]` };
}

const bars = (run: HistoryRun) => barsOf(PANEL, stageIds(run), (stage) => ({ lost: lost(run, stage, 'lostBytes') }));

function sumOf(run: HistoryRun, counter: Counter): Figure {
  const [first, ...others] = stageIds(run).map((stage) => lost(run, stage, counter));
  return { ...sum(first!, ...others), shown: formatBytes(sum(first!, ...others).value) };
}

export const staleTables: Point = {
  id: 'stale-tables',
  title: 'Did the cache ever lose content without a power cut?',
  reading:
    'How many bytes the guest reads wrong after a snapshot was deleted, new data written, and the image closed without an error. From S1 on a table that was freed while it was dirty stayed in the cache, and was written out later, over whatever its cluster held by then. cowbench ops repeats this; the stages and policies that cowbench bench compares are free of it.',
  spec: stageBars('bytes lost', [PANEL], { lost: 'vermillion' }),
  rows: (run) => barRows(bars(run), formatBytes),
  table: (run) => barTable('Guest bytes that read wrong, without a power cut', bars(run), 'bytes'),
  claims: (run) => [
    claim(
      'The first stage, which kept no dirty tables, loses nothing; every stage with the cache loses content.',
      () => {
        const [first, ...cached] = stageIds(run).map((stage) => lost(run, stage, 'lostBytes'));
        const least = cached.toSorted((a, b) => a.value - b.value)[0];
        if (least === undefined) throw new NotMeasured('stages with the cache');
        return {
          found: say`${first!} without the cache, at least ${least} with it.`,
          holds: first!.value === 0 && least.value > 0,
        };
      },
    ),
    claim('Without the defect the same requests lose nothing.', () => {
      const left = sumOf(run, 'lostBytesWithoutDefect');
      return { found: say`${left} in all stages together.`, holds: left.value === 0 };
    }),
  ],
};
