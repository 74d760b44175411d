/** The pages of the site: the documents of the repository, in the order in which they are listed. */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { type ApiPage, apiPages } from './api-pages.ts';
import { apiSymbols } from './api-symbols.ts';

export interface Group {
  readonly title: string;
  readonly pages: readonly ApiPage[];
}

const DEVELOPERS = ['docs/ARCHITECTURE.md', 'docs/HACKING.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const FIRST = ['README.md', 'docs/safety.md', 'docs/policies.md', 'docs/findings.md', 'docs/sample/README.md'];

/** Every document, each in one group. */
export function documents(): Group[] {
  const user = inOrder('docs/user');
  const decisions = filesOf('docs/decisions');
  const taken = new Set([...FIRST, ...user, ...decisions, ...DEVELOPERS]);
  const others = [...filesOf('docs'), 'workloads/traces/README.md'].filter((file) => !taken.has(file));
  return [
    { title: 'cowbench', pages: FIRST.map(page) },
    { title: 'Guide', pages: user.map(page) },
    { title: 'API', pages: apiPages(apiSymbols()) },
    { title: 'Reference', pages: others.map(page) },
    { title: 'Development', pages: DEVELOPERS.map(page) },
    { title: 'Decisions', pages: decisions.map(page) },
  ];
}

function filesOf(folder: string): string[] {
  return fs.globSync(`${folder}/*.md`, { cwd: PROJECT_ROOT }).sort();
}

/** As the folder's own index lists them, that index first. */
function inOrder(folder: string): string[] {
  const index = `${folder}/README.md`;
  const listed = [...page(index).text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => `${folder}/${name}`);
  return [...new Set([index, ...listed, ...filesOf(folder)])];
}

function page(file: string): ApiPage {
  return { path: file, text: fs.readFileSync(path.join(PROJECT_ROOT, file), 'utf8') };
}
