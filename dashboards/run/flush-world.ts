/** Which world of guest flushes the run shows, since that decides more than any policy. */
import type { RunRecord } from '../../results/record.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { countedCells } from '../reading/cells.ts';
import { formatCount } from '../reading/quantities.ts';
import { workloadWords } from '../reading/workload-words.ts';

/** One sentence for each world that workloads of the run are in. */
export function flushWorlds(record: RunRecord): string[] {
  const words = workloadWords(record);
  const parts = workloadParts(record).map((part, index) => ({ words: words[index]!, world: flushWorld(part) }));
  if (parts.length === 1) return [parts[0]!.world];
  return [...Map.groupBy(parts, ({ world }) => world)].map(
    ([world, group]) => `${group.map((one) => one.words).join('; ')}: ${world}`,
  );
}

export function flushWorld(record: RunRecord): string {
  return guestWorld(record) + requesterWorld(record);
}

/** Empty for one requester, as each flush is then its own. */
function requesterWorld({ cells }: RunRecord): string {
  const numbers = [...new Set(cells.map(({ requesters }) => requesters ?? 1))];
  if (numbers.every((number) => number === 1)) return '';
  return ` Requests were sent by ${numbers.join(', ')} ${numbers.length > 1 ? 'requesters at a time' : 'requesters at once'}: flushes that wait together share their syncs.`;
}

function guestWorld(record: RunRecord): string {
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
