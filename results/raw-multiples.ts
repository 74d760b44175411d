/** What a cell costs as a multiple of what the raw file of the same run cost: how far an image is from having none of its own. */
import type { ComparisonOptions } from './comparison.ts';
import { compareCells } from './comparison-cells.ts';
import type { Cell, ExactCounters, RatioInterval, RawMultiples } from './record.ts';

/**
 * The multiples of `cell` among the cells of its run. Null for a raw file, for a cell that was not measured yet, and where no raw
 * file was measured on the same device for the same requests.
 */
export function rawMultiples(cell: Cell, cells: readonly Cell[], options: ComparisonOptions): RawMultiples | null {
  const raw = rawFor(cell, cells);
  if (cell.engine === 'raw' || cell.exact === null || raw?.exact == null) return null;
  const { exact } = cell;
  const base = raw.exact;
  const multiple = (of: (counters: ExactCounters) => number) => (of(base) === 0 ? null : of(exact) / of(base));
  return {
    raw: raw.id,
    waits: multiple(({ fsyncs, odsyncWrites }) => fsyncs + odsyncWrites),
    writes: multiple(({ writes }) => writes),
    writeBytes: multiple(({ writeBytes }) => writeBytes),
    wall: wallMultiple(cell, raw, options),
  };
}

/** Opened as the cell's image is, if there is such a one, and sparse before others: that is what the first in order is. */
function rawFor(cell: Cell, cells: readonly Cell[]): Cell | null {
  const { device, image, hostCacheMode, requesters } = cell;
  const fitting = cells.filter(
    (other) =>
      other.engine === 'raw' &&
      other.workload === cell.workload &&
      other.device.kind === device.kind &&
      other.device.name === device.name &&
      other.image.clusterSizeBytes === image.clusterSizeBytes &&
      other.requesters === requesters,
  );
  return fitting.find((other) => other.hostCacheMode === hostCacheMode) ?? fitting[0] ?? null;
}

function wallMultiple(cell: Cell, raw: Cell, options: ComparisonOptions): RatioInterval | null {
  if (cell.device.kind === 'model') return virtualMultiple(cell, raw);
  return compareCells(raw, cell, options).times.find(({ metric }) => metric === 'wall')?.interval ?? null;
}

/** Virtual times repeat to the nanosecond: the interval is a point. */
function virtualMultiple(cell: Cell, raw: Cell): RatioInterval | null {
  const [ours, theirs] = [cell.rounds[0]?.wallNs ?? 0, raw.rounds[0]?.wallNs ?? 0];
  if (!(ours > 0 && theirs > 0)) return null;
  const ratio = ours / theirs;
  return { ratio, low: ratio, high: ratio, confidence: 1, pairs: 1 };
}
