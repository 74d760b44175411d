/** Which runs several requesters can send, found out before anything is measured. */
import { WORKLOADS } from '../../../workloads/registry.ts';
import type { Workload } from '../../../workloads/workload.ts';
import { UsageError } from '../../console/errors.ts';
import { type BenchPlan, requestersOf } from './plan.ts';

/** @throws UsageError in one line where `--requesters` asks for what cannot be: requests of one guest, or programs that send one by one. */
export function requireRequesters({ cells }: BenchPlan, { name, independent }: Workload): void {
  const several = cells.filter((cell) => requestersOf(cell) > 1);
  if (several.length === 0) return;
  if (!independent) {
    const others = WORKLOADS.filter((workload) => workload.independent).map((workload) => workload.name);
    throw new UsageError(
      `--requesters: workload ${name} is what one guest did, in its order; ${others.join(', ')} can be sent by several`,
    );
  }
  if (several.some((cell) => cell.engine === 'cowbench' && cell.source !== null))
    throw new UsageError('--requesters: not between commits, of which earlier ones send one request at a time');
}
