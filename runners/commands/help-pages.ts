/** The pages of `--help` and `--help-all`: the program's own needs no command, and every other one that command alone. */
import { helpText, programHelp } from '../console/help.ts';
import { COMMAND_CARDS } from './command-cards.ts';

/** The page that `words` ask for; null when they ask for none. */
export function helpPage(words: readonly string[], width: number): Promise<string | null> {
  return helpText(words, COMMAND_CARDS, width);
}

/** What to do, for a program that was given no words. */
export function firstPage(width: number): string {
  return programHelp(COMMAND_CARDS, width);
}
