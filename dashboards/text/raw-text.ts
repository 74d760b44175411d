/** Every cost of a run as a multiple of what the raw file cost that took the same requests. */
import type { RunRecord } from '../../results/record.ts';
import { textTable } from './text-table.ts';

const HEADER = ['as a multiple of the raw file', 'raw file', 'time (interval)', 'waits', 'writes', 'bytes written'];

/** Empty where no raw file was measured. */
export function rawLines({ cells }: RunRecord, width?: number): string[] {
  const rows = cells.flatMap(({ id, rawMultiples }) => {
    if (rawMultiples === undefined) return [];
    const { raw, wall, waits, writes, writeBytes } = rawMultiples;
    const range = wall === null || wall.pairs === 1 ? '' : ` (${times(wall.low)} to ${times(wall.high)})`;
    return [[id, raw, `${times(wall?.ratio ?? null)}${range}`, times(waits), times(writes), times(writeBytes)]];
  });
  return rows.length === 0 ? [] : textTable(HEADER, rows, width);
}

function times(multiple: number | null): string {
  return multiple === null ? '-' : `${multiple.toFixed(2)}x`;
}
