/** What stdout can show: how wide it is, and whether it understands colours and links. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Terminal {
  /** Characters to a line; infinite where nothing says how many. */
  readonly width: number;
  /** Escape sequences may be written: a terminal, and `NO_COLOR` is not set. */
  readonly escapes: boolean;
}

/** `COLUMNS` counts where stdout is no terminal. */
export function stdoutTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const { isTTY, columns } = process.stdout;
  const given = Number(env.COLUMNS);
  const width = isTTY === true ? columns : Number.isInteger(given) && given > 0 ? given : Number.POSITIVE_INFINITY;
  return { width, escapes: isTTY === true && understandsEscapes(env) };
}

/** Stderr can be drawn over: bars and other lines that change. `NO_COLOR` asks for plain lines as well, since moving a cursor takes escapes. */
export function stderrMoves(env: NodeJS.ProcessEnv = process.env): boolean {
  return process.stderr.isTTY === true && understandsEscapes(env);
}

function understandsEscapes(env: NodeJS.ProcessEnv): boolean {
  return (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

/** The path as short as it can be said from here; on a terminal a link to the file. */
export function fileLink(file: string, { escapes }: Terminal): string {
  const relative = path.relative(process.cwd(), file);
  const shown = relative.startsWith('..') ? file : relative;
  return escapes ? `\u001b]8;;${pathToFileURL(file).href}\u001b\\${shown}\u001b]8;;\u001b\\` : shown;
}

const COLOURS = { good: '32', bad: '31' } as const;

/** `text` with each match of what tells good from bad in its colour. */
export function coloured(text: string, { escapes }: Terminal): string {
  if (!escapes) return text;
  const paint = (code: string) => (match: string) => `\u001b[${code}m${match}\u001b[39m`;
  return text
    .replaceAll(/✗|VIOLATED|COUNTS DIFFER|CONTENT DIFFERS|IMAGE CORRUPT/g, paint(COLOURS.bad))
    .replaceAll(/✓/g, paint(COLOURS.good));
}
