/** `database-synthetic`: transactions with a growing write-ahead log, a flush per commit and checkpoints, see database-guest.ts. */
import { MiB, roundUp } from '../engine/base/units.ts';
import { withFlushes, writeRange } from './access.ts';
import { batched } from './batches.ts';
import { DatabaseGuest, type DatabasePlan, PAGE_BYTES } from './database-guest.ts';
import { WorkloadError } from './errors.ts';
import { countParameter, sizeParameter, sizeText } from './parameters.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload, type WorkloadPlan } from './workload.ts';

/** A transaction must fit half of the log, page images included. */
const LOG_BYTES_MIN = MiB;
const PAGES_PER_TRANSACTION_MAX = 32;

export const databaseSynthetic = defineWorkload({
  name: 'database-synthetic',
  title: 'database transactions: a log flushed at each commit, and checkpoints (synthetic)',
  parameters: {
    transactions: countParameter('transactions; each ends in one flush', 'transactions', 4096),
    table: sizeParameter('table that is there before the measurement, rewritten at random pages', 64 * MiB),
    log: sizeParameter('write-ahead log; once full it is written again from its start', 32 * MiB),
    checkpointEvery: countParameter(
      'transactions between checkpoints, 0 for only when the log asks',
      'transactions',
      1024,
      0,
    ),
    pagesPerTransaction: countParameter('pages of the table that a transaction changes', 'pages', 1, 0),
    appendBytes: countParameter('bytes of new rows that a transaction appends', 'bytes', 512, 0),
  },
  plan({ table, log, ...counts }, { seed }) {
    const tableBytes = roundUp(table, PAGE_BYTES);
    const plan: DatabasePlan = { ...counts, tableBytes, logBytes: roundUp(log, PAGE_BYTES) };
    requireSense(plan);
    const requests = () => new DatabaseGuest(plan, new Prng(seed)).requests();
    return {
      diskSizeBytes: DatabaseGuest.diskSizeBytes(plan),
      ...phasesAndCount(requests()),
      describe: () =>
        `${plan.transactions} transactions on a table of ${sizeText(tableBytes)} with a log of ${sizeText(plan.logBytes)}, seed ${seed}`,
      prepare: () => batched(withFlushes(writeRange(DatabaseGuest.tableOffset(plan), tableBytes), 0)),
      requests: () => batched(requests()),
    };
  },
});

function requireSense({ logBytes, pagesPerTransaction, appendBytes }: DatabasePlan): void {
  const refuse = (problem: string) => {
    throw new WorkloadError(`workload database-synthetic: ${problem}`);
  };
  if (logBytes < LOG_BYTES_MIN) refuse(`--log ${sizeText(logBytes)} is below ${sizeText(LOG_BYTES_MIN)}`);
  if (pagesPerTransaction > PAGES_PER_TRANSACTION_MAX)
    refuse(`--pages-per-transaction ${pagesPerTransaction} is above ${PAGES_PER_TRANSACTION_MAX}`);
  if (appendBytes > PAGE_BYTES) refuse(`--append-bytes ${appendBytes} is above a page of ${PAGE_BYTES}`);
}

/** Whether the log comes round, and how many requests there are, only a run through tells; it takes some milliseconds. */
function phasesAndCount(requests: Iterable<GuestRequest>): Pick<WorkloadPlan, 'phases' | 'totalRequests'> {
  const phases: string[] = [];
  let totalRequests = 0;
  for (const request of requests) {
    if (request.op === 'mark') phases.push(request.text);
    else totalRequests++;
  }
  return { phases, totalRequests };
}
