/** How long a run will take, judged by the newest one on this machine that did the same. */
import type { RunRecord } from '../../../results/record.ts';
import { workloadIdentity } from '../../../results/workload-identity.ts';
import { newestRuns } from './earlier-runs.ts';

/**
 * Milliseconds for `rounds` of all cells of `record`, which will lie in `recordFile`; null where no complete run of the same workloads, policies,
 * devices and file system is stored there.
 */
export function earlierLengthMs(recordFile: string, record: RunRecord, rounds: number): number | null {
  const kind = kindOf(record);
  for (const earlier of newestRuns(recordFile)) {
    if (earlier.runId === record.runId || earlier.status !== 'complete' || kindOf(earlier) !== kind) continue;
    const samples = samplesIn(earlier);
    if (samples === 0 || !earlier.measuringMs) continue;
    return (earlier.measuringMs / samples) * rounds * record.cells.length;
  }
  return null;
}

/** What decides how long a sample takes, but for the commit that takes it. */
function kindOf({ workload, furtherWorkloads = [], cells, environment }: RunRecord): string {
  const measured = cells.map(({ engine, policy, device, image }) =>
    JSON.stringify([engine, policy.name, device.kind, image.clusterSizeBytes]),
  );
  const workloads = [workload, ...furtherWorkloads].map(workloadIdentity);
  return JSON.stringify([workloads, [...new Set(measured)].sort(), environment.fileSystem.type]);
}

/** With those that measured a baseline a second time. */
function samplesIn({ cells }: RunRecord): number {
  return cells.reduce((sum, { rounds, control = [] }) => sum + rounds.length + control.length, 0);
}
