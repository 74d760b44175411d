/** The options of `cowbench bench`, which the other commands that measure share. */
import type { Argv } from 'yargs';
import { findDefinition, WORKLOADS } from '../../../workloads/registry.ts';
import { type HelpOption, value } from '../../console/help-page.ts';
import { IMAGE_OPTIONS } from '../../sample/image-options.ts';
import { DEVICE_NAMES } from './modelled-device.ts';

/** What yargs makes of the words: texts, arrays where an option was given twice, and booleans. */
export type BenchOptions = Readonly<Record<string, unknown>>;

/** All workloads with parameters of their own; those of a trace are the same for every file. */
const DEFINITIONS = [...WORKLOADS, findDefinition('trace:FILE')];

const common = true;

const WHAT = {
  workload: {
    ...value('NAME,…'),
    alias: 'w',
    default: 'install',
    common,
    describe: 'see cowbench workloads (several: one run, one page); or trace:FILE',
  },
  policy: {
    ...value('NAME,…'),
    alias: 'p',
    common,
    describe: 'see cowbench policies [default: all]',
  },
  'guest-flush': {
    ...value('WHEN,…'),
    default: 'recorded',
    common,
    describe: 'recorded, every:N writes, or none (but one at power-off)',
  },
  param: { ...value('NAME=VALUE,…'), describe: 'parameters of the workload; or each as an option, --NAME VALUE' },
  engine: {
    ...value('NAME,…'),
    default: 'cowbench',
    describe:
      'what serves the guest: cowbench; qemu: the installed one; qemu=DIR: a build; nbd:COMMAND, NAME=nbd:COMMAND: a server on ' +
      '{socket} of {image} (or {image:vmdk}); nbd:null: the protocol alone; formats: qemu-nbd in all of its formats; raw: a plain file, or raw:falloc, raw:zeroes',
  },
  stage: { ...value('STAGE,…'), describe: 'stages of history instead of the presets: S0,S1,S2,S3,S4a,S4b or all' },
  reserve: { ...value('SIZE,…'), describe: 'the most that policy reserve counts ahead [default: 64M]' },
  preparation: {
    ...value('HOW,…'),
    describe:
      'how the place of what is counted ahead is made: hole, fallocate, zeroes, or probe: by what the storage costs [default: hole]',
  },
  cache: {
    ...value('MODE,…'),
    describe: "host cache modes: writethrough,writeback,none,directsync,unsafe [default: each policy's own]",
  },
  discard: { ...value('HOW'), default: 'ignore', describe: 'guest discards: ignore or unmap' },
  limit: { ...value('N'), describe: 'stop after N requests' },
  pace: {
    ...value('PACE'),
    describe: 'send requests when the trace did (trace; trace:8 for eight times as fast), or N per second (N)',
  },
  requesters: {
    ...value('N,…'),
    default: '1',
    describe: 'how many send the requests of the workload at once and share flushes: 1,4,16,64',
  },
  seed: { ...value('N'), default: '1', describe: 'seed for guest data, synthetic workloads and sample order' },
};

const IMAGE = {
  'cluster-size': { ...value('SIZE,…'), default: '64k', common, describe: 'cluster size, 512 to 2M' },
  'l2-cache': {
    ...value('SIZE,…'),
    describe: 'memory for L2 tables, such as 1M [default: as the stage had, 16 tables]',
  },
  'l2-cache-tables': { ...value('N,…'), describe: 'the same as a number of tables', conflicts: 'l2-cache' },
  'refcount-cache': {
    ...value('SIZE,…'),
    describe: 'memory for refcount blocks [default: as the stage had, 1 or 4 blocks]',
  },
  'refcount-cache-tables': { ...value('N,…'), describe: 'the same as a number of blocks', conflicts: 'refcount-cache' },
  'image-version': {
    ...value('N,…'),
    default: '3',
    describe: 'qcow2 version, 2 or 3 (same writes and syncs; current tools create 3)',
  },
  'image-option': {
    ...value('NAME=VALUE,…'),
    describe: `options of the image: ${Object.keys(IMAGE_OPTIONS).join(', ')}`,
  },
};

