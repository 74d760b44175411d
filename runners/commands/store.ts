/** `cowbench store`: the database of runs: made, filled, emptied, checked. */
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { EXIT_CODES, oneLine, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { duration, type OptionText, single } from '../console/option-values.ts';
import { RESULTS_ROOT } from '../console/project-root.ts';
import { unknownWord } from '../console/suggest.ts';
import { isPostgres, STORE_VARIABLE, storeAddress } from '../stores/connection.ts';
import { copyRuns } from '../stores/copy-runs.ts';
import { openStore, storePlace } from '../stores/open-store.ts';
import type { ResultStore } from '../stores/result-store.ts';

type Options = Record<string, unknown> & { readonly action: string };

const DAY_MS = 24 * 3_600_000;

export const store: CommandModule<object, Options> = {
  command: 'store <action>',
  describe: 'init, import, export, list, verify or prune a store of runs: a PostgreSQL database, or a folder',
  builder: (yargs) =>
    yargs
      .positional('action', {
        type: 'string',
        demandOption: true,
        describe: 'init, import, export, list, verify or prune',
      })
      .option('store', { ...value('ADDRESS'), describe: `postgres://…, or a folder [default: ${STORE_VARIABLE}]` })
      .option('from', { ...value('DIR'), describe: 'folder of records to import [default: results/runs]' })
      .option('out', { ...value('DIR'), describe: 'folder that export writes to' })
      .option('older', { ...value('DAYS'), describe: 'prune: runs that began more than DAYS days ago' })
      .option('json', { type: 'boolean', describe: 'list: one JSON object a line' })
      .example('$0 store init --store postgres://me@db.example/cowbench', 'makes tables and roles, or updates them')
      .example('$0 store import', 'puts the runs of results/runs into the store; again changes nothing')
      .example('$0 store export --out DIR', 'writes each run as it was, byte for byte')
      .epilogue(
        'Roles cowbench_worker (adds, removes nothing) and cowbench_reader are made by init; grant them to users. ' +
          'Passwords belong into the environment variable or a .pgpass file, not into the command line.',
      ),
  handler: (options) => {
    const action = ACTIONS[options.action];
    if (action === undefined) throw new UsageError(unknownWord('action', options.action, Object.keys(ACTIONS)));
    return action(options);
  },
};

const ACTIONS: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  init,
  import: (options) => withStore(options, importRuns),
  export: (options) => withExisting(options, exportRuns),
  list: (options) => withExisting(options, list),
  verify: (options) => withExisting(options, verify),
  prune: (options) => withExisting(options, prune),
};

async function init(options: Options): Promise<void> {
  const place = storePlace(options.store);
  if (!isPostgres(place))
    throw new UsageError('store init: only a database needs it; folders are made when they are written to');
  const { makeQueue } = await import('../fleet/queue.ts');
  const { migrate } = await import('../stores/migrate.ts');
  const address = storeAddress(place);
  const steps = await migrate(address, () => makeQueue(address));
  console.log(steps === 0 ? `${address.name} is up to date` : `${address.name}: ${steps} migrations`);
}

async function importRuns(store: ResultStore, options: Options): Promise<void> {
  const from = text(options, 'from') ?? path.join(RESULTS_ROOT, 'results/runs');
  if (!fs.existsSync(from)) throw new UsageError(`${from}: no such folder`);
  await copy(await openStore(from), store);
}

async function exportRuns(store: ResultStore, options: Options): Promise<void> {
  const out = text(options, 'out');
  if (out === null) throw new UsageError('store export needs --out: the folder to write to');
  await copy(store, await openStore(out));
}

async function copy(from: ResultStore, to: ResultStore): Promise<void> {
  const counts = new Map<string, number>();
  for await (const { outcome } of copyRuns(from, to)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const words = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`${from.name} to ${to.name}: ${words.length === 0 ? 'no runs' : words.join(', ')}`);
}

async function list(store: ResultStore, { json }: Options): Promise<void> {
  for await (const summary of store.find({})) {
    const { runId, status, machine, commit, workload, samples } = summary;
    const words = [runId, status, machine, commit?.slice(0, 12) ?? 'unversioned', workload, `${samples} samples`];
    console.log(json === true ? JSON.stringify(summary) : oneLine(words.join('  ')));
  }
}

async function verify(store: ResultStore): Promise<void> {
  let wrong = 0;
  for await (const line of store.verify()) {
    console.log(oneLine(line));
    wrong++;
  }
  if (wrong > 0) process.exitCode = EXIT_CODES.finding;
  else console.log(`${store.name}: ${(await isEmpty(store)) ? 'no runs' : 'every run is as it was stored'}`);
}

async function prune(store: ResultStore, options: Options): Promise<void> {
  const older = text(options, 'older');
  if (older === null) throw new UsageError('store prune needs --older: the age in days of what is removed');
  const days = /^\d{1,5}$/.test(older) ? Number(older) : duration('older', older) / DAY_MS;
  const removed = await store.prune(new Date(Date.now() - days * DAY_MS));
  console.log(`${store.name}: ${removed} runs removed`);
}

async function isEmpty(store: ResultStore): Promise<boolean> {
  for await (const _ of store.find({})) return false;
  return true;
}

/** A folder that is not there holds no runs, but was most likely meant to be another. */
function withExisting(options: Options, work: (store: ResultStore, options: Options) => Promise<void>): Promise<void> {
  const place = storePlace(options.store);
  if (!isPostgres(place) && !fs.existsSync(place)) throw new UsageError(`--store ${place}: no such folder`);
  return withStore(options, work);
}

async function withStore(
  options: Options,
  work: (store: ResultStore, options: Options) => Promise<void>,
): Promise<void> {
  const store = await openStore(storePlace(options.store));
  try {
    await work(store, options);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

function text(options: Options, name: string): string | null {
  return options[name] === undefined ? null : single(name, options[name] as OptionText);
}
