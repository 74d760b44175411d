/** A document as HTML: links to other documents lead to their pages, links to other files to what is beside the site's pages. */
import path from 'node:path';
import MarkdownIt, { type Token } from 'markdown-it';
import anchor from 'markdown-it-anchor';

export interface Section {
  readonly heading: string;
  /** The id of its heading; empty for what precedes the first. */
  readonly id: string;
  readonly text: string;
}

export interface Rendered {
  readonly title: string;
  readonly markup: string;
  /** For the search. */
  readonly sections: readonly Section[];
  /** Files of the repository that are linked or shown and are no document. */
  readonly files: readonly string[];
}

/** Where the page of the document or of the text file `file` is in the site. */
export function pageOf(file: string): string {
  return file === 'README.md' ? 'index.html' : file.replace(/README\.md$/, 'index.md').replace(/(?:\.md)?$/, '.html');
}

/** Shown as pages of text: a browser would download them. */
export function isText(file: string): boolean {
  return /\.(?:ts|yaml)$|LICENSE$/.test(file);
}

/** As GitHub makes names of headings, so that links work in both places. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** `documents` are the paths of all pages. */
export function render(file: string, text: string, documents: ReadonlySet<string>): Rendered {
  // No markup in documents but comments, which are for what generates them.
  const markdown = new MarkdownIt({ html: false, linkify: false }).use(anchor, { slugify: slug, tabIndex: false });
  const scrolling = { table_open: '<div class="scroll" tabindex="0"><table>', table_close: '</table></div>' };
  for (const [name, markup] of Object.entries(scrolling)) markdown.renderer.rules[name] = () => markup;
  markdown.renderer.rules.fence = (tokens, index) =>
    `<pre tabindex="0"><code>${markdown.utils.escapeHtml(tokens[index]!.content)}</code></pre>\n`;
  const tokens = markdown.parse(text.replaceAll(/^<!--.*?-->$/gms, ''), {});
  const files: string[] = [];
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    for (const name of ['href', 'src']) {
      const target = token.attrGet(name);
      if (target !== null) token.attrSet(name, hrefOf(file, String(target), documents, files));
    }
  }
  const sections = sectionsOf(tokens);
  const title = sections.find(({ heading }) => heading !== '')?.heading ?? file;
  return { title, markup: markdown.renderer.render(tokens, markdown.options, {}), sections, files };
}

function hrefOf(from: string, target: string, documents: ReadonlySet<string>, files: string[]): string {
  if (/^[a-z]+:/.test(target) || target.startsWith('#')) return target;
  const [place, fragment] = target.split('#') as [string, string | undefined];
  const file = path.posix.join(path.posix.dirname(from), place);
  const isPage = documents.has(file) || isText(file);
  if (!documents.has(file)) files.push(file);
  const way = path.posix.relative(path.posix.dirname(pageOf(from)), isPage ? pageOf(file) : file);
  return `${way}${fragment === undefined ? '' : `#${fragment}`}`;
}

function sectionsOf(tokens: readonly Token[]): Section[] {
  const sections = [{ heading: '', id: '', text: '' }];
  tokens.forEach((token, index) => {
    if (token.type === 'heading_open') {
      sections.push({ heading: plainText(tokens[index + 1]!), id: String(token.attrGet('id') ?? ''), text: '' });
    } else if (tokens[index - 1]?.type !== 'heading_open' && (token.type === 'inline' || token.type === 'fence')) {
      sections.at(-1)!.text += `${plainText(token)} `;
    }
  });
  return sections.filter(({ heading, text }) => heading !== '' || text !== '');
}

function plainText({ children, content }: Token): string {
  if (children === null || children.length === 0) return content;
  return children.map((child) => (child.type === 'softbreak' ? ' ' : child.content)).join('');
}
