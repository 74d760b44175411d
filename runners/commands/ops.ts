/** `cowbench ops FILE`: an op script at one stage of history or under a policy, counted in the terms of the reference. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { HOST_CACHE_MODES, type HostCacheMode, policyNames, STAGE_IDS } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { single } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { contentDigest } from '../ops/content-digest.ts';
import { type OpsResult, resultTable } from '../ops/result.ts';
import { runOps } from '../ops/run.ts';
import { readScript } from '../ops/script.ts';
import { Sequence } from '../ops/sequence.ts';
import { type OpsSubject, ownCacheMode } from '../ops/subject.ts';

const DEFAULT_STAGE = 'S4b';

interface Options {
  readonly file: string;
  readonly stage: string | undefined;
  readonly policy: string | undefined;
  readonly cache: string | undefined;
  readonly start: string | undefined;
  readonly dir: string | undefined;
  readonly json: boolean | undefined;
  readonly sequence: boolean | undefined;
}

export const ops: CommandModule<object, Options> = {
  command: 'ops <file>',
  describe: 'run an op script at one stage of history or under a policy and count its file operations',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        describe: 'op script (w r f snap goto del vmstate reopen)',
        demandOption: true,
      })
      .option('stage', {
        ...value('STAGE'),
        describe: `point of history, its defects included: ${STAGE_IDS.join(', ')} [default: ${DEFAULT_STAGE}]`,
      })
      .option('policy', {
        ...value('NAME'),
        describe: `in place of a stage: ${policyNames().join(', ')} (see cowbench policies)`,
        conflicts: 'stage',
      })
      .option('cache', {
        ...value('MODE'),
        describe: `host cache mode: ${HOST_CACHE_MODES.join(', ')} [default: the policy's own; writeback for a stage]`,
      })
      .option('start', { ...value('FILE'), describe: 'starting image, plain or gzip [default: a new version 2 image]' })
      .option('dir', {
        ...value('DIR'),
        describe: 'where the image is created and kept [default: a temporary directory, removed afterwards]',
      })
      .option('json', { type: 'boolean', describe: 'print one JSON object, in the format of the reference counts' })
      .option('sequence', {
        type: 'boolean',
        describe: 'print the sequence of file operations of each op instead of counts',
        conflicts: 'json',
      })
      .example('$0 ops runners/ops/reference/ops/T1.ops --stage S0', 'the counts of one script')
      .example('$0 ops T1.ops --policy reserve', 'what a policy of today does with the same script')
      .example('$0 ops T1.ops --policy modern --cache writethrough', 'every request flushed, as QEMU does it')
      .example('$0 ops T1.ops --sequence', 'each read, write and sync, in order'),
  handler: async (options) => {
    const subject = subjectOf(options);
    const cache = cacheModeOf(options, subject);
    const script = readScript(options.file);
    const sequence = new Sequence(script.clusterSizeBytes);
    const result = await inDirectory(options.dir, (directory) =>
      runOps(script, {
        ...subject,
        cache,
        directory,
        ...(options.start === undefined ? {} : { start: single('start', options.start) }),
        onLabel: (label) => sequence.begin(label),
        onOperation: (operation) => sequence.add(operation),
      }),
    );
    for (const line of linesOf(options, result, sequence)) console.log(line);
  },
};

function subjectOf({ stage, policy }: Options): OpsSubject {
  if (policy !== undefined) return { policy: oneOf('policy', policy, policyNames()) };
  return { stage: oneOf('stage', stage ?? DEFAULT_STAGE, STAGE_IDS) };
}

function cacheModeOf({ cache }: Options, subject: OpsSubject): HostCacheMode {
  return cache === undefined ? ownCacheMode(subject) : oneOf('cache', cache, HOST_CACHE_MODES);
}

function linesOf(options: Options, result: OpsResult, sequence: Sequence): string[] {
  const inputs = inputsOf(options);
  if (options.json === true) return [JSON.stringify({ ...result, inputs })];
  if (options.sequence !== true)
    return [
      ...resultTable(result, stdoutTerminal().width),
      ...inputs.map(({ role, name, sha256 }) => `${role}: ${name}, sha256 ${sha256}`),
    ];
  return [`=== ${result.policy ?? result.stage} ${result.mode}`, ...sequence.lines()];
}

function inputsOf({ file, start }: Options) {
  const script = { role: 'script', name: file, sha256: contentDigest(file) };
  return start === undefined ? [script] : [script, { role: 'start', name: start, sha256: contentDigest(start) }];
}

async function inDirectory(
  dir: string | undefined,
  run: (directory: string) => Promise<OpsResult>,
): Promise<OpsResult> {
  if (dir !== undefined) return run(path.resolve(single('dir', dir)));
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    return await run(temporary);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

function oneOf<Word extends string>(option: string, given: string, words: readonly Word[]): Word {
  const text = single(option, given);
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new UsageError(unknownWord(option, text, words));
}
