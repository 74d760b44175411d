/**
 * The text of `--help`, written from the same declarations that yargs parses by: a page stands in for the parser while a command
 * declares its options. Options have value names (`--limit N`), and groups; a command with many shows its common ones, the rest
 * with `--help-all`.
 */
import type { Argv, CommandModule, Options } from 'yargs';
import { column, wrapped } from './columns.ts';

/** What an option may say to its help, besides what yargs reads. */
export interface HelpOption extends Options {
  /** The name of its value: `N`, `SIZE`, `NAME,…`. */
  readonly value?: string;
  /** Shown by `--help`, and not by `--help-all` alone. */
  readonly common?: boolean;
}

/** An option that takes a value, called `name` in the help. */
export function value(name: string) {
  return { type: 'string', requiresArg: true, value: name } as const;
}

const OWN_GROUP = 'Options';
/** Of a command that shows its common options only: more would push them off the screen. */
const EXAMPLES_SHOWN = 4;

export class HelpPage {
  readonly #options = new Map<string, HelpOption>();
  readonly #words: (readonly [string, string])[] = [];
  readonly #commands: CommandModule[] = [];
  readonly #examples: (readonly [string, string])[] = [];
  readonly #notes: string[] = [];

  /** The page of `command`; what it declares is read, nothing is parsed. */
  static of(command: CommandModule): HelpPage {
    const page = new HelpPage();
    if (typeof command.builder === 'function') command.builder(page as unknown as Argv);
    return page;
  }

  options(options: Readonly<Record<string, HelpOption>>): this {
    for (const [name, option] of Object.entries(options)) this.option(name, option);
    return this;
  }

  option(name: string, option: HelpOption): this {
    this.#options.set(name, { ...this.#options.get(name), ...option });
    return this;
  }

  default(defaults: string | Readonly<Record<string, string>>, value?: unknown, description?: string): this {
    const texts = typeof defaults === 'string' ? { [defaults]: description ?? value } : defaults;
    for (const [name, text] of Object.entries(texts)) this.option(name, { defaultDescription: String(text) });
    return this;
  }

  positional(name: string, { describe }: { readonly describe?: string }): this {
    if (describe !== undefined) this.#words.push([name.toUpperCase(), describe]);
    return this;
  }

  command(command: CommandModule): this {
    this.#commands.push(command);
    return this;
  }

  example(words: string, meaning: string): this {
    this.#examples.push([words.replace('$0', 'cowbench'), meaning]);
    return this;
  }

  epilogue(note: string): this {
    this.#notes.push(note);
    return this;
  }

  demandCommand(): this {
    return this;
  }

  /** The command below this one that is called `name`. */
  subcommand(name: string | undefined): CommandModule | undefined {
    return this.#commands.find(({ command }) => String(command).split(' ')[0] === name);
  }

  subcommandNames(): string[] {
    return this.#commands.map(({ command }) => String(command).split(' ')[0]!);
  }

  /** Every option by its name. */
  declared(): ReadonlyMap<string, HelpOption> {
    return this.#options;
  }

  /** Every option with its leading dashes, hidden ones as well. */
  optionNames(): string[] {
    return [...this.#options.keys()].map((name) => `--${name}`);
  }

  /** The options that take a value without a name for it: none, which a test asserts. */
  namelessValues(): string[] {
    return [...this.#options].filter(([, { type, value }]) => type === 'string' && value === undefined).map(([n]) => n);
  }

  /** The whole page in lines of at most `width` characters; `all`: with the options that are not common. */
  text(title: string, summary: string, width: number, all: boolean): string {
    const hasMore = [...this.#options.values()].some(({ common }) => common === true);
    const shown = [...this.#options].filter(([, o]) => o.hidden !== true && (all || !hasMore || o.common === true));
    const groups = Map.groupBy(shown, ([, { group }]) => group ?? OWN_GROUP);
    const left = [...this.#options.values()].filter(({ hidden }) => hidden !== true).length - shown.length;
    return [
      [`cowbench ${title}`, '', ...wrapped(sentence(summary), width)],
      section('Arguments', this.#words, width),
      section('Commands', this.#commands.map(commandRow), width),
      ...[...groups].map(([group, options]) => section(group, options.map(optionRow), width)),
      left > 0 ? [`--help-all lists ${left} more options.`] : [],
      section('Examples', left > 0 ? this.#examples.slice(0, EXAMPLES_SHOWN) : this.#examples, width),
      ...this.#notes.map((note) => note.split('\n').flatMap((line) => wrapped(line, width))),
    ]
      .filter((lines) => lines.length > 0)
      .map((lines) => `${lines.join('\n')}\n`)
      .join('\n');
  }
}

/** Positional words as they are written today: `<base> [size]` of yargs becomes `BASE [SIZE]`. */
export function usageWords(words: string): string {
  return words
    .replaceAll(/<(\S+?)(\.\.)?>/g, (_, name, many) => `${name.toUpperCase()}${many ? '...' : ''}`)
    .replaceAll(/\[(\S+?)(\.\.)?\]/g, (_, name, many) => `[${name.toUpperCase()}${many ? '...' : ''}]`);
}

function section(title: string, rows: readonly (readonly [string, string])[], width: number): string[] {
  return rows.length === 0 ? [] : [`${title}:`, ...column(rows, width)];
}

function commandRow({ command, describe }: CommandModule): [string, string] {
  return [usageWords(String(command)), String(describe)];
}

function optionRow([name, option]: readonly [string, HelpOption]): [string, string] {
  const { alias, value, describe, type } = option;
  const short = typeof alias === 'string' ? `-${alias}, ` : '    ';
  const long = type === 'boolean' && option.default === true ? `[no-]${name}` : name;
  const standard = option.defaultDescription ?? (type === 'boolean' ? undefined : option.default);
  const preset = standard === undefined ? '' : ` [default: ${standard}]`;
  return [`${short}--${long}${value === undefined ? '' : ` ${value}`}`, `${describe ?? ''}${preset}`];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
