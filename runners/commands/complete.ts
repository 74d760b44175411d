/** What could follow the words of an unfinished command line: for the shells, which `cowbench completion` teaches to ask. */
import { HOST_CACHE_MODES, policyNames, STAGE_IDS } from '../../engine/index.ts';
import { storedFiles } from '../../results/store.ts';
import { WORKLOADS } from '../../workloads/registry.ts';
import { nameOf } from '../console/help.ts';
import { HelpPage } from '../console/help-page.ts';
import { DEVICE_NAMES } from '../measure/plan/modelled-device.ts';
import { COMMAND_CARDS, type CommandCard } from './command-cards.ts';

const CARDS: readonly CommandCard[] = Object.values(COMMAND_CARDS).flat();
/** Older ones are rarely wanted, and a list of thousands helps nobody. */
const MOST_RECORDS = 20;

/** Values of options that name things of this program; each may be one of a list with commas. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  policy: () => ['all', ...policyNames()],
  workload: () => [...WORKLOADS.map(({ name }) => name), 'trace:'],
  'guest-flush': () => ['recorded', 'none', 'every:'],
  stage: () => ['all', ...STAGE_IDS],
  cache: () => HOST_CACHE_MODES,
  engine: () => ['cowbench', 'qemu', 'raw', 'nbd:null', 'formats'],
  device: () => ['real', ...DEVICE_NAMES.map((name) => `model:${name}`)],
  against: newestRecords,
};

/** The candidates for the last of `words`, which may be empty or begun; none where a file is meant. */
export async function completions(words: readonly string[]): Promise<string[]> {
  const last = words.at(-1) ?? '';
  const card = CARDS.find((candidate) => nameOf(candidate) === words[0]);
  if (words.length <= 1) return startingWith(last, last.startsWith('-') ? ['--help', '--version'] : CARDS.map(nameOf));
  if (card === undefined) return [];
  const own = HelpPage.of(await card.load());
  const below = own.subcommandNames();
  if (below.length > 0 && words.length === 2) return startingWith(last, last.startsWith('-') ? ['--help'] : below);
  const inner = own.subcommand(words[1]);
  return ofPage(inner === undefined ? own : HelpPage.of(inner), words[0]!, words.at(-2)!, last);
}

function ofPage(page: HelpPage, command: string, before: string, last: string): string[] {
  const [, given, begun] = /^--([\w-]+)=(.*)$/.exec(last) ?? [];
  if (given !== undefined) return ofList(given, begun!).map((value) => `--${given}=${value}`);
  if (last.startsWith('-')) return startingWith(last, [...page.optionNames(), '--help', '--help-all']);
  const option = before.startsWith('-') ? longName(page, before) : null;
  if (option !== null && option in VALUES) return ofList(option, last);
  return command === 'report' && !before.startsWith('-') ? startingWith(last, newestRecords()) : [];
}

function longName(page: HelpPage, word: string): string {
  const bare = word.replace(/^-+/, '');
  return [...page.declared()].find(([, { alias }]) => alias === bare)?.[0] ?? bare;
}

/** The last part of a list with commas is what is completed. */
function ofList(option: string, text: string): string[] {
  const at = text.lastIndexOf(',') + 1;
  const known = VALUES[option]?.() ?? [];
  return startingWith(text.slice(at), known).map((value) => text.slice(0, at) + value);
}

function startingWith(begun: string, candidates: readonly string[]): string[] {
  return candidates.filter((candidate) => candidate.startsWith(begun));
}

/** Names of runs begin with the time. */
function newestRecords(): string[] {
  const byRun = (file: string) => file.split('/').at(-1)!;
  const files = storedFiles('results/runs');
  return files.sort((a, b) => (byRun(a) < byRun(b) ? 1 : -1)).slice(0, MOST_RECORDS);
}
