import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { EXIT_CODE_TABLE, failureExitCode } from '../console/exit-codes.ts';
import { nameOf } from '../console/help.ts';
import { HelpPage } from '../console/help-page.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { COMMAND_CARDS, type CommandCard } from './command-cards.ts';
import { runCommand } from './command-line.ts';
import { helpPage } from './help-pages.ts';
import { image } from './image.ts';

const CARDS: readonly CommandCard[] = Object.values(COMMAND_CARDS).flat();

/** The words of every command, those of image with their subcommand. */
function everyCommand(): string[][] {
  const names = CARDS.map(nameOf).filter((name) => name !== 'image');
  return [
    ...names.map((name) => [name]),
    ...HelpPage.of(image)
      .subcommandNames()
      .map((name) => ['image', name]),
  ];
}

const SCREEN_LINES = 50;

test('every help fits 80 columns, the short one a screen, and has an example and its exit codes', async () => {
  for (const words of everyCommand()) {
    const name = words.join(' ');
    for (const all of [false, true]) {
      const text = (await helpPage([...words, all ? '--help-all' : '--help'], 80))!;
      const lines = text.trimEnd().split('\n');
      assert.deepEqual(
        lines.filter((line) => line.length > 80),
        [],
        name,
      );
      assert.match(text, new RegExp(`\nExamples:\n  (cowbench ${name}|npm run ${name})\\b`), name);
      assert.match(text, /\nExit codes: 0 /, name);
      if (!all && name !== 'crash') assert.ok(lines.length <= SCREEN_LINES, `${name}: ${lines.length} lines`);
    }
  }
});

test('a card says of its command what the command says of itself', async () => {
  for (const card of CARDS) {
    const { command, describe } = await card.load();
    assert.deepEqual([command, describe], [card.command, card.describe]);
  }
});

test('every option that takes a value names it', async () => {
  const commands = await Promise.all(CARDS.map((card) => card.load()));
  const nameless = commands.flatMap((command) => {
    const page = HelpPage.of(command);
    const below = page.subcommandNames().map((name) => page.subcommand(name)!);
    return [command, ...below].flatMap((one) => HelpPage.of(one).namelessValues());
  });
  assert.deepEqual(nameless, []);
  assert.deepEqual(new HelpPage().option('x', { type: 'string' }).namelessValues(), ['x']);
});

test('bench shows ten common options, the rest with --help-all; commands leave out what they refuse', async () => {
  const optionsOf = async (...words: string[]) =>
    [...(await helpPage(words, 80))!.matchAll(/^ {2}(?:-\w, | {4})--(?:\[no-\])?([a-z][\w-]*)/gm)].map(
      ([, name]) => name!,
    );
  const common = await optionsOf('bench', '--help');
  const all = await optionsOf('bench', '--help-all');
  assert.equal(common.length, 10);
  assert.ok(common.every((name) => all.includes(name)));
  assert.ok(all.length > 40);
  const left = Number(/--help-all lists (\d+) more options/.exec((await helpPage(['bench', '-h'], 80))!)![1]);
  assert.equal(left, all.length - common.length);
  assert.ok(all.includes('engine') && all.includes('cpu-prof'));
  for (const [command, refused] of [
    ['compare', 'engine'],
    ['trend', 'engine'],
    ['doctor', 'cpu-prof'],
  ] as const)
    assert.ok(!(await optionsOf(command, '--help-all')).includes(refused), command);
});

test('no help is asked for: null; the words after -- are operands', async () => {
  assert.equal(await helpPage(['bench', '--rounds', '1'], 80), null);
  assert.equal(await helpPage(['image', 'info', '--', '--help'], 80), null);
  assert.equal(await helpPage(['bnech', '--help'], 80), null);
  assert.match((await helpPage(['--help'], 80))!, /^cowbench COMMAND/);
});

/** Codes of every command, by signal. */
const SIGNAL_CODES = {
  [EXIT_CODES.interrupted]: 'interrupted by Ctrl-C',
  [EXIT_CODES.terminated]: 'terminated by SIGTERM',
};

/** The table of `docs/exit-codes.md`: commands with the same codes share their rows. */
function exitCodePage(): string[] {
  const groups = Map.groupBy(Object.entries(EXIT_CODE_TABLE), ([, codes]) => JSON.stringify(codes));
  const rows = [...groups.values()].flatMap((commands) => {
    const names = commands.map(([name]) => `\`${name}\``).join(', ');
    return Object.entries(commands[0]![1]).map(
      ([code, meaning], row) => `| ${row === 0 ? names : ''} | ${code} | ${meaning} |`,
    );
  });
  const signals = Object.entries(SIGNAL_CODES).map(
    ([code, meaning], row) => `| ${row === 0 ? 'every command' : ''} | ${code} | ${meaning} |`,
  );
  return ['| command | code | meaning |', '| --- | --- | --- |', ...rows, ...signals];
}

test('B16: exit codes: one table over all commands, the same in the docs, kept by a usage error of each', async () => {
  const commands = everyCommand();
  assert.deepEqual(Object.keys(EXIT_CODE_TABLE).sort(), commands.map((words) => words.join(' ')).sort());
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/exit-codes.md'), 'utf8');
  assert.deepEqual(
    page.split('\n').filter((line) => line.startsWith('|')),
    exitCodePage(),
  );
  for (const words of commands) {
    await assert.rejects(runCommand([...words, '--no-such-option']), UsageError, words.join(' '));
    const meaning = EXIT_CODE_TABLE[words.join(' ')]![failureExitCode(words)];
    assert.match(meaning ?? '', /usage error|the check failed/, words.join(' '));
  }
  const known = Object.values(EXIT_CODES) as number[];
  const own = Object.entries(EXIT_CODE_TABLE).filter(([name]) => !name.startsWith('image '));
  for (const [name, codes] of own) for (const code of Object.keys(codes)) assert.ok(known.includes(Number(code)), name);
});
