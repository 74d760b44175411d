/** What `bench` writes to a real terminal, a pseudo-terminal of 80 columns: everything that goes to stdout and to stderr. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { CLI, smallBench, startProgram, temporaryFolder } from '../testing/command.ts';

const ESCAPE = '\u001b';
const COLUMNS = 80;
let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Everything that the terminal received, with the line ends that it was sent. */
async function onTerminal(env: NodeJS.ProcessEnv): Promise<string> {
  const words = smallBench(folder, { limit: '40', policy: 'legacy,writeback', crash: 'none' }).map(
    (word) => `'${word}'`,
  );
  const shell = `stty cols ${COLUMNS} rows 50; cd '${folder}'; exec '${process.execPath}' '${CLI}' ${words.join(' ')}`;
  const all = { ...process.env, TERM: 'xterm-256color', ...env };
  const { code, stdout } = await startProgram('script', ['-qec', shell, '/dev/null'], all).finished;
  assert.equal(code, 0, stdout);
  return stdout;
}

test('with NO_COLOR no escape is sent and no row wraps; without it colours, links and a bar are', async () => {
  const [plain, rich] = await Promise.all([onTerminal({ NO_COLOR: '1' }), onTerminal({ NO_COLOR: '' })]);
  assert.equal(plain.indexOf(ESCAPE), -1, JSON.stringify(plain.slice(plain.indexOf(ESCAPE))));
  const rows = plain.split(/\r?\n/);
  assert.ok(rows.length > 10 && rows.some((row) => row.startsWith('legacy ')), plain);
  assert.deepEqual(
    rows.filter((row) => [...row].length > COLUMNS),
    [],
  );
  assert.ok(rich.includes(`${ESCAPE}]8;;file:`) && rich.includes(`${ESCAPE}[?25l`));
});
