/**
 * `npm run docs [-- --out DIR]`: the documents, the API reference, the sample reports and the safety record as a static site that needs
 * neither network nor server. Files of an earlier site are replaced. Fails when a link leads nowhere.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundleScript } from '../../dashboards/page/bundle.ts';
import { html, ownMarkup, scriptJson } from '../../dashboards/page/html.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { brokenLinks } from './broken-links.ts';
import { documents } from './documents.ts';
import { isText, pageOf, render } from './markdown.ts';
import { type SitePage, sitePage } from './site-page.ts';

const { out } = parseArgs({ options: { out: { type: 'string', default: 'docs-site' } } }).values;

function write(place: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(out, place)), { recursive: true });
  fs.writeFileSync(path.join(out, place), text);
}

const groups = documents();
const paths = new Set(groups.flatMap(({ pages }) => pages.map((page) => page.path)));
const rendered = groups.map(({ title, pages }) => ({
  title,
  pages: pages.map((page) => ({ file: page.path, href: pageOf(page.path), ...render(page.path, page.text, paths) })),
}));
const all = rendered.flatMap(({ pages }) => pages);
const put = (page: Omit<SitePage, 'groups'>) => write(page.place, sitePage({ ...page, groups: rendered }));

for (const { href, title, markup } of all) put({ place: href, title, body: ownMarkup(markup) });
for (const file of new Set(all.flatMap((page) => page.files))) {
  const source = path.join(PROJECT_ROOT, file);
  if (isText(file)) {
    const text = fs.readFileSync(source, 'utf8');
    put({ place: pageOf(file), title: file, body: html`<h1>${file}</h1><pre tabindex="0"><code>${text}</code></pre>` });
  } else {
    fs.mkdirSync(path.dirname(path.join(out, file)), { recursive: true });
    fs.copyFileSync(source, path.join(out, file));
  }
}
const sections = all
  .flatMap(({ title, href, sections: own }) =>
    own.map(({ heading, id, text }) => ({ page: title, heading, href: id === '' ? href : `${href}#${id}`, text })),
  )
  .map((section, id) => ({ id, ...section }));
put({
  place: 'search.html',
  title: 'Search',
  body: html`<h1>Search</h1>
<p><label for="words">Words in all documents</label></p>
<p><input id="words" type="search" autocomplete="off" spellcheck="false"></p>
<p id="count" role="status"></p>
<ul id="found"></ul>
<script type="application/json" id="sections">${scriptJson(sections)}</script>`,
  script: await bundleScript(new URL('../../dashboards/page/browser/search.ts', import.meta.url)),
});

const broken = brokenLinks(out);
for (const line of broken) console.error(line);
if (broken.length > 0) process.exitCode = 1;
else console.log(`docs: ${path.join(out, 'index.html')} (${all.length} documents)`);
