/**
 * Every command by its name, its words and its sentence, without its module: the program's own help, its version and an unknown
 * command need none of them, and a command that runs needs one.
 */
import type { CommandModule } from 'yargs';

/** What is known of a command before it is loaded. */
export interface CommandCard {
  /** The words as yargs writes them. */
  readonly command: string;
  readonly describe: string;
  load(): Promise<CommandModule>;
}

function card(command: string, describe: string, load: () => Promise<unknown>): CommandCard {
  return { command, describe, load: async () => (await load()) as CommandModule };
}

/** Under the headings of the program's help. */
export const COMMAND_CARDS = {
  'First steps': [
    card(
      'demo',
      'take a first look: a small run in about ten seconds, and its report in the browser',
      async () => (await import('./demo.ts')).demo,
    ),
  ],
  Measure: [
    card(
      'bench',
      'replay a workload under several policies and compare syncs, bytes and latency',
      async () => (await import('./bench.ts')).bench,
    ),
    card(
      'history',
      'run every stage of history and report what each commit gained and what it made worse',
      async () => (await import('./history.ts')).history,
    ),
    card(
      'compare <base> <head>',
      'compare two commits of this program, or two engines, in one interleaved run',
      async () => (await import('./compare.ts')).compare,
    ),
    card(
      'trend <range>',
      'show the counts of each commit of a range and where they changed; measures what is not in the store',
      async () => (await import('./trend.ts')).trend,
    ),
    card(
      'gate',
      'measure the exact metrics of small runs and compare them with a baseline',
      async () => (await import('./gate.ts')).gate,
    ),
  ],
  'Look closer': [
    card(
      'doctor',
      'watch event loop, memory and CPU of a replay with Clinic Doctor; the report links its pages',
      async () => (await import('./doctor.ts')).doctor,
    ),
    card(
      'micro',
      "benchmark the table cache's operations in both memory layouts, its bytes per entry, and writes in place",
      async () => (await import('./micro.ts')).micro,
    ),
    card(
      'env',
      'show the machine and the file system, and probe the storage of a directory',
      async () => (await import('./env.ts')).env,
    ),
    card(
      'calibrate',
      'check how well the device model predicts this storage, from probes and real runs',
      async () => (await import('./calibrate.ts')).calibrate,
    ),
  ],
  'Crash safety': [
    card(
      'crash',
      'build the states in which a power cut could leave the image, and check each one',
      async () => (await import('./crash.ts')).crash,
    ),
    card(
      'explore',
      'judge millions of crash states of the recommended policies; can be interrupted and resumed',
      async () => (await import('./explore.ts')).explore,
    ),
    card(
      'safety',
      'explore what a power cut does under every policy, and write the safety record',
      async () => (await import('./safety.ts')).safety,
    ),
    card(
      'fuzz',
      'feed damaged images to the engine and watch for hangs, exceptions and further damage',
      async () => (await import('./fuzz.ts')).fuzz,
    ),
  ],
  'Several machines': [
    card(
      'submit',
      'queue a bench, a comparison of commits, a safety record or a fuzzing run for the workers of a fleet',
      async () => (await import('./submit.ts')).submit,
    ),
    card(
      'worker',
      'do the queued jobs of a fleet: benchmarks of this disk, explorations on all cores',
      async () => (await import('./worker.ts')).worker,
    ),
    card(
      'fleet',
      'show the workers and the jobs of a fleet; cancel, retry, fetch the results of shards',
      async () => (await import('./fleet.ts')).fleet,
    ),
  ],
  'Disk images': [
    card(
      'image',
      'create, inspect, check, copy and change disk images, like qemu-img',
      async () => (await import('./image.ts')).image,
    ),
    card(
      'ops <file>',
      'run an op script at one stage of history or under a policy and count its file operations',
      async () => (await import('./ops.ts')).ops,
    ),
    card(
      'serve [images..]',
      'serve images over NBD, to virtual machines, file systems, databases and tools',
      async () => (await import('./serve.ts')).serve,
    ),
    card(
      'load',
      'load NBD servers with fio, in turns: throughput, latency, and the syncs that clients share',
      async () => (await import('./load.ts')).load,
    ),
    card(
      'record <file>',
      'run a command on a served disk and record what is asked of the disk, as a workload',
      async () => (await import('./record.ts')).record,
    ),
  ],
  'Records and reports': [
    card(
      'report <record>',
      'rebuild the report of a record, draw one of its charts, or compare it with other records',
      async () => (await import('./report.ts')).report,
    ),
    card('open [record]', 'open the report of a run in the browser', async () => (await import('./open.ts')).open),
    card(
      'site',
      'build a static site from records: a dashboard, and the report of every run',
      async () => (await import('./site.ts')).site,
    ),
    card(
      'store <action>',
      'init, import, export, list, verify or prune a store of runs: a PostgreSQL database, or a folder',
      async () => (await import('./store.ts')).store,
    ),
    card('schema', 'print the JSON Schema of records', async () => (await import('./schema.ts')).schema),
  ],
  'What there is to choose from': [
    card(
      'policies',
      'list the metadata cache policies and the stages of history',
      async () => (await import('./policies.ts')).policies,
    ),
    card(
      'workloads',
      'list the workloads and their parameters',
      async () => (await import('./workloads.ts')).workloads,
    ),
    card(
      'completion <shell>',
      'print what teaches bash or zsh to complete commands, options, policies, workloads and records',
      async () => (await import('./completion.ts')).completion,
    ),
  ],
} satisfies Record<string, readonly CommandCard[]>;
