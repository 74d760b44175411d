/** The documents: what users are asked to type is run, or at least exists; links lead somewhere. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { COMMAND_CARDS, type CommandCard } from './commands/command-cards.ts';
import { nameOf } from './console/help.ts';
import { HelpPage } from './console/help-page.ts';
import { PROJECT_ROOT } from './console/project-root.ts';
import { CLI, startProgram, temporaryFolder } from './testing/command.ts';

const read = (file: string) => fs.readFileSync(path.join(PROJECT_ROOT, file), 'utf8');
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples', 'docs/**', 'workloads/traces'].flatMap(
  (place) => (place.endsWith('.md') ? [place] : fs.globSync(`${place}/*.md`, { cwd: PROJECT_ROOT })),
);
/** In the order in which their index lists them. */
const USER_PAGES = [...read('docs/user/README.md').matchAll(/^\| \[[^\]]*\]\(([\w-]+\.md)\)/gm)].map(
  ([, name]) => `docs/user/${name}`,
);

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  return [...read(page).matchAll(/^( *)```(\w+)(.*)\n([\s\S]*?)^ *```$/gm)].map(
    ([, indent, language, marks, text]) => ({
      language: `${language}${marks}`,
      text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

let folder = '';
before(() => {
  folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.mkdirSync(path.join(folder, 'here'));
  // As a package is called; results go where the reader is.
  const program = `#!/bin/sh\ncase $1 in bench) set -- "$@" --out '${folder}/here/results/runs' --dir '${folder}/here';; site) set -- "$@" --from results/runs;; esac
exec '${process.execPath}' '${CLI}' "$@"\n`;
  fs.writeFileSync(path.join(folder, 'bin/cowbench'), program, { mode: 0o755 });
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('the index names every page for users', () => {
  const there = fs.globSync('docs/user/*.md', { cwd: PROJECT_ROOT }).filter((page) => !page.endsWith('README.md'));
  assert.deepEqual(
    there.filter((page) => !read('docs/user/README.md').includes(`(${path.basename(page)})`)),
    [],
  );
  assert.ok(USER_PAGES.length >= 5);
});

for (const page of USER_PAGES) {
  test(`${page}: its commands run`, async () => {
    const script = blocksOf(page)
      .filter(({ language }) => language === 'sh')
      .map(({ text }) => text);
    assert.ok(script.length > 0);
    const env = { ...process.env, PATH: `${path.join(folder, 'bin')}:${process.env.PATH}` };
    const words = ['-euc', `cd '${folder}/here'\n${script.join('\n')}`];
    const { code, stdout, stderr } = await startProgram('/bin/sh', words, env).finished;
    assert.equal(code, 0, stdout + stderr);
  });
}

test('every command line of every page names a command, and options that it has', async () => {
  const cards: readonly CommandCard[] = Object.values(COMMAND_CARDS).flat();
  const wrong: string[] = [];
  let lines = 0;
  for (const page of PAGES) {
    const texts = blocksOf(page).filter(({ language }) => /^sh\b|^yaml\b/.test(language));
    const joined = texts.map(({ text }) => text.replaceAll(/\\\n\s*/g, ' ')).join('\n');
    for (const [line, words] of joined.matchAll(/\b(?:cowbench(?: --)?|cli\.ts) ((?:[a-z-]+)\b[^|>#\n]*)/g)) {
      const [name, inner] = words!.split(/\s+/);
      const card = cards.find((one) => nameOf(one) === name);
      if (card === undefined) continue;
      lines++;
      const own = HelpPage.of(await card.load());
      const below = own.subcommand(inner);
      const known = new Set((below === undefined ? own : HelpPage.of(below)).optionNames());
      // What stands in quotes is another program's.
      for (const [, option] of words!.replaceAll(/'[^']*'/g, '').matchAll(/(?<=\s)(--(?:no-)?[a-z][\w-]*)/g)) {
        const isKnown = known.has(option!) || known.has(option!.replace('--no-', '--'));
        if (!isKnown && !/^--help(?:-all)?$/.test(option!)) wrong.push(`${page}: ${line}: ${option}`);
      }
    }
  }
  assert.ok(lines > 40, `${lines} lines found`);
  assert.deepEqual(wrong, []);
});

test('links between documents lead to files, and to headings, that are there', () => {
  const broken: string[] = [];
  let links = 0;
  for (const page of PAGES) {
    const text = read(page).replaceAll(/^( *)```[\s\S]*?^ *```$/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      links++;
      const [file, heading] = target!.split('#');
      const place = file === '' ? page : path.join(path.dirname(page), file!);
      const isThere = fs.existsSync(path.join(PROJECT_ROOT, place));
      const names = isThere && heading !== undefined && place.endsWith('.md') ? headingsOf(place) : null;
      if (!isThere || (names !== null && !names.includes(heading!))) broken.push(`${page}: ${target}`);
    }
  }
  assert.ok(links > 70, `${links} links found`);
  assert.deepEqual(broken, []);
});

/** As GitHub makes names of headings. */
function headingsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
