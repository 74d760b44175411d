/** Point 4: the barrier that S2 owes after a copy costs syncs where the dependency's own would have done. */
import { formatCount } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable } from '../bars.ts';
import { counter, say } from '../figures.ts';
import { cellAt, type HistoryRun, type Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageBars } from '../specs.ts';

const OWED_PART = 'owed-barrier';
const STAGE = 'S2';
/** The what-if stage of the engine: S2, and no barrier owed. */
const WHAT_IF = 'S2-unowed';
const PANEL = 'First 4 KiB writes after a snapshot, writeback';

const placeOf = (stage: string): Place => ({ part: OWED_PART, stage, mode: 'writeback' });

function syncsOf(run: HistoryRun, stage: string) {
  return counter(run, placeOf(stage), 'byRequest.write.fsyncs');
}

const bars = (run: HistoryRun) => barsOf(PANEL, [STAGE, WHAT_IF], (stage) => ({ syncs: syncsOf(run, stage) }));

export const owedBarrier: Point = {
  id: 'owed-barrier',
  title: 'Is the deferred barrier after a copy needed?',
  reading:
    'S2 as it was, and S2-unowed, without the deferred barrier after a copy. Every copy also raises a refcount, which the L2 tables wait for anyway. S2-unowed is hypothetical: the same engine with one property of the stage changed.',
  spec: stageBars('syncs that writes cause', [PANEL], { syncs: 'blue' }),
  rows: (run) => barRows(bars(run), formatCount),
  table: (run) => barTable('Syncs that first writes after a snapshot cause', bars(run), 'count'),
  claims: (run) => [
    claim('Without the deferred barrier the same writes need fewer syncs.', () => {
      const [before, after] = [syncsOf(run, STAGE), syncsOf(run, WHAT_IF)];
      return { found: say`${after} syncs instead of ${before}.`, holds: after.value < before.value };
    }),
    claim('The guest reads the same disk, and the image is clean.', () => {
      const found = [STAGE, WHAT_IF].map((stage) => cellAt(run, placeOf(stage)).verification);
      const words = found.map(({ content, check }) => `content ${content}, image ${check}`);
      return {
        found: say`${STAGE}: ${words[0] ?? ''}; ${WHAT_IF}: ${words[1] ?? ''}. This run did not simulate power cuts: cowbench crash --stage ${WHAT_IF} explores them.`,
        holds: found.every(({ content, check }) => content === 'equal' && check === 'clean'),
      };
    }),
  ],
};
