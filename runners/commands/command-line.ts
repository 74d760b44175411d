/** All commands, and how words become a call of one of them, or an error in one line. */
import yargs, { type CommandModule } from 'yargs';
import { nearest } from '../../workloads/spelling.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { type CommandGroups, helpText, nameOf, programHelp } from '../console/help.ts';
import { HelpPage, usageWords } from '../console/help-page.ts';
import { keptByNpm, refusalWords } from '../console/parser-words.ts';
import { unknownWord } from '../console/suggest.ts';
import { programVersion } from '../machine/source.ts';
import { bench } from './bench.ts';
import { calibrate } from './calibrate.ts';
import { compare } from './compare.ts';
import { crash } from './crash.ts';
import { doctor } from './doctor.ts';
import { env } from './env.ts';
import { fuzz } from './fuzz.ts';
import { gate } from './gate.ts';
import { history } from './history.ts';
import { image, imageWords } from './image.ts';
import { micro } from './micro.ts';
import { ops } from './ops.ts';
import { policies } from './policies.ts';
import { report } from './report.ts';
import { safety } from './safety.ts';
import { schema } from './schema.ts';
import { serve } from './serve.ts';
import { site } from './site.ts';
import { trend } from './trend.ts';
import { workloads } from './workloads.ts';

export const COMMANDS = {
  Measure: [bench, history, compare, trend, gate],
  'Look closer': [doctor, micro, env, calibrate],
  'Crash safety': [crash, safety, fuzz],
  'Disk images': [image, ops, serve],
  'Records and reports': [report, site, schema],
  'What there is to choose from': [policies, workloads],
} as unknown as CommandGroups;

const ALL: readonly CommandModule[] = Object.values(COMMANDS).flat();

/** The page that `words` ask for; null when they ask for none. */
export function helpPage(words: readonly string[], width: number): string | null {
  return helpText(words, COMMANDS, width);
}

/** What to do, for a program that was given no words. */
export function firstPage(width: number): string {
  return programHelp(COMMANDS, width);
}

/** Runs the command that `words` name. @throws UsageError with a suggestion, and whatever the command throws. */
export async function runCommand(words: readonly string[]): Promise<void> {
  const kept = keptByNpm(process.env, pageOf(words[0])?.optionNames() ?? []);
  if (kept !== null) throw new UsageError(kept);
  try {
    await parser(words).parseAsync();
  } catch (error) {
    throw withSuggestion(error, words);
  }
}

function parser(words: readonly string[]) {
  return yargs(imageWords(words))
    .scriptName('cowbench')
    .command([...ALL])
    .option('debug', { type: 'boolean' })
    .version(programVersion())
    .demandCommand(1, 'no command given; cowbench --help lists them')
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      // The words of yargs itself come as a plain message, or as an error class of its own.
      if (error !== undefined && error.name !== 'YError') throw error;
      const command = commandNamed(words[0]);
      const usage = command === undefined ? '' : usageWords(String(command.command));
      throw new UsageError(refusalWords(message.split('\n')[0]!, usage, pageOf(words[0])?.declared() ?? new Map()));
    });
}

/** Says what an unknown word was probably meant to be. */
function withSuggestion(error: unknown, words: readonly string[]): unknown {
  const unknown =
    error instanceof UsageError ? /^Unknown (?:argument|command)s?: ([^,]+)/.exec(error.message)?.[1] : null;
  if (unknown == null) return error;
  if (unknown === words[0]) return new UsageError(unknownWord('command', unknown, ALL.map(nameOf)));
  const given = words.find((word) => word.replace(/^-+/, '').split('=')[0] === unknown)?.split('=')[0] ?? unknown;
  const near = given.startsWith('-') ? nearest(`--${unknown}`, pageOf(words[0])?.optionNames() ?? []) : undefined;
  const hint = near === undefined ? `cowbench ${words[0]} --help lists the options` : `did you mean ${near}?`;
  return new UsageError(`unknown ${given.startsWith('-') ? 'option' : 'word'} ${oneLine(given)}; ${hint}`);
}

function commandNamed(name: string | undefined): CommandModule | undefined {
  return ALL.find((candidate) => nameOf(candidate) === name);
}

function pageOf(name: string | undefined): HelpPage | undefined {
  const command = commandNamed(name);
  return command && HelpPage.of(command);
}
