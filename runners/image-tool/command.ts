/** `cowbench image SUBCOMMAND` for the parser of the command line: disk images as users of qemu-img handle them. */
import type { Argv, CommandModule } from 'yargs';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { unknownWord } from '../console/suggest.ts';
import { plainWords } from './option-words.ts';
import { Given, IN_ORDER, type Subcommand } from './subcommand.ts';
import { SUBCOMMANDS } from './subcommands.ts';
import type { Terminal } from './terminal.ts';

/** The command; what it says goes to `terminal`. */
export function imageCommand(terminal: Terminal): CommandModule {
  return {
    command: 'image',
    describe: 'create, inspect, check, copy and change disk images, like qemu-img',
    builder: (yargs) =>
      SUBCOMMANDS.reduce(
        (parser, subcommand) =>
          parser
            .command(moduleOf(subcommand, terminal))
            .example(`$0 image ${subcommand.examples[0]![0]}`, subcommand.examples[0]![1]),
        yargs as Argv<object>,
      )
        .demandCommand(1, 'no image command given; cowbench image --help lists them')
        .epilogue(
          'Each command has --help with more examples. Options and units are those of qemu-img. An untrusted image can name any file as its backing or data file: ' +
            'none is opened without --allow-backing or --allow-folder; protocols and devices never.',
        ),
    handler: () => {},
  };
}

function moduleOf(subcommand: Subcommand, terminal: Terminal): CommandModule {
  return {
    command: `${subcommand.name} ${subcommand.words}`,
    describe: subcommand.summary,
    builder: (yargs) => {
      const parser = positionals(yargs.options(subcommand.options), subcommand);
      if (subcommand.ordered !== undefined) parser.option(IN_ORDER, { ...value('OPTION'), hidden: true });
      for (const [words, meaning] of subcommand.examples) parser.example(`$0 image ${words}`, meaning);
      return subcommand.notes === undefined ? parser : parser.epilogue(subcommand.notes);
    },
    handler: (argv) => subcommand.run(new Given(argv, terminal)),
  };
}

/** A file may be called 123: words are never read as numbers. */
function positionals(yargs: Argv<object>, { words }: Subcommand): Argv<object> {
  const names = [...words.matchAll(/[<[](\w+)/g)].map(([, name]) => name!);
  return names.reduce((parser, name) => parser.positional(name, { type: 'string' }), yargs);
}

/** The command line with an image command in the form that yargs reads. Throws UsageError for an unknown one. */
export function imageWords(words: readonly string[]): string[] {
  const [image, name, ...rest] = words;
  if (image !== 'image' || name === undefined || name.startsWith('-')) return [...words];
  const subcommand = SUBCOMMANDS.find((candidate) => candidate.name === name);
  if (subcommand !== undefined) return [image, name, ...plainWords(subcommand, rest)];
  throw new UsageError(
    unknownWord(
      'image command',
      name,
      SUBCOMMANDS.map((known) => known.name),
    ),
  );
}
