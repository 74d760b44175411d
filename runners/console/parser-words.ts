/** What the parser of the command line, npm and Node say, as this program says it. */
import type { HelpOption } from './help-page.ts';

/** The refusal of yargs in `message`, for a command with these positional words and options. */
export function refusalWords(message: string, usage: string, options: ReadonlyMap<string, HelpOption>): string {
  if (/^Not enough non-option arguments/.test(message)) return `${usage.split(' ')[0]} needs ${positionalWords(usage)}`;
  const valueless = /^Not enough arguments following: (\S+)$/.exec(message)?.[1];
  if (valueless !== undefined) return `${dashed(valueless)} needs a value${valueName(valueless, options)}`;
  const [, missing] = /^Missing required arguments?: ([^,]+)/.exec(message) ?? [];
  if (missing !== undefined) return `${usage.split(' ')[0]} needs ${dashed(missing)}${valueName(missing, options)}`;
  const [, one, other] = /^Arguments (\S+) and (\S+) are mutually exclusive$/.exec(message) ?? [];
  if (one !== undefined) return `--${one} and --${other} cannot be combined`;
  return message;
}

/** The refusal of a flag that is given a value, as in `--resume=0`, which yargs would read as one that is not given; null for none. */
export function valueOfFlag(words: readonly string[], options: ReadonlyMap<string, HelpOption>): string | null {
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  for (const word of own) {
    const name = /^--(?:no-)?([a-z\d-]+)=/.exec(word)?.[1];
    if (name !== undefined && options.get(name)?.type === 'boolean') return `--${name} takes no value`;
  }
  return null;
}

/** The refusal of an option whose value is empty, as a variable that is not set leaves it: as a path it would be the current folder. */
export function emptyValue(
  given: Readonly<Record<string, unknown>>,
  options: ReadonlyMap<string, HelpOption>,
): string | null {
  for (const [name, { value, requiresArg }] of options) {
    if (requiresArg === true && [given[name]].flat().includes('')) return `--${name} needs a value (${value})`;
  }
  return null;
}

function positionalWords(usage: string): string {
  return usage.split(' ').slice(1).join(' ');
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function valueName(name: string, options: ReadonlyMap<string, HelpOption>): string {
  const option = options.get(name) ?? [...options.values()].find(({ alias }) => alias === name);
  return option?.value === undefined ? '' : ` (${option.value})`;
}

/** npm hands its own cache folder to every script. */
const NPM_OWN = ['cache'];

/**
 * An option that npm kept for itself, because no `--` precedes the options of a script (`npm run bench --workload x`); null
 * when there is none. npm leaves what it keeps in the environment.
 */
export function keptByNpm(env: NodeJS.ProcessEnv, optionNames: readonly string[]): string | null {
  if (env.npm_lifecycle_event === undefined) return null;
  const names = optionNames.map((name) => name.replace(/^--/, '')).filter((name) => !NPM_OWN.includes(name));
  const kept = names.find((name) => env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (kept === undefined) return null;
  return `npm kept --${kept} for itself: put -- before the options, npm run ${env.npm_lifecycle_event} -- --${kept} …`;
}

/** Why a call of `node:fs` failed: `ENOENT: no such file or directory, stat 'x'` without what the caller names anyway. */
export function systemReason(error: unknown): string {
  const { message } = error as Error;
  return (/^[A-Z]+\d*: (.*?), \w+(?: '.*')?$/s.exec(message)?.[1] ?? message).split('\n')[0]!;
}
