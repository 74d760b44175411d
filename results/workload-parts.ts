/**
 * A run under several workloads as one record for each of them: whoever reads records of one workload reads these. Counts and times are
 * compared within a workload only.
 */
import type { RunRecord } from './record.ts';

/** What the guest does in a cell. */
export function workloadOfCell(
  { workload, furtherWorkloads = [] }: Pick<RunRecord, 'workload' | 'furtherWorkloads'>,
  cell: RunRecord['cells'][number],
): RunRecord['workload'] {
  return [workload, ...furtherWorkloads][cell.workload ?? 0] ?? workload;
}

/** In the record's order; the record itself where it has one workload. */
export function workloadParts(record: RunRecord): readonly RunRecord[] {
  const { furtherWorkloads = [], ...rest } = record;
  if (furtherWorkloads.length === 0) return [record];
  return [record.workload, ...furtherWorkloads].map((workload, index) => {
    const cells = record.cells.filter((cell) => (cell.workload ?? 0) === index);
    const ids = new Set(cells.map(({ id }) => id));
    const comparisons = record.comparisons?.filter(({ candidate }) => ids.has(candidate));
    return { ...rest, workload, cells, ...(comparisons !== undefined && { comparisons }) };
  });
}
