/** `cowbench safety`: explores every policy and writes `docs/safety.md`, the record that is published. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { clusterSize, integer, list, type OptionText, single } from '../console/option-values.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { WorkProgress } from '../console/work-progress.ts';
import { describeSource, sourceWarning } from '../machine/source.ts';
import { toolVersion } from '../qemu/tools.ts';
import { exploreNamedByQemu } from '../safety/qemu/qemu-exploration.ts';
import { FinishedParts } from '../safety/record/finished-parts.ts';
import { MANY_STATES_RECORD, readManyStates } from '../safety/record/many-states-record.ts';
import { safetyPage } from '../safety/record/safety-page.ts';
import { qemuVerdicts, type SafetyScope, SafetyWork, safetySubjects } from '../safety/record/safety-record.ts';

const MUTANT_WORDS = ['none', 'named', 'all'] as const;
const DEFAULT_PAGE = 'docs/safety.md';

const OPTIONS = {
  length: { ...value('N'), default: '2', describe: 'operations per sequence, 1 to 3' },
  'cluster-size': { ...value('SIZE,…'), default: '512,4096,65536', describe: 'cluster sizes of the images' },
  'cache-tables': {
    ...value('N,…'),
    default: '2,stage',
    describe: 'tables per cache; stage: as the stage had',
  },
  states: { ...value('N'), default: '65536', describe: 'crash states tried per crash point; beyond that, a sample' },
  'qemu-states': {
    ...value('N'),
    default: '40',
    describe: 'states per recording that qemu-img checks too; 0: none',
  },
  mutants: { ...value('WHICH'), default: 'named', describe: 'workloads to test mutants with: none, named or all' },
  'qemu-peer': { type: 'boolean', default: true, describe: 'include the installed QEMU in the tables' },
  out: { ...value('FILE'), describe: `page to write [default: ${DEFAULT_PAGE}]` },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
} as const;

type Options = Record<string, unknown>;

export const safety: CommandModule<object, Options> = {
  command: 'safety',
  describe: 'explore what a power cut does under every policy, and write the safety record',
  builder: (yargs) =>
    yargs
      .options(OPTIONS)
      .example('npm run safety -- --length 3', 'makes docs/safety.md: about 35 minutes on two cores')
      .example('$0 safety --length 1 --cluster-size 512 --mutants none --out s.md', 'a quick sample')
      .epilogue('Ctrl-C keeps finished parts next to the page; the same command resumes from there.'),
  handler: writeSafety,
};

async function writeSafety(options: Options): Promise<void> {
  const scope = scopeOf(options);
  const out = path.resolve(options.out === undefined ? path.join(PROJECT_ROOT, DEFAULT_PAGE) : text(options, 'out'));
  requireWritable(out);
  const withPeer = options['qemu-peer'] !== false;
  if (scope.qemuStates > 0) toolVersion('qemu-img');
  if (withPeer) toolVersion('qemu-io');
  const source = describeSource();
  const warning = sourceWarning(source);
  if (warning !== null) console.error(`warning: ${warning}`);
  // Parts of a program that is not known are never those of this one.
  const program = source.problem === undefined ? source : { ...source, run: randomUUID() };
  const finished = new FinishedParts(`${out}.parts.tmp`, { source: program, scope });
  if (finished.count > 0) console.error(`resuming: ${finished.count} parts are finished`);
  const interruption = new Interruption();
  try {
    const works = safetySubjects().map((subject) => new SafetyWork(subject, scope));
    const { signal } = interruption;
    await runAll(works, finished, options.quiet === true, signal);
    const matrix = scope.qemuStates === 0 || signal.aborted ? null : await qemuVerdicts(scope, signal);
    const peer = withPeer && !signal.aborted ? await exploreNamedByQemu(scope.statesPerPoint, signal) : null;
    if (interruption.exitCode !== null) {
      console.error(`interrupted; ${finished.count} parts are kept; the same command resumes from there`);
      process.exitCode = interruption.exitCode;
      return;
    }
    const records = works.map((work) => work.record());
    const commit = commitWords(source);
    const command = commandOf(options);
    const manyStates = readManyStates(path.join(PROJECT_ROOT, MANY_STATES_RECORD));
    fs.writeFileSync(out, safetyPage({ scope, records, matrix, peer, manyStates, command, commit }));
    finished.remove();
    console.error(`written: ${out}`);
  } finally {
    interruption.release();
  }
}

async function runAll(
  works: readonly SafetyWork[],
  finished: FinishedParts,
  isQuiet: boolean,
  signal: AbortSignal,
): Promise<void> {
  const total = works.reduce((sum, { partCount }) => sum + partCount, 0);
  const progress = new WorkProgress(total, 'parts', isQuiet);
  const onPart = (wasFinished: boolean) => (wasFinished ? progress.skip(1) : progress.next());
  try {
    for (const work of works) await work.run(finished, onPart, signal);
  } finally {
    progress.end();
  }
}

function text(options: Options, name: string): string {
  return single(name, options[name] as OptionText);
}

function scopeOf(options: Options): SafetyScope {
  const mutantsText = text(options, 'mutants');
  const mutants = MUTANT_WORDS.find((word) => word === mutantsText);
  if (mutants === undefined) throw new UsageError(`--mutants "${mutantsText}": expected none, named or all`);
  return {
    length: integer('length', text(options, 'length'), 1, 3),
    clusterSizes: list('cluster-size', text(options, 'cluster-size')).map((word) => clusterSize('cluster-size', word)),
    caches: list('cache-tables', text(options, 'cache-tables')).map((word) => {
      if (word === 'stage') return null;
      const tables = integer('cache-tables', word, 1, 1024);
      return { l2: tables, refcounts: tables };
    }),
    statesPerPoint: integer('states', text(options, 'states'), 2, 2 ** 22),
    qemuStates: integer('qemu-states', text(options, 'qemu-states'), 0, 2 ** 20),
    mutants,
  };
}

/** Said before the long work, not after it. */
function requireWritable(out: string): void {
  try {
    fs.accessSync(path.dirname(out), fs.constants.W_OK);
    if (fs.existsSync(out)) fs.accessSync(out, fs.constants.W_OK);
  } catch {
    throw new UsageError(`--out ${out}: cannot be written`);
  }
}

function commitWords({ commit, dirty }: ReturnType<typeof describeSource>): string {
  return commit === null ? 'an unknown commit' : `${commit.slice(0, 12)}${dirty ? ' with changes' : ''}`;
}

/** What decides the content of the page, in the words that give it again. */
function commandOf(options: Options): string {
  const named = ['length', 'cluster-size', 'cache-tables', 'states', 'qemu-states', 'mutants'] as const;
  const asked = named.filter((name) => text(options, name) !== OPTIONS[name].default);
  const words = asked.flatMap((name) => [`--${name}`, text(options, name)]);
  if (options['qemu-peer'] === false) words.push('--no-qemu-peer');
  return ['npm run safety', ...(words.length === 0 ? [] : ['--', ...words])].join(' ');
}
