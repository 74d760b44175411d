/** The frame of the site's pages: the look of the reports, the list of all pages, no script but the search's. */
import fs from 'node:fs';
import path from 'node:path';
import { pageHead, styleSheet } from '../../dashboards/page/document.ts';
import { type Html, html, ownMarkup } from '../../dashboards/page/html.ts';

export interface Listed {
  readonly title: string;
  readonly pages: readonly { readonly title: string; readonly href: string }[];
}

export interface SitePage {
  /** Of the page in the site. */
  readonly place: string;
  readonly title: string;
  readonly body: Html;
  readonly groups: readonly Listed[];
  readonly script?: string;
}

const STYLE = `${styleSheet()}${fs.readFileSync(new URL('site.css', import.meta.url), 'utf8')}`;

export function sitePage({ place, title, body, groups, script }: SitePage): string {
  const wayTo = (href: string) => path.posix.relative(path.posix.dirname(place), href);
  const head = pageHead({
    title: title === 'cowbench' ? title : `${title} · cowbench`,
    style: STYLE,
    script,
    // A file and a server alike.
    allowed: ["img-src 'self' file:"],
  });
  const current = (href: string) => (href === place ? ownMarkup(' aria-current="page"') : '');
  return html`${head}
<body>
<a class="skip" href="#main">Skip to the text</a>
<header class="top"><p class="brand"><a href="${wayTo('index.html')}">cowbench</a> <span>what a copy-on-write image costs</span></p>
<p class="tool-links"><a href="${wayTo('search.html')}">Search</a> <a class="to-pages" href="#pages">All pages</a></p></header>
<div class="columns">
<main id="main">
${body}
</main>
<nav id="pages" aria-label="All pages">
${groups.map(
  (group) => html`<h2>${group.title}</h2>
<ul>${group.pages.map(({ title: name, href }) => html`<li><a href="${wayTo(href)}"${current(href)}>${name}</a></li>`)}</ul>
`,
)}</nav>
</div>
${
  script === undefined
    ? ''
    : html`<script>${ownMarkup(script)}</script>
`
}</body>
</html>
`.markup;
}
