/** Words that make a storage engineer stumble, or that only we use, each with what to say instead. */
import { passagesOf } from './source-text.ts';

interface Unwanted {
  readonly pattern: RegExp;
  readonly instead: string;
}

export const UNWANTED: readonly Unwanted[] = [
  { pattern: /(?<!\b(?:left|leaves|leave|leaving) (?:\w+ )?)\bbehind\b/i, instead: 'after, past, followed by' },
  {
    pattern:
      /\bmiddle (?:rounds?|time|wall|value\b|\d)|\bmiddle, lowest|\bmiddle of (?:the |\d+ )?rounds?|than in the middle/i,
    instead: 'median',
  },
  { pattern: /\bmend(?:s|ed|ing)?\b/i, instead: 'fix, repair' },
  { pattern: /\bfor good\b/i, instead: 'permanently, persistently' },
  { pattern: /\bmade again\b|\bonce more\b/i, instead: 'retried, repeated' },
  { pattern: /\bso (?:many|long|much)\b(?! as\b)/i, instead: 'N, this many' },
  { pattern: /\b(?:go|goes|going|went) on\b/i, instead: 'continue, resume' },
  { pattern: /\blet go\b/i, instead: 'release' },
  { pattern: /\b(?:struck|strikes?)\b/i, instead: 'hit' },
  { pattern: /\bhunt(?:s|ed|ing)?\b/i, instead: 'search for, test' },
  { pattern: /\bpatients?\b/i, instead: 'system under test' },
  {
    pattern: /\b(?:house|rooms|doors?|floors)\b|(?<!\b(?:no|mak(?:es?|ing)|more|enough) )\broom\b(?! (?:for|to|left))/i,
    instead: 'a word of the field',
  },
  { pattern: /\btold\b(?! apart)/i, instead: 'shown, reported' },
  { pattern: /\bdearer\b/i, instead: 'more expensive' },
  { pattern: /\bbeyond doubt\b/i, instead: 'settled' },
  { pattern: /\bmade ready\b/i, instead: 'prepared' },
  { pattern: /\ba taste of\b/i, instead: 'a sample of' },
  { pattern: /\bturns? (?:[\w ]+ )?around\b/i, instead: 'reverse' },
];

/** One line for each unwanted word of `words`. */
export function stumblesIn(place: string, words: string): string[] {
  return UNWANTED.flatMap(({ pattern, instead }) => {
    const word = pattern.exec(words)?.[0];
    return word === undefined ? [] : [`${place}: "${word}": say ${instead}`];
  });
}

/** Those of a page in Markdown; program text in it is not English. */
export function stumblesInPage(path: string, page: string): string[] {
  const text = page.replaceAll(/```[\s\S]*?```/g, (block) => block.replaceAll(/[^\n]/g, ''));
  return text
    .split('\n')
    .flatMap((line, index) => stumblesIn(`${path}:${index + 1}`, line.replaceAll(/`[^`]*`|\]\([^)]*\)/g, '')));
}

/** Those of a source file: of its texts, and of its comments. A text without a blank is a name. */
export function stumblesInSource(path: string, source: string, kinds: readonly ('text' | 'comment')[]): string[] {
  return passagesOf(source)
    .filter(({ kind, words }) => kinds.includes(kind) && /\S\s+\S/.test(words))
    .flatMap(({ line, words }) => stumblesIn(`${path}:${line}`, words.replaceAll(/\s*\n\s*\* ?/g, ' ')));
}
