/**
 * Words as users of getopt write them, made into words that yargs reads in one way only: `-pOqcow2` becomes `--progress
 * --output-format=qcow2`, the size in `resize disk.raw -1G` is distinguished from an option, and a file after `--` may begin with a dash.
 */
import type { Options } from 'yargs';
import { nearest } from '../../workloads/spelling.ts';
import { UsageError } from '../console/errors.ts';
import { usageWords } from '../console/help-page.ts';
import { printable } from './printable.ts';
import { IN_ORDER, type Subcommand } from './subcommand.ts';

/** Those of every command. */
const COMMON: Readonly<Record<string, Options>> = {
  help: { type: 'boolean', alias: 'h' },
  version: { type: 'boolean' },
  debug: { type: 'boolean' },
};

/**
 * `words` are what follows the subcommand's name.
 * @throws UsageError for an unknown option, one without its value, and when files are missing.
 */
export function plainWords(subcommand: Subcommand, words: readonly string[]): string[] {
  const reader = new WordReader(subcommand, words);
  while (reader.hasMore()) reader.readWord();
  return reader.finish();
}

class WordReader {
  readonly #subcommand: Subcommand;
  readonly #known: Readonly<Record<string, Options>>;
  readonly #words: readonly string[];
  readonly #plain: string[] = [];
  #next = 0;
  #operandCount = 0;

  constructor(subcommand: Subcommand, words: readonly string[]) {
    this.#subcommand = subcommand;
    this.#known = { ...subcommand.options, ...COMMON };
    this.#words = words;
  }

  hasMore(): boolean {
    return this.#next < this.#words.length;
  }

  readWord(): void {
    const word = this.#words[this.#next++]!;
    if (word === '--') {
      while (this.hasMore()) this.#operand(this.#words[this.#next++]!);
    } else if (this.#isNegativeSize(word)) this.#operand(word);
    else if (word.startsWith('--')) this.#longOption(word);
    else if (word.startsWith('-') && word !== '-') this.#letters(word);
    else this.#operand(word);
  }

  finish(): string[] {
    const required = this.#subcommand.words.match(/<\w+(\.\.)?>/g) ?? [];
    const asksForHelp = this.#plain.some((word) => word === '--help' || word === '--options=help');
    if (this.#operandCount < required.length && !asksForHelp) {
      throw new UsageError(`image ${this.#subcommand.name} needs ${usageWords(this.#subcommand.words)}`);
    }
    return this.#plain;
  }

  /** Only the last word can be a size, so that it is distinguished from a misspelt option. */
  #isNegativeSize(word: string): boolean {
    return this.#subcommand.name === 'resize' && !this.hasMore() && /^-\d/.test(word);
  }

  #operand(word: string): void {
    this.#operandCount++;
    if (!word.startsWith('-')) this.#plain.push(word);
    else if (this.#isNegativeSize(word)) this.#plain.push(`--size=${word}`);
    // The same file, in a word that no longer looks like an option.
    else this.#plain.push(`./${word}`);
  }

  #longOption(word: string): void {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = this.#known[name];
    if (option === undefined && this.#isNegation(word)) return this.#option(name, null);
    if (option === undefined) throw this.#unknown(`--${name}`);
    if (option.type === 'boolean') {
      if (equals >= 0) throw new UsageError(`--${name} takes no value`);
      this.#option(name, null);
    } else this.#option(name, equals < 0 ? this.#value(`--${name}`) : word.slice(equals + 1));
  }

  /** `--no-drain`, where draining is the default. */
  #isNegation(word: string): boolean {
    return word.startsWith('--no-') && this.#known[word.slice('--no-'.length)]?.default === true;
  }

  #letters(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const name = Object.keys(this.#known).find((candidate) => this.#known[candidate]!.alias === letter);
      if (name === undefined) throw this.#unknown(`-${letter}`);
      if (this.#known[name]!.type === 'boolean') {
        this.#option(name, null);
        continue;
      }
      const rest = word.slice(at + 1);
      this.#option(name, rest === '' ? this.#value(`-${letter}`) : rest);
      return;
    }
  }

  #option(name: string, value: string | null): void {
    const text = value === null ? name : `${name}=${value}`;
    this.#plain.push(this.#subcommand.ordered?.includes(name) ? `--${IN_ORDER}=${text}` : `--${text}`);
  }

  /** The value of an option is the next word, whatever it looks like. */
  #value(option: string): string {
    if (!this.hasMore()) throw new UsageError(`${option} needs a value`);
    return this.#words[this.#next++]!;
  }

  #unknown(option: string): UsageError {
    const names = Object.keys(this.#known).map((name) => `--${name}`);
    const near = option.startsWith('--') ? nearest(option, names) : undefined;
    const hint =
      near === undefined ? `cowbench image ${this.#subcommand.name} --help lists the options` : `did you mean ${near}?`;
    return new UsageError(`unknown option ${printable(option)}; ${hint}`);
  }
}
