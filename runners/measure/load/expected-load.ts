/** How long a load run will take, from its plan and what a sync costs where the images lie. */
import { MiB } from '../../../engine/index.ts';
import { costLine, diskWords } from '../../console/expected-cost.ts';
import { diskBytes } from './jobs.ts';
import type { LoadPlan } from './load-plan.ts';

/** A server of this program until it answers: Node and the engine start. Others are faster. */
const SERVER_MS = 500;
/** fio until its first request, and its report. */
const FIO_MS = 300;
/** Of a server on a SATA disk, written and read in order. */
const FILLED_BYTES_PER_MS = (200 * MiB) / 1000;
/** What a policy of ours syncs for a commit to a fresh cluster: once before the mapping and once after it; clients share both. */
const SYNCS_PER_COMMIT = 2;
/** Those without flushes, the warm-up included: two are timed, three write or read as much as `--size` says. */
const [PLAIN_JOBS, TIMED_JOBS, FILLING_JOBS] = [5, 2, 3];

/** `syncNs`: a sync in the folder of the images; null: not known, and counted as nothing. */
export function expectedLoadMs(plan: LoadPlan, syncNs: number | null): number {
  const { servers, clients, commits, milliseconds, filledBytes, rounds } = plan;
  const commitMs = clients.length * (FIO_MS + (commits * SYNCS_PER_COMMIT * (syncNs ?? 0)) / 1e6);
  const plainMs = PLAIN_JOBS * FIO_MS + TIMED_JOBS * milliseconds + (FILLING_JOBS * filledBytes) / FILLED_BYTES_PER_MS;
  const timedMs = rounds * servers.length * (SERVER_MS + plainMs + commitMs);
  // Traced, each job on a server of its own; the protocol alone has nothing to count.
  const counted = servers.filter(({ command }) => command !== null).length;
  return timedMs + counted * (clients.length * SERVER_MS + commitMs);
}

/** In one line. */
export function loadCost(plan: LoadPlan, syncNs: number | null): string {
  const sync = syncNs === null ? 'syncs not counted' : `a sync takes ${Math.round(syncNs / 1000)} µs`;
  const work = `${plan.rounds} rounds of ${plan.servers.length} servers, ${sync}`;
  return costLine({ ms: expectedLoadMs(plan, syncNs), work, disk: diskWords(diskBytes(plan), plan.directory) });
}
