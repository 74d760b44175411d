/** Completion: what could follow, and the real bash that asks for it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { CLI, temporaryFolder } from '../testing/command.ts';
import { completions } from './complete.ts';

test('commands, subcommands, options, values and lists of values', async () => {
  assert.deepEqual(await completions(['be']), ['bench']);
  assert.deepEqual(await completions(['image', 'com']), ['compare', 'commit']);
  assert.deepEqual(await completions(['image', 'convert', '--force']), ['--force-share']);
  assert.deepEqual(await completions(['bench', '--guest']), ['--guest-flush']);
  assert.deepEqual(await completions(['bench', '--policy', 'writet']), ['writethrough']);
  assert.deepEqual(await completions(['bench', '-p', 'legacy,writeb']), ['legacy,writeback']);
  assert.deepEqual(await completions(['bench', '--workload=install-']), ['--workload=install-burst']);
  assert.deepEqual(await completions(['bench', '-w', 'install,overw']), ['install,overwrite']);
  assert.deepEqual(await completions(['bench', '--guest-flush', 'recorded,n']), ['recorded,none']);
  assert.deepEqual(await completions(['bench', '--device', 'model:hdd']), ['model:hdd-7200']);
  assert.deepEqual(await completions(['bench', '--dir', '/tm']), [], 'a directory is the shell’s business');
  assert.deepEqual(await completions(['nonsense', 'x']), []);
  assert.ok((await completions([''])).includes('completion'));
});

let folder = '';
before(() => {
  folder = temporaryFolder();
  const program = `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`;
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.writeFileSync(path.join(folder, 'bin/cowbench'), program, { mode: 0o755 });
  fs.mkdirSync(path.join(folder, 'results/runs/machine/commit'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'results/runs/machine/commit/20260102T000000Z-abcdef.json'), '{}');
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** What bash offers for a line with the cursor at its end. */
function bashOffers(line: string): string[] {
  const script = `set -u; source <(cowbench completion bash); COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}
      _cowbench; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p cowbench`;
  const env = { ...process.env, PATH: `${path.join(folder, 'bin')}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  const offered = stdout.trimEnd().split('\n');
  assert.equal(offered.pop(), 'complete -o default -F _cowbench cowbench');
  return offered;
}

test('in bash: a word, an empty one, and what bash takes for a word after = and :', () => {
  assert.deepEqual(bashOffers('cowbench sche'), ['schema']);
  assert.ok(bashOffers('cowbench image ').includes('snapshot'));
  assert.deepEqual(bashOffers('cowbench bench --policy=writeb'), ['writeback']);
  assert.deepEqual(bashOffers('cowbench bench --device model:hdd'), ['hdd-7200']);
});

const PATIENCE_MS = 30_000;

/** Types into a shell on a pseudo-terminal: each line is begun, completed with the tab key, and must come to read as expected. */
async function typed(shell: string, setUp: string, lines: readonly (readonly [begun: string, completed: string])[]) {
  const env = { ...process.env, PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, TERM: 'dumb', PS1: '$ ' };
  const terminal = spawn('script', ['-qec', shell, '/dev/null'], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let screen = '';
  terminal.stdout.on('data', (text) => (screen += text));
  const shows = async (text: string) => {
    const untilMs = performance.now() + PATIENCE_MS;
    while (!screen.includes(text)) {
      assert.ok(performance.now() < untilMs, `${shell}: "${text}" expected, on the screen: ${screen}`);
      await setTimeout(20);
    }
    screen = '';
  };
  try {
    // Written apart, so that the echo of the line is not taken for its effect.
    terminal.stdin.write(`${setUp}; echo 'set' 'up'\n`);
    await shows('set up');
    for (const [begun, completed] of lines) {
      terminal.stdin.write(`${begun}\t`);
      await shows(completed);
      // Ctrl-U empties the line.
      terminal.stdin.write('\u0015');
    }
  } finally {
    terminal.kill('SIGKILL');
  }
}

const LINES = [
  ['cowbench sche', 'cowbench schema'],
  ['cowbench bench --guest', 'cowbench bench --guest-flush'],
  ['cowbench bench --stage S4a,al', 'S4a,all'],
  ['cowbench bench -p legacy,writeb', 'legacy,writeback'],
  ['cowbench report results/runs/', '20260102T000000Z-abcdef.json'],
] as const;

test('in a real bash, by the tab key', () =>
  typed('bash --norc --noprofile -i', 'source <(cowbench completion bash)', LINES));

test('in a real zsh, by the tab key, sourced and from a directory of fpath', async () => {
  const { status } = spawnSync('zsh', ['--version']);
  assert.equal(status, 0);
  await typed('zsh -f -i', 'autoload -U compinit; compinit -D; source <(cowbench completion zsh)', LINES);
  const own = path.join(folder, 'functions');
  fs.mkdirSync(own);
  const setUp = `cowbench completion zsh >${own}/_cowbench; fpath=(${own} $fpath); autoload -U compinit; compinit -D`;
  await typed('zsh -f -i', setUp, LINES.slice(0, 1));
});
