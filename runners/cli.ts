#!/usr/bin/env node
/**
 * The command line. Every command is a module in `commands/`; this file reads the words, and is the one place where an
 * error becomes a line on stderr and an exit code.
 */
import yargs, { type CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { nearest } from '../workloads/spelling.ts';
import { bench } from './commands/bench.ts';
import { calibrate } from './commands/calibrate.ts';
import { compare } from './commands/compare.ts';
import { crash } from './commands/crash.ts';
import { doctor } from './commands/doctor.ts';
import { env } from './commands/env.ts';
import { fuzz } from './commands/fuzz.ts';
import { gate } from './commands/gate.ts';
import { history } from './commands/history.ts';
import { failureExitCode, image, imageWords } from './commands/image.ts';
import { micro } from './commands/micro.ts';
import { ops } from './commands/ops.ts';
import { policies } from './commands/policies.ts';
import { report } from './commands/report.ts';
import { safety } from './commands/safety.ts';
import { schema } from './commands/schema.ts';
import { site } from './commands/site.ts';
import { trend } from './commands/trend.ts';
import { workloads } from './commands/workloads.ts';
import { describeFailure, EXIT_CODE_TEXT, EXIT_CODES, oneLine, SampleFailure, UsageError } from './console/errors.ts';
import { unknownWord } from './console/suggest.ts';
import { programVersion } from './machine/source.ts';

const COMMANDS = [
  bench,
  history,
  compare,
  trend,
  gate,
  doctor,
  crash,
  safety,
  fuzz,
  ops,
  image,
  micro,
  policies,
  workloads,
  env,
  calibrate,
  report,
  site,
  schema,
] as CommandModule[];

const words = hideBin(process.argv);

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CODES.ok);
});

try {
  await parser().parseAsync();
} catch (error) {
  process.exitCode = failureExitCode(words);
  tell(await withSuggestion(error));
}

function parser() {
  return yargs(imageWords(words))
    .scriptName('cowbench')
    .usage('$0 COMMAND [OPTIONS]\n\nWhat a copy-on-write disk image costs: syncs, bytes and latency by cache policy.')
    .command(COMMANDS)
    .option('debug', { type: 'boolean', describe: 'show where an error comes from' })
    .version(programVersion())
    .alias('help', 'h')
    .demandCommand(1, 'no command given; cowbench --help lists them')
    .strict()
    .epilogue(EXIT_CODE_TEXT)
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // The words of yargs itself come as a plain message, or as an error class of its own.
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new UsageError(message.split('\n')[0]!);
    });
}

/** Says what an unknown word was probably meant to be. */
async function withSuggestion(error: unknown): Promise<unknown> {
  const unknown =
    error instanceof UsageError ? /^Unknown (?:argument|command)s?: ([^,]+)/.exec(error.message)?.[1] : null;
  if (unknown == null) return error;
  if (unknown === words[0]) return new UsageError(unknownWord('command', unknown, COMMANDS.map(nameOf)));
  const given = words.find((word) => word.replace(/^-+/, '').split('=')[0] === unknown)?.split('=')[0] ?? unknown;
  const near = given.startsWith('-') ? nearest(`--${unknown}`, await optionsOf(words[0]!)) : undefined;
  const hint = near === undefined ? `cowbench ${words[0]} --help lists the options` : `did you mean ${near}?`;
  return new UsageError(`unknown ${given.startsWith('-') ? 'option' : 'word'} ${oneLine(given)}; ${hint}`);
}

function nameOf(command: CommandModule): string {
  return String(command.command).split(' ')[0]!;
}

/** The options of a command, from the one place that lists them all: its help. */
async function optionsOf(commandName: string): Promise<string[]> {
  const command = COMMANDS.find((candidate) => nameOf(candidate) === commandName);
  if (command === undefined || typeof command.builder !== 'function') return [];
  const help = await (await command.builder(yargs([]))).getHelp();
  return [...new Set(help.match(/--[a-z][\w-]*/g) ?? [])];
}

function tell(error: unknown): void {
  const { message, expected } = describeFailure(error);
  console.error(expected ? `cowbench: ${message}` : `cowbench: defect: ${message} (--debug shows where)`);
  if (!words.includes('--debug')) return;
  console.error(error instanceof SampleFailure ? error.workerStack : error);
}
