/** `--help` and `--help-all`: which page is asked for, and the page of the program itself. */
import type { CommandModule } from 'yargs';
import { column, wrapped } from './columns.ts';
import { exitCodeLine } from './exit-codes.ts';
import { HelpPage, usageWords } from './help-page.ts';

/** A command that is loaded when its own page is asked for. */
export interface ListedCommand {
  readonly command: string;
  readonly describe: string;
  load(): Promise<CommandModule>;
}

/** Commands under the headings of the program's own page. */
export type CommandGroups = Readonly<Record<string, readonly ListedCommand[]>>;

const HELP_WORDS = ['--help', '-h', '--help-all'];

const EVERYWHERE: readonly (readonly [string, string])[] = [
  ['-h, --help', 'the common options of a command, with examples'],
  ['    --help-all', 'all of its options'],
  ['    --debug', 'show where an error comes from'],
  ['    --version', 'print the version'],
];

/** The page that `words` ask for; null when they ask for none, or for one of a command that does not exist. */
export async function helpText(words: readonly string[], groups: CommandGroups, width: number): Promise<string | null> {
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (!own.some((word) => HELP_WORDS.includes(word))) return null;
  const names = own.filter((word) => !word.startsWith('-'));
  if (names.length === 0) return programHelp(groups, width);
  const command = Object.values(groups)
    .flat()
    .find((candidate) => nameOf(candidate) === names[0]);
  return command === undefined ? null : commandHelp(await command.load(), names, width, own.includes('--help-all'));
}

/** The name that is typed for a command. */
export function nameOf({ command }: Pick<CommandModule, 'command'>): string {
  return String(command).split(' ')[0]!;
}

/** What a program without words says, too. */
export function programHelp(groups: CommandGroups, width: number): string {
  const lines = Object.entries(groups).map(([title, commands]) => [
    `${title}:`,
    ...column(
      commands.map(({ command, describe }) => [usageWords(String(command)), String(describe)] as const),
      width,
    ),
  ]);
  const sections = [
    ['cowbench COMMAND [OPTIONS]'],
    ['What a copy-on-write disk image costs: syncs, bytes and latency by cache policy.'],
    ...lines,
    ['Options:', ...column(EVERYWHERE, width)],
    wrapped(
      'New here? cowbench demo takes ten seconds and opens a report. cowbench env --check says what this machine has.',
      width,
    ),
  ];
  return sections.map((section) => `${section.join('\n')}\n`).join('\n');
}

function commandHelp(command: CommandModule, names: readonly string[], width: number, all: boolean): string {
  const inner = HelpPage.of(command).subcommand(names[1]);
  const path = inner === undefined ? [command] : [command, inner];
  const shown = path.at(-1)!;
  const page = HelpPage.of(shown);
  const codes = exitCodeLine(path.map(nameOf).join(' '));
  if (codes !== null) page.epilogue(codes);
  const usage = path.map((part, depth) =>
    depth === path.length - 1 ? usageWords(String(part.command)) : nameOf(part),
  );
  return page.text(`${usage.join(' ')} [OPTIONS]`, String(shown.describe), width, all);
}
