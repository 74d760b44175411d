/** What the parser of the command line, npm and Node say, as this program says it. */
import type { HelpOption } from './help-page.ts';

/** The refusal of yargs in `message`, for a command with these positional words and options. */
export function refusalWords(message: string, usage: string, options: ReadonlyMap<string, HelpOption>): string {
  if (/^Not enough non-option arguments/.test(message)) return `${usage.split(' ')[0]} needs ${positionalWords(usage)}`;
  const valueless = /^Not enough arguments following: (\S+)$/.exec(message)?.[1];
  if (valueless !== undefined) return `${dashed(valueless)} needs a value${valueName(valueless, options)}`;
  const [, one, other] = /^Arguments (\S+) and (\S+) are mutually exclusive$/.exec(message) ?? [];
  if (one !== undefined) return `--${one} and --${other} cannot be combined`;
  return message;
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
