/** What the NBD protocol alone cost in a run: the same requests to a server that keeps nothing. */
import { timedRounds } from '../../results/cell-results.ts';
import type { Cell, RunRecord } from '../../results/record.ts';
import { median } from '../../results/statistics.ts';

/** Empty where no such server was measured. */
export function protocolLines({ cells }: RunRecord): string[] {
  const servers = cells.filter(({ engine }) => engine === 'nbd');
  return cells.flatMap((cell) => {
    if (cell.engine !== 'null' || cell.exact === null) return [];
    const { reads, writes, flushes, discards, other } = cell.exact.guest;
    const requests = reads + writes + flushes + discards + other;
    const timeNs = timeOf(cell);
    const each = `${(timeNs / 1e6).toFixed(1)} ms for ${requests} requests, ${(timeNs / 1e3 / requests).toFixed(0)} µs each`;
    const shares = servers.flatMap((server) =>
      server.exact === null ? [] : [`${((100 * timeNs) / timeOf(server)).toFixed(0)} % of the time of ${server.id}`],
    );
    return [[`${cell.id}, a server that keeps nothing: ${each}`, ...shares].join('; ')];
  });
}

function timeOf(cell: Cell): number {
  return median(timedRounds(cell).map(({ wallNs }) => wallNs));
}
