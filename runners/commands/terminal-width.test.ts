/** What commands print for people fits the terminal: no row of a table and no line of a list is wrapped by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCowbench } from '../testing/command.ts';

const COLUMNS = 80;
const PRINTED: readonly (readonly string[])[] = [
  ['policies'],
  ['workloads'],
  ['crash', '--workload', 'allocate', '--policy', 'modern,legacy'],
];

for (const words of PRINTED) {
  test(`${words.join(' ')}: fits ${COLUMNS} columns, and says all that it says without a limit`, async () => {
    const run = async (columns: string) => {
      const { code, stdout } = await startCowbench(words, { ...process.env, COLUMNS: columns }).finished;
      assert.equal(code, 0, stdout);
      return stdout.split('\n');
    };
    const [narrow, wide] = await Promise.all([run(String(COLUMNS)), run('1000')]);
    assert.ok(
      wide.some((line) => line.length > COLUMNS),
      'something has to be fitted',
    );
    assert.deepEqual(
      narrow.filter((line) => line.length > COLUMNS),
      [],
    );
    const said = (lines: readonly string[]) => new Set(lines.join(' ').split(/[ -]+/));
    const left = said(narrow);
    assert.deepEqual(
      [...said(wide)].filter((word) => !left.has(word)),
      [],
    );
  });
}
