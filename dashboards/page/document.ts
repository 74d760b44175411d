/**
 * One self-contained page: style, script and data inside, a Content-Security-Policy that lets nothing else in.
 * Scripts and styles are allowed by their hash, so that no label of a record can ever run.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import type { ChartBundle } from '../charts/chart-bundle.ts';
import { THEMES } from '../charts/palette.ts';
import { pageScript } from './bundle.ts';
import { type Html, html, ownMarkup } from './html.ts';

function themeVariables(theme: Readonly<Record<string, string>>): string {
  return Object.entries(theme)
    .map(([name, color]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}:${color};`)
    .join('');
}

/** The look of all pages, with both themes. */
export function styleSheet(): string {
  const own = readFileSync(new URL('style.css', import.meta.url), 'utf8');
  const dark = themeVariables(THEMES.dark);
  return [
    `:root{color-scheme:light;${themeVariables(THEMES.light)}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${dark}}}`,
    `:root[data-theme=dark]{color-scheme:dark;${dark}}`,
    `@media print{:root,:root:not([data-theme=light]),:root[data-theme=dark]{color-scheme:light;${themeVariables(THEMES.light)}}}`,
    own,
  ].join('\n');
}

/** How a policy of content names a script or a style by its text. */
function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** What the page's script unpacks (`browser/page-data.ts`): a quarter of the weight, and nothing in it can end an element. */
function packed(charts: readonly ChartBundle[]): string {
  return deflateRawSync(JSON.stringify(charts), { level: 9 }).toString('base64');
}

export interface PageParts {
  readonly title: string;
  readonly body: Html;
  readonly charts: readonly ChartBundle[];
  /** Rules of this page besides those of all pages. */
  readonly style?: string;
}

export interface HeadParts {
  readonly title: string;
  readonly style: string;
  /** The only one that may run. */
  readonly script?: string | undefined;
  /** What else may be loaded, as directives of a policy of content. */
  readonly allowed?: readonly string[];
}

/** The beginning of every page, up to its body: nothing is loaded and nothing runs but what is named. */
export function pageHead({ title, style, script, allowed = [] }: HeadParts): Html {
  const policy = [
    "default-src 'none'",
    ...(script === undefined ? [] : [`script-src ${hashSource(script)}`]),
    `style-src ${hashSource(style)}`,
    ...allowed,
    ...["base-uri 'none'", "form-action 'none'"],
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${ownMarkup(style)}</style>
</head>`;
}

/** The whole document as text. */
export async function pageDocument({ title, body, charts, style: own = '' }: PageParts): Promise<string> {
  const style = `${styleSheet()}${own}`;
  const script = await pageScript();
  return html`${pageHead({ title, style, script })}
<body>
${body}
<div id="chart-tooltip" class="vg-tooltip" aria-hidden="true"></div>
<script type="text/plain" id="charts">${packed(charts)}</script>
<script>${ownMarkup(script)}</script>
</body>
</html>
`.markup;
}
