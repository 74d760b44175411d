/** The API reference as Markdown, a page for each entry point, generated from the doc comments. */
import { type ApiMember, type ApiSymbol, ENTRY_POINTS } from './api-symbols.ts';

export interface ApiPage {
  /** Where it would lie in the repository. */
  readonly path: string;
  readonly text: string;
}

const TITLES: Readonly<Record<string, string>> = {
  'engine/image': 'Images',
  'engine/disk': 'Disks and requests',
  'engine/cache': 'Policies and history',
  'engine/check': 'Checking and repair',
  'engine/io': 'Files',
  'engine/base': 'Errors and units',
};
const REST = 'Symbols';
const GUIDE = '[The engine as a library](../api.md) shows how it is used.';

export function apiPages(symbols: readonly ApiSymbol[]): ApiPage[] {
  return Object.keys(ENTRY_POINTS).map((entry) => ({ path: pathOf(entry), text: pageText(entry, symbols) }));
}

function pathOf(entry: string): string {
  return `docs/api/${entry.split('/')[1] ?? 'engine'}.md`;
}

function pageText(entry: string, symbols: readonly ApiSymbol[]): string {
  const own = symbols.filter((symbol) => symbol.entry === entry);
  const groups = Map.groupBy(own, ({ file }) => TITLES[file.split('/').slice(0, 2).join('/')] ?? REST);
  const titles = [...Object.values(TITLES), REST].filter((title) => groups.has(title));
  const all = entry === 'cowbench' ? ' It also has everything of [cowbench/instruments](instruments.md).' : '';
  return [
    `# ${entry}`,
    `\`import { … } from '${entry}'\`: ${own.length} symbols, generated from the doc comments.${all} ${GUIDE}`,
    ...titles.flatMap((title) => [`## ${title}`, ...groups.get(title)!.map((symbol) => symbolText(symbol, symbols))]),
  ].join('\n\n');
}

function symbolText(symbol: ApiSymbol, symbols: readonly ApiSymbol[]): string {
  const linked = (doc: string) => withLinks(doc, symbol, symbols);
  return [
    `### ${symbol.name}`,
    fenced(symbol.signature),
    linked(symbol.doc),
    symbol.members.map((member) => memberText(member, linked)).join('\n'),
  ].join('\n\n');
}

function fenced(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\``;
}

function memberText({ signature, doc }: ApiMember, linked: (doc: string) => string): string {
  const code = signature.replaceAll(/\s+/g, ' ').replaceAll('( ', '(').replaceAll(/,? \)/g, ')');
  const text = linked(doc).replaceAll(/\n\n+/g, '\n\n').replaceAll('\n', '\n  ');
  return `- \`${code}\`${text === '' ? '' : `\n\n  ${text}\n`}`;
}

/** `{@link X}` leads to what is public, and is code where it is not. */
function withLinks(doc: string, from: ApiSymbol, symbols: readonly ApiSymbol[]): string {
  return doc.replaceAll(/\{@link\s+([\w.]+)\s*\}/g, (_, word: string) => {
    const target = symbols.find(({ name }) => name === word.split('.')[0]);
    if (target === undefined) return `\`${word}\``;
    const page = target.entry === from.entry ? '' : pathOf(target.entry).replace('docs/api/', '');
    return `[\`${word}\`](${page}#${target.name.toLowerCase()})`;
  });
}
