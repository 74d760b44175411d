/** What the subcommands of `cowbench image` have in common: how they are declared, and options that several share. */
import { HOST_CACHE_MODES, type HostCacheMode } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { type HelpOption, value } from '../console/help-page.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';
import { type Access, type ImageFormat, imageFormat } from './disks.ts';
import { parseSize } from './sizes.ts';
import type { Terminal } from './terminal.ts';

export interface Subcommand {
  readonly name: string;
  /** Positional words as yargs writes them, `<file> [size]`. */
  readonly words: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, HelpOption>>;
  /** The words after `cowbench image`, and what they do. */
  readonly examples: readonly (readonly [string, string])[];
  /** More for the end of its help. */
  readonly notes?: string;
  /** Options whose order counts; {@link Given.inOrder} has them. */
  readonly ordered?: readonly string[];
  run(given: Given): Promise<void> | void;
}

const FLAG = { type: 'boolean' } as const;

/** Stands on the parsed command line for an option whose order counts: its name, and after `=` its value. */
export const IN_ORDER = 'in-order';

export const FORMAT = {
  format: { ...value('FORMAT'), alias: 'f', describe: 'raw or qcow2 [default: detected from the magic]' },
};
export const QUIET = { quiet: { ...FLAG, alias: 'q', describe: 'print errors only' } };
export const PROGRESS = { progress: { ...FLAG, alias: 'p', describe: 'show progress and the time left' } };
export const OUTPUT = { output: { ...value('FORMAT'), default: 'human', describe: 'human or json' } };
export const SHARE = {
  'force-share': { ...FLAG, alias: 'U', describe: 'read although another program may write to it' },
};
export const CACHE = {
  cache: { ...value('MODE'), alias: 't', describe: `host cache mode of the target: ${HOST_CACHE_MODES.join(', ')}` },
};
export const SOURCE_CACHE = {
  'source-cache': { ...value('MODE'), alias: 'T', describe: 'host cache mode of the source' },
};
export const RATE = {
  rate: { ...value('RATE'), alias: 'r', describe: 'ignored (accepted for compatibility)' },
};
export const ACCESS = {
  'allow-backing': {
    ...FLAG,
    describe: "open the image's backing and data files, in its own directory",
  },
  'allow-folder': { ...value('DIR'), describe: 'open them in this directory; can be repeated' },
};

/** Has no effect, but what is no rate was not meant as one. */
export function checkRate(given: Given): void {
  const rate = given.text('rate');
  if (rate !== undefined) parseSize('--rate', rate);
}

/** The words of one subcommand, read, and where its answer goes. */
export class Given {
  readonly terminal: Terminal;
  readonly #argv: Readonly<Record<string, unknown>>;

  constructor(argv: Readonly<Record<string, unknown>>, terminal: Terminal) {
    this.#argv = argv;
    this.terminal = terminal;
  }

  /** The one text of an option or positional word; undefined when it is not given. */
  text(name: string): string | undefined {
    const given = this.#argv[name] as OptionText | undefined;
    return given === undefined ? undefined : single(name, given);
  }

  /** A word that must be there. Throws UsageError when it is not. */
  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new UsageError(`no ${name} given`);
    return text;
  }

  texts(name: string): string[] {
    return [(this.#argv[name] as OptionText | undefined) ?? []].flat();
  }

  /** The options whose order counts, each with its value, empty for a flag. */
  inOrder(): (readonly [name: string, value: string])[] {
    return this.texts(IN_ORDER).map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    });
  }

  flag(name: string): boolean {
    return [this.#argv[name]].flat().includes(true);
  }

  /** Says what the user may not have meant; the command continues. */
  warn(line: string): void {
    this.terminal.complain(`cowbench: warning: ${line}`);
  }

  format(name = 'format'): ImageFormat | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : imageFormat(name, text);
  }

  wantsJson(): boolean {
    return this.#word('output', ['human', 'json']) === 'json';
  }

  hostCache(name: string): HostCacheMode | undefined {
    return this.#word(name, HOST_CACHE_MODES);
  }

  /** For a file that is written while `--force-share` concerns what is read. */
  writeAccess(): Access {
    return { ...this.access(), forceShare: false };
  }

  access(): Access {
    const folders = this.texts('allow-folder');
    const warn = (line: string) => this.warn(line);
    const forceShare = this.flag('force-share');
    return { allowBacking: this.flag('allow-backing') || folders.length > 0, folders, forceShare, warn };
  }

  #word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    const found = words.find((word) => word === text);
    if (text === undefined || found !== undefined) return found;
    throw new UsageError(unknownWord(name, text, words));
  }
}
