/** How words become a call of one of them, or an error in one line. */
import type { CommandModule } from 'yargs';
import { nearest } from '../../workloads/spelling.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { nameOf } from '../console/help.ts';
import { HelpPage, usageWords } from '../console/help-page.ts';
import { emptyValue, keptByNpm, refusalWords, valueOfFlag } from '../console/parser-words.ts';
import { programVersion } from '../console/program-version.ts';
import { unknownWord } from '../console/suggest.ts';
import { namesPlugins, withPluginNames } from '../plugins/plugin-words.ts';
import { COMMAND_CARDS, type CommandCard } from './command-cards.ts';

/** Commands whose options of these names are others. */
const FILES_MEAN_FILES = ['image'];

const ALL: readonly CommandCard[] = Object.values(COMMAND_CARDS).flat();

/** Runs the command that `words` name. @throws UsageError with a suggestion, and whatever the command throws. */
export async function runCommand(words: readonly string[]): Promise<void> {
  const [name = ''] = words;
  // Before the command is loaded: it lists what there is.
  if (!FILES_MEAN_FILES.includes(name) && namesPlugins(words)) return runCommand(await withPluginNames(words));
  const command = await cardNamed(name)?.load();
  if (command === undefined && !name.startsWith('-'))
    throw new UsageError(unknownWord('command', name, ALL.map(nameOf)));
  const page = command && HelpPage.of(command);
  const refused =
    keptByNpm(process.env, page?.optionNames() ?? []) ?? valueOfFlag(words, page?.declared() ?? new Map());
  if (refused !== null) throw new UsageError(refused);
  try {
    await (await parser(words, command)).parseAsync();
  } catch (error) {
    throw withSuggestion(error, words, page);
  }
}

async function parser(words: readonly string[], command: CommandModule | undefined) {
  const { default: yargs } = await import('yargs');
  const read = words[0] === 'image' ? (await import('../image-tool/command.ts')).imageWords(words) : [...words];
  return yargs(read)
    .scriptName('cowbench')
    .command(command === undefined ? [] : [command])
    .option('debug', { type: 'boolean' })
    .version(programVersion())
    .demandCommand(1, 'no command given; cowbench --help lists them')
    .strict()
    .exitProcess(false)
    .check((given) => {
      const empty = emptyValue(given, command === undefined ? new Map() : HelpPage.of(command).declared());
      if (empty !== null) throw new UsageError(empty);
      return true;
    })
    .fail((message, error) => {
      // The words of yargs itself come as a plain message, or as an error class of its own.
      if (error !== undefined && error.name !== 'YError') throw error;
      const usage = command === undefined ? '' : usageWords(String(command.command));
      const declared = command === undefined ? new Map() : HelpPage.of(command).declared();
      throw new UsageError(refusalWords(message.split('\n')[0]!, usage, declared));
    });
}

/** Says what an unknown word was probably meant to be. */
function withSuggestion(error: unknown, words: readonly string[], page: HelpPage | undefined): unknown {
  const unknown =
    error instanceof UsageError ? /^Unknown (?:argument|command)s?: ([^,]+)/.exec(error.message)?.[1] : null;
  if (unknown == null) return error;
  const given = words.find((word) => word.replace(/^-+/, '').split('=')[0] === unknown)?.split('=')[0] ?? unknown;
  const near = given.startsWith('-') ? nearest(`--${unknown}`, page?.optionNames() ?? []) : undefined;
  const hint = near === undefined ? `cowbench ${words[0]} --help lists the options` : `did you mean ${near}?`;
  return new UsageError(`unknown ${given.startsWith('-') ? 'option' : 'word'} ${oneLine(given)}; ${hint}`);
}

function cardNamed(name: string | undefined): CommandCard | undefined {
  return ALL.find((candidate) => nameOf(candidate) === name);
}
