/** The links of a folder of pages that lead to no file of it, or to no place in the page. */
import fs from 'node:fs';
import path from 'node:path';

/** One line each. Pages that stand for themselves, such as reports, are led to but not looked into. */
export function brokenLinks(folder: string): string[] {
  const pages = fs.globSync('**/*.html', { cwd: folder });
  const texts = new Map(pages.map((page) => [page, fs.readFileSync(path.join(folder, page), 'utf8')]));
  return [...texts].flatMap(([page, text]) =>
    linksOf(text).flatMap((link) => {
      const [place, fragment] = link.split('#') as [string, string | undefined];
      const target = place === '' ? page : path.join(path.dirname(page), place);
      if (!fs.existsSync(path.join(folder, target))) return [`${page}: ${link} leads to no file`];
      const isThere = fragment === undefined || idsOf(texts.get(target) ?? '').has(decodeURIComponent(fragment));
      return isThere ? [] : [`${page}: ${link} leads to no such place`];
    }),
  );
}

function linksOf(text: string): string[] {
  const markup = text.replaceAll(/<(script|style)\b[\s\S]*?<\/\1>/g, '');
  return [...markup.matchAll(/\s(?:href|src)="([^"]*)"/g)]
    .map(([, link]) => link!.replaceAll('&amp;', '&'))
    .filter((link) => !/^[a-z]+:/.test(link));
}

function idsOf(text: string): Set<string> {
  return new Set([...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id!));
}
