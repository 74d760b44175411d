/** `cowbench fleet`: who works, what is queued, what was set aside. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import { textTable } from '../../dashboards/text/text-table.ts';
import { writeWhole } from '../../results/store.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { jobWords, parsedJob } from '../fleet/job.ts';
import { idleMs, JobQueue, LEASE_SECONDS, type QueuedJob } from '../fleet/queue.ts';
import { STORE_VARIABLE, storeAddress } from '../stores/connection.ts';
import { storePlace } from '../stores/open-store.ts';

type Options = Readonly<Record<string, unknown>>;

const FOLLOW_MS = 2000;
const SHOWN_JOBS = 20;

export const fleet: CommandModule<object, Options> = {
  command: 'fleet',
  describe: 'show the workers and the jobs of a fleet; cancel, retry, fetch the results of shards',
  builder: (yargs) =>
    yargs
      .option('store', {
        ...value('ADDRESS'),
        describe: `database of the fleet, postgres://… [default: ${STORE_VARIABLE}]`,
      })
      .option('follow', { type: 'boolean', alias: 'f', describe: 'show it again every two seconds, until Ctrl-C' })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .option('cancel', { ...value('JOB'), describe: 'cancel a job, queued or being done' })
      .option('retry', { ...value('JOB'), describe: 'queue again a job that was set aside' })
      .option('parts', { ...value('WORK'), describe: 'write the results of all shards of a submission to --out' })
      .option('out', { ...value('DIR'), describe: 'folder for --parts' })
      .example('$0 fleet --follow', 'live')
      .example('$0 fleet --parts safety-0a1b2c3d --out parts', 'then: cowbench safety --merge parts/part-*.json'),
  handler: async (options) => {
    await using queue = await JobQueue.open(storeAddress(storePlace(options.store)));
    if (options.cancel !== undefined) return await changeJob(options, 'cancel', (id) => queue.cancel(id));
    if (options.retry !== undefined) return await changeJob(options, 'retry', (id) => queue.retry(id));
    if (options.parts !== undefined) return await fetchParts(queue, options);
    if (options.follow !== true) return await show(queue, options.json === true);
    const interruption = new Interruption();
    while (!interruption.signal.aborted) {
      if (stdoutTerminal().escapes) process.stdout.write('\u001b[2J\u001b[H');
      await show(queue, options.json === true);
      await sleep(FOLLOW_MS, undefined, { signal: interruption.signal }).catch(() => {});
    }
    interruption.release();
  },
};

async function changeJob(
  options: Options,
  action: 'cancel' | 'retry',
  change: (id: string) => Promise<boolean>,
): Promise<void> {
  const id = single(action, options[action] as OptionText);
  const states = { cancel: 'queued or being done', retry: 'set aside' };
  if (!(await change(id)))
    throw new UsageError(`--${action} ${oneLine(id)}: there is no such job that is ${states[action]}`);
  console.log(`${action === 'cancel' ? 'cancelled' : 'queued again'}: ${id}`);
}

async function fetchParts(queue: JobQueue, options: Options): Promise<void> {
  const work = single('parts', options.parts as OptionText);
  if (options.out === undefined) throw new UsageError('--parts needs --out: the folder to write to');
  const parts = await queue.parts(work);
  if (parts.length === 0) throw new UsageError(`--parts ${oneLine(work)}: no shard of it is done yet`);
  const out = path.resolve(single('out', options.out as OptionText));
  for (const { shard, document } of parts) writeWhole(path.join(out, `part-${shard}.json`), document);
  console.log(`${parts.length} parts written to ${out}`);
}

async function show(queue: JobQueue, json: boolean): Promise<void> {
  const [workers, jobs] = [await queue.workers(), await queue.jobs()];
  if (json) return console.log(JSON.stringify({ workers, jobs: jobs.map((job) => ({ ...job, what: whatOf(job) })) }));
  const present = workers.filter(({ doing }) => doing !== 'ended');
  const silentSeconds = Math.max(LEASE_SECONDS, (2 * idleMs(present.length)) / 1000);
  const rows = present.map(({ worker, labels, doing, ...seen }) => [
    ...[worker, labels.join(', '), doing],
    seen.silentSeconds > silentSeconds ? `silent for ${seen.silentSeconds} s` : 'alive',
  ]);
  print(['worker', 'labels', 'doing', ''], rows, 'no workers');
  const counts = Map.groupBy(jobs, ({ state }) => stateWords(state));
  console.log(`\n${jobs.length} jobs${[...counts].map(([state, some]) => `, ${some.length} ${state}`).join('')}\n`);
  const open = jobs.filter(({ state }) => state !== 'completed' && state !== 'cancelled');
  const shown = open.slice(0, SHOWN_JOBS).map((job) => [job.id, whatOf(job), stateWords(job.state), job.error ?? '']);
  if (open.length > 0) print(['job', 'what', 'state', 'last error'], shown, '');
  if (open.length > SHOWN_JOBS) console.log(`and ${open.length - SHOWN_JOBS} more; --json has all`);
}

function print(header: readonly string[], rows: readonly (readonly string[])[], none: string): void {
  if (rows.length === 0) return console.log(none);
  for (const line of textTable(
    header,
    rows.map((row) => row.map(oneLine)),
    stdoutTerminal().width,
  ))
    console.log(line);
}

function stateWords(state: QueuedJob['state']): string {
  const words = { created: 'queued', retry: 'to be retried', active: 'being done', completed: 'done' } as const;
  return state === 'failed' ? 'set aside' : state === 'cancelled' ? state : words[state];
}

/** Of what anyone may have written to the database. */
function whatOf({ data }: QueuedJob): string {
  const job = parsedJob(data);
  return job === null ? 'no valid job' : jobWords(job);
}