const STORAGE = {
  device: {
    ...value('NAME,…'),
    default: 'real',
    common,
    describe: `real, or model:NAME for virtual time on a modelled device: ${DEVICE_NAMES.join(', ')}`,
  },
  dir: {
    ...value('DIR'),
    common,
    describe: 'existing directory for the images [default: here, or the nearest not on tmpfs]',
  },
  'keep-images': { type: 'boolean', describe: 'do not remove the images' },
} as const;

const STOPPING = {
  rounds: {
    ...value('N'),
    common,
    describe: 'rounds after the one that warms up; 0: counts only',
    conflicts: 'time-budget',
  },
  'time-budget': {
    ...value('TIME'),
    common,
    defaultDescription: '2m',
    describe: 'keep adding rounds until every verdict is settled or this time is used up',
  },
  resume: { type: 'boolean', describe: 'resume the newest matching run; finished samples are not repeated' },
} as const;

const OUTPUT = {
  format: {
    ...value('FORMAT'),
    default: 'table',
    common,
    describe: 'table, json, csv, markdown, or comment (for a pull request), on stdout',
  },
  json: { type: 'boolean', describe: 'same as --format json: print the record, and nothing else' },
  verbose: {
    type: 'boolean',
    alias: 'v',
    describe: 'all counts, safety by operation, verdicts and where the time went',
  },
  quiet: { type: 'boolean', alias: 'q', common, describe: 'no progress on stderr' },
  report: { type: 'boolean', default: true, describe: 'write the HTML report next to the record' },
  out: { ...value('DIR'), describe: 'root of the record store [default: results/runs]' },
  store: {
    ...value('ADDRESS'),
    describe: 'put the run into this database too, postgres://… [default: COWBENCH_STORE]',
  },
  crash: {
    ...value('HOW'),
    defaultDescription: 'short, none with --rounds 0, 1 or 2',
    describe:
      'explore what a power cut does under each policy: short: at the start of this workload; quick: in many short sequences, too; none',
  },
  'cpu-prof': {
    type: 'boolean',
    describe: 'one more sample of each configuration under the CPU profiler, as a flame graph',
  },
  'export-device-trace': {
    ...value('FILE'),
    describe: 'write the file operations of each configuration to FILE, as a fio iolog',
  },
} as const;

const GROUPS: Readonly<Record<string, Readonly<Record<string, HelpOption>>>> = {
  'What to run': WHAT,
  Image: IMAGE,
  Storage: STORAGE,
  'When to stop': STOPPING,
  Output: OUTPUT,
};

/** Those that decide what is measured. */
const { crash, 'cpu-prof': profiled, 'export-device-trace': traced } = OUTPUT;
export const MEASURED_OPTIONS: Readonly<Record<string, HelpOption>> = {
  ...WHAT,
  ...IMAGE,
  ...STORAGE,
  ...STOPPING,
  ...{ crash, 'cpu-prof': profiled, 'export-device-trace': traced },
  ...Object.fromEntries(workloadOptions().map((name) => [name, value('VALUE')])),
};

const PARAMETER_GROUP = 'Parameters of workloads (see cowbench workloads)';

/**
 * Declares every option; a parameter of a workload is one too, unless bench has one of that name. `refused`: options that the
 * command has no use for, which its help leaves out.
 */
export function withBenchOptions(yargs: Argv, refused: readonly string[] = []): Argv<BenchOptions> {
  for (const [group, options] of Object.entries(GROUPS)) {
    for (const [name, option] of Object.entries(options)) {
      yargs.option(name, { ...option, group, hidden: refused.includes(name) });
    }
  }
  const described = new Map<string, string[]>();
  for (const { name, parameters } of DEFINITIONS) {
    for (const { option } of parameters) described.set(option, [...(described.get(option) ?? []), name]);
  }
  for (const option of workloadOptions()) {
    yargs.option(option, {
      ...value('VALUE'),
      group: PARAMETER_GROUP,
      describe: `of ${described.get(option)!.join(', ')}`,
    });
  }
  return yargs as Argv<BenchOptions>;
}

/** The options that are parameters of some workload. */
export function workloadOptions(): string[] {
  const own = new Set(Object.values(GROUPS).flatMap((options) => Object.keys(options)));
  const names = DEFINITIONS.flatMap(({ parameters }) => parameters.map(({ option }) => option));
  return [...new Set(names)].filter((name) => !own.has(name));
}
