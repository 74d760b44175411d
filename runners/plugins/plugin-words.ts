/** `--policy ./my-policy.ts` in the words of a command line: the file is loaded, and its policy's name takes its place. */
import type { PluginKind } from './plugins.ts';

const OPTIONS: Readonly<Record<string, PluginKind>> = {
  '--policy': 'policy',
  '-p': 'policy',
  '--workload': 'workload',
  '-w': 'workload',
};

/** True when some word stands for a file of the user's. */
export function namesPlugins(words: readonly string[]): boolean {
  return valuesIn(words).some(({ value }) => value.split(',').some(isPluginFile));
}

/** No name of a policy or a workload has a dot or a slash. */
function isPluginFile(word: string): boolean {
  return /^\.{0,2}\/|\.[mc]?[jt]s$/.test(word);
}

/** `words` with names in place of files. @throws UsageError for a file that is no such thing. */
export async function withPluginNames(words: readonly string[]): Promise<string[]> {
  // Only now: most calls name no file.
  const { loadPlugin } = await import('./plugins.ts');
  const named = [...words];
  for (const { at, before, value, kind } of valuesIn(words)) {
    const names: string[] = [];
    for (const word of value.split(',')) names.push(isPluginFile(word) ? (await loadPlugin(kind, word)).name : word);
    named[at] = before + names.join(',');
  }
  return named;
}

interface OptionValue {
  /** The place of the word that has the value, and what precedes the value in it. */
  readonly at: number;
  readonly before: string;
  readonly value: string;
  readonly kind: PluginKind;
}

function valuesIn(words: readonly string[]): OptionValue[] {
  return words.flatMap((word, index) => {
    const [, joined, rest] = /^(--\w+)=(.*)$/s.exec(word) ?? [];
    if (joined !== undefined && joined in OPTIONS)
      return [{ at: index, before: `${joined}=`, value: rest!, kind: OPTIONS[joined]! }];
    const next = words[index + 1];
    if (!(word in OPTIONS) || next === undefined) return [];
    return [{ at: index + 1, before: '', value: next, kind: OPTIONS[word]! }];
  });
}
